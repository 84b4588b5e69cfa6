// Package hook holds the replacement that tests put in the place of RSA key
// generation. Its path lets the compiler refuse it to every package except
// keysource, which asks for it, and keytest, which sets it.
package hook

import (
	"crypto/rsa"
	"sync/atomic"
)

// Func is a source of RSA keys with a modulus of the given number of bits.
type Func func(bits int) (*rsa.PrivateKey, error)

// RSA is nil in production.
var RSA atomic.Pointer[Func]
