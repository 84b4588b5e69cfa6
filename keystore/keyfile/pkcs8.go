package keyfile

import (
	"crypto/ed25519"
	"crypto/rsa"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/parley-e2ee/parley/envelope/compositekem"
)

// pkcs8 is OneAsymmetricKey, RFC 5958, Section 2, with its secret.
type pkcs8 struct {
	algorithm algorithm
	key       cryptobyte.String // the OCTET STRING
	public    []byte            // the BIT STRING, nil where there is none
}

var (
	errPKCS8 = refuse(ErrMalformed, "not a PKCS#8 structure")

	tagAttributes = asn1.Tag(0).ContextSpecific().Constructed()
	tagPublicKey  = asn1.Tag(1).ContextSpecific()
)

// parsePKCS8 reads an unencrypted private key of any kind.
func parsePKCS8(der []byte) (*PrivateKey, error) {
	info, err := readPKCS8(der)
	if err != nil {
		return nil, err
	}
	key, err := info.parse()
	if err != nil {
		return nil, err
	}
	if info.public != nil {
		if err := key.public.match(info.public); err != nil {
			return nil, err
		}
	}
	return key, nil
}

// readPKCS8 takes the structure apart. Attributes are about the key, not of it:
// they are checked for their encoding and left out.
func readPKCS8(der []byte) (*pkcs8, error) {
	seq, err := readSequence(der)
	if err != nil {
		return nil, err
	}
	var version int64
	if !seq.ReadASN1Integer(&version) || version < 0 || version > 1 {
		return nil, errPKCS8
	}
	var info pkcs8
	if info.algorithm, err = readAlgorithm(&seq); err != nil {
		return nil, err
	}
	if !seq.ReadASN1(&info.key, asn1.OCTET_STRING) || !skipAttributes(&seq) {
		return nil, errPKCS8
	}
	// Version 1 and the public key come together or not at all.
	if version == 1 && !readPublicKey(&seq, &info.public) || !seq.Empty() {
		return nil, errPKCS8
	}
	return &info, nil
}

// skipAttributes reads [0] IMPLICIT SET OF Attribute, where it is there.
func skipAttributes(in *cryptobyte.String) bool {
	if !in.PeekASN1Tag(tagAttributes) {
		return true
	}
	var all, attribute cryptobyte.String
	if !in.ReadASN1(&all, tagAttributes) {
		return false
	}
	for !all.Empty() {
		if !all.ReadASN1(&attribute, asn1.SEQUENCE) ||
			!attribute.SkipASN1(asn1.OBJECT_IDENTIFIER) || !attribute.SkipASN1(asn1.SET) || !attribute.Empty() {
			return false
		}
	}
	return true
}

// readPublicKey reads [1] IMPLICIT BIT STRING of whole bytes.
func readPublicKey(in *cryptobyte.String, out *[]byte) bool {
	var bits cryptobyte.String
	var unused uint8
	if !in.ReadASN1(&bits, tagPublicKey) || !bits.ReadUint8(&unused) || unused != 0 {
		return false
	}
	*out = bits
	return true
}

func (info *pkcs8) parse() (*PrivateKey, error) {
	switch info.algorithm.kind {
	case RSA:
		return parsePKCS1Private(info.key)
	case Composite:
		return parseCompositePrivate(info.algorithm.set, info.key)
	default:
		return parseEd25519Private(info.key)
	}
}

// marshalPKCS8 writes version 0, with neither attributes nor the public key.
func marshalPKCS8(k *PrivateKey) []byte {
	secret := marshalSecret(k)
	defer wipe(secret)
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1Int64(0)
		addAlgorithm(b, k.public.algorithm)
		b.AddASN1OctetString(secret)
	})
	return b.BytesOrPanic()
}

// marshalSecret writes the private key in the encoding of its algorithm.
func marshalSecret(k *PrivateKey) []byte {
	switch key := k.private().(type) {
	case *rsa.PrivateKey:
		return marshalPKCS1Private(key)
	case *compositekem.DecapsulationKey:
		encoded, err := key.Bytes()
		if err != nil {
			panic("keyfile: a composite key lost its encoding: " + err.Error())
		}
		return encoded
	default:
		return marshalEd25519Private(key.(ed25519.PrivateKey))
	}
}
