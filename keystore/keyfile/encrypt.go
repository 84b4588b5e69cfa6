package keyfile

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// Iterations of PBKDF2 in what is written.
const (
	// DefaultIterations is what 0 stands for.
	DefaultIterations = 600_000
	// MinIterations and MaxIterations are the fewest and the most.
	MinIterations = 100_000
	MaxIterations = maxIterations
)

// EncryptOptions are those of [PrivateKey.MarshalEncrypted].
type EncryptOptions struct {
	// Iterations of PBKDF2, from [MinIterations] to [MaxIterations]; 0 stands for
	// [DefaultIterations]. More make guessing the passphrase, and opening the
	// file, take longer: 600,000 about a tenth of a second.
	Iterations int
}

var errNoPassphrase error = &keyError{"keyfile: an empty passphrase protects nothing", ErrPassphrase}

// MarshalEncrypted returns the private key encrypted under the passphrase, as
// PKCS8PEM or PKCS8DER; another form is [ErrForm]. opts may be nil. The passphrase
// is taken as the bytes it is, which for other programs should be UTF-8; an empty
// one is refused with [ErrPassphrase], iterations out of range with [ErrLimit].
//
// It implements PBES2 of RFC 8018, Section 6.2, with PBKDF2-HMAC-SHA-256, a
// random salt of 16 bytes, and AES-256 in CBC mode under a random IV.
func (k *PrivateKey) MarshalEncrypted(form Form, passphrase []byte, opts *EncryptOptions) ([]byte, error) {
	if form != PKCS8PEM && form != PKCS8DER {
		return nil, refuse(ErrForm, "encrypted keys are written as "+PKCS8PEM.String()+" and "+PKCS8DER.String())
	}
	if len(passphrase) == 0 {
		return nil, errNoPassphrase
	}
	iterations := DefaultIterations
	if opts != nil && opts.Iterations != 0 {
		iterations = opts.Iterations
	}
	if iterations < MinIterations || iterations > MaxIterations {
		return nil, refuse(ErrLimit, "PBKDF2 iterations")
	}
	der, err := marshalEncrypted(k, passphrase, iterations)
	if err != nil || form == PKCS8DER {
		return der, err
	}
	return encodePEM(labelEncrypted, der), nil
}

func marshalEncrypted(k *PrivateKey, passphrase []byte, iterations int) ([]byte, error) {
	var salt, iv [16]byte
	rand.Read(salt[:])
	rand.Read(iv[:])
	s := pbes2{keySize: 32, iv: iv[:], derive: func(passphrase []byte, size int) ([]byte, error) {
		return derivePBKDF2(sha256.New, passphrase, salt[:], iterations, size)
	}}
	plain := marshalPKCS8(k)
	defer wipe(plain)
	sealed, err := s.encrypt(passphrase, plain)
	if err != nil {
		return nil, err
	}
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		addPBES2(b, salt[:], iterations, iv[:])
		b.AddASN1OctetString(sealed)
	})
	return b.BytesOrPanic(), nil
}

// encrypt is the reverse of decrypt.
func (s *pbes2) encrypt(passphrase, plain []byte) ([]byte, error) {
	block, err := s.block(passphrase)
	if err != nil {
		return nil, err
	}
	n := aes.BlockSize - len(plain)%aes.BlockSize
	sealed := make([]byte, len(plain)+n)
	for i := copy(sealed, plain); i < len(sealed); i++ {
		sealed[i] = byte(n)
	}
	cipher.NewCBCEncrypter(block, s.iv).CryptBlocks(sealed, sealed)
	return sealed, nil
}

// addPBES2 writes what readPBES2 reads, without the optional keyLength.
func addPBES2(b *cryptobyte.Builder, salt []byte, iterations int, iv []byte) {
	addIdentifier(b, oidPBES2, func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			addIdentifier(b, oidPBKDF2, func(b *cryptobyte.Builder) {
				b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
					b.AddASN1OctetString(salt)
					b.AddASN1Int64(int64(iterations))
					addIdentifier(b, oidHMACSHA256, addNULL)
				})
			})
			addIdentifier(b, oidAES256, func(b *cryptobyte.Builder) { b.AddASN1OctetString(iv) })
		})
	})
}
