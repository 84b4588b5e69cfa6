package forgecfb

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/fips140"
	"errors"
	"time"

	"github.com/parley-e2ee/parley/envelope/fernet"
)

// IVSize is the size of an IV in bytes.
const IVSize = aes.BlockSize

var (
	// ErrKey reports an AES key that is neither 16 nor 32 bytes. AES-192,
	// which Forge knows too, is not supported.
	ErrKey = errors.New("forgecfb: key is neither 16 nor 32 bytes")

	// ErrIV reports an IV that is not [IVSize] bytes.
	ErrIV = errors.New("forgecfb: IV is not 16 bytes")

	// ErrFIPS reports that the program runs under GODEBUG=fips140=only, where CFB
	// is not allowed.
	ErrFIPS = errors.New("forgecfb: CFB is not allowed in FIPS 140-only mode")
)

// OpenUnauthenticated returns the plaintext of ciphertext, in new memory. Nothing
// says that it is what was once sealed: see the package documentation for what a
// stranger can have made of it.
//
// The errors are [ErrFIPS], [ErrKey] and [ErrIV]. With a key and an IV of the right
// sizes any ciphertext opens, the empty one included.
func OpenUnauthenticated(key, iv, ciphertext []byte) ([]byte, error) {
	plaintext := make([]byte, len(ciphertext))
	if err := open(plaintext, key, iv, ciphertext); err != nil {
		return nil, err
	}
	return plaintext, nil
}

// Upgrade opens ciphertext, in bytes: text that is still base64 or hexadecimal
// opens as well, to noise, so look at a token's message before the ciphertext is
// deleted. It opens as [OpenUnauthenticated] does and returns a Fernet token
// of the plaintext under the key to, in text form and dated with the present time.
// The token vouches for what Upgrade saw and for nothing before. Upgrade wipes its
// copy of the plaintext.
//
// The errors are those of [OpenUnauthenticated] and [fernet.Key.AppendEncrypt].
func Upgrade(to fernet.Key, key, iv, ciphertext []byte) (token []byte, err error) {
	return UpgradeAt(to, key, iv, ciphertext, time.Now())
}

// UpgradeAt is [Upgrade] with a token dated made, of which the whole seconds count.
// It is for messages whose time is known, so that [fernet.MaxAge] counts from there;
// the ciphertext itself holds no time.
func UpgradeAt(to fernet.Key, key, iv, ciphertext []byte, made time.Time) (token []byte, err error) {
	return upgrade(make([]byte, len(ciphertext)), to, key, iv, ciphertext, made)
}

// upgrade keeps the plaintext in scratch, which is as long as ciphertext.
func upgrade(scratch []byte, to fernet.Key, key, iv, ciphertext []byte, made time.Time) ([]byte, error) {
	defer clear(scratch)
	if err := open(scratch, key, iv, ciphertext); err != nil {
		return nil, err
	}
	return to.EncryptAt(scratch, made)
}

func open(dst, key, iv, ciphertext []byte) error {
	switch {
	case fips140.Enforced():
		return ErrFIPS
	case len(key) != 16 && len(key) != 32:
		return ErrKey
	case len(iv) != IVSize:
		return ErrIV
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return ErrKey
	}
	//lint:ignore SA1019 It reads what is already written so; nothing here writes it.
	cipher.NewCFBDecrypter(block, iv).XORKeyStream(dst, ciphertext)
	return nil
}
