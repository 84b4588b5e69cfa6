package e2ee

import (
	"context"
	"errors"
	"iter"

	"github.com/parley-e2ee/parley/keystore"
)

// Events yields what happened in the room and waits for more. An event is
// acknowledged when the loop's body ends, by break and return too; one whose
// body panicked, or during which the process died or the client was closed,
// comes again with the same contents. The last thing yielded is an error:
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
			err = r.acknowledge()
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

func (r *Room) stopReading() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.reading = false
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
		n = r.first
		return r.first < r.next, nil
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

// acknowledge deletes the oldest event.
func (r *Room) acknowledge() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.ready(r.ctx); err != nil {
		return err
	}
	err := r.client.update(r.ctx, func(tx keystore.WriteTx) error {
		return tx.Delete(bucketEvents, roomNumber(r.id, r.first))
	})
	if err != nil {
		return r.ended(err)
	}
	r.first++
	return nil
}
