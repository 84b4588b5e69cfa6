package group

import (
	"crypto"
	"crypto/ed25519"
	"encoding/hex"
	"math/big"

	"github.com/parley-e2ee/parley/envelope/compositekem"
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
	if len(raw) != 32 || !soundPoint([32]byte(raw)) {
		return IdentityKey{}, ErrKey
	}
	return IdentityKey(raw), nil
}

// fieldPrime is 2^255 − 19 (RFC 8032, section 5.1).
var fieldPrime = new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 255), big.NewInt(19))

// smallOrderY are the y coordinates of the eight points whose order divides 8,
// little-endian: 0 (order 4), 1 (order 1), −1 (order 2) and the two of order 8.
var smallOrderY = [][32]byte{
	{},
	{0: 1},
	littleEndian(new(big.Int).Sub(fieldPrime, big.NewInt(1))),
	hex32("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
	hex32("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
}

func hex32(s string) [32]byte {
	b, _ := hex.DecodeString(s)
	return [32]byte(b)
}

func littleEndian(v *big.Int) (out [32]byte) {
	v.FillBytes(out[:])
	reverse(&out)
	return out
}

func reverse(b *[32]byte) {
	for i := range 16 {
		b[i], b[31-i] = b[31-i], b[i]
	}
}

// soundPoint reports whether k is the canonical encoding of a field element
// and no point of small order. That the point is on the curve shows when a
// signature verifies under it.
func soundPoint(k [32]byte) bool {
	k[31] &= 0x7f
	for _, y := range smallOrderY {
		if k == y {
			return false
		}
	}
	reverse(&k)
	return new(big.Int).SetBytes(k[:]).Cmp(fieldPrime) < 0
}

// verify checks an Ed25519 signature as crypto/ed25519 does: cofactorless,
// S canonical. Every reader of a log has to agree, so there is no other way.
func verify(key [32]byte, l label, body, sig []byte) bool {
	return len(sig) == sigSize && ed25519.Verify(key[:], text(l, body), sig)
}

// sign signs with a key held here.
func sign(key ed25519.PrivateKey, l label, body []byte) []byte {
	return ed25519.Sign(key, text(l, body))
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
