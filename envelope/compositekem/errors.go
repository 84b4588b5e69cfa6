package compositekem

import (
	"errors"
	"fmt"
)

// Errors of this package, to be tested for with [errors.Is]. None carries bytes
// of a key or a ciphertext.
var (
	// ErrParameterSet: not one of the parameter sets of this package.
	ErrParameterSet = errors.New("compositekem: unknown parameter set")

	// ErrEncapsulationKey: the public key is malformed, not canonical, or not
	// one that the draft allows.
	ErrEncapsulationKey = errors.New("compositekem: invalid encapsulation key")

	// ErrDecapsulationKey: the private key is malformed, not canonical, or its
	// parts contradict each other.
	ErrDecapsulationKey = errors.New("compositekem: invalid decapsulation key")

	// ErrAlgorithm: a SubjectPublicKeyInfo or PKCS#8 structure of an algorithm
	// that this package does not know, and whose key it has not looked at.
	ErrAlgorithm = errors.New("compositekem: not a key of a known composite algorithm")

	// ErrDecapsulate: the ciphertext was refused. The one error of
	// [DecapsulationKey.Decapsulate], whatever the cause.
	ErrDecapsulate = errors.New("compositekem: decapsulation failed")

	// ErrOpaque: the private key was made from halves that may live in
	// hardware, and has no bytes to give.
	ErrOpaque = errors.New("compositekem: opaque decapsulation key has no encoding")

	// ErrSecret: a private key was handed to a general-purpose encoder.
	ErrSecret = errors.New("compositekem: a decapsulation key is encoded by MarshalPKCS8PrivateKey or Bytes only")
)

func refuse(kind error, reason string) error {
	return fmt.Errorf("%w: %s", kind, reason)
}
