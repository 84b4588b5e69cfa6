package keyfile

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"math/big"
	"slices"

	"github.com/parley-e2ee/parley/envelope/compositekem"
)

// A Kind is what a key is for.
type Kind uint8

const (
	// RSA is a key for RSA, of 2048 to 8192 bits.
	RSA Kind = iota + 1
	// Composite is a key for ML-KEM-768 and RSA together, see package
	// [compositekem], the RSA half of 2048, 3072 or 4096 bits.
	Composite
	// Ed25519 is a key for signatures, RFC 8032.
	Ed25519
)

// String returns "RSA", "composite" or "Ed25519".
func (k Kind) String() string {
	switch k {
	case RSA:
		return "RSA"
	case Composite:
		return "composite"
	case Ed25519:
		return "Ed25519"
	}
	return "unknown"
}

// A Key is a *[PrivateKey] or a *[PublicKey]; there are no others.
type Key interface {
	// Kind says what the key is for.
	Kind() Kind
	// Bits is the size of the RSA modulus, of a composite key that of its RSA
	// half, in bits; 256 for Ed25519.
	Bits() int
	// Public returns the public key, of a public key itself.
	Public() *PublicKey
	// Marshal returns the key in the form, or [ErrForm] where keys of its kind
	// and role have none. See [PrivateKey.Marshal] and [PublicKey.Marshal].
	Marshal(Form) ([]byte, error)

	closed()
}

var _, _ Key = (*PrivateKey)(nil), (*PublicKey)(nil)

// A PublicKey is one that passed the checks of this package. It does not change,
// and is safe for concurrent use. The zero value is not usable.
type PublicKey struct {
	algorithm algorithm
	bits      int
	key       crypto.PublicKey // *rsa.PublicKey, *compositekem.EncapsulationKey or ed25519.PublicKey
	subject   []byte           // the BIT STRING of spki
	spki      []byte           // DER, in the normal form
}

func newPublicKey(a algorithm, bits int, key crypto.PublicKey, subject []byte) *PublicKey {
	return &PublicKey{algorithm: a, bits: bits, key: key, subject: subject, spki: marshalSPKI(a, subject)}
}

// Kind says what the key is for.
func (k *PublicKey) Kind() Kind { return k.algorithm.kind }

// Bits is the size of the RSA modulus, of a composite key that of its RSA half,
// in bits; 256 for Ed25519.
func (k *PublicKey) Bits() int { return k.bits }

// Public returns the key itself.
func (k *PublicKey) Public() *PublicKey { return k }

// RSA returns a copy of the key, or false where it is of another kind.
func (k *PublicKey) RSA() (*rsa.PublicKey, bool) {
	key, ok := k.key.(*rsa.PublicKey)
	if !ok {
		return nil, false
	}
	return &rsa.PublicKey{N: new(big.Int).Set(key.N), E: key.E}, true
}

// Composite returns the key, or false where it is of another kind.
func (k *PublicKey) Composite() (*compositekem.EncapsulationKey, bool) {
	key, ok := k.key.(*compositekem.EncapsulationKey)
	return key, ok
}

// Ed25519 returns a copy of the key, 32 bytes, or false where it is of another
// kind.
func (k *PublicKey) Ed25519() (ed25519.PublicKey, bool) {
	key, ok := k.key.(ed25519.PublicKey)
	return slices.Clone(key), ok
}

// Equal reports whether x is a *PublicKey of the same kind and numbers.
func (k *PublicKey) Equal(x crypto.PublicKey) bool {
	other, ok := x.(*PublicKey)
	return ok && other != nil && bytes.Equal(k.spki, other.spki)
}

func (*PublicKey) closed() {}

// A PrivateKey is one that passed the checks of this package. It must be kept
// secret, and shows nothing of itself to fmt, log/slog and the encoders. It does
// not change, and is safe for concurrent use. The zero value is not usable.
type PrivateKey struct {
	public *PublicKey
	// private returns an *rsa.PrivateKey, *compositekem.DecapsulationKey or
	// ed25519.PrivateKey. It is a function because fmt, which prints unexported
	// fields at any depth, prints the address of a function only.
	private func() crypto.PrivateKey
}

func newPrivateKey(public *PublicKey, key crypto.PrivateKey) *PrivateKey {
	return &PrivateKey{public: public, private: func() crypto.PrivateKey { return key }}
}

// Kind says what the key is for.
func (k *PrivateKey) Kind() Kind { return k.public.Kind() }

// Bits is the size of the RSA modulus, of a composite key that of its RSA half,
// in bits; 256 for Ed25519.
func (k *PrivateKey) Bits() int { return k.public.bits }

// Public returns the public key.
func (k *PrivateKey) Public() *PublicKey { return k.public }

// RSA returns a copy of the key, ready for use, or false where it is of another
// kind. Unlike k, an *[rsa.PrivateKey] prints itself.
func (k *PrivateKey) RSA() (*rsa.PrivateKey, bool) {
	key, ok := k.private().(*rsa.PrivateKey)
	if !ok {
		return nil, false
	}
	return cloneRSA(key), true
}

// Composite returns the key, or false where it is of another kind.
func (k *PrivateKey) Composite() (*compositekem.DecapsulationKey, bool) {
	key, ok := k.private().(*compositekem.DecapsulationKey)
	return key, ok
}

// Ed25519 returns a copy of the key, 64 bytes, or false where it is of another
// kind. Unlike k, an [ed25519.PrivateKey] prints itself.
func (k *PrivateKey) Ed25519() (ed25519.PrivateKey, bool) {
	key, ok := k.private().(ed25519.PrivateKey)
	return slices.Clone(key), ok
}

func (*PrivateKey) closed() {}
