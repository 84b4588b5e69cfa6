package e2ee

import (
	"context"
	"errors"
	"iter"

	"github.com/parley-e2ee/parley/keystore"
)

// maxUnstored is how many acknowledgements may wait for a write that they share.
const maxUnstored = 64

// Events yields what happened in the room and waits for more. An event is
// acknowledged when the loop's body ends, by break and return too; one whose
// body panicked, or during which the process died or the client was closed,
// comes again with the same contents. While more events wait to be shown,
// acknowledgements share a write: if the process dies then, or the store fails,
// up to 63 events before that one come again too, in their order and with their
// IDs. The last thing yielded is an error:
// ctx's, ErrClosed when the client closes or forgets the room, ErrReading where
// somebody else is reading, or the store's.
func (r *Room) Events(ctx context.Context) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		if !r.startReading() {
			yield(nil, ErrReading)
			return
		}
		defer r.stopReading()
		for {
			ev, err := r.nextEvent(ctx)
			if err != nil {
				yield(nil, err)
				return
			}
			more := yield(ev, nil)
			err = r.acknowledge(!more)
			if !more {
				return
			}
			if err != nil {
				yield(nil, err)
				return
			}
		}
	}
}

func (r *Room) startReading() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.reading {
		return false
	}
	r.reading = true
	return true
}

// stopReading stores what is left to store, after a panic too.
func (r *Room) stopReading() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.reading = false
	if r.ready(r.ctx) == nil {
		_ = r.storeRead()
	}
}

// nextEvent waits for the oldest event and loads it.
func (r *Room) nextEvent(ctx context.Context) (Event, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var n uint64
	err := r.wait(ctx, func() (bool, error) {
		if r.ctx.Err() != nil { // what is stored is no longer this client's
			return false, ErrClosed
		}
		n = r.read
		return r.read < r.next, nil
	})
	if err != nil {
		return nil, err
	}
	var raw []byte
	err = r.client.cfg.Store.View(ctx, func(tx keystore.Tx) (err error) {
		raw, err = tx.Load(bucketEvents, roomNumber(r.id, n))
		return err
	})
	if err != nil {
		return nil, r.unreadable(err)
	}
	return parseEvent(raw)
}

// unreadable is ErrClosed where the event was forgotten meanwhile.
func (r *Room) unreadable(err error) error {
	if errors.Is(err, keystore.ErrNotFound) && r.ctx.Err() != nil {
		return ErrClosed
	}
	return err
}

// acknowledge notes that an event has been dealt with. It is stored at once
// where the application has seen all there is, or is about to stop reading.
func (r *Room) acknowledge(last bool) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.ready(r.ctx); err != nil {
		return err
	}
	r.read++
	if !last && r.read < r.next && r.read-r.first < maxUnstored {
		return nil
	}
	return r.storeRead()
}

// storeRead deletes the events that have been dealt with, also while the client
// is being closed. Where that fails, they come again. r.mu is held.
func (r *Room) storeRead() error {
	if r.read == r.first {
		return nil
	}
	err := r.client.update(context.WithoutCancel(r.ctx), func(tx keystore.WriteTx) error {
		for n := r.first; n < r.read; n++ {
			if err := tx.Delete(bucketEvents, roomNumber(r.id, n)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		r.read = r.first
		return r.ended(err)
	}
	r.first = r.read
	return nil
}
