package keyfile

import (
	"crypto/aes"
	encasn1 "encoding/asn1"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// pbes2 is PBES2-params, RFC 8018, Appendix A.4, as far as it is read.
type pbes2 struct {
	// derive makes the key of so many bytes.
	derive  func(passphrase []byte, size int) ([]byte, error)
	keySize int
	iv      []byte
}

var (
	oidPBES2  = encasn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 13}
	oidAES128 = encasn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 1, 2}
	oidAES192 = encasn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 1, 22}
	oidAES256 = encasn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 1, 42}

	errPBES2 = refuse(ErrMalformed, "broken PBES2 parameters")
)

// otherEncryptions are those that are refused by name.
var otherEncryptions = map[string]string{
	"1.2.840.113549.1.5.1":    "PBES1 with MD2 and DES",
	"1.2.840.113549.1.5.3":    "PBES1 with MD5 and DES",
	"1.2.840.113549.1.5.4":    "PBES1 with MD2 and RC2",
	"1.2.840.113549.1.5.6":    "PBES1 with MD5 and RC2",
	"1.2.840.113549.1.5.10":   "PBES1 with SHA-1 and DES",
	"1.2.840.113549.1.5.11":   "PBES1 with SHA-1 and RC2",
	"1.2.840.113549.1.5.14":   "PBMAC1",
	"1.2.840.113549.1.12.1.1": "PKCS#12 with SHA-1 and RC4-128",
	"1.2.840.113549.1.12.1.2": "PKCS#12 with SHA-1 and RC4-40",
	"1.2.840.113549.1.12.1.3": "PKCS#12 with SHA-1 and Triple DES",
	"1.2.840.113549.1.12.1.4": "PKCS#12 with SHA-1 and two-key Triple DES",
	"1.2.840.113549.1.12.1.5": "PKCS#12 with SHA-1 and RC2-128",
	"1.2.840.113549.1.12.1.6": "PKCS#12 with SHA-1 and RC2-40",
	"1.2.840.113549.2.8":      "HMAC-SHA-224",
	"1.2.840.113549.2.12":     "HMAC-SHA-512/224",
	"1.2.840.113549.2.13":     "HMAC-SHA-512/256",
	"1.2.840.113549.3.2":      "RC2-CBC",
	"1.2.840.113549.3.7":      "Triple DES in CBC mode",
	"1.3.14.3.2.7":            "DES-CBC",
	"2.16.840.1.101.3.4.1.6":  "AES-128-GCM",
	"2.16.840.1.101.3.4.1.26": "AES-192-GCM",
	"2.16.840.1.101.3.4.1.46": "AES-256-GCM",
	"1.3.6.1.4.1.3029.1.2":    "Blowfish-CBC",
}

func unknownEncryption(oid encasn1.ObjectIdentifier) error {
	return refuse(ErrEncryption, nameOf(oid, otherEncryptions))
}

// readPBES2 reads the encryptionAlgorithm of an encrypted key.
func readPBES2(in *cryptobyte.String) (*pbes2, error) {
	oid, parameters, ok := readIdentifier(in)
	if !ok {
		return nil, errPBES2
	}
	if !oid.Equal(oidPBES2) {
		return nil, unknownEncryption(oid)
	}
	var seq cryptobyte.String
	if !parameters.ReadASN1(&seq, asn1.SEQUENCE) || !parameters.Empty() {
		return nil, errPBES2
	}
	kdf, kdfParameters, ok := readIdentifier(&seq)
	if !ok {
		return nil, errPBES2
	}
	var s pbes2
	if err := s.readCipher(&seq); err != nil {
		return nil, err
	}
	if !seq.Empty() {
		return nil, errPBES2
	}
	if err := s.readKDF(kdf, kdfParameters); err != nil {
		return nil, err
	}
	return &s, nil
}

// readCipher reads AES in CBC mode with its IV, RFC 8018, Appendix B.2.5.
func (s *pbes2) readCipher(in *cryptobyte.String) error {
	oid, parameters, ok := readIdentifier(in)
	switch {
	case !ok:
		return errPBES2
	case oid.Equal(oidAES128):
		s.keySize = 16
	case oid.Equal(oidAES192):
		s.keySize = 24
	case oid.Equal(oidAES256):
		s.keySize = 32
	default:
		return unknownEncryption(oid)
	}
	if !parameters.ReadASN1Bytes(&s.iv, asn1.OCTET_STRING) || !parameters.Empty() || len(s.iv) != aes.BlockSize {
		return errPBES2
	}
	return nil
}

// readKDF reads what follows the object identifier of a key derivation function.
func (s *pbes2) readKDF(oid encasn1.ObjectIdentifier, parameters cryptobyte.String) error {
	var seq cryptobyte.String
	if !oid.Equal(oidPBKDF2) && !oid.Equal(oidScrypt) {
		return unknownEncryption(oid)
	}
	if !parameters.ReadASN1(&seq, asn1.SEQUENCE) || !parameters.Empty() {
		return errPBES2
	}
	if oid.Equal(oidPBKDF2) {
		return s.readPBKDF2(seq)
	}
	return s.readScrypt(seq)
}
