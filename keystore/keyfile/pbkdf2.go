package keyfile

import (
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	encasn1 "encoding/asn1"
	"hash"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// Limits of the key derivation in a file that is read: what a stranger's file
// can make this package do takes some seconds and 256 MiB at the most.
const (
	minSalt       = 8   // bytes, RFC 8018, Section 4.1
	maxSalt       = 128 // bytes
	maxIterations = 10_000_000
)

var (
	oidPBKDF2     = encasn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 12}
	oidHMACSHA1   = encasn1.ObjectIdentifier{1, 2, 840, 113549, 2, 7}
	oidHMACSHA256 = encasn1.ObjectIdentifier{1, 2, 840, 113549, 2, 9}
	oidHMACSHA384 = encasn1.ObjectIdentifier{1, 2, 840, 113549, 2, 10}
	oidHMACSHA512 = encasn1.ObjectIdentifier{1, 2, 840, 113549, 2, 11}
)

// readPBKDF2 reads PBKDF2-params, RFC 8018, Appendix A.2. The default of the
// pseudorandom function is taken where it stands there in full too, as the Java
// libraries write it.
func (s *pbes2) readPBKDF2(seq cryptobyte.String) error {
	var salt, iterations, keySize []byte
	if seq.PeekASN1Tag(asn1.SEQUENCE) {
		return refuse(ErrEncryption, "salt from elsewhere")
	}
	if !seq.ReadASN1Bytes(&salt, asn1.OCTET_STRING) || !seq.ReadASN1Integer(&iterations) {
		return errPBES2
	}
	if seq.PeekASN1Tag(asn1.INTEGER) && !seq.ReadASN1Integer(&keySize) {
		return errPBES2
	}
	prf := sha1.New
	if !seq.Empty() {
		var err error
		if prf, err = readPRF(&seq); err != nil {
			return err
		}
	}
	if !seq.Empty() || keySize != nil && !s.fits(keySize) {
		return errPBES2
	}
	if err := checkSalt(salt); err != nil {
		return err
	}
	n := small(iterations)
	if n < 1 || n > maxIterations {
		return refuse(ErrLimit, "PBKDF2 iterations")
	}
	s.derive = func(passphrase []byte, size int) ([]byte, error) {
		return derivePBKDF2(prf, passphrase, salt, int(n), size)
	}
	return nil
}

// readPRF reads the pseudorandom function; its parameters are NULL or, as some
// makers have it, absent.
func readPRF(in *cryptobyte.String) (func() hash.Hash, error) {
	oid, parameters, ok := readIdentifier(in)
	if !ok || !parameters.Empty() && !isNULL(parameters) {
		return nil, errPBES2
	}
	switch {
	case oid.Equal(oidHMACSHA1):
		return sha1.New, nil
	case oid.Equal(oidHMACSHA256):
		return sha256.New, nil
	case oid.Equal(oidHMACSHA384):
		return sha512.New384, nil
	case oid.Equal(oidHMACSHA512):
		return sha512.New, nil
	}
	return nil, unknownEncryption(oid)
}

// derivePBKDF2 fails in FIPS 140-only mode, with SHA-1 and with short salts.
func derivePBKDF2(prf func() hash.Hash, passphrase, salt []byte, iterations, size int) ([]byte, error) {
	key, err := pbkdf2.Key(prf, string(passphrase), salt, iterations, size)
	if err != nil {
		return nil, refuse(ErrEncryption, "PBKDF2 with parameters that FIPS 140-only mode does not allow")
	}
	return key, nil
}

// fits reports whether the optional keyLength is that of the cipher.
func (s *pbes2) fits(keySize []byte) bool { return small(keySize) == uint64(s.keySize) }

func checkSalt(salt []byte) error {
	if len(salt) < minSalt || len(salt) > maxSalt {
		return refuse(ErrLimit, "salt of fewer than 8 or more than 128 bytes")
	}
	return nil
}

// small returns an unsigned big-endian number, and for those that do not fit the
// largest that does, which is above any limit here.
func small(n []byte) uint64 {
	if len(n) > 8 {
		return 1<<64 - 1
	}
	var x uint64
	for _, b := range n {
		x = x<<8 | uint64(b)
	}
	return x
}
