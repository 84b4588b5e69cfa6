package group_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"testing"

	"github.com/parley-e2ee/parley/e2ee/group"
	"github.com/parley-e2ee/parley/envelope/compositekem"
	"golang.org/x/crypto/cryptobyte"
)

// The specs of this file write frames field by field, as spec/room-v1.md lays
// them out and independently of the code under test: valid ones, and such as
// no Member would make.

const (
	kindCreate = 1 + iota
	kindJoin
	kindLeave
	kindRemove
	kindCommit
	kindMessage
)

// sign signs as the protocol does, under a label of labels.go.
func sign(key ed25519.PrivateKey, label string, body []byte) []byte {
	if key == nil {
		return make([]byte, ed25519.SignatureSize)
	}
	return ed25519.Sign(key, group.Text(label, body))
}

func signingKey(t testing.TB) ed25519.PrivateKey {
	_, key, err := ed25519.GenerateKey(nil)
	must(t, err)
	return key
}

func public(key ed25519.PrivateKey) (out [32]byte) {
	copy(out[:], key.Public().(ed25519.PublicKey))
	return out
}

func build(f func(b *cryptobyte.Builder)) []byte {
	b := cryptobyte.NewBuilder(nil)
	f(b)
	return b.BytesOrPanic()
}

func vec8(b *cryptobyte.Builder, v []byte) {
	b.AddUint8LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(v) })
}

func vec16(b *cryptobyte.Builder, v []byte) {
	b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(v) })
}

func vec24(b *cryptobyte.Builder, v []byte) {
	b.AddUint24LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(v) })
}

func header(b *cryptobyte.Builder, kind uint8, room group.RoomID) {
	b.AddUint8(1)
	b.AddUint16(1)
	b.AddUint8(kind)
	b.AddBytes(room[:])
}

// kemKey is a fresh, well-formed leaf or init key.
func kemKey(t testing.TB) []byte {
	key, err := compositekem.GenerateKey(compositekem.RSA2048)
	must(t, err)
	return key.EncapsulationKey().Bytes()
}

// leafSpec is a leaf; its public keys need not be those of the keys that sign.
type leafSpec struct {
	room              group.RoomID
	name              string
	identity, signing [32]byte
	kem               []byte
	byIdentity, byKey ed25519.PrivateKey
}

func newLeafSpec(t testing.TB, room group.RoomID, name string, id ed25519.PrivateKey) leafSpec {
	key := signingKey(t)
	return leafSpec{
		room: room, name: name, identity: public(id), signing: public(key), kem: kemKey(t),
		byIdentity: id, byKey: key,
	}
}

func (s leafSpec) bytes() []byte {
	body := build(func(b *cryptobyte.Builder) {
		b.AddBytes(s.room[:])
		vec8(b, []byte(s.name))
		b.AddBytes(s.identity[:])
		b.AddBytes(s.signing[:])
		vec16(b, s.kem)
	})
	body = append(body, sign(s.byIdentity, "sign leaf by identity", body)...)
	return append(body, sign(s.byKey, "sign leaf by leaf key", body)...)
}

// createSpec is a Create. Its room is the hash of its header.
type createSpec struct {
	roomName  string
	admission group.Admission
	invite    [32]byte
	creator   string
	identity  [32]byte
	random    [32]byte
	extra     []byte       // after the header's last field
	claim     group.RoomID // where it is not the hash of the header
	leaf      leafSpec
	by        ed25519.PrivateKey
}

func newCreateSpec(t testing.TB, name string, id ed25519.PrivateKey, invite [32]byte) createSpec {
	s := createSpec{roomName: "Secure", admission: group.Invite, invite: invite, creator: name, identity: public(id)}
	rand.Read(s.random[:])
	s.leaf = newLeafSpec(t, group.RoomID{}, name, id)
	s.by = s.leaf.byKey
	return s
}

func (s createSpec) header() []byte {
	return append(build(func(b *cryptobyte.Builder) {
		vec8(b, []byte(s.roomName))
		b.AddUint8(uint8(s.admission))
		b.AddBytes(s.invite[:])
		vec8(b, []byte(s.creator))
		b.AddBytes(s.identity[:])
		b.AddBytes(s.random[:])
	}), s.extra...)
}

func (s createSpec) room() group.RoomID {
	if s.claim != (group.RoomID{}) {
		return s.claim
	}
	return group.RoomID(group.Digest("room", s.header()))
}

// frame puts the leaf into the room where the leaf names none.
func (s createSpec) frame() []byte {
	leaf := s.leaf
	if leaf.room == (group.RoomID{}) {
		leaf.room = s.room()
	}
	body := build(func(b *cryptobyte.Builder) {
		header(b, kindCreate, s.room())
		vec16(b, s.header())
		vec16(b, leaf.bytes())
	})
	return append(body, sign(s.by, "sign create", body)...)
}

// joinSpec is a Join. Signatures without a key are left out (proof, replaced)
// or zero.
type joinSpec struct {
	room              group.RoomID
	epoch             uint64
	transcript        group.Hash
	leaf              leafSpec
	init              []byte
	expiry            uint64
	proof, replaced   ed25519.PrivateKey
	odd               int // what the last optional signature is longer or shorter by
	byIdentity, byKey ed25519.PrivateKey
}

