package e2ee

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/parley-e2ee/parley/e2ee/group"
	"github.com/parley-e2ee/parley/envelope"
	"github.com/parley-e2ee/parley/keystore"
)

// Errors of Import.
var (
	// ErrExport reports what Export did not make, or what was damaged since.
	ErrExport = errors.New("e2ee: not an export, or damaged")
	// ErrExportVersion reports an export of a version that is not known here.
	ErrExportVersion = errors.New("e2ee: export of another version")
	// ErrPassphrase reports a passphrase that does not open the export. Where
	// the passphrase is right, the export was changed.
	ErrPassphrase = errors.New("e2ee: wrong passphrase, or export was changed")
	// ErrStoreUsed reports a store that somebody's records are in.
	ErrStoreUsed = errors.New("e2ee: store is in use by an identity already")
)

// Import writes what [Client.Export] made into an empty store, from which
// NewClient then goes on: as the same person, with the same pins. Config.Name
// may be empty. It returns who that is.
//
// The rooms of the list are among [Client.Rooms], as ones whose keys were lost:
// their Status is without keys, their first event is the Warning with
// ErrConfirmation, and [Room.Rejoin] asks for new keys, without an invite link
// whatever the room's admission. Some other member has to be there to serve
// that: a room in which this client was alone cannot be entered again. What
// came before is not readable here, and members get a Warning with
// ErrNewDevice, not one of another identity; unless this was the only one,
// its admin right ends.
//
// An identity is on one device at a time. Importing and opening takes nothing
// from a device that is still in use; Rejoin does, room by room: that device
// gets the Warning with ErrReplaced, sends there no more, and does not come back
// by itself.
//
// ErrPassphrase, ErrExportVersion and ErrExport report what does not open, and
// wrap the envelope's error; an export made outside of FIPS 140-3 mode is
// [envelope.ErrFIPS] within. ErrStoreUsed reports a store that is not empty;
// keystore.ErrLocked one that a client has open. Where Import fails, the store
// is as it was. An export that somebody prepared can cost 256 MiB and some
// seconds. The passphrase is the caller's to wipe.
func Import(ctx context.Context, store keystore.Store, exported, passphrase []byte) (Identity, error) {
	raw, err := openExport(exported, passphrase)
	if err != nil {
		return Identity{}, err
	}
	defer clear(raw)
	x, err := parseExport(raw)
	if err != nil {
		return Identity{}, err
	}
	return x.into(ctx, store)
}

// into writes an export into a store that nobody uses.
func (x *export) into(ctx context.Context, store keystore.Store) (Identity, error) {
	release, err := store.Claim()
	if err != nil {
		return Identity{}, err
	}
	defer release()
	if err := store.Update(ctx, x.store); err != nil {
		return Identity{}, err
	}
	return x.identity, nil
}

// exportError says of an envelope's error what it means for an export.
func exportError(err error) error {
	reason := ErrExport
	switch {
	case errors.Is(err, envelope.ErrFIPS):
		return err
	case errors.Is(err, envelope.ErrVersion):
		reason = ErrExportVersion
	case errors.Is(err, envelope.ErrStanza), errors.Is(err, envelope.ErrKey):
		reason = ErrPassphrase
	}
	return fmt.Errorf("%w: %w", reason, err)
}

// store writes all of an export into an empty store.
func (x *export) store(tx keystore.WriteTx) error {
	if err := checkEmpty(tx); err != nil {
		return err
	}
	raw := x.identity.marshal() // without a bundle: NewClient signs the next
	defer clear(raw)
	if err := tx.Store(bucketIdentity, keySelf, raw); err != nil {
		return err
	}
	for name, p := range x.pins {
		value, err := json.Marshal(p)
		if err != nil {
			return err
		}
		if err := tx.Store(bucketPins, []byte(name), value); err != nil {
			return err
		}
	}
	for _, r := range x.rooms {
		if err := x.storeRoom(tx, r); err != nil {
			return err
		}
	}
	return nil
}

func checkEmpty(tx keystore.Tx) error {
	for _, b := range []keystore.Bucket{
		bucketIdentity, bucketPins, bucketRooms, bucketPublic, bucketSecret, bucketOutbox, bucketEvents,
	} {
		for _, err := range tx.Scan(b, nil) {
			if err != nil {
				return err
			}
			return ErrStoreUsed
		}
	}
	return nil
}

// storeRoom writes a room whose log has not been read, and that it is to be
// rejoined.
func (x *export) storeRoom(tx keystore.WriteTx, e exportedRoom) error {
	// No invite: a rejoin needs no proof, and one that is out of date by now
	// would keep it from being served.
	m, err := group.Enter(x.identity.secret().group, e.id, nil)
	if err != nil {
		return err
	}
	public, secret := m.Changes()
	r := &Room{id: e.id}
	return errors.Join(
		storeRecords(tx, bucketPublic, r.id, public),
		storeRecords(tx, bucketSecret, r.id, secret),
		r.storeIntent(tx, &intent{Name: e.name, Returning: true}),
		r.storeEvents(tx, []Event{Warning{Reason: ErrConfirmation}}),
	)
}

// returning reports an imported room that this client has not come back to.
// r.mu is held.
func (r *Room) returning() bool {
	return r.intent.Returning && r.intent.Failed == "" && r.member.Status() == group.Joining
}

// outside reports that this client has no place in the room, where a request
// that fails would be the end. r.mu is held.
func (r *Room) outside() bool {
	return r.member.Status() == group.Joining && !(r.returning() && r.listed())
}

// strayed reports an imported room that has no place for this client, by what
// has been read of its log. It must not ask as a newcomer: who was removed
// would be back in an Open room without having said so. r.mu is held.
func (r *Room) strayed() bool {
	return r.returning() && r.member.Public().RoomName() != "" && !r.listed()
}

// forsaken is strayed for a room whose log has been read: a link may be tried.
func (r *Room) forsaken() bool {
	defer r.look()()
	return r.caughtUp && r.strayed()
}

// listed reports that this client's name and identity are in the roster.
func (r *Room) listed() bool {
	who, ok := r.member.Public().Lookup(r.client.Name())
	return ok && who.Identity == r.client.identity.Public()
}
