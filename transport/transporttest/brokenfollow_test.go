package transporttest_test

import (
	"context"

	"github.com/parley-e2ee/parley/transport"
)

// follow yields the frames above last, and returns nil after a break.
func (b *broken) follow(ctx context.Context, room string, last *uint64, yield func(transport.Frame, error) bool) error {
	room, err := b.name(room)
	if err != nil {
		return err
	}
	buffer := make([]byte, 1<<16)
	for live := false; ; live = true {
		frames, grown := b.after(room, *last, live)
		for _, f := range frames {
			switch err := ctx.Err(); {
			case err == nil || b.is("ctx ignored"):
			case b.is("silent about ctx ended in loop"):
				return nil
			default:
				return err
			}
			*last = f.Seq
			if !b.deliver(f, buffer, yield) {
				return nil
			}
		}
		if err := b.await(ctx, grown, len(frames) > 0); err != nil {
			return err
		}
	}
}

// deliver yields f, and returns false to end.
func (b *broken) deliver(f transport.Frame, buffer []byte, yield func(transport.Frame, error) bool) bool {
	switch {
	case b.is("buffer reused"):
		f.Payload = append(buffer[:0], f.Payload...)
	case b.is("payloads overlap"):
		n := len(f.Payload)
		at := min(int(f.Seq)*16, len(buffer)-n)
		copy(buffer[at:], f.Payload)
		f.Payload = buffer[at : at+n]
	default:
		f.Payload = b.copied("readers share", f.Payload)
	}
	if b.is("slow readers hold writers") {
		b.bodies <- struct{}{}
		defer func() { <-b.bodies }()
	}
	more := yield(f, nil)
	if !more && b.is("break ignored") {
		yield(f, nil)
	}
	return more
}

// after returns the frames above last, the first time or later.
func (b *broken) after(room string, last uint64, live bool) ([]transport.Frame, chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	log := b.logs[room]
	head := uint64(len(log))
	from := min(last, head)
	switch {
	case b.is("duplicates at the seam") && live && from > 0 && from < head:
		from--
	case b.is("gap at the seam") && live && from < head:
		from++
	case b.is("one of a batch lost") && head > 100 && from < 99:
		log = append(append([]transport.Frame{}, log[:99]...), log[100:]...)
	case b.is("after above head is ignored") && last > head && head > 0:
		from = 0
	case b.is("live frames never come") && live:
		from = uint64(len(log))
	case b.is("stored frames never come") && !live:
		from = uint64(len(log))
	case b.is("order swapped") && head-from > 1:
		log = append([]transport.Frame{}, log...)
		log[head-1], log[head-2] = log[head-2], log[head-1]
	}
	return append([]transport.Frame{}, log[from:]...), b.grown
}

// await waits until a log has grown since after looked.
func (b *broken) await(ctx context.Context, grown chan struct{}, delivered bool) error {
	ended := ctx.Done()
	switch {
	case b.is("ctx ignored"):
		ended = nil
	case b.is("ends at the head"):
		return context.Canceled
	case b.is("wakes for the first room only") && delivered:
		grown = nil
	}
	select {
	case <-grown:
		return nil
	case <-ended:
		return ctx.Err()
	case <-b.stop:
		return transport.ErrClosed
	}
}
