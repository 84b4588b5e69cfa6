package transporttest

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/parley-e2ee/parley/transport"
)

// checkAppendWithEndedContext allows the frame to be stored or not, and
// nothing in between.
func checkAppendWithEndedContext(ctx context.Context, relay transport.Relay) error {
	room := newName()
	if err := fill(ctx, relay, room, 1, 2); err != nil {
		return err
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	seq, err := relay.Append(ended, room, payload(3))
	if err != nil && !errors.Is(err, context.Canceled) {
		return fmt.Errorf("append with an ended context: got %w, want %w", err, context.Canceled)
	}
	if err == nil && seq != 3 {
		return fmt.Errorf("append with an ended context returned %d, want 3", seq)
	}
	next, err := relay.Append(ctx, room, payload(4))
	if err != nil {
		return err
	}
	if next != 3 && next != 4 || seq == next {
		return fmt.Errorf("the append after one with an ended context returned %d", next)
	}
	return expectHead(ctx, relay, room, next)
}

// checkPayloadSizes appends from nothing to MaxFrame, and what is above it.
func checkPayloadSizes(ctx context.Context, relay transport.Relay) error {
	room := newName()
	payloads := [][]byte{nil, {}, {0}, random(255), random(64 << 10), random(transport.MaxFrame), {}}
	for i, sent := range payloads {
		seq, err := relay.Append(ctx, room, sent)
		if err != nil {
			return fmt.Errorf("append of %d bytes: %w", len(sent), err)
		}
		if seq != uint64(i)+1 {
			return fmt.Errorf("append of %d bytes returned %d, want %d", len(sent), seq, i+1)
		}
	}
	more := random(transport.MaxFrame + 1)
	_, err := relay.Append(ctx, room, more)
	switch {
	case err == nil:
		payloads = append(payloads, more)
	case !errors.Is(err, transport.ErrTooLarge):
		return fmt.Errorf("append of %d bytes: got %w, want %w", len(more), err, transport.ErrTooLarge)
	}
	payloads = append(payloads, []byte("the next"))
	seq, err := relay.Append(ctx, room, payloads[len(payloads)-1])
	if err != nil || seq != uint64(len(payloads)) {
		return fmt.Errorf("the append after one of %d bytes returned %d, %v", len(more), seq, err)
	}
	r := subscribe(ctx, relay, room, 0)
	defer r.abandon()
	for i, sent := range payloads {
		if err := r.expect(uint64(i)+1, sent); err != nil {
			return err
		}
	}
	return r.end()
}

func random(size int) []byte {
	b := make([]byte, size)
	rand.Read(b)
	return b
}

// checkPayloadIsCopied changes a payload as soon as Append has returned.
func checkPayloadIsCopied(ctx context.Context, relay transport.Relay) error {
	room := newName()
	live := subscribe(ctx, relay, room, 0)
	defer live.abandon()
	buffer := make([]byte, 0, 64)
	for seq := uint64(1); seq <= 5; seq++ {
		buffer = append(buffer[:0], payload(seq)...)
		if _, err := relay.Append(ctx, room, buffer); err != nil {
			return err
		}
		if !bytes.Equal(buffer, payload(seq)) {
			return errors.New("append changed the caller's payload")
		}
		clear(buffer[:cap(buffer)])
	}
	stored := subscribe(ctx, relay, room, 0)
	defer stored.abandon()
	for _, r := range []*reader{live, stored} {
		if err := expectFrames(r, 1, 5); err != nil {
			return fmt.Errorf("with a payload changed after Append: %w", err)
		}
	}
	return nil
}

// checkFramesAreTheReaders has a reader overwrite every payload, to its
// capacity, and sees whether anybody notices; then that payloads last.
func checkFramesAreTheReaders(ctx context.Context, relay transport.Relay) error {
	const frames = 100
	room := newName()
	polite := subscribe(ctx, relay, room, 0)
	defer polite.abandon()
	rude := subscribe(ctx, relay, room, 0)
	defer rude.abandon()
	if err := fill(ctx, relay, room, 1, frames); err != nil {
		return err
	}
	var kept []transport.Frame
	for seq := uint64(1); seq <= frames; seq++ {
		f, err := polite.next()
		if err != nil {
			return err
		}
		kept = append(kept, f)
		if f, err = rude.next(); err != nil {
			return err
		}
		clear(f.Payload[:cap(f.Payload)])
	}
	for i, f := range kept {
		if !bytes.Equal(f.Payload, payload(uint64(i)+1)) {
			return fmt.Errorf("the payload of frame %d changed in its reader's hands", i+1)
		}
		clear(f.Payload[:cap(f.Payload)])
		if i+1 < len(kept) && !bytes.Equal(kept[i+1].Payload, payload(uint64(i)+2)) {
			return fmt.Errorf("the payloads of frames %d and %d overlap", i+1, i+2)
		}
	}
	later := subscribe(ctx, relay, room, 0)
	defer later.abandon()
	if err := expectFrames(later, 1, frames); err != nil {
		return fmt.Errorf("after another reader changed its payloads: %w", err)
	}
	return later.end()
}
