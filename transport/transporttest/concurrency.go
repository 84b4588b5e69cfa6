package transporttest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/parley-e2ee/parley/transport"
)

// checkConcurrentAppends has several writers and readers in one room. Every
// number is given once, to the frame that readers find there.
func checkConcurrentAppends(ctx context.Context, relay transport.Relay) error {
	const writers = 8
	each := repeat(200)
	room := newName()
	var all group
	var mu sync.Mutex
	acknowledged := make(map[uint64][]byte)
	for w := range writers {
		all.start(func() error {
			before := uint64(0)
			for i := range each {
				sent := fmt.Appendf(nil, "writer %d, frame %d", w, i)
				seq, err := relay.Append(ctx, room, sent)
				if err != nil {
					return fmt.Errorf("append: %w", err)
				}
				if seq <= before {
					return fmt.Errorf("a writer got number %d after %d", seq, before)
				}
				before = seq
				mu.Lock()
				acknowledged[seq] = sent
				mu.Unlock()
			}
			return nil
		})
	}
	logs := make([][][]byte, 4)
	for i := range logs {
		all.start(func() (err error) {
			logs[i], err = readLog(ctx, relay, room, writers*each)
			return err
		})
	}
	if err := all.wait(); err != nil {
		return err
	}
	return compareLogs(logs, acknowledged)
}

// readLog returns the first n payloads of room.
func readLog(ctx context.Context, relay transport.Relay, room string, n int) ([][]byte, error) {
	r := subscribe(ctx, relay, room, 0)
	defer r.abandon()
	var log [][]byte
	for len(log) < n {
		f, err := r.next()
		if err != nil {
			return nil, err
		}
		if f.Seq != uint64(len(log))+1 {
			return nil, fmt.Errorf("got frame %d, want frame %d", f.Seq, len(log)+1)
		}
		log = append(log, f.Payload)
	}
	return log, r.end()
}

func compareLogs(logs [][][]byte, acknowledged map[uint64][]byte) error {
	for _, log := range logs {
		if len(acknowledged) != len(log) {
			return fmt.Errorf("%d frames have %d different numbers", len(log), len(acknowledged))
		}
		for i, got := range log {
			if !bytes.Equal(got, acknowledged[uint64(i)+1]) {
				return fmt.Errorf("frame %d is not the one that Append gave this number", i+1)
			}
		}
	}
	return nil
}

// checkManySubscribers appends when all of them have read to the head.
func checkManySubscribers(ctx context.Context, relay transport.Relay) error {
	const frames = 20
	room := newName()
	if err := fill(ctx, relay, room, 1, 1); err != nil {
		return err
	}
	subscribers := make([]*reader, 64)
	for i := range subscribers {
		subscribers[i] = subscribe(ctx, relay, room, 0)
		defer subscribers[i].abandon()
		if err := expectFrames(subscribers[i], 1, 1); err != nil {
			return err
		}
	}
	var all group
	for _, r := range subscribers {
		all.start(func() error {
			if err := expectFrames(r, 2, frames); err != nil {
				return err
			}
			return r.end()
		})
	}
	all.start(func() error { return fill(ctx, relay, room, 2, frames) })
	return all.wait()
}

// checkSlowReader has a reader stop in its loop body for as long as it takes
// to append many frames. Another reader goes on meanwhile.
func checkSlowReader(ctx context.Context, relay transport.Relay) error {
	frames := uint64(repeat(5000))
	room := newName()
	if err := fill(ctx, relay, room, 1, 1); err != nil {
		return err
	}
	stopped, resume := make(chan struct{}), make(chan struct{})
	var slow group
	slow.start(func() error {
		return rangeTo(ctx, relay.Subscribe(ctx, room, 0), 1, frames, func(seq uint64) error {
			if seq == 1 {
				close(stopped)
				<-resume
			}
			return nil
		})
	})
	err := func() error {
		defer close(resume)
		select {
		case <-stopped:
		case <-ctx.Done():
			return errors.New("the first frame never came")
		}
		if err := fill(ctx, relay, room, 2, frames); err != nil {
			return fmt.Errorf("while a reader is busy: %w", err)
		}
		other := subscribe(ctx, relay, room, 0)
		defer other.abandon()
		if err := expectFrames(other, 1, frames); err != nil {
			return fmt.Errorf("while another reader is busy: %w", err)
		}
		return nil
	}()
	if err != nil {
		return err
	}
	return slow.wait()
}
