package e2ee

import (
	"context"
	"errors"

	"github.com/parley-e2ee/parley/e2ee/group"
	"github.com/parley-e2ee/parley/keystore"
)

// Forget deletes all that this client has of a room, without a word to the
// others: what a sole member does to end its room, and what remains to do with
// one that was left. Unread events and unsent messages go too. Where the store
// fails, nothing has changed. It returns ErrNoRoom for another client's room.
func (c *Client) Forget(ctx context.Context, r *Room) error {
	if r.client != c {
		return ErrNoRoom
	}
	return c.forget(ctx, r)
}

func (c *Client) forget(ctx context.Context, r *Room) error {
	if err := r.erase(ctx); err != nil {
		return err
	}
	r.loops.Wait()
	c.drop(r)
	return nil
}

// giveUp forgets a room that this client did not get into. Where the client
// was closed meanwhile, the attempt goes on when its store is opened again.
func (c *Client) giveUp(ctx context.Context, r *Room, err error) error {
	if err == ErrClosed {
		return err
	}
	return errors.Join(err, c.forget(context.WithoutCancel(ctx), r))
}

// leaveBehind forgets a room that this client is in no longer, or has on its
// list alone.
func (c *Client) leaveBehind(ctx context.Context, id group.RoomID) error {
	r, err := c.Room(id)
	switch {
	case err == ErrNoRoom:
		return nil
	case err != nil:
		return err
	case !r.over() && !r.forsaken():
		return ErrInRoom
	}
	return c.forget(ctx, r)
}

// erase deletes every record of the room and ends it: whoever takes r.mu next
// finds it ended, and writes nothing.
func (r *Room) erase(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.client.ctx.Err() != nil:
		return ErrClosed
	case r.ctx.Err() != nil: // erased before; what is stored now is another Room's
		return nil
	}
	err := r.client.update(ctx, func(tx keystore.WriteTx) error {
		for _, b := range []keystore.Bucket{bucketRooms, bucketPublic, bucketSecret, bucketOutbox, bucketEvents} {
			for rec, err := range tx.Scan(b, r.id[:]) {
				if err != nil {
					return err
				}
				if err := tx.Delete(b, rec.Key); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return r.ended(err)
	}
	r.cancel()
	r.outbox = nil
	return nil
}
