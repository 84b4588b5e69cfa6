package transporttest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/parley-e2ee/parley/transport"
)

// A reader consumes one subscription in a goroutine of its own, so that a
// subscription that hangs is an error and not a hung test.
type reader struct {
	ctx     context.Context
	cancel  context.CancelFunc
	frames  chan transport.Frame
	release chan struct{} // closed when nobody takes frames any more
	ended   chan struct{} // closed when the subscription has returned
	errs    []error       // the errors yielded; read after ended
	fault   error         // a breach of the iterator's own rules; read after ended
}

// subscribe starts reading room above after. The caller defers abandon.
func subscribe(ctx context.Context, relay transport.Relay, room string, after uint64) *reader {
	ctx, cancel := context.WithCancel(ctx)
	r := &reader{
		ctx:     ctx,
		cancel:  cancel,
		frames:  make(chan transport.Frame),
		release: make(chan struct{}),
		ended:   make(chan struct{}),
	}
	go func() {
		defer close(r.ended)
		relay.Subscribe(ctx, room, after)(r.take)
	}()
	return r
}

// take is the loop body.
func (r *reader) take(f transport.Frame, err error) bool {
	switch {
	case len(r.errs) > 0:
		r.errs = append(r.errs, err)
		r.fault = errors.New("something was yielded after the final error")
		return false
	case err != nil:
		r.errs = append(r.errs, err)
		if f.Seq != 0 || f.Payload != nil {
			r.fault = errors.New("an error was yielded together with a frame")
		}
		return true
	}
	select {
	case r.frames <- f:
		return true
	case <-r.release:
		return true
	}
}

// abandon ends the reader without looking at how.
func (r *reader) abandon() {
	r.cancel()
	select {
	case <-r.release:
	default:
		close(r.release)
	}
}

// next returns the next frame.
func (r *reader) next() (transport.Frame, error) {
	select {
	case f := <-r.frames:
		return f, nil
	case <-r.ended:
		return transport.Frame{}, fmt.Errorf("the subscription ended early: %w", errors.Join(r.errs...))
	case <-r.ctx.Done():
		return transport.Frame{}, errors.New("the next frame never came")
	}
}

// expect takes the next frame and compares it.
func (r *reader) expect(seq uint64, payload []byte) error {
	f, err := r.next()
	switch {
	case err != nil:
		return fmt.Errorf("frame %d: %w", seq, err)
	case f.Seq != seq:
		return fmt.Errorf("got frame %d, want frame %d", f.Seq, seq)
	case !bytes.Equal(f.Payload, payload):
		return fmt.Errorf("frame %d has another payload (%d bytes) than was appended (%d bytes)", seq, len(f.Payload), len(payload))
	}
	return nil
}

// quiet gives the subscription time to yield a frame, or end, where it has
// nothing to yield.
func (r *reader) quiet() error {
	enough := time.NewTimer(20 * time.Millisecond)
	defer enough.Stop()
	select {
	case f := <-r.frames:
		return fmt.Errorf("frame %d came where there was nothing to come", f.Seq)
	case <-r.ended:
		return fmt.Errorf("the subscription ended early: %w", errors.Join(r.errs...))
	case <-enough.C:
		return nil
	}
}

// end ends the context and expects ctx.Err() as the one final error.
func (r *reader) end() error {
	r.cancel()
	return r.finish(context.Canceled)
}

// finish expects the subscription to end with want and no further frame.
func (r *reader) finish(want error) error {
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case <-r.ended:
	case f := <-r.frames:
		return fmt.Errorf("frame %d came instead of the end", f.Seq)
	case <-late.C:
		return errors.New("the subscription does not end")
	}
	switch {
	case r.fault != nil:
		return r.fault
	case len(r.errs) != 1:
		return fmt.Errorf("the subscription ended with %d errors, want one", len(r.errs))
	case !errors.Is(r.errs[0], want):
		return fmt.Errorf("the subscription ended with %q, want %q", r.errs[0], want)
	}
	return nil
}
