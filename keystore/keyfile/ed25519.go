package keyfile

import (
	"crypto/ed25519"
	"slices"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

const ed25519Bits = 256

func newEd25519Public(key []byte) (*PublicKey, error) {
	if len(key) != ed25519.PublicKeySize {
		return nil, refuse(ErrMalformed, "Ed25519 public key is not of 32 bytes")
	}
	key = slices.Clone(key)
	return newPublicKey(algorithmEd25519, ed25519Bits, ed25519.PublicKey(key), key), nil
}

func newEd25519FromSeed(seed []byte) (*PrivateKey, error) {
	if len(seed) != ed25519.SeedSize {
		return nil, refuse(ErrMalformed, "Ed25519 private key is not of 32 bytes")
	}
	key := ed25519.NewKeyFromSeed(seed)
	public, err := newEd25519Public(key[ed25519.SeedSize:])
	if err != nil {
		return nil, err
	}
	return newPrivateKey(public, key), nil
}

// newEd25519Private takes the seed and the public key behind it, as
// [ed25519.PrivateKey] has them.
func newEd25519Private(key ed25519.PrivateKey) (*PrivateKey, error) {
	if len(key) != ed25519.PrivateKeySize {
		return nil, refuse(ErrMalformed, "Ed25519 private key is not of 64 bytes")
	}
	own, err := newEd25519FromSeed(key[:ed25519.SeedSize])
	if err != nil {
		return nil, err
	}
	if err := own.public.match(key[ed25519.SeedSize:]); err != nil {
		return nil, err
	}
	return own, nil
}

// parseEd25519Private reads CurvePrivateKey, RFC 8410, Section 7.
func parseEd25519Private(der []byte) (*PrivateKey, error) {
	input := cryptobyte.String(der)
	var seed cryptobyte.String
	if !input.ReadASN1(&seed, asn1.OCTET_STRING) {
		return nil, refuse(ErrMalformed, "Ed25519 private key is not an OCTET STRING")
	}
	if !input.Empty() {
		return nil, refuse(ErrTrailingData, "behind the Ed25519 private key")
	}
	return newEd25519FromSeed(seed)
}

func marshalEd25519Private(key ed25519.PrivateKey) []byte {
	var b cryptobyte.Builder
	b.AddASN1OctetString(key[:ed25519.SeedSize])
	return b.BytesOrPanic()
}
