package transporttest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"time"

	"github.com/parley-e2ee/parley/transport"
)

// checkContextEnds ends subscriptions that wait, in an empty room and at a
// log's end, by cancelling and by deadline.
func checkContextEnds(ctx context.Context, relay transport.Relay) error {
	room := newName()
	empty := subscribe(ctx, relay, newName(), 0)
	defer empty.abandon()
	waiting := subscribe(ctx, relay, room, 0)
	defer waiting.abandon()
	if err := fill(ctx, relay, room, 1, 3); err != nil {
		return err
	}
	if err := expectFrames(waiting, 1, 3); err != nil {
		return err
	}
	if err := errors.Join(empty.end(), waiting.end()); err != nil {
		return err
	}
	short, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
	defer cancel()
	timed := subscribe(short, relay, room, 3)
	defer timed.abandon()
	if err := timed.finish(context.DeadlineExceeded); err != nil {
		return fmt.Errorf("by deadline: %w", err)
	}
	return fill(ctx, relay, room, 4, 5)
}

// checkContextEndedBefore subscribes with a context that has ended.
func checkContextEndedBefore(ctx context.Context, relay transport.Relay) error {
	ended, cancel := context.WithCancel(ctx)
	cancel()
	r := subscribe(ended, relay, newName(), 0)
	defer r.abandon()
	if err := r.finish(context.Canceled); err != nil {
		return err
	}
	_, err := relay.Head(ended, newName())
	if err != nil && !errors.Is(err, context.Canceled) {
		return fmt.Errorf("head with an ended context: got %w, want %w", err, context.Canceled)
	}
	return nil
}

// checkContextEndsInLoop ends the context in the loop body, with frames still
// to come. Some may come yet, in order.
func checkContextEndsInLoop(ctx context.Context, relay transport.Relay) error {
	const frames = 500
	room := newName()
	if err := fill(ctx, relay, room, 1, frames); err != nil {
		return err
	}
	r := subscribe(ctx, relay, room, 0)
	defer r.abandon()
	if err := expectFrames(r, 1, 1); err != nil {
		return err
	}
	r.cancel()
	for want := uint64(2); ; want++ {
		select {
		case f := <-r.frames:
			if f.Seq != want {
				return fmt.Errorf("got frame %d, want frame %d", f.Seq, want)
			}
		case <-r.ended:
			return r.finish(context.Canceled)
		case <-ctx.Done():
			return errors.New("the subscription does not end")
		}
	}
}

// checkBreak breaks off among stored frames and at a live one.
func checkBreak(ctx context.Context, relay transport.Relay) error {
	room := newName()
	if err := fill(ctx, relay, room, 1, 5); err != nil {
		return err
	}
	for _, at := range []uint64{1, 3, 5, 6} {
		if err := breakOff(ctx, relay, room, at); err != nil {
			return fmt.Errorf("break at frame %d: %w", at, err)
		}
	}
	return expectHead(ctx, relay, room, 6)
}

// breakOff reads room up to the frame at, which it appends if it is number 6.
func breakOff(ctx context.Context, relay transport.Relay, room string, at uint64) error {
	return rangeTo(ctx, relay.Subscribe(ctx, room, 0), 1, at, func(seq uint64) error {
		if seq == 5 && at == 6 {
			return fill(ctx, relay, room, 6, 6)
		}
		return nil
	})
}

// rangeTo ranges over frames from first, breaking off at the frame at. It
// calls body for each.
func rangeTo(ctx context.Context, frames iter.Seq2[transport.Frame, error], first, at uint64, body func(seq uint64) error) error {
	next := first
	var failed error
	returned := make(chan struct{})
	go func() {
		defer close(returned)
		frames(func(f transport.Frame, err error) bool {
			switch {
			case next > at:
				failed = errors.New("the loop body ran again after break")
			case err != nil:
				failed = err
			case f.Seq != next:
				failed = fmt.Errorf("got frame %d, want frame %d", f.Seq, next)
			default:
				failed = body(f.Seq)
			}
			next++
			return failed == nil && next <= at
		})
	}()
	select {
	case <-returned:
	case <-ctx.Done():
		return errors.New("the subscription does not return")
	}
	if failed == nil && next != at+1 {
		return errors.New("the subscription ended early without an error")
	}
	return failed
}

// checkRangeAgain ranges over one sequence twice.
func checkRangeAgain(ctx context.Context, relay transport.Relay) error {
	room := newName()
	if err := fill(ctx, relay, room, 1, 4); err != nil {
		return err
	}
	frames := relay.Subscribe(ctx, room, 1)
	for range 2 {
		if err := rangeTo(ctx, frames, 2, 4, func(uint64) error { return nil }); err != nil {
			return fmt.Errorf("ranging twice: %w", err)
		}
	}
	return nil
}

// checkNothingLeftRunning counts goroutines around many subscriptions that
// have ended. A few may come and go for the relay's own reasons.
func checkNothingLeftRunning(ctx context.Context, relay transport.Relay) error {
	const subscriptions = 40
	room := newName()
	if err := fill(ctx, relay, room, 1, 2); err != nil {
		return err
	}
	run := func() error {
		r := subscribe(ctx, relay, room, 0)
		defer r.abandon()
		if err := expectFrames(r, 1, 2); err != nil {
			return err
		}
		if err := r.end(); err != nil {
			return err
		}
		return breakOff(ctx, relay, room, 2)
	}
	if err := run(); err != nil {
		return err
	}
	before := runtime.NumGoroutine()
	for range subscriptions {
		if err := run(); err != nil {
			return err
		}
	}
	return goroutinesSettle(ctx, before+subscriptions/4)
}

// goroutinesSettle waits until no more than limit goroutines run.
func goroutinesSettle(ctx context.Context, limit int) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for runtime.NumGoroutine() > limit {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return errors.New("goroutines are left behind by subscriptions that ended")
		}
	}
	return nil
}
