package e2ee

import (
	"context"
	"encoding/json"

	"github.com/parley-e2ee/parley/e2ee/group"
	"github.com/parley-e2ee/parley/keystore"
)

// Recover is [Import] for a store that is no longer whole, such as one that
// [keystore.Salvage] filled: it takes the identity, the pins and the list of
// rooms from from and writes them into into, which has to be empty. Keys of
// rooms, messages and what was not sent stay behind: they may be older than
// those that were used last, and to use a key twice would give its messages
// away. What is said of rooms at Import holds here; those that this client left
// are among them.
//
// ErrState reports a store in which the identity is damaged, and
// [keystore.ErrNotFound] one without it.
func Recover(ctx context.Context, from, into keystore.Store) (Identity, error) {
	x := &export{}
	var err error
	if x.identity, err = loadIdentity(ctx, from); err != nil {
		return Identity{}, err
	}
	if x.pins, err = loadPins(ctx, from); err != nil {
		return Identity{}, err
	}
	if x.rooms, err = listRooms(ctx, from); err != nil {
		return Identity{}, err
	}
	return x.into(ctx, into)
}

// listRooms reads which rooms there are, of what is readable.
func listRooms(ctx context.Context, store keystore.Store) (rooms []exportedRoom, err error) {
	err = store.View(ctx, func(tx keystore.Tx) error {
		for rec, err := range tx.Scan(bucketRooms, nil) {
			if err != nil {
				return err
			}
			var in intent
			if len(rec.Key) == len(group.RoomID{}) && json.Unmarshal(rec.Value, &in) == nil {
				rooms = append(rooms, exportedRoom{group.RoomID(rec.Key), in.Name})
			}
		}
		return nil
	})
	return rooms, err
}
