package keysource_test

import (
	"errors"
	"testing"

	"github.com/parley-e2ee/parley/internal/keysource"
	"github.com/parley-e2ee/parley/internal/keysource/keytest"
)

func TestRSAGeneratesByDefault(t *testing.T) {
	const bits = 2048
	pool := map[string]bool{}
	for range 32 {
		pool[keytest.RSA(t, bits).N.String()] = true
	}
	a, err := keysource.RSA(bits)
	if err != nil {
		t.Fatal(err)
	}
	b, err := keysource.RSA(bits)
	if err != nil {
		t.Fatal(err)
	}
	if pool[a.N.String()] || pool[b.N.String()] {
		t.Error("a key of the public pool was handed out without keytest.Use")
	}
	if a.Equal(b) {
		t.Error("the same key twice")
	}
	if a.N.BitLen() != bits || a.E != 65537 {
		t.Errorf("modulus of %d bits, exponent %d", a.N.BitLen(), a.E)
	}
	if err := a.Validate(); err != nil {
		t.Error(err)
	}
}

func TestRSARefusesSmallKeys(t *testing.T) {
	for _, bits := range []int{-1, 0, 1024, 2047} {
		if _, err := keysource.RSA(bits); !errors.Is(err, keysource.ErrBits) {
			t.Errorf("RSA(%d): %v, want ErrBits", bits, err)
		}
	}
}

func TestUseEndsWithTheTest(t *testing.T) {
	inPool := map[string]bool{}
	for range 4 {
		inPool[keytest.RSA(t, 4096).N.String()] = true
	}
	t.Run("inside", func(t *testing.T) {
		keytest.Use(t)
		key, err := keysource.RSA(4096)
		if err != nil {
			t.Fatal(err)
		}
		if !inPool[key.N.String()] {
			t.Error("Use left the pool aside")
		}
	})
	key, err := keysource.RSA(2048)
	if err != nil {
		t.Fatal(err)
	}
	for range 32 {
		if key.Equal(keytest.RSA(t, 2048)) {
			t.Error("the pool outlived the test that asked for it")
		}
	}
}
