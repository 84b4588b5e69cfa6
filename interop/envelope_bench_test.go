package interop_test

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/rsa"
	"io"
	"math/big"
	"testing"

	"github.com/parley-e2ee/parley/internal/keysource/keytest"
)

// What the benchmarks of envelopes share. Keys are parsed, and turned into what an
// implementation wants to have, before the clock runs; so what is measured is a
// message.

// benchKeys returns n RSA-2048 keys, at most 1000, and the owner of the last. The
// others are products of the primes of the pool's keys, hence as good as any for
// those who encrypt, all different, and made in no time.
func benchKeys(tb testing.TB, n int) (owner *rsa.PrivateKey, keys []*rsa.PublicKey) {
	var primes []*big.Int
	for range 32 {
		owner = keytest.RSA(tb, 2048)
		primes = append(primes, owner.Primes...)
	}
	for i, p := range primes {
		for _, q := range primes[i+1:] {
			if len(keys) == n-1 {
				return owner, append(keys, &owner.PublicKey)
			}
			if product := new(big.Int).Mul(p, q); product.BitLen() == 2048 && product.Cmp(owner.N) != 0 {
				keys = append(keys, &rsa.PublicKey{N: product, E: 65537})
			}
		}
	}
	tb.Fatalf("%d keys, want %d", len(keys), n-1)
	return nil, nil
}

func benchMessage(n int) []byte {
	msg := make([]byte, n)
	for i := range msg {
		msg[i] = byte(i * 7)
	}
	return msg
}

// onlyReader hides the forms that io.Copy prefers: what the message comes from is
// seldom in memory.
type onlyReader struct{ io.Reader }

// counter is an io.Discard that knows how much it got, and is only a Writer.
type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}

// closing copies src to what dst is wrapped in, and closes that.
func closing(w io.WriteCloser, err error, src io.Reader) error {
	if err != nil {
		return err
	}
	if _, err := io.Copy(w, src); err != nil {
		return err
	}
	return w.Close()
}

// copying copies what src is wrapped in to dst.
func copying(dst io.Writer, r io.Reader, err error) error {
	if err != nil {
		return err
	}
	_, err = io.Copy(dst, r)
	return err
}

func benchGCM(key []byte) cipher.AEAD { return must(cipher.NewGCM(must(aes.NewCipher(key)))) }

// randomBytes are fresh.
func randomBytes(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}
