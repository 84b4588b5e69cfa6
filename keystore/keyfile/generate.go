package keyfile

import (
	"crypto/ed25519"
	"fmt"

	"github.com/parley-e2ee/parley/envelope/compositekem"
	"github.com/parley-e2ee/parley/internal/keysource"
)

// GenerateRSA makes an RSA key of 2048, 3072 or 4096 bits with the public
// exponent 65537; 0 bits stand for [DefaultBits], other sizes are refused with
// [ErrKeySize]. It takes from tens of milliseconds to seconds.
func GenerateRSA(bits int) (*PrivateKey, error) {
	bits, err := sizeOf(bits)
	if err != nil {
		return nil, err
	}
	key, err := keysource.RSA(bits)
	if err != nil {
		return nil, fmt.Errorf("keyfile: generating an RSA key: %w", err)
	}
	return NewPrivateKey(key)
}

// GenerateComposite makes a composite key with an RSA half of 2048, 3072 or 4096
// bits, in the time that [GenerateRSA] takes; 0 bits stand for [DefaultBits],
// other sizes are refused with [ErrKeySize].
func GenerateComposite(bits int) (*PrivateKey, error) {
	bits, err := sizeOf(bits)
	if err != nil {
		return nil, err
	}
	key, err := compositekem.GenerateKey(sets[bits])
	if err != nil {
		return nil, fmt.Errorf("keyfile: generating a composite key: %w", err)
	}
	return newPrivateKey(newCompositePublic(key.EncapsulationKey()), key), nil
}

// GenerateEd25519 makes an Ed25519 key.
func GenerateEd25519() (*PrivateKey, error) {
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		return nil, fmt.Errorf("keyfile: generating an Ed25519 key: %w", err)
	}
	return NewPrivateKey(key)
}

// sets are the composite algorithms by the bits of their RSA halves, which are
// the sizes of RSA keys too.
var sets = map[int]compositekem.ParameterSet{
	2048: compositekem.RSA2048, 3072: compositekem.RSA3072, 4096: compositekem.RSA4096,
}

func sizeOf(bits int) (int, error) {
	if bits == 0 {
		bits = DefaultBits
	}
	if _, ok := sets[bits]; !ok {
		return 0, refuse(ErrKeySize, "keys are made with 2048, 3072 or 4096 bits")
	}
	return bits, nil
}
