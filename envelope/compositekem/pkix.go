package compositekem

import (
	encasn1 "encoding/asn1"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// MarshalPKIXPublicKey returns the DER SubjectPublicKeyInfo of the key: the
// algorithm without parameters, and [EncapsulationKey.Bytes] as the BIT STRING.
//
// It implements the draft, Section 5.1.
func MarshalPKIXPublicKey(ek *EncapsulationKey) []byte {
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		addAlgorithm(b, ek.set)
		b.AddASN1BitString(ek.encoded)
	})
	return b.BytesOrPanic()
}

// ParsePKIXPublicKey parses the DER SubjectPublicKeyInfo that
// [MarshalPKIXPublicKey] returns, and nothing else. A key of another algorithm
// is refused with [ErrAlgorithm], everything else with [ErrEncapsulationKey].
func ParsePKIXPublicKey(der []byte) (*EncapsulationKey, error) {
	input := cryptobyte.String(der)
	var spki, algorithm cryptobyte.String
	var pk []byte
	if !input.ReadASN1(&spki, asn1.SEQUENCE) || !input.Empty() || !spki.ReadASN1(&algorithm, asn1.SEQUENCE) {
		return nil, refuse(ErrEncapsulationKey, "not a DER SubjectPublicKeyInfo")
	}
	set, err := readAlgorithm(algorithm, ErrEncapsulationKey)
	if err != nil {
		return nil, err
	}
	if !spki.ReadASN1BitStringAsBytes(&pk) || !spki.Empty() {
		return nil, refuse(ErrEncapsulationKey, "not a DER SubjectPublicKeyInfo")
	}
	ek, err := NewEncapsulationKey(pk)
	if err != nil {
		return nil, err
	}
	if ek.set != set {
		return nil, refuse(ErrEncapsulationKey, "RSA modulus is not of the size that the algorithm names")
	}
	return ek, nil
}

// MarshalPKCS8PrivateKey returns the DER PKCS#8 structure of the key, version 0,
// not encrypted, which must be kept secret: the algorithm without parameters, and
// [DecapsulationKey.Bytes] as the OCTET STRING. A key of opaque halves has none:
// [ErrOpaque].
//
// It implements the draft, Section 5.3.
func MarshalPKCS8PrivateKey(dk *DecapsulationKey) ([]byte, error) {
	sk, err := dk.Bytes()
	if err != nil {
		return nil, err
	}
	defer clear(sk)
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1Int64(0)
		addAlgorithm(b, dk.ek.set)
		b.AddASN1OctetString(sk)
	})
	return b.BytesOrPanic(), nil
}

// ParsePKCS8PrivateKey parses the DER PKCS#8 structure that
// [MarshalPKCS8PrivateKey] returns, and nothing else: attributes, and the public
// key that RFC 5958 makes optional, are refused. A key of another algorithm is
// refused with [ErrAlgorithm], everything else with [ErrDecapsulationKey].
func ParsePKCS8PrivateKey(der []byte) (*DecapsulationKey, error) {
	input := cryptobyte.String(der)
	var info, algorithm, sk cryptobyte.String
	var version int64
	if !input.ReadASN1(&info, asn1.SEQUENCE) || !input.Empty() ||
		!info.ReadASN1Integer(&version) || !info.ReadASN1(&algorithm, asn1.SEQUENCE) {
		return nil, refuse(ErrDecapsulationKey, "not a DER PKCS#8 structure")
	}
	set, err := readAlgorithm(algorithm, ErrDecapsulationKey)
	if err != nil {
		return nil, err
	}
	if version != 0 || !info.ReadASN1(&sk, asn1.OCTET_STRING) || !info.Empty() {
		return nil, refuse(ErrDecapsulationKey, "not PKCS#8 of version 0 with a private key only")
	}
	dk, err := NewDecapsulationKey(sk)
	if err != nil {
		return nil, err
	}
	if dk.ek.set != set {
		return nil, refuse(ErrDecapsulationKey, "RSA modulus is not of the size that the algorithm names")
	}
	return dk, nil
}

// addAlgorithm implements AlgorithmIdentifier with absent parameters, the draft,
// Section 5.3.
func addAlgorithm(b *cryptobyte.Builder, set ParameterSet) {
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1ObjectIdentifier(set.parameters().oid)
	})
}

func readAlgorithm(algorithm cryptobyte.String, malformed error) (ParameterSet, error) {
	var oid encasn1.ObjectIdentifier
	if !algorithm.ReadASN1ObjectIdentifier(&oid) {
		return 0, refuse(malformed, "malformed algorithm identifier")
	}
	set, ok := parameterSetFor(func(p parameters) bool { return p.oid.Equal(oid) })
	if !ok {
		return 0, ErrAlgorithm
	}
	if !algorithm.Empty() {
		return 0, refuse(malformed, "algorithm parameters present")
	}
	return set, nil
}
