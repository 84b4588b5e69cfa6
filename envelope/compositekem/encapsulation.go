package compositekem

import (
	"bytes"
	"crypto"
	"crypto/mlkem"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"slices"
)

// An EncapsulationKey is a composite public key. It is safe for concurrent use.
// [NewEncapsulationKey], [ParsePKIXPublicKey] and
// [DecapsulationKey.EncapsulationKey] make one; the zero value is not usable.
type EncapsulationKey struct {
	set     ParameterSet
	mlkem   func() *mlkem.EncapsulationKey768
	rsa     *rsa.PublicKey
	encoded []byte
}

var _ crypto.Encapsulator = (*EncapsulationKey)(nil)

// NewEncapsulationKey parses the encoding that [EncapsulationKey.Bytes] returns:
// mlkemPK, 1184 bytes, then the DER RSAPublicKey. The parameter set follows from
// the modulus; a caller that expects a certain one asks
// [EncapsulationKey.ParameterSet]. Anything but the canonical encoding of a key
// that the draft allows is refused with [ErrEncapsulationKey].
//
// It implements DeserializePublicKey of the draft, Section 4.1.
func NewEncapsulationKey(encapsulationKey []byte) (*EncapsulationKey, error) {
	if len(encapsulationKey) < mlkemPublicKeySize {
		return nil, refuse(ErrEncapsulationKey, "too short")
	}
	tradPK, err := parseRSAPublicKey(encapsulationKey[mlkemPublicKeySize:])
	if err != nil {
		return nil, err
	}
	mlkemPK := encapsulationKey[:mlkemPublicKeySize]
	if !validMLKEM(mlkemPK) {
		return nil, refuse(ErrEncapsulationKey, "ML-KEM half is not valid")
	}
	return newEncapsulationKey(mlkemPK, tradPK)
}

// newEncapsulationKey implements SerializePublicKey of the draft, Section 4.1.
// mlkemPK is valid.
func newEncapsulationKey(mlkemPK []byte, tradPK *rsa.PublicKey) (*EncapsulationKey, error) {
	set, err := checkRSAPublicKey(tradPK, ErrEncapsulationKey)
	if err != nil {
		return nil, err
	}
	encoded := slices.Concat(mlkemPK, marshalRSAPublicKey(tradPK))
	return &EncapsulationKey{
		set:     set,
		mlkem:   expandLater(encoded[:mlkemPublicKeySize]),
		rsa:     tradPK,
		encoded: encoded,
	}, nil
}

// ParameterSet returns the algorithm that the key is for.
func (ek *EncapsulationKey) ParameterSet() ParameterSet { return ek.set }

// Bytes returns a copy of the encoded key, of
// [ParameterSet.EncapsulationKeySize] bytes.
func (ek *EncapsulationKey) Bytes() []byte { return slices.Clone(ek.encoded) }

// Equal reports whether x is an *EncapsulationKey with the same encoding.
func (ek *EncapsulationKey) Equal(x crypto.PublicKey) bool {
	other, ok := x.(*EncapsulationKey)
	return ok && other != nil && bytes.Equal(ek.encoded, other.encoded)
}

// Encapsulate makes a shared key of 32 bytes, which must be kept secret, and the
// ciphertext of [ParameterSet.CiphertextSize] bytes that carries it to the holder
// of the decapsulation key. Randomness comes from the system.
//
// Like its counterpart in [crypto/mlkem], it has no error to return: the only
// step that could fail is RSA-OAEP encryption, which does not with a key that
// passed the checks of [NewEncapsulationKey]. Should it ever, Encapsulate panics
// rather than hand out a key that is not one. The first call for a key expands its
// ML-KEM half, and takes about a quarter longer than the others.
//
// It implements Encaps of the draft, Section 3.2.
func (ek *EncapsulationKey) Encapsulate() (sharedKey, ciphertext []byte) {
	mlkemSS, mlkemCT := ek.mlkem().Encapsulate()
	defer clear(mlkemSS)

	// Implements RSAOAEPKEM.Encaps of the draft, Section 2.1.
	tradSS := make([]byte, tradSSSize)
	defer clear(tradSS)
	rand.Read(tradSS)
	tradCT, err := rsa.EncryptOAEP(sha256.New(), rand.Reader, ek.rsa, tradSS, nil)
	if err != nil {
		panic("compositekem: RSA-OAEP encryption to a valid key failed: " + err.Error())
	}
	return ek.combine(mlkemSS, tradSS, tradCT), append(mlkemCT, tradCT...)
}

func (ek *EncapsulationKey) combine(mlkemSS, tradSS, tradCT []byte) []byte {
	return combine(mlkemSS, tradSS, tradCT, ek.encoded[mlkemPublicKeySize:], ek.set.parameters().label)
}
