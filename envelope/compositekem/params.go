package compositekem

import (
	"encoding/asn1"
	"slices"
)

// Sizes in bytes.
const (
	// SharedKeySize is the size of a shared key.
	SharedKeySize = 32

	// EncapsulationKeySize2048, EncapsulationKeySize3072 and
	// EncapsulationKeySize4096 are the sizes of an encoded encapsulation key.
	EncapsulationKeySize2048 = mlkemPublicKeySize + 270
	EncapsulationKeySize3072 = mlkemPublicKeySize + 398
	EncapsulationKeySize4096 = mlkemPublicKeySize + 526

	// CiphertextSize2048, CiphertextSize3072 and CiphertextSize4096 are the
	// sizes of a ciphertext.
	CiphertextSize2048 = mlkemCiphertextSize + 2048/8
	CiphertextSize3072 = mlkemCiphertextSize + 3072/8
	CiphertextSize4096 = mlkemCiphertextSize + 4096/8
)

// A ParameterSet is one of the algorithms of the draft, Section 6. They differ
// in the size of the RSA modulus only.
type ParameterSet uint8

const (
	// RSA2048 is id-MLKEM768-RSA2048-SHA3-256: encapsulation keys of 1454
	// bytes, ciphertexts of 1344 bytes.
	RSA2048 ParameterSet = iota + 1
	// RSA3072 is id-MLKEM768-RSA3072-SHA3-256: encapsulation keys of 1582
	// bytes, ciphertexts of 1472 bytes.
	RSA3072
	// RSA4096 is id-MLKEM768-RSA4096-SHA3-256: encapsulation keys of 1710
	// bytes, ciphertexts of 1600 bytes.
	RSA4096
)

// parameters implements the draft, Section 6.
type parameters struct {
	name                 string
	oid                  asn1.ObjectIdentifier
	label                string
	modulusBits          int
	encapsulationKeySize int
	ciphertextSize       int
}

var parameterSets = [...]parameters{
	RSA2048: {
		name:                 "id-MLKEM768-RSA2048-SHA3-256",
		oid:                  asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 6, 55},
		label:                "MLKEM768-RSAOAEP2048",
		modulusBits:          2048,
		encapsulationKeySize: EncapsulationKeySize2048,
		ciphertextSize:       CiphertextSize2048,
	},
	RSA3072: {
		name:                 "id-MLKEM768-RSA3072-SHA3-256",
		oid:                  asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 6, 56},
		label:                "MLKEM768-RSAOAEP3072",
		modulusBits:          3072,
		encapsulationKeySize: EncapsulationKeySize3072,
		ciphertextSize:       CiphertextSize3072,
	},
	RSA4096: {
		name:                 "id-MLKEM768-RSA4096-SHA3-256",
		oid:                  asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 6, 57},
		label:                "MLKEM768-RSAOAEP4096",
		modulusBits:          4096,
		encapsulationKeySize: EncapsulationKeySize4096,
		ciphertextSize:       CiphertextSize4096,
	},
}

// parameters of an unknown set are all zero, with the unknown set's name.
func (s ParameterSet) parameters() parameters {
	if s == 0 || int(s) >= len(parameterSets) {
		return parameters{name: "unknown composite ML-KEM"}
	}
	return parameterSets[s]
}

// parameterSetFor returns the one set for which is holds.
func parameterSetFor(is func(parameters) bool) (ParameterSet, bool) {
	for s := RSA2048; s <= RSA4096; s++ {
		if is(parameterSets[s]) {
			return s, true
		}
	}
	return 0, false
}

// String returns the name of the algorithm in the draft.
func (s ParameterSet) String() string { return s.parameters().name }

// OID returns the object identifier of the algorithm, nil for an unknown set.
func (s ParameterSet) OID() asn1.ObjectIdentifier { return slices.Clone(s.parameters().oid) }

// ModulusBits returns the size of the RSA modulus in bits, 0 for an unknown set.
func (s ParameterSet) ModulusBits() int { return s.parameters().modulusBits }

// EncapsulationKeySize returns the size of an encoded encapsulation key in
// bytes, 0 for an unknown set.
func (s ParameterSet) EncapsulationKeySize() int { return s.parameters().encapsulationKeySize }

// CiphertextSize returns the size of a ciphertext in bytes, 0 for an unknown set.
func (s ParameterSet) CiphertextSize() int { return s.parameters().ciphertextSize }
