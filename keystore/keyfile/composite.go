package keyfile

import (
	"crypto/mlkem"
	"crypto/rsa"

	"github.com/parley-e2ee/parley/envelope/compositekem"
)

var errComposite = refuse(ErrMalformed, "not a valid composite key")

func newCompositePublic(key *compositekem.EncapsulationKey) *PublicKey {
	set := key.ParameterSet()
	return newPublicKey(algorithmComposite(set), set.ModulusBits(), key, key.Bytes())
}

// parseCompositePublic reads the encoding of [compositekem.NewEncapsulationKey].
// The RSA half is looked at first, for an error that says what is wrong with it.
func parseCompositePublic(set compositekem.ParameterSet, encoded []byte) (*PublicKey, error) {
	if len(encoded) < mlkem.EncapsulationKeySize768 {
		return nil, errComposite
	}
	half, err := parsePKCS1Public(encoded[mlkem.EncapsulationKeySize768:])
	if err != nil {
		return nil, err
	}
	if err := checkHalf(set, half); err != nil {
		return nil, err
	}
	key, err := compositekem.NewEncapsulationKey(encoded)
	if err != nil {
		return nil, errComposite
	}
	return newCompositePublic(key), nil
}

// parseCompositePrivate reads the encoding of [compositekem.NewDecapsulationKey],
// the RSA half first.
func parseCompositePrivate(set compositekem.ParameterSet, encoded []byte) (*PrivateKey, error) {
	if len(encoded) < mlkem.SeedSize {
		return nil, errComposite
	}
	half, err := parsePKCS1Private(encoded[mlkem.SeedSize:])
	if err != nil {
		return nil, err
	}
	if err := checkHalf(set, half.public); err != nil {
		return nil, err
	}
	key, err := compositekem.NewDecapsulationKey(encoded)
	if err != nil {
		return nil, errComposite
	}
	return newPrivateKey(newCompositePublic(key.EncapsulationKey()), key), nil
}

func checkHalf(set compositekem.ParameterSet, half *PublicKey) error {
	if half.bits != set.ModulusBits() {
		return refuse(ErrKeySize, "RSA half is not of the size that the composite algorithm names")
	}
	if half.key.(*rsa.PublicKey).E != minExponent {
		return refuse(ErrExponent, "RSA half of a composite key has another public exponent than 65537")
	}
	return nil
}
