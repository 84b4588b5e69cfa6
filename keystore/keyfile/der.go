package keyfile

import (
	"bytes"
	"strings"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// A structure is what a DER SEQUENCE can be that holds a key.
type structure uint8

const (
	pkcs1Private structure = iota + 1
	pkcs1Public
	pkcs8Plain
	pkcs8Encrypted
	spki
)

func parseDER(der, passphrase []byte) (Key, error) {
	s, err := structureOf(der)
	if err != nil {
		return nil, err
	}
	return parseStructure(s, der, passphrase)
}

func parseStructure(s structure, der, passphrase []byte) (Key, error) {
	switch s {
	case pkcs1Private:
		return orNil(parsePKCS1Private(der))
	case pkcs1Public:
		return orNil(parsePKCS1Public(der))
	case pkcs8Plain:
		return orNil(parsePKCS8(der))
	case pkcs8Encrypted:
		return orNil(parseEncrypted(der, passphrase))
	default:
		return orNil(parseSPKI(der))
	}
}

// orNil makes an interface of a key, and nil of one that comes with an error.
func orNil(key Key, err error) (Key, error) {
	if err != nil {
		return nil, err
	}
	return key, nil
}

// shapePKCS8 is how PKCS#8 begins: version, algorithm, key.
const shapePKCS8 = "ISO"

// structureOf goes by the types of the elements, which differ from structure to
// structure.
func structureOf(der []byte) (structure, error) {
	seq, err := readSequence(der)
	if err != nil {
		return 0, err
	}
	// Others would read the key in the block. By chance these bytes are in none.
	if bytes.Contains(der, []byte(pemBegin)) {
		return 0, refuse(ErrSeveralKeys, "a PEM block inside DER")
	}
	shape, ok := shapeOf(seq)
	switch {
	case !ok:
		return 0, refuse(ErrMalformed, "broken DER SEQUENCE")
	case shape == "II":
		return pkcs1Public, nil
	case shape == "IIIIIIIII" || shape == "IIIIIIIIIS":
		return pkcs1Private, nil
	case strings.HasPrefix(shape, shapePKCS8):
		return pkcs8Plain, nil
	case shape == "SB":
		return spki, nil
	case shape == "SO":
		return pkcs8Encrypted, nil
	case shape == "IIIIII":
		return 0, refuse(ErrAlgorithm, "DSA")
	case strings.HasPrefix(shape, "IO"):
		return 0, refuse(ErrAlgorithm, "EC")
	case shape == "SSB":
		return 0, refuse(ErrForm, "certificate, or a request for one")
	case shape == "IS" || shape == "ISS":
		return 0, refuse(ErrForm, "PKCS#12 file; openssl pkcs12 -nocerts -nodes takes the key out")
	}
	return 0, refuse(ErrForm, "DER, but of no known key")
}

// shapeOf gives a letter for each element.
func shapeOf(seq cryptobyte.String) (shape string, ok bool) {
	letters := map[asn1.Tag]byte{asn1.INTEGER: 'I', asn1.SEQUENCE: 'S', asn1.OCTET_STRING: 'O', asn1.BIT_STRING: 'B'}
	var b strings.Builder
	for !seq.Empty() {
		var element cryptobyte.String
		var tag asn1.Tag
		if !seq.ReadAnyASN1(&element, &tag) {
			return "", false
		}
		if letter, known := letters[tag]; known {
			b.WriteByte(letter)
		} else {
			b.WriteByte('.')
		}
	}
	return b.String(), true
}
