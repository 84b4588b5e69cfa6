package e2ee

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"time"

	"github.com/parley-e2ee/parley/e2ee/group"
	"github.com/parley-e2ee/parley/keystore"
)

// intent is what this client wants of a room, beside the member's own state.
type intent struct {
	Name   string
	Join   bool          // ask to enter once the log is read
	Expiry time.Duration // of that request
	Failed string        `json:",omitempty"` // why nobody can serve it, by name
	// Returning says that the room was imported: this identity is in it, and
	// this device rejoins when the application asks.
	Returning bool `json:",omitempty"`
}

// failure is why this client is not let in, or nil.
func (in intent) failure() error {
	if in.Failed == "" {
		return nil
	}
	return reasonNamed(in.Failed)
}

// loadRooms restores every room of the store.
func loadRooms(ctx context.Context, c *Client) (map[group.RoomID]*Room, error) {
	rooms := make(map[group.RoomID]*Room)
	err := c.cfg.Store.View(ctx, func(tx keystore.Tx) error {
		for rec, err := range tx.Scan(bucketRooms, nil) {
			if err != nil {
				return err
			}
			if len(rec.Key) != len(group.RoomID{}) {
				return ErrState
			}
			r := c.roomOf(group.RoomID(rec.Key))
			if err := r.load(tx); err != nil {
				return fmt.Errorf("room %v: %w", r.id, err)
			}
			rooms[r.id] = r
		}
		return nil
	})
	return rooms, err
}

// refresh reads a room again whose last write failed: what is shown and sent
// is never ahead of the store. r.mu is held.
func (r *Room) refresh() error {
	if !r.stale {
		return nil
	}
	return r.client.cfg.Store.View(context.WithoutCancel(r.ctx), r.load)
}

// load reads all of a room, or changes nothing.
func (r *Room) load(tx keystore.Tx) error {
	raw, err := tx.Load(bucketRooms, r.id[:])
	if err != nil {
		return err
	}
	var in intent
	if json.Unmarshal(raw, &in) != nil {
		return ErrState
	}
	m, err := r.loadMember(tx)
	if err != nil {
		return err
	}
	outbox, order, err := loadOutbox(tx, r.id)
	if err != nil {
		return err
	}
	first, next, err := eventRange(tx, r.id)
	if err != nil {
		return err
	}
	r.member, r.intent, r.outbox, r.order, r.first, r.next = m, in, outbox, order, first, next
	if r.read < first || r.read > next {
		r.read = first
	}
	r.lost = false
	clear(r.ahead)
	r.markSealed()
	r.stale = false
	return nil
}

func (r *Room) loadMember(tx keystore.Tx) (*group.Member, error) {
	public, err := loadRecords(tx, bucketPublic, r.id)
	if err != nil {
		return nil, err
	}
	secret, err := loadRecords(tx, bucketSecret, r.id)
	if err != nil {
		return nil, err
	}
	m, err := group.RestoreMember(r.client.identity.secret().group, public, secret)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrState, err)
	}
	if m.Public().RoomID() != r.id {
		return nil, ErrState
	}
	return m, nil
}

func loadRecords(tx keystore.Tx, b keystore.Bucket, id group.RoomID) (group.Records, error) {
	all := make(group.Records)
	for rec, err := range tx.Scan(b, id[:]) {
		if err != nil {
			return nil, err
		}
		all[string(rec.Key[len(id):])] = rec.Value
	}
	return all, nil
}

// eventRange finds the oldest event and the number after the newest.
func eventRange(tx keystore.Tx, id group.RoomID) (first, next uint64, err error) {
	for rec, err := range tx.Scan(bucketEvents, id[:]) {
		if err != nil {
			return 0, 0, err
		}
		if len(rec.Key) != len(id)+8 {
			return 0, 0, ErrState
		}
		n := binary.BigEndian.Uint64(rec.Key[len(id):])
		if next == 0 {
			first = n
		}
		next = n + 1
	}
	return first, next, nil
}
