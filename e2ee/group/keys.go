package group

import (
	"crypto"
	"crypto/ed25519"
	"encoding/hex"

	"github.com/parley-e2ee/parley/envelope/compositekem"
	"github.com/parley-e2ee/parley/internal/edwards"
	"golang.org/x/crypto/cryptobyte"
)

// RoomID names a room: the hash of its Create header, 32 bytes. The address of
// its log is the hex form, which String returns.
type RoomID [32]byte

// String returns the 64 hex digits under which relays keep the room's log.
func (id RoomID) String() string { return hex.EncodeToString(id[:]) }

// ParseRoomID reads what String returns: 64 lower-case hex digits.
func ParseRoomID(s string) (RoomID, error) {
	var id RoomID
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != len(id) || hex.EncodeToString(b) != s {
		return RoomID{}, ErrMalformed
	}
	return RoomID(b), nil
}

// Membership names one admission of an identity: the hash of the Create or of
// the Join that admitted it, 32 bytes. It outlives replaced keys and rejoins.
type Membership [32]byte

// IdentityKey is a long-term Ed25519 public key, 32 bytes (RFC 8032).
type IdentityKey [32]byte

// signingKey is a leaf's Ed25519 public key.
type signingKey [32]byte

// Fingerprint is the hash of an identity key and its type, 32 bytes.
type Fingerprint [32]byte

// String returns 64 hex digits.
func (f Fingerprint) String() string { return hex.EncodeToString(f[:]) }

// Fingerprint hashes the key together with its type.
func (k IdentityKey) Fingerprint() Fingerprint {
	return Fingerprint(digest(labelIdentity, build(func(b *cryptobyte.Builder) {
		put8(b, []byte("ed25519"))
		b.AddBytes(k[:])
	})))
}

// NewIdentityKey takes the public half of an Ed25519 key. It returns ErrKey
// for anything else, for non-canonical encodings and for points of small
// order, under which anybody can sign.
func NewIdentityKey(pub crypto.PublicKey) (IdentityKey, error) {
	p, ok := pub.(ed25519.PublicKey)
	if !ok || len(p) != 32 {
		return IdentityKey{}, ErrKey
	}
	return ParseIdentityKey(p)
}

// ParseIdentityKey is NewIdentityKey for 32 raw bytes.
func ParseIdentityKey(raw []byte) (IdentityKey, error) {
	if !edwards.Sound(raw) {
		return IdentityKey{}, ErrKey
	}
	return IdentityKey(raw), nil
}

// verify checks an Ed25519 signature as crypto/ed25519 does: cofactorless,
// S canonical. Every reader of a log has to agree, so there is no other way.
func verify(key [32]byte, l label, body, sig []byte) bool {
	var small [1024]byte // see digest
	return len(sig) == sigSize && ed25519.Verify(key[:], appendText(small[:0], l, body), sig)
}

// sign signs with a key held here.
func sign(key ed25519.PrivateKey, l label, body []byte) []byte {
	var small [1024]byte
	return ed25519.Sign(key, appendText(small[:0], l, body))
}

// signIdentity signs with the identity, which may live in hardware.
func signIdentity(id Identity, l label, body []byte) ([]byte, error) {
	sig, err := id.signer.key().Sign(nil, text(l, body), crypto.Hash(0))
	if err != nil || !verify(id.Public(), l, body, sig) {
		return nil, ErrSignature
	}
	return sig, nil
}

// parseKEMKey checks that raw is a well-formed leaf or init key:
// MLKEM768-RSA2048-SHA3-256, canonical, modulus exactly 2048 bits, e = 65537.
func parseKEMKey(raw []byte) (*compositekem.EncapsulationKey, error) {
	k, err := compositekem.NewEncapsulationKey(raw)
	if err != nil || k.ParameterSet() != compositekem.RSA2048 {
		return nil, ErrKey
	}
	return k, nil
}
