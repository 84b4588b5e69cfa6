package transporttest

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/parley-e2ee/parley/transport"
)

// payload is the content of the frame with sequence number seq, by convention.
func payload(seq uint64) []byte { return fmt.Appendf(nil, "frame %d", seq) }

// fill appends frames first to last, each the payload of its number.
func fill(ctx context.Context, relay transport.Relay, room string, first, last uint64) error {
	for want := first; want <= last; want++ {
		seq, err := relay.Append(ctx, room, payload(want))
		if err != nil {
			return fmt.Errorf("append of frame %d: %w", want, err)
		}
		if seq != want {
			return fmt.Errorf("append returned %d, want %d", seq, want)
		}
	}
	return nil
}

// expectHead compares the head of room.
func expectHead(ctx context.Context, relay transport.Relay, room string, want uint64) error {
	head, err := relay.Head(ctx, room)
	if err != nil {
		return fmt.Errorf("head: %w", err)
	}
	if head != want {
		return fmt.Errorf("head returned %d, want %d", head, want)
	}
	return nil
}

// expectFrames reads frames first to last from r.
func expectFrames(r *reader, first, last uint64) error {
	for seq := first; seq <= last; seq++ {
		if err := r.expect(seq, payload(seq)); err != nil {
			return err
		}
	}
	return nil
}

func checkSequenceNumbers(ctx context.Context, relay transport.Relay) error {
	room := newName()
	for head := range uint64(20) {
		if err := expectHead(ctx, relay, room, head); err != nil {
			return err
		}
		if err := fill(ctx, relay, room, head+1, head+1); err != nil {
			return err
		}
	}
	return expectHead(ctx, relay, room, 20)
}

func checkStored(ctx context.Context, relay transport.Relay) error {
	const frames = 150 // more than a relay is likely to read at a time
	room := newName()
	if err := fill(ctx, relay, room, 1, frames); err != nil {
		return err
	}
	for after := range uint64(frames + 1) {
		r := subscribe(ctx, relay, room, after)
		err := expectFrames(r, after+1, frames)
		if err == nil {
			err = r.end()
		}
		r.abandon()
		if err != nil {
			return fmt.Errorf("after %d: %w", after, err)
		}
	}
	return nil
}

func checkStoredThenLive(ctx context.Context, relay transport.Relay) error {
	room := newName()
	if err := fill(ctx, relay, room, 1, 10); err != nil {
		return err
	}
	r := subscribe(ctx, relay, room, 4)
	defer r.abandon()
	if err := expectFrames(r, 5, 10); err != nil {
		return err
	}
	for seq := uint64(11); seq <= 30; seq++ {
		if err := fill(ctx, relay, room, seq, seq); err != nil {
			return err
		}
		if err := expectFrames(r, seq, seq); err != nil {
			return err
		}
	}
	return r.end()
}

// checkSeam subscribes from every position while frames are appended.
func checkSeam(ctx context.Context, relay transport.Relay) error {
	for range repeat(20) {
		if err := seamOnce(ctx, relay); err != nil {
			return err
		}
	}
	return nil
}

// seamOnce appends the second half when every subscription has read the first,
// so that each has a seam to cross.
func seamOnce(ctx context.Context, relay transport.Relay) error {
	const half, frames = 30, 60
	room := newName()
	var all group
	var atHalf sync.WaitGroup
	for after := range uint64(frames) {
		atHalf.Add(1)
		all.start(func() error {
			r := subscribe(ctx, relay, room, after)
			defer r.abandon()
			err := expectFrames(r, after+1, half)
			atHalf.Done()
			if err == nil {
				err = expectFrames(r, max(after, half)+1, frames)
			}
			if err == nil {
				err = r.end()
			}
			if err != nil {
				return fmt.Errorf("after %d: %w", after, err)
			}
			return nil
		})
	}
	all.start(func() error {
		if err := fill(ctx, relay, room, 1, half); err != nil {
			return err
		}
		atHalf.Wait()
		return fill(ctx, relay, room, half+1, frames)
	})
	return all.wait()
}

// A group collects the errors of concurrent functions.
type group struct {
	wg   sync.WaitGroup
	mu   sync.Mutex
	errs []error
}

func (g *group) start(fn func() error) {
	g.wg.Go(func() {
		if err := fn(); err != nil {
			g.mu.Lock()
			defer g.mu.Unlock()
			g.errs = append(g.errs, err)
		}
	})
}

// wait returns the first few of the errors.
func (g *group) wait() error {
	g.wg.Wait()
	return errors.Join(g.errs[:min(3, len(g.errs))]...)
}
