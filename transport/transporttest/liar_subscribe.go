package transporttest

import (
	"context"
	"iter"
	"time"

	"github.com/parley-e2ee/parley/transport"
)

// Subscribe implements [transport.Relay].
func (v *View) Subscribe(ctx context.Context, room string, after uint64) iter.Seq2[transport.Frame, error] {
	return func(yield func(transport.Frame, error) bool) {
		if transport.CheckName(room) != nil {
			v.liar.relay.Subscribe(ctx, room, after)(yield)
			return
		}
		if err := v.follow(ctx, room, after, yield); err != nil {
			yield(transport.Frame{}, err)
		}
	}
}

// follow yields the frames above last. It returns nil if the consumer broke
// off, and otherwise why it ended.
func (v *View) follow(ctx context.Context, name string, last uint64, yield func(transport.Frame, error) bool) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	l := v.liar
	l.mu.Lock()
	r := l.room(name)
	f := l.call(onSubscribe, v.who, r)
	l.mu.Unlock()
	if f.refused != nil {
		return f.refused
	}
	feeding, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	done := make(chan struct{})
	go func() {
		defer close(done)
		ended <- l.feed(feeding, r)
	}()
	defer func() {
		stop()
		<-done
	}()
	var failed error
	for {
		s, grown, err := v.next(r, last)
		switch {
		case err != nil:
			return err
		case grown == nil:
			last = s.place
			if more, err := s.deliver(ctx, yield); err != nil || !more {
				return err
			}
			continue
		case failed != nil:
			return failed
		}
		select {
		case <-grown:
		case failed = <-ended:
		case <-ctx.Done():
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
}

// feed reads the relay's log into the base until ctx ends or the relay fails.
func (l *Liar) feed(ctx context.Context, r *room) error {
	for {
		l.mu.Lock()
		have := uint64(len(r.base.log))
		l.mu.Unlock()
		for f, err := range l.relay.Subscribe(ctx, r.name, have) {
			if err := l.learn(r, f, err); err != nil {
				return err
			}
		}
	}
}

// next returns the slot that comes after last, or a channel that is closed when
// there may be one.
func (v *View) next(r *room, last uint64) (slot, <-chan struct{}, error) {
	l := v.liar
	l.mu.Lock()
	defer l.mu.Unlock()
	shown := r.view(v.who)
	shown.advance(l)
	for i := last; i < uint64(len(shown.slots)); i++ { // a slot's place is its index and one
		s := &shown.slots[i]
		switch {
		case s.hidden:
			continue
		case s.broken != nil:
			err := s.broken
			s.broken = nil
			return slot{}, nil, err
		case s.place < shown.first:
			return slot{}, nil, &transport.TruncatedError{First: shown.first}
		case s.lost:
			return slot{}, nil, &transport.TruncatedError{First: shown.kept(i)}
		}
		return *s, nil, nil
	}
	if r.grown == nil {
		r.grown = make(chan struct{})
	}
	return slot{}, r.grown, nil
}

// kept is the number of the first frame from index i on that is not lost.
func (v *view) kept(i uint64) uint64 {
	for ; i < uint64(len(v.slots)) && v.slots[i].lost; i++ {
	}
	return i + 1
}

// deliver yields a slot as often as it is to be. It reports whether the
// consumer wants more.
func (s slot) deliver(ctx context.Context, yield func(transport.Frame, error) bool) (bool, error) {
	if !s.due.IsZero() {
		if err := pass(ctx, time.Until(s.due)); err != nil {
			return false, err
		}
	}
	for range s.again + 1 {
		if err := ctx.Err(); err != nil {
			return false, err
		}
		if !yield(transport.Frame{Seq: s.seq, Payload: append([]byte{}, s.payload...)}, nil) {
			return false, nil
		}
	}
	return true, nil
}
