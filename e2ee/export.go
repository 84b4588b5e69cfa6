package e2ee

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"maps"
	"slices"
	"strings"

	"github.com/parley-e2ee/parley/e2ee/group"
	"github.com/parley-e2ee/parley/envelope"
	"github.com/parley-e2ee/parley/envelope/compositekem"
	"golang.org/x/crypto/cryptobyte"
)

// MaxExport bounds an export, in bytes: what [Client.Export] makes is shorter,
// and [Import] reads no more.
const MaxExport = 16 << 20

const (
	exportVersion = 1
	// exportKind begins the envelope's metadata, the version ends it: what a
	// file is can be told without the passphrase.
	exportKind     = "parley export v"
	exportMetadata = exportKind + "1"
	// maxExported bounds the pins of an export, and the rooms.
	maxExported = 1 << 16
)

// How a pin came about, in an export.
const (
	pinAccepted = iota // by fingerprint, the key was not seen
	pinSeen
	pinVerified
)

// export is what an envelope of Export holds.
type export struct {
	identity Identity
	pins     map[string]pin
	rooms    []exportedRoom // by ID
}

type exportedRoom struct {
	id   group.RoomID
	name string
}

// Export returns who the client is (name, identity key, the bundle's KEM key),
// its pins with what was verified, and the list of the rooms it is in, in an
// envelope to the passphrase: a backup, and what [Import] makes a new device
// of. The format is spec/export-v1.md; [envelope.Armor] makes text of it.
//
// Whoever has it and the passphrase is this person: guessing one takes 64 MiB
// and a tenth of a second (see [envelope.PassphraseIdentity]), so take a long
// one. It is no substitute for the store: it holds no keys of rooms, no
// messages and no invite links. Keys in a backup would open for ever what
// erasing them has closed, and two devices that write with the same ones would
// use them twice; the new device asks the rooms for its own. Rooms that this
// client asks to enter, or is in no longer, are not listed.
//
// It returns ErrClosed, ErrTooLarge beyond 65,536 pins or rooms,
// [envelope.ErrKey] for an empty passphrase, [envelope.ErrFIPS] under
// GODEBUG=fips140=only, and the errors of the store. The passphrase is the
// caller's to wipe.
func (c *Client) Export(ctx context.Context, passphrase []byte) ([]byte, error) {
	key, err := envelope.PassphraseIdentity(passphrase)
	if err != nil {
		return nil, err
	}
	x, err := c.exported(ctx)
	if err != nil {
		return nil, err
	}
	raw := x.marshal()
	defer clear(raw)
	return envelope.Seal(raw, &envelope.Options{Metadata: []byte(exportMetadata)}, key.Recipient())
}

// exported takes identity and pins from the store, which has them whole
// whatever other calls are at.
func (c *Client) exported(ctx context.Context) (x *export, err error) {
	rooms, err := c.Rooms()
	if err != nil {
		return nil, err
	}
	x = &export{}
	if x.identity, err = loadIdentity(ctx, c.cfg.Store); err != nil {
		return nil, err
	}
	if x.pins, err = loadPins(ctx, c.cfg.Store); err != nil {
		return nil, err
	}
	for _, r := range rooms {
		if r.exportable() {
			x.rooms = append(x.rooms, exportedRoom{r.id, r.Name()})
		}
	}
	slices.SortFunc(x.rooms, func(a, b exportedRoom) int { return bytes.Compare(a.id[:], b.id[:]) })
	if len(x.pins) > maxExported || len(x.rooms) > maxExported {
		return nil, ErrTooLarge
	}
	return x, nil
}

// exportable reports a room that has a place for this identity, as far as is
// known: where another device took it, the next one may.
func (r *Room) exportable() bool {
	s := r.Status()
	return s == group.Active || s == group.NoKeys || s == group.Displaced
}

// marshal writes the content of an export, spec/export-v1.md, section 2.
func (x *export) marshal() []byte {
	secret := x.identity.secret()
	kem, err := secret.kem.Bytes()
	if err != nil {
		panic("e2ee: an identity's own KEM key has no encoding")
	}
	seed := secret.signing.Seed()
	defer clear(kem)
	defer clear(seed)
	// As much as it takes: growing would leave copies behind.
	b := cryptobyte.NewBuilder(make([]byte, 0, 128+len(kem)+len(x.pins)*maxPinSize+len(x.rooms)*maxRoomSize))
	b.AddUint8(exportVersion)
	addVector8(b, []byte(x.identity.Name()))
	b.AddBytes(seed)
	addVector16(b, kem)
	b.AddUint64(secret.serial)
	b.AddUint24LengthPrefixed(x.addPins)
	b.AddUint24LengthPrefixed(func(b *cryptobyte.Builder) {
		for _, r := range x.rooms {
			b.AddBytes(r.id[:])
			addVector8(b, []byte(r.name))
		}
	})
	return b.BytesOrPanic()
}

const (
	maxPinSize  = 1 + 64 + 1 + 32 + 8 + 32
	maxRoomSize = 32 + 1 + 64
)

