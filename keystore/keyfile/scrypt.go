package keyfile

import (
	"crypto/fips140"
	encasn1 "encoding/asn1"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
	"golang.org/x/crypto/scrypt"
)

const (
	maxScryptMemory = 256 << 20 // bytes
	maxScryptWork   = 1 << 23   // N·r·p, 64 times what openssl asks for
	maxScryptLanes  = 1 << 16   // r·p, on which PBKDF2 works before and after
)

var oidScrypt = encasn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 11591, 4, 11}

// readScrypt reads scrypt-params, RFC 7914, Section 7.1.
func (s *pbes2) readScrypt(seq cryptobyte.String) error {
	var salt, cost, block, parallel, keySize []byte
	if !seq.ReadASN1Bytes(&salt, asn1.OCTET_STRING) || !readUnsigned(&seq, &cost, &block, &parallel) {
		return errPBES2
	}
	if !seq.Empty() && !seq.ReadASN1Integer(&keySize) || !seq.Empty() || keySize != nil && !s.fits(keySize) {
		return errPBES2
	}
	if err := checkSalt(salt); err != nil {
		return err
	}
	n, r, p := small(cost), small(block), small(parallel)
	if err := checkScrypt(n, r, p); err != nil {
		return err
	}
	s.derive = func(passphrase []byte, size int) ([]byte, error) {
		return deriveScrypt(passphrase, salt, int(n), int(r), int(p), size)
	}
	return nil
}

// checkScrypt holds the parameters to the limits, and to RFC 7914, Section 6.
func checkScrypt(n, r, p uint64) error {
	// Nothing overflows: none exceeds 2²³ behind the first line, and n·r does not
	// exceed 2²¹ behind the memory.
	if n > maxScryptWork || r > maxScryptWork || p > maxScryptWork ||
		128*r*(n+p+2) > maxScryptMemory || n*r*p > maxScryptWork || r*p > maxScryptLanes {
		return refuse(ErrLimit, "scrypt parameters ask for more than 256 MiB or too much time")
	}
	if n < 2 || n&(n-1) != 0 || r == 0 || p == 0 || r < 4 && n >= 1<<(16*r) {
		return refuse(ErrMalformed, "scrypt parameters out of range")
	}
	return nil
}

// deriveScrypt keeps away from scrypt where its HMAC would panic.
func deriveScrypt(passphrase, salt []byte, n, r, p, size int) ([]byte, error) {
	if fips140.Enforced() {
		return nil, refuse(ErrEncryption, "scrypt, which FIPS 140-only mode does not allow")
	}
	key, err := scrypt.Key(passphrase, salt, n, r, p, size)
	if err != nil {
		return nil, refuse(ErrLimit, "scrypt parameters")
	}
	return key, nil
}