func (s joinSpec) frame() []byte {
	frame := build(func(b *cryptobyte.Builder) {
		header(b, kindJoin, s.room)
		b.AddUint64(s.epoch)
		b.AddBytes(s.transcript[:])
		vec16(b, s.leaf.bytes())
		vec16(b, s.init)
		b.AddUint64(s.expiry)
	})
	for _, optional := range []struct {
		key   ed25519.PrivateKey
		label string
	}{{s.proof, "sign invite proof"}, {s.replaced, "sign join by replaced leaf key"}} {
		if optional.key == nil {
			frame = append(frame, 0)
			continue
		}
		sig := append(sign(optional.key, optional.label, frame), 0)[:ed25519.SignatureSize+s.odd]
		frame = append(append(frame, byte(len(sig))), sig...)
	}
	frame = append(frame, sign(s.byIdentity, "sign join by identity", frame)...)
	return append(frame, sign(s.byKey, "sign join by leaf key", frame)...)
}

// removalSpec is a Leave, or a Remove where there is a target.
type removalSpec struct {
	room           group.RoomID
	signer, target group.Membership
	remove, ban    bool
	by             ed25519.PrivateKey
}

func (s removalSpec) frame() []byte {
	if !s.remove {
		body := build(func(b *cryptobyte.Builder) {
			header(b, kindLeave, s.room)
			b.AddBytes(s.signer[:])
		})
		return append(body, sign(s.by, "sign leave", body)...)
	}
	body := build(func(b *cryptobyte.Builder) {
		header(b, kindRemove, s.room)
		b.AddBytes(s.signer[:])
		b.AddBytes(s.target[:])
		b.AddUint8(map[bool]uint8{true: 1}[s.ban])
	})
	return append(body, sign(s.by, "sign remove", body)...)
}

// commitSpec is a Commit whose entries and tag are of the right size and
// nothing more: the public rules look no further.
type commitSpec struct {
	room       group.RoomID
	epoch      uint64
	transcript group.Hash
	committer  uint8
	removes    [][][]byte
	adds       [][]byte
	admission  uint8
	admins     []group.Membership
	rotate     bool
	invite     [32]byte
	unban      []group.IdentityKey
	newLeaf    []byte
	seenCount  uint64
	seenHash   group.Hash
	recipients []uint8
	fixed      bool        // the recipients stay as they are
	tailHash   *group.Hash // where it is not the tail's
	ctSize     int
	boxSize    int
	sealedSize int
	by         ed25519.PrivateKey
}

func (s commitSpec) frame() []byte {
	tail := s.tail()
	tailHash := group.Digest("entries", tail)
	if s.tailHash != nil {
		tailHash = *s.tailHash
	}
	frame := build(func(b *cryptobyte.Builder) {
		header(b, kindCommit, s.room)
		b.AddUint64(s.epoch)
		b.AddBytes(s.transcript[:])
		b.AddUint8(s.committer)
		s.operations(b)
		vec16(b, s.newLeaf)
		b.AddUint64(s.seenCount)
		b.AddBytes(s.seenHash[:])
		b.AddBytes(tailHash[:])
		b.AddBytes(make([]byte, 32)) // tag
	})
	return append(append(frame, sign(s.by, "sign commit", frame)...), tail...)
}

func (s commitSpec) operations(b *cryptobyte.Builder) {
	b.AddUint24LengthPrefixed(func(b *cryptobyte.Builder) {
		for _, frames := range s.removes {
			b.AddUint24LengthPrefixed(func(b *cryptobyte.Builder) {
				for _, f := range frames {
					vec16(b, f)
				}
			})
		}
	})
	b.AddUint24LengthPrefixed(func(b *cryptobyte.Builder) {
		for _, f := range s.adds {
			vec16(b, f)
		}
	})
	b.AddUint8(s.admission)
	b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) {
		for _, m := range s.admins {
			b.AddBytes(m[:])
		}
	})
	b.AddUint8(map[bool]uint8{true: 1}[s.rotate])
	if s.rotate {
		b.AddBytes(s.invite[:])
	}
	b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) {
		for _, k := range s.unban {
			b.AddBytes(k[:])
		}
	})
}

func (s commitSpec) tail() []byte {
	return build(func(b *cryptobyte.Builder) {
		b.AddUint24LengthPrefixed(func(b *cryptobyte.Builder) {
			for _, i := range s.recipients {
				b.AddUint8(i)
				vec16(b, make([]byte, 1344+s.ctSize))
				vec16(b, make([]byte, 60+s.boxSize))
			}
		})
		vec16(b, make([]byte, 60+s.sealedSize))
	})
}

// messageSpec is a Message.
type messageSpec struct {
	room       group.RoomID
	epoch      uint64
	transcript group.Hash
	sender     uint8
	generation uint64
	previous   group.Hash
	seenCount  uint64
	seenHash   group.Hash
	end        group.Hash
	token      []byte
	by         ed25519.PrivateKey
}

func (s messageSpec) frame() []byte {
	body := build(func(b *cryptobyte.Builder) {
		header(b, kindMessage, s.room)
		b.AddUint64(s.epoch)
		b.AddBytes(s.transcript[:])
		b.AddUint8(s.sender)
		b.AddUint64(s.generation)
		b.AddBytes(s.previous[:])
		b.AddUint64(s.seenCount)
		b.AddBytes(s.seenHash[:])
		b.AddBytes(s.end[:])
		vec24(b, s.token)
	})
	return append(body, sign(s.by, "sign message", body)...)
}
