package keyfile

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"fmt"

	"github.com/parley-e2ee/parley/envelope/compositekem"
)

var errNil = refuse(ErrMalformed, "nil key")

// NewPrivateKey takes an *[rsa.PrivateKey], *[compositekem.DecapsulationKey] or
// [ed25519.PrivateKey], and checks it as [Parse] does. The key is copied. Of an
// RSA key the CRT values may be missing. Keys of other types are refused with
// [ErrAlgorithm], a composite key that has no encoding with [ErrForm].
func NewPrivateKey(key crypto.PrivateKey) (*PrivateKey, error) {
	switch key := key.(type) {
	case *rsa.PrivateKey:
		if key == nil {
			return nil, errNil
		}
		numbers, err := numbersOf(key)
		if err != nil {
			return nil, err
		}
		defer numbers.wipe()
		return newRSAPrivate(numbers)
	case *compositekem.DecapsulationKey:
		if key == nil {
			return nil, errNil
		}
		encoded, err := key.Bytes()
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrForm, err)
		}
		defer wipe(encoded)
		return parseCompositePrivate(key.ParameterSet(), encoded)
	case ed25519.PrivateKey:
		return newEd25519Private(key)
	}
	return nil, refuse(ErrAlgorithm, fmt.Sprintf("Go type %T", key))
}

// NewPublicKey takes an *[rsa.PublicKey], *[compositekem.EncapsulationKey] or
// [ed25519.PublicKey], and checks it as [Parse] does. The key is copied. Keys of
// other types are refused with [ErrAlgorithm].
func NewPublicKey(key crypto.PublicKey) (*PublicKey, error) {
	switch key := key.(type) {
	case *rsa.PublicKey:
		if key == nil {
			return nil, errNil
		}
		return newRSAPublic(publicNumbersOf(key))
	case *compositekem.EncapsulationKey:
		if key == nil {
			return nil, errNil
		}
		return newCompositePublic(key), nil
	case ed25519.PublicKey:
		return newEd25519Public(key)
	}
	return nil, refuse(ErrAlgorithm, fmt.Sprintf("Go type %T", key))
}
