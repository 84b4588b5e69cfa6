package keyfile

import (
	"bytes"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// parseSPKI reads SubjectPublicKeyInfo, RFC 5280, Section 4.1.
func parseSPKI(der []byte) (*PublicKey, error) {
	seq, err := readSequence(der)
	if err != nil {
		return nil, err
	}
	a, err := readAlgorithm(&seq)
	if err != nil {
		return nil, err
	}
	var subject []byte
	if !seq.ReadASN1BitStringAsBytes(&subject) || !seq.Empty() {
		return nil, refuse(ErrMalformed, "not a SubjectPublicKeyInfo")
	}
	return parseSubject(a, subject)
}

// parseSubject reads the public key in the encoding of its algorithm.
func parseSubject(a algorithm, subject []byte) (*PublicKey, error) {
	switch a.kind {
	case RSA:
		return parsePKCS1Public(subject)
	case Composite:
		return parseCompositePublic(a.set, subject)
	default:
		return newEd25519Public(subject)
	}
}

func marshalSPKI(a algorithm, subject []byte) []byte {
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		addAlgorithm(b, a)
		b.AddASN1BitString(subject)
	})
	return b.BytesOrPanic()
}

// match compares the key with a public key that stands beside the private one.
func (k *PublicKey) match(subject []byte) error {
	if !bytes.Equal(subject, k.subject) {
		return refuse(ErrMismatch, "the public key beside the private one is another")
	}
	return nil
}