func (x *export) addPins(b *cryptobyte.Builder) {
	for _, name := range slices.Sorted(maps.Keys(x.pins)) {
		p := x.pins[name]
		addVector8(b, []byte(name))
		switch {
		case p.Key == (group.IdentityKey{}):
			b.AddUint8(pinAccepted)
			b.AddBytes(p.Fingerprint[:])
			continue
		case p.Verified:
			b.AddUint8(pinVerified)
		default:
			b.AddUint8(pinSeen)
		}
		b.AddBytes(p.Key[:])
		b.AddUint64(p.Serial)
		b.AddBytes(p.Bundle[:])
	}
}

// parseExport takes what marshal writes, and nothing else: ErrExportVersion
// for another version, ErrExport for the rest.
func parseExport(raw []byte) (*export, error) {
	s := cryptobyte.String(raw)
	var version uint8
	switch {
	case !s.ReadUint8(&version):
		return nil, ErrExport
	case version != exportVersion:
		return nil, ErrExportVersion
	}
	x, secret := &export{}, &identitySecret{}
	var name string
	var ok bool
	var kem, pins, rooms cryptobyte.String
	seed := make([]byte, ed25519.SeedSize)
	defer clear(seed)
	if name, ok = readName(&s); !ok || !s.CopyBytes(seed) ||
		!s.ReadUint16LengthPrefixed(&kem) || !s.ReadUint64(&secret.serial) ||
		!s.ReadUint24LengthPrefixed(&pins) || !x.readPins(&pins) ||
		!s.ReadUint24LengthPrefixed(&rooms) || !x.readRooms(&rooms) || !s.Empty() {
		return nil, ErrExport
	}
	dk, err := compositekem.NewDecapsulationKey(kem)
	if err != nil || dk.ParameterSet() != compositekem.RSA2048 {
		return nil, ErrExport
	}
	secret.signing, secret.kem = ed25519.NewKeyFromSeed(seed), dk
	if x.identity, err = assembleIdentity(name, secret); err != nil {
		return nil, ErrExport
	}
	// The own name stands for oneself.
	if p, ok := x.pins[name]; ok && p.Fingerprint != x.identity.Fingerprint() {
		return nil, ErrExport
	}
	return x, nil
}

func (x *export) readPins(s *cryptobyte.String) bool {
	x.pins = make(map[string]pin)
	for last := ""; !s.Empty(); {
		name, ok := readName(s)
		if !ok || name <= last || len(x.pins) == maxExported {
			return false
		}
		if x.pins[name], ok = readPin(s); !ok {
			return false
		}
		last = name
	}
	return true
}

func readPin(s *cryptobyte.String) (p pin, ok bool) {
	var state uint8
	if !s.ReadUint8(&state) || state > pinVerified {
		return p, false
	}
	if state == pinAccepted {
		return p, s.CopyBytes(p.Fingerprint[:])
	}
	var key []byte
	if !s.ReadBytes(&key, len(p.Key)) || !s.ReadUint64(&p.Serial) || !s.CopyBytes(p.Bundle[:]) {
		return p, false
	}
	var err error
	if p.Key, err = group.ParseIdentityKey(key); err != nil {
		return p, false
	}
	p.Fingerprint, p.Verified = p.Key.Fingerprint(), state == pinVerified
	return p, true
}

func (x *export) readRooms(s *cryptobyte.String) bool {
	for !s.Empty() {
		var r exportedRoom
		var ok bool
		if !s.CopyBytes(r.id[:]) || len(x.rooms) == maxExported {
			return false
		}
		if n := len(x.rooms); n > 0 && bytes.Compare(x.rooms[n-1].id[:], r.id[:]) >= 0 {
			return false
		}
		if r.name, ok = readName(s); !ok {
			return false
		}
		x.rooms = append(x.rooms, r)
	}
	return true
}

// readName reads a name by the protocol's rule alone: Unicode's tables change,
// and an old export has to be read.
func readName(s *cryptobyte.String) (string, bool) {
	var name cryptobyte.String
	ok := s.ReadUint8LengthPrefixed(&name) && group.ValidName(string(name))
	return string(name), ok
}

// openExport opens the envelope of an export. The result is to be wiped.
func openExport(exported, passphrase []byte) ([]byte, error) {
	if len(exported) > MaxExport {
		return nil, ErrExport
	}
	info, err := envelope.Inspect(bytes.NewReader(exported))
	if err != nil {
		return nil, exportError(err)
	}
	// Stretching a passphrase is costly: what is something else goes first.
	switch kind := string(info.Metadata); {
	case kind == exportMetadata:
	case strings.HasPrefix(kind, exportKind):
		return nil, ErrExportVersion
	default:
		return nil, ErrExport
	}
	key, err := envelope.PassphraseIdentity(passphrase)
	if err != nil {
		return nil, exportError(err)
	}
	raw, err := envelope.Open(exported, nil, key)
	if err != nil {
		return nil, exportError(err)
	}
	return raw, nil
}
