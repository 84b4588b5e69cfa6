// Package keytest points package keysource at a fixed pool of RSA keys, the
// files of the module's testdata/keys, so that tests do not wait for key
// generation. The keys are public. Only tests may import this package.
//
// A package whose tests make many keys calls [UsePool] in TestMain; a single
// test calls [Use].
package keytest

import (
	"crypto/rsa"
	"fmt"
	"testing"

	"github.com/parley-e2ee/parley/internal/keysource/internal/hook"
)

// UsePool makes keysource take its keys from the pool for the rest of the
// process. It is meant for TestMain, and panics outside a test binary.
func UsePool() {
	install()
}

// Use makes keysource take its keys from the pool until tb ends. The switch is
// one for the whole process: tests that run in parallel share it, and only a
// test that is not parallel should call Use.
func Use(tb testing.TB) {
	tb.Helper()
	previous := install()
	tb.Cleanup(func() { hook.RSA.Store(previous) })
}

// RSA returns the next key of the pool with a modulus of the given number of
// bits: 2048, 3072 or 4096. The key is a copy that the test may change. Keys
// repeat after the 32nd, 6th and 4th. RSA is safe for concurrent use.
func RSA(tb testing.TB, bits int) *rsa.PrivateKey {
	tb.Helper()
	key, err := fromPool(bits)
	if err != nil {
		tb.Fatal(err)
	}
	return key
}

func install() (previous *hook.Func) {
	if !testing.Testing() {
		panic("keytest: the pool holds public keys, and is for tests only")
	}
	source := hook.Func(fromPool)
	return hook.RSA.Swap(&source)
}

func fromPool(bits int) (*rsa.PrivateKey, error) {
	p, ok := pools[bits]
	if !ok {
		return nil, fmt.Errorf("keytest: no RSA-%d keys in the pool", bits)
	}
	return p.take()
}
