package e2ee

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/parley-e2ee/parley/e2ee/group"
	"github.com/parley-e2ee/parley/transport"
)

// readLoop takes in the log, and starts over with a growing pause when that
// breaks.
func (r *Room) readLoop() {
	for failures := 0; !r.over(); failures++ {
		progress, reason := r.readOnce()
		if r.ctx.Err() != nil {
			return
		}
		if progress {
			failures = 0
		}
		if reason != nil {
			r.warnOnce(reason)
		}
		if !sleep(r.ctx, pause(failures)) {
			return
		}
	}
}

// readOnce subscribes until the subscription ends. It says whether frames came,
// and what to warn of: nothing where it was the store that failed. Nothing is
// sent before the log has been read to what is its head now: what came back is
// known then.
func (r *Room) readOnce() (progress bool, reason error) {
	address := r.id.String()
	after, err := r.position()
	if err != nil {
		return false, nil
	}
	head, err := r.client.cfg.Relay.Head(r.ctx, address)
	switch {
	case err != nil:
		return false, r.relayFailed(err)
	case head < after:
		return false, r.relayFailed(transport.ErrTruncated)
	}
	r.reached(after, head)
	w := watchOver(r.ctx, after, head)
	in := newInbox()
	var filling sync.WaitGroup
	filling.Go(func() { in.fill(r.client.cfg.Relay.Subscribe(w.ctx, address, after)) })
	defer filling.Wait()
	defer in.close()
	defer w.end()
	for {
		frames, err := in.take()
		switch {
		case err != nil:
			return progress, r.relayFailed(w.reason(err))
		case len(frames) == 0:
			return progress, ErrRelay
		}
		w.pause()
		if err := r.take(frames); err == ErrTruncated {
			return progress, r.relayFailed(transport.ErrTruncated)
		} else if err != nil || r.over() {
			return progress, nil
		}
		for _, f := range frames {
			w.saw(f.Seq)
		}
		at, err := r.position()
		if err != nil {
			return progress, nil
		}
		progress = at > after
		r.reached(at, head)
	}
}

// relayFailed keeps the relay's own error for RelayError, and says what to warn
// of.
func (r *Room) relayFailed(err error) (reason error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case err == errAskAgain:
		return nil
	case err == ErrWithheld:
		r.relayErr = err
		return err
	}
	reason = ErrRelay
	if errors.Is(err, transport.ErrTruncated) {
		reason = ErrTruncated
	}
	r.relayErr = fmt.Errorf("%w: %w", reason, err)
	return reason
}

// RelayError is the last error of the relay, which is ErrRelay or ErrTruncated
// and wraps the relay's own, or ErrWithheld; nil once a frame has come since.
func (r *Room) RelayError() error {
	defer r.look()()
	return r.relayErr
}

// position is how far the log has been read and stored.
func (r *Room) position() (uint64, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.ready(r.ctx); err != nil {
		return 0, err
	}
	return r.member.Public().Position(), nil
}

func (r *Room) reached(position, head uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if position >= head && !r.caughtUp {
		r.caughtUp = true
		if r.ready(r.ctx) == nil {
			var b batch
			if r.tellLost(&b); len(b.events) > 0 {
				_ = r.save(r.ctx, b) // or with the next frame
			}
		}
		r.announce()
	}
}

// take applies frames: state, events and what left the outbox are stored in
// one transaction. A frame delivered again changes nothing.
func (r *Room) take(frames []transport.Frame) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.ready(r.ctx); err != nil {
		return err
	}
	at := r.member.Public().Position()
	next, missing := following(frames, at)
	if len(next) == 0 {
		return missing
	}
	var b batch
	var all []translation
	outside := r.member.Status() == group.Joining
	r.member.ApplyAll(next, time.Now(), func(i int, inner []group.Event, void error) (more bool) {
		t := r.translate(inner, outside)
		if void != nil && !outside {
			t.add(Refused{at + 1 + uint64(i), void})
		}
		all = append(all, t)
		outside = r.member.Status() == group.Joining
		return r.collect(&b, t)
	})
	r.tellLost(&b)
	if err := r.save(r.ctx, b); err != nil {
		return err
	}
	clear(r.warned)
	r.relayErr = nil
	for _, t := range all {
		r.settle(t)
	}
	if r.isOver() {
		r.sending.finishAll(ErrNotMember)
	}
	r.announce()
	return missing
}

// following are the payloads of the frames that come after position at, in
// order; ErrTruncated says that one is missing after them.
func following(frames []transport.Frame, at uint64) (next [][]byte, missing error) {
	for _, f := range frames {
		switch {
		case f.Seq <= at:
		case f.Seq != at+1:
			return next, ErrTruncated
		default:
			next, at = append(next, f.Payload), f.Seq
		}
	}
	return next, nil
}

// collect adds to b what a frame makes this client store. Where that is the end
// of its time in the room, what waits in the outbox never leaves, and it
// reports that no more frames are wanted.
func (r *Room) collect(b *batch, t translation) (more bool) {
	b.events, b.gone = append(b.events, t.events...), append(b.gone, t.delivered...)
	switch s := r.member.Status(); {
	case t.failed != nil && r.outside():
		r.fail(b, t.failed)
	case s == group.Gone || s == group.Displaced:
		r.emptyOutbox(b, ErrNotMember)
	default:
		return true
	}
	return false
}

// settle is what a stored frame means for those who wait. r.mu is held.
func (r *Room) settle(t translation) {
	for m, err := range t.refused {
		r.refused[m] = err
	}
	for _, who := range t.requested {
		delete(r.sending.answers, who)
	}
	switch {
	case t.lost:
		r.sending.proposed = nil
	case t.committed:
		r.sending.finish(nil)
	}
}

// warnOnce tells of a reason once, until a frame arrives again.
func (r *Room) warnOnce(reason error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.warned[reason] || r.ready(r.ctx) != nil {
		return
	}
	if r.save(r.ctx, batch{events: []Event{Warning{Reason: reason}}}) == nil {
		r.warned[reason] = true
	}
}

// pause doubles from 100 ms to 30 s, and is drawn from its upper half so that
// clients do not come back all at once.
func pause(failures int) time.Duration {
	full := min(100*time.Millisecond<<min(failures, 10), 30*time.Second)
	var b [8]byte
	rand.Read(b[:])
	return full/2 + time.Duration(binary.BigEndian.Uint64(b[:])%uint64(full/2))
}

// sleep reports whether d passed before ctx ended.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
