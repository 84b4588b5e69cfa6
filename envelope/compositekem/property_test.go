package compositekem_test

import (
	"bytes"
	"crypto/mlkem"
	"slices"
	"testing"

	"github.com/leanovate/gopter/gen"
	"github.com/leanovate/gopter/prop"

	"github.com/parley-e2ee/parley/envelope/compositekem"
	"github.com/parley-e2ee/parley/internal/proptest"
)

func keys(t *testing.T) []*compositekem.DecapsulationKey {
	t.Helper()
	var all []*compositekem.DecapsulationKey
	for _, set := range sets {
		all = append(all, generate(t, set))
	}
	return all
}

func flip(b []byte, bit int) []byte {
	flipped := slices.Clone(b)
	bit %= 8 * len(b)
	flipped[bit/8] ^= 1 << (bit % 8)
	return flipped
}

func TestPropertyRoundTrip(t *testing.T) {
	all := keys(t)
	properties := proptest.New(t, 200, 20)
	properties.Property("decapsulation gives what encapsulation gave", prop.ForAll(func(i int) bool {
		key, ct := all[i].EncapsulationKey().Encapsulate()
		again, ct2 := all[i].EncapsulationKey().Encapsulate()
		got, err := all[i].Decapsulate(ct)
		return err == nil && bytes.Equal(got, key) && len(key) == compositekem.SharedKeySize &&
			!bytes.Equal(key, again) && !bytes.Equal(ct, ct2)
	}, gen.IntRange(0, len(all)-1)))
	properties.TestingRun(t)
}

// TestPropertyDamagedCiphertext: the draft, Section 3.5, has a composite reject
// explicitly where RSA-OAEP does; ML-KEM rejects implicitly, so damage to its
// part leads to another secret.
func TestPropertyDamagedCiphertext(t *testing.T) {
	all := keys(t)
	properties := proptest.New(t, 200, 20)
	properties.Property("no flipped bit leads to the same secret", prop.ForAll(func(i, bit int) bool {
		key, ct := all[i].EncapsulationKey().Encapsulate()
		bit %= 8 * len(ct)
		got, err := all[i].Decapsulate(flip(ct, bit))
		if bit < 8*mlkem.CiphertextSize768 {
			return err == nil && len(got) == compositekem.SharedKeySize && !bytes.Equal(got, key)
		}
		return err == compositekem.ErrDecapsulate && got == nil
	}, gen.IntRange(0, len(all)-1), gen.IntRange(0, 8*1600-1)))
	properties.Property("halves of two ciphertexts do not fit together", prop.ForAll(func(i int) bool {
		key, ct := all[i].EncapsulationKey().Encapsulate()
		key2, ct2 := all[i].EncapsulationKey().Encapsulate()
		got, err := all[i].Decapsulate(slices.Concat(ct[:mlkem.CiphertextSize768], ct2[mlkem.CiphertextSize768:]))
		return err == nil && !bytes.Equal(got, key) && !bytes.Equal(got, key2)
	}, gen.IntRange(0, len(all)-1)))
	properties.TestingRun(t)
}

// A mutation changes at least one byte, or the length.
func mutate(b []byte, how, at int) []byte {
	switch how {
	case 0:
		return slices.Insert(slices.Clone(b), at%(len(b)+1), byte(at))
	case 1:
		return slices.Delete(slices.Clone(b), at%len(b), at%len(b)+1)
	case 2:
		return slices.Clone(b[:at%len(b)])
	default:
		return flip(b, at)
	}
}

func TestPropertyMutatedKeys(t *testing.T) {
	all := keys(t)
	codecs := map[string]struct {
		encode func(*compositekem.DecapsulationKey) []byte
		// decode returns the canonical bytes of what it parsed.
		decode func([]byte) ([]byte, error)
	}{
		"encapsulation key": {
			func(dk *compositekem.DecapsulationKey) []byte { return dk.EncapsulationKey().Bytes() }, reencodeEK,
		},
		"SPKI": {
			func(dk *compositekem.DecapsulationKey) []byte {
				return compositekem.MarshalPKIXPublicKey(dk.EncapsulationKey())
			}, reencodeSPKI,
		},
		"decapsulation key": {func(dk *compositekem.DecapsulationKey) []byte { return encoded(t, dk) }, reencodeDK},
		"PKCS#8":            {func(dk *compositekem.DecapsulationKey) []byte { return pkcs8(t, dk) }, reencodePKCS8},
	}
	properties := proptest.New(t, 200, 20)
	for name, codec := range codecs {
		properties.Property("a mutated "+name+" is refused or another key", prop.ForAll(func(i, how, at int) bool {
			good := codec.encode(all[i])
			bad := mutate(good, how, at)
			again, err := codec.decode(bad)
			return err != nil || bytes.Equal(again, bad) && !bytes.Equal(bad, good)
		}, gen.IntRange(0, len(all)-1), gen.IntRange(0, 5), gen.IntRange(0, 8*2500)))
	}
	properties.TestingRun(t)
}

func reencodeEK(b []byte) ([]byte, error) {
	ek, err := compositekem.NewEncapsulationKey(b)
	if err != nil {
		return nil, err
	}
	return ek.Bytes(), nil
}

func reencodeSPKI(b []byte) ([]byte, error) {
	ek, err := compositekem.ParsePKIXPublicKey(b)
	if err != nil {
		return nil, err
	}
	return compositekem.MarshalPKIXPublicKey(ek), nil
}

func reencodeDK(b []byte) ([]byte, error) {
	dk, err := compositekem.NewDecapsulationKey(b)
	if err != nil {
		return nil, err
	}
	return dk.Bytes()
}

func reencodePKCS8(b []byte) ([]byte, error) {
	dk, err := compositekem.ParsePKCS8PrivateKey(b)
	if err != nil {
		return nil, err
	}
	return compositekem.MarshalPKCS8PrivateKey(dk)
}
