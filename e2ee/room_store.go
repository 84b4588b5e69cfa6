package e2ee

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"

	"github.com/parley-e2ee/parley/e2ee/group"
	"github.com/parley-e2ee/parley/keystore"
)

// roomKey is a record's key: the room, then a name or a number.
func roomKey(id group.RoomID, name string) []byte { return append(id[:], name...) }

func roomNumber(id group.RoomID, n uint64) []byte {
	return binary.BigEndian.AppendUint64(id[:], n)
}

// newRoom stores a member's first state and starts its room.
func (c *Client) newRoom(ctx context.Context, m *group.Member, in intent, first ...Event) (*Room, error) {
	r := c.roomOf(m.Public().RoomID())
	r.member = m
	r.mu.Lock()
	err := r.save(ctx, batch{events: first, intent: &in})
	r.mu.Unlock()
	if err == nil {
		err = c.adopt(r)
	}
	if err != nil {
		r.cancel()
		return nil, err
	}
	return r, nil
}

// roomOf is a room without its state.
func (c *Client) roomOf(id group.RoomID) *Room {
	r := &Room{
		client:  c,
		id:      id,
		wake:    make(chan struct{}, 1),
		changed: make(chan struct{}),
		warned:  make(map[error]bool),
		refused: make(map[group.Membership]error),
		ahead:   make(map[group.IdentityKey]uint64),
	}
	r.ctx, r.cancel = context.WithCancel(c.ctx)
	r.sending.tries = make(map[group.Hash]try)
	r.sending.answers = make(map[group.JoinRequest]bool)
	return r
}

// batch is what one transaction stores beside the member's own changes.
type batch struct {
	events []Event
	add    []*outgoing // enter the outbox
	gone   []MessageID // leave it
	intent *intent
}

// save stores a batch with what changed of the member, in one transaction, and
// tells whoever waits. Where it fails, memory is ahead of the store until
// refresh. r.mu is held.
func (r *Room) save(ctx context.Context, b batch) error {
	public, secret := r.member.Changes()
	r.stale = true
	err := r.client.update(ctx, func(tx keystore.WriteTx) error {
		return errors.Join(
			storeRecords(tx, bucketPublic, r.id, public),
			storeRecords(tx, bucketSecret, r.id, secret),
			r.storeEvents(tx, b.events),
			r.storeOutbox(tx, b),
			r.storeIntent(tx, b.intent),
		)
	})
	if err != nil {
		return r.ended(err)
	}
	r.stale = false
	r.next += uint64(len(b.events))
	r.dropOutgoing(b.gone)
	if b.intent != nil {
		r.intent = *b.intent
	}
	r.announce()
	return nil
}

func storeRecords(tx keystore.WriteTx, b keystore.Bucket, id group.RoomID, changes group.Records) error {
	for name, value := range changes {
		var err error
		if value == nil {
			err = tx.Delete(b, roomKey(id, name))
		} else {
			err = tx.Store(b, roomKey(id, name), value)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (r *Room) storeEvents(tx keystore.WriteTx, events []Event) error {
	for i, ev := range events {
		value, err := marshalEvent(ev)
		if err != nil {
			return err
		}
		if err := tx.Store(bucketEvents, roomNumber(r.id, r.next+uint64(i)), value); err != nil {
			return err
		}
	}
	return nil
}

func (r *Room) storeIntent(tx keystore.WriteTx, in *intent) error {
	if in == nil {
		return nil
	}
	value, err := json.Marshal(in)
	if err != nil {
		return err
	}
	return tx.Store(bucketRooms, r.id[:], value)
}

// ready is refresh for a room that has not ended, and a call that has not.
// r.mu is held.
func (r *Room) ready(ctx context.Context) error {
	if r.ctx.Err() != nil {
		return ErrClosed
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return r.refresh()
}

// tell adds an event of the client's own.
func (r *Room) tell(ctx context.Context, ev Event) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.ready(ctx); err != nil {
		return err
	}
	return r.save(ctx, batch{events: []Event{ev}})
}
