// Package keysource is where the library gets its RSA keys from: fresh ones,
// except under test, where package keytest hands out a fixed pool because
// generating RSA keys is slow.
package keysource

import (
	"crypto/rand"
	"crypto/rsa"
	"errors"

	"github.com/parley-e2ee/parley/internal/keysource/internal/hook"
)

// MinBits is the smallest modulus, in bits, that [RSA] makes.
const MinBits = 2048

// ErrBits is returned by [RSA] for a modulus of fewer than [MinBits] bits.
var ErrBits = errors.New("keysource: RSA modulus is too small")

// RSA returns a new RSA key with a modulus of the given number of bits and the
// public exponent 65537. The caller owns the key, and must keep it secret.
// RSA is safe for concurrent use.
func RSA(bits int) (*rsa.PrivateKey, error) {
	if bits < MinBits {
		return nil, ErrBits
	}
	if replacement := hook.RSA.Load(); replacement != nil {
		return (*replacement)(bits)
	}
	return rsa.GenerateKey(rand.Reader, bits)
}
