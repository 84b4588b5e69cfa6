package forgecfb_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/fips140"
	"crypto/rand"
	"encoding/hex"
	"testing"
	"time"
)

var someTime = time.Unix(1400000000, 0)

// must is for calls that fail only where the package is broken.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}

// needCFB skips where Go has no CFB; TestFIPS says what happens there.
func needCFB(tb testing.TB) {
	tb.Helper()
	if fips140.Enforced() {
		tb.Skip("CFB is not allowed in FIPS 140-only mode")
	}
}

// seal is the other direction, for tests alone. It is written from SP 800-38A,
// section 6.3, on the bare block cipher, so that it is a second opinion.
func seal(key, iv, plaintext []byte) []byte {
	block := must(aes.NewCipher(key))
	feedback, out := bytes.Clone(iv), []byte{}
	for len(plaintext) > 0 {
		block.Encrypt(feedback, feedback)
		n := min(len(plaintext), aes.BlockSize)
		for i := range n {
			feedback[i] ^= plaintext[i]
		}
		out = append(out, feedback[:n]...)
		plaintext = plaintext[n:]
	}
	return out
}

// sealStdlib is seal by the standard library.
func sealStdlib(key, iv, plaintext []byte) []byte {
	out := make([]byte, len(plaintext))
	//lint:ignore SA1019 A test needs what no code may write.
	cipher.NewCFBEncrypter(must(aes.NewCipher(key)), iv).XORKeyStream(out, plaintext)
	return out
}
