package group

import (
	"github.com/parley-e2ee/parley/internal/edwards"
	"golang.org/x/crypto/cryptobyte"
)

// create is the first frame of a room. Its header, which the roomID is the
// hash of, fixes everything but the creator's leaf: room name, admission,
// invite public key, creator, 32 random bytes. The creator is the first admin.
type create struct {
	name      string
	admission Admission
	invite    [32]byte
	creator   string
	identity  IdentityKey
	random    Hash // so that two rooms with the same settings differ
	leaf      *leaf
	hash      Hash
}

func marshalCreateHeader(name string, admission Admission, invite [32]byte, creator string, identity IdentityKey, random []byte) []byte {
	return build(func(b *cryptobyte.Builder) {
		put8(b, []byte(name))
		b.AddUint8(uint8(admission))
		b.AddBytes(invite[:])
		put8(b, []byte(creator))
		b.AddBytes(identity[:])
		b.AddBytes(random)
	})
}

// marshalCreate signs header and leaf with the leaf key.
func marshalCreate(room RoomID, header []byte, l *leaf, keys leafKeys) []byte {
	body := build(func(b *cryptobyte.Builder) {
		putHeader(b, typeCreate, room)
		put16(b, header)
		put16(b, l.raw)
	})
	return append(body, sign(keys.signing, signCreate, body)...)
}

// parseCreate judges a Create: nothing in it depends on what came before.
func parseCreate(frame []byte, room RoomID) (*create, error) {
	c, err := decodeCreate(frame, room)
	if err != nil {
		return nil, err
	}
	if err := c.leaf.check(); err != nil {
		return nil, err
	}
	if c.leaf.name != c.creator || c.leaf.identity != c.identity {
		return nil, ErrKey
	}
	signed := len(frame) - sigSize
	if !verify(c.leaf.signing, signCreate, frame[:signed], frame[signed:]) {
		return nil, ErrSignature
	}
	return c, nil
}

// decodeCreate reads a Create and verifies no signature.
func decodeCreate(frame []byte, room RoomID) (*create, error) {
	r := reader{s: frame[headerSize:]}
	header, rawLeaf := r.vec16(), r.vec16()
	r.bytes(sigSize)
	if err := r.done(); err != nil {
		return nil, err
	}
	if RoomID(digest(labelRoom, header)) != room {
		return nil, ErrWrongRoom
	}
	c, err := parseCreateHeader(header)
	if err != nil {
		return nil, err
	}
	if c.leaf, err = decodeLeaf(rawLeaf, room); err != nil {
		return nil, err
	}
	c.hash = digest(labelFrame, frame)
	return c, nil
}

func parseCreateHeader(header []byte) (*create, error) {
	r := reader{s: header}
	c := &create{
		name:      string(r.vec8()),
		admission: Admission(r.u8()),
		invite:    r.hash(),
		creator:   string(r.vec8()),
		identity:  IdentityKey(r.hash()),
		random:    r.hash(),
	}
	r.check(c.admission.valid())
	switch {
	case r.done() != nil:
		return nil, ErrMalformed
	case !ValidName(c.name) || !ValidName(c.creator):
		return nil, ErrName
	case !edwards.Sound(c.invite[:]):
		return nil, ErrKey
	}
	return c, nil
}
