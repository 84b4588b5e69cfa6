package transporttest_test

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"runtime"
	"strings"
	"sync"

	"github.com/parley-e2ee/parley/transport"
)

// broken is a simple relay and directory, with one fault or none.
type broken struct {
	fault string
	stop  chan struct{} // closed when the test is over

	mu      sync.Mutex
	logs    map[string][]transport.Frame
	bundles map[string][]byte
	grown   chan struct{}
	bodies  chan struct{} // held by a loop body under way, with that fault
}

func newBroken(fault string) *broken {
	return &broken{
		fault:   fault,
		stop:    make(chan struct{}),
		logs:    make(map[string][]transport.Frame),
		bundles: make(map[string][]byte),
		grown:   make(chan struct{}),
		bodies:  make(chan struct{}, 1),
	}
}

func (b *broken) is(fault string) bool { return b.fault == fault }

// name is where something called name is kept.
func (b *broken) name(name string) (string, error) {
	err := transport.CheckName(name)
	switch {
	case b.is("any name"):
		err = nil
	case b.is("short names") && len(name) > 100:
		return "", transport.ErrBadName
	case b.is("one room"):
		name = "room"
	case b.is("names folded"):
		name = strings.ToLower(name)
	case b.is("names trimmed"):
		name = strings.TrimSpace(name)
	case b.is("names cut"):
		name = name[:min(63, len(name))]
	case b.is("names normalized"):
		name = strings.ReplaceAll(name, "e\u0301", "é")
	}
	return name, err
}

func (b *broken) Append(ctx context.Context, room string, payload []byte) (uint64, error) {
	room, err := b.name(room)
	if err != nil {
		return 0, err
	}
	if err := b.admit(ctx, payload); err != nil {
		return 0, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	seq := uint64(len(b.logs[room])) + 1
	switch {
	case b.is("append races"):
		b.mu.Unlock()
		letOthersRun()
		b.mu.Lock()
	case b.is("starts at 0"):
		seq--
	case b.is("skips a number") && seq >= 10:
		seq++
	case b.is("refusal takes a number") && len(payload) > transport.MaxFrame:
		b.logs[room] = append(b.logs[room], transport.Frame{Seq: seq})
		return 0, transport.ErrTooLarge
	case b.is("empty payload is lost") && len(payload) == 0:
		return seq, nil
	case b.is("payload cut"):
		payload = payload[:min(len(payload), 60<<10)]
	}
	f := transport.Frame{Seq: seq, Payload: b.copied("append shares", payload)}
	b.logs[room] = append(b.logs[room], f)
	close(b.grown)
	b.grown = make(chan struct{})
	if b.is("append wipes its argument") {
		clear(payload)
	}
	if b.is("append returns another number") && seq == 7 {
		return 6, nil
	}
	return seq, nil
}

// admit returns why a payload is not appended, if so.
func (b *broken) admit(ctx context.Context, payload []byte) error {
	switch {
	case b.is("slow readers hold writers"):
		select {
		case b.bodies <- struct{}{}:
			<-b.bodies
		case <-ctx.Done():
		}
	case b.is("append with ended ctx half done") && ctx.Err() != nil:
		return errors.New("another error")
	case b.is("small frames") && len(payload) > 1<<19:
		return transport.ErrTooLarge
	}
	if len(payload) > transport.MaxFrame && !b.is("refusal takes a number") {
		if b.is("large frames another error") {
			return errors.New("another error")
		}
		return transport.ErrTooLarge
	}
	return ctx.Err()
}

func (b *broken) Head(ctx context.Context, room string) (uint64, error) {
	room, err := b.name(room)
	if err != nil {
		return 0, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	head := uint64(len(b.logs[room]))
	if b.is("head is behind") && head > 0 {
		head--
	}
	if b.is("head never ends") && ctx.Err() != nil {
		return 0, errors.New("another error")
	}
	return head, nil
}

func (b *broken) Publish(ctx context.Context, name string, bundle []byte) error {
	name, err := b.name(name)
	if err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	_, replaces := b.bundles[name]
	switch {
	case ctx.Err() != nil && b.is("publish with ended ctx"):
		return errors.New("another error")
	case ctx.Err() != nil:
		return ctx.Err()
	case replaces && b.is("first bundle stays"):
		return nil
	case len(bundle) > transport.MaxBundle && b.is("refused bundle stays"):
		b.bundles[name] = nil
		return transport.ErrTooLarge
	case len(bundle) > transport.MaxBundle:
		return transport.ErrTooLarge
	case b.is("bundle in two steps"):
		half := append([]byte{}, bundle[:len(bundle)/2]...)
		b.bundles[name] = half
		b.mu.Unlock()
		letOthersRun()
		b.mu.Lock()
	}
	b.bundles[name] = b.copied("publish shares", bundle)
	return nil
}

func (b *broken) Lookup(ctx context.Context, name string) ([]byte, error) {
	name, err := b.name(name)
	if err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	bundle, found := b.bundles[name]
	if !found && !b.is("nothing for unknown") {
		return nil, transport.ErrNotFound
	}
	return b.copied("lookup shares", bundle), nil
}

// copied is p, or a copy of it where the relay has no such fault.
func (b *broken) copied(fault string, p []byte) []byte {
	if b.is(fault) || b.is("append shares") {
		return p
	}
	return bytes.Clone(p)
}

func (b *broken) Subscribe(ctx context.Context, room string, after uint64) iter.Seq2[transport.Frame, error] {
	last := after
	return func(yield func(transport.Frame, error) bool) {
		position := &last
		if !b.is("second range goes on") {
			again := after
			position = &again
		}
		if b.is("goroutine left") {
			go func() { <-b.stop }()
		}
		err := b.follow(ctx, room, position, yield)
		switch {
		case err == nil || b.is("no final error"):
		case b.is("two final errors"):
			yield(transport.Frame{}, err)
			yield(transport.Frame{}, err)
		case b.is("frame with final error"):
			yield(transport.Frame{Seq: *position}, err)
		case b.is("another final error"):
			yield(transport.Frame{}, errors.New("another error"))
		case b.is("always Canceled"):
			yield(transport.Frame{}, context.Canceled)
		default:
			yield(transport.Frame{}, err)
		}
	}
}

// letOthersRun widens a gap for other goroutines to get into.
func letOthersRun() {
	for range 20 {
		runtime.Gosched()
	}
}
