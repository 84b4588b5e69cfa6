package xaes_test

import (
	"bytes"
	"crypto/sha3"
	"encoding/hex"
	"testing"

	"github.com/parley-e2ee/parley/internal/xaes"
)

func keyOf(b byte) *[xaes.KeySize]byte {
	return (*[xaes.KeySize]byte)(bytes.Repeat([]byte{b}, xaes.KeySize))
}

// TestVectors holds both vectors of the specification.
func TestVectors(t *testing.T) {
	nonce := [xaes.NonceSize]byte([]byte("ABCDEFGHIJKLMNOPQRSTUVWX"))
	for _, c := range []struct {
		key      byte
		ad, want string
	}{
		{1, "", "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271"},
		{3, "c2sp.org/XAES-256-GCM", "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d"},
	} {
		a := xaes.New(keyOf(c.key))
		got := a.SealWith(nonce, []byte("XAES-256-GCM"), []byte(c.ad))
		if hex.EncodeToString(got) != c.want {
			t.Errorf("key %d: %x", c.key, got)
		}
		plain, err := a.Open(nil, append(nonce[:], got...), []byte(c.ad))
		if err != nil || string(plain) != "XAES-256-GCM" {
			t.Errorf("key %d: %q, %v", c.key, plain, err)
		}
	}
}

// TestAccumulated is the specification's test of 10,000 random inputs.
func TestAccumulated(t *testing.T) {
	random, sum := sha3.NewSHAKE128(), sha3.NewSHAKE128()
	read := func(n int) []byte {
		b := make([]byte, n)
		random.Read(b)
		return b
	}
	for range 10_000 {
		key, nonce := [xaes.KeySize]byte(read(xaes.KeySize)), [xaes.NonceSize]byte(read(xaes.NonceSize))
		plaintext := read(int(read(1)[0]))
		ad := read(int(read(1)[0]))
		a := xaes.New(&key)
		sealed := a.SealWith(nonce, plaintext, ad)
		sum.Write(sealed)
		plain, err := a.Open(nil, append(nonce[:], sealed...), ad)
		if err != nil || !bytes.Equal(plain, plaintext) {
			t.Fatal(err)
		}
	}
	var got [32]byte
	sum.Read(got[:])
	if hex.EncodeToString(got[:]) != "e6b9edf2df6cec60c8cbd864e2211b597fb69a529160cd040d56c0c210081939" {
		t.Errorf("%x", got)
	}
}

// TestRefused: any other byte, length or additional data.
func TestRefused(t *testing.T) {
	a := xaes.New(keyOf(7))
	sealed := a.Seal(nil, []byte("text"), []byte("ad"))
	for i := range sealed {
		bad := bytes.Clone(sealed)
		bad[i] ^= 1
		if out, err := a.Open(nil, bad, []byte("ad")); err != xaes.ErrOpen || out != nil {
			t.Errorf("byte %d: %v", i, err)
		}
		if _, err := a.Open(nil, sealed[:i], []byte("ad")); err != xaes.ErrOpen {
			t.Errorf("%d bytes: %v", i, err)
		}
	}
	if _, err := a.Open(nil, sealed, nil); err != xaes.ErrOpen {
		t.Errorf("other additional data: %v", err)
	}
	if bytes.Equal(sealed, a.Seal(nil, []byte("text"), []byte("ad"))) {
		t.Error("the same nonce twice")
	}
}
