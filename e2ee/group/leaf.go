package group

import (
	"bytes"
	"crypto"
	"crypto/ed25519"

	"github.com/parley-e2ee/parley/envelope/compositekem"
	"github.com/parley-e2ee/parley/internal/edwards"
	"golang.org/x/crypto/cryptobyte"
)

// Identity is who a member is: a name and a long-term Ed25519 key. It never
// prints or marshals the key.
type Identity struct {
	name   string
	signer *opaqueSigner
}

// opaqueSigner keeps a private key from being printed with what holds it:
// package fmt follows pointers and interfaces, but no function.
type opaqueSigner struct{ key func() crypto.Signer }

// NewIdentity checks the name (ErrName) and that the key is Ed25519 (ErrKey).
// The key may live in hardware; it signs messages whole, as ed25519.PrivateKey
// does with crypto.Hash(0), and only texts of this protocol.
func NewIdentity(name string, key crypto.Signer) (Identity, error) {
	if !ValidName(name) {
		return Identity{}, ErrName
	}
	if key == nil {
		return Identity{}, ErrKey
	}
	if _, err := NewIdentityKey(key.Public()); err != nil {
		return Identity{}, err
	}
	return Identity{name, &opaqueSigner{func() crypto.Signer { return key }}}, nil
}

// Name is the name that the others see.
func (id Identity) Name() string { return id.name }

// Public is the public half of the identity key.
func (id Identity) Public() IdentityKey {
	k, _ := NewIdentityKey(id.signer.key().Public())
	return k
}

// String gives the name and no key.
func (id Identity) String() string { return "group.Identity(" + id.name + ")" }

// GoString is String.
func (id Identity) GoString() string { return id.String() }

// leaf is a member's entry in the roster: {room, name, identity key, leaf
// signing key, leaf KEM key}, signed by the identity and by the leaf key.
type leaf struct {
	name        string
	identity    IdentityKey
	fingerprint Fingerprint // of identity
	signing     signingKey
	kem         []byte // 1184 bytes ML-KEM-768 and the RSA key's DER
	raw         []byte
	hash        Hash
	kemKey      *compositekem.EncapsulationKey // parsed when first needed
}

// parseLeaf takes a leaf of room: canonical, sound keys, both signatures.
func parseLeaf(raw []byte, room RoomID) (*leaf, error) {
	l, err := decodeLeaf(raw, room)
	if err != nil {
		return nil, err
	}
	if err := l.check(); err != nil {
		return nil, err
	}
	return l, nil
}

// check holds that the keys are sound and the signatures right.
func (l *leaf) check() (err error) {
	if !edwards.Sound(l.identity[:]) || !edwards.Sound(l.signing[:]) || l.signing == signingKey(l.identity) {
		return ErrKey
	}
	if l.kemKey, err = parseKEMKey(l.kem); err != nil {
		return err
	}
	leafAt := len(l.raw) - sigSize
	identityAt := leafAt - sigSize
	if !verify(l.identity, signLeafIdentity, l.raw[:identityAt], l.raw[identityAt:leafAt]) ||
		!verify(l.signing, signLeafKey, l.raw[:leafAt], l.raw[leafAt:]) {
		return ErrSignature
	}
	return nil
}

// decodeLeaf reads a leaf and verifies nothing: enough for one that this
// package stored. It keeps no slice of raw.
func decodeLeaf(raw []byte, room RoomID) (*leaf, error) {
	l := &leaf{raw: bytes.Clone(raw), hash: digest(labelLeaf, raw)}
	r := reader{s: l.raw}
	id := RoomID(r.hash())
	l.name, l.identity, l.signing, l.kem = string(r.vec8()), IdentityKey(r.hash()), signingKey(r.hash()), r.vec16()
	l.fingerprint = l.identity.Fingerprint()
	r.bytes(2 * sigSize)
	switch {
	case r.done() != nil:
		return nil, ErrMalformed
	case id != room:
		return nil, ErrWrongRoom
	case !ValidName(l.name):
		return nil, ErrName
	}
	return l, nil
}

// encapsulator is the leaf's KEM key.
func (l *leaf) encapsulator() (*compositekem.EncapsulationKey, error) {
	if l.kemKey == nil {
		k, err := parseKEMKey(l.kem)
		if err != nil {
			return nil, err
		}
		l.kemKey = k
	}
	return l.kemKey, nil
}

// leafKeys are the private halves of a leaf.
type leafKeys struct {
	signing ed25519.PrivateKey
	kem     *compositekem.DecapsulationKey
}

// newLeafFor generates fresh keys and has the identity sign them for room.
func newLeafFor(id Identity, room RoomID) (*leaf, leafKeys, error) {
	_, signing, err := ed25519.GenerateKey(nil)
	if err != nil {
		return nil, leafKeys{}, err
	}
	kem, err := compositekem.GenerateKey(compositekem.RSA2048)
	if err != nil {
		return nil, leafKeys{}, err
	}
	keys := leafKeys{signing, kem}
	identity := id.Public()
	body := build(func(b *cryptobyte.Builder) {
		b.AddBytes(room[:])
		put8(b, []byte(id.name))
		b.AddBytes(identity[:])
		b.AddBytes(signing.Public().(ed25519.PublicKey))
		put16(b, kem.EncapsulationKey().Bytes())
	})
	sig, err := signIdentity(id, signLeafIdentity, body)
	if err != nil {
		return nil, leafKeys{}, err
	}
	body = append(body, sig...)
	body = append(body, sign(signing, signLeafKey, body)...)
	l, err := parseLeaf(body, room)
	return l, keys, err
}
