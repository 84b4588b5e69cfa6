package interop_test

import (
	"crypto/hpke"
	"crypto/mlkem"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha3"
	"crypto/x509"
	"fmt"
	"testing"

	"filippo.io/age"
)

// compositeKey is a public key of id-MLKEM768-RSA2048-SHA3-256 in parts. The ML-KEM
// half is parsed: the matrix that it stands for is expanded, and its hash made, as
// in the keys of compositekem and of hpke.
type compositeKey struct {
	mlkem  *mlkem.EncapsulationKey768
	rsa    *rsa.PublicKey
	rsaDER []byte
}

func newCompositeKeys(tb testing.TB, n int) []compositeKey {
	_, halves := benchKeys(tb, n)
	var keys []compositeKey
	for _, half := range halves {
		keys = append(keys, compositeKey{must(mlkem.GenerateKey768()).EncapsulationKey(), half, x509.MarshalPKCS1PublicKey(half)})
	}
	return keys
}

// compositeSealers seal to keys that a quantum computer does not break; the first
// and the last to such as need RSA to be broken as well, the others to X-Wing keys,
// which have X25519 for it.
var compositeSealers = []struct {
	name string
	new  func(tb testing.TB, n int) func(msg []byte) ([]byte, error)
}{
	{"floor", newFloorComposite},
	{"hpke-x-wing", newXWing},
	{"age-x-wing", newAgeXWing},
	{"parley", newEnvelopeComposite},
}

func BenchmarkComposite(b *testing.B) {
	msg := benchMessage(benchShortSize)
	for _, n := range []int{1, 10, 100} {
		for _, impl := range compositeSealers {
			b.Run(fmt.Sprintf("op=seal/recipients=%d/impl=%s", n, impl.name), func(b *testing.B) {
				benchSeal(b, msg, impl.new(b, n))
			})
		}
	}
}

// newFloorComposite does what the algorithm demands, an OAEP operation, an ML-KEM
// one and a SHA3-256 a key, and one GCM. Bringing a key of the sender's choice to
// the recipient is left out.
func newFloorComposite(tb testing.TB, n int) func([]byte) ([]byte, error) {
	const label = "MLKEM768-RSAOAEP2048"
	keys := newCompositeKeys(tb, n)
	return func(msg []byte) ([]byte, error) {
		out := make([]byte, 0, (1088+256)*n+len(msg)+16)
		combined, secret := make([]byte, 0, 1<<10), make([]byte, 32)
		for _, key := range keys {
			shared, encapsulated := key.mlkem.Encapsulate()
			rand.Read(secret)
			wrapped, err := rsa.EncryptOAEP(sha256.New(), rand.Reader, key.rsa, secret, nil)
			if err != nil {
				return nil, err
			}
			combined = append(append(append(combined[:0], shared...), secret...), wrapped...)
			combined = append(append(combined, key.rsaDER...), label...)
			sum := sha3.Sum256(combined)
			copy(secret, sum[:])
			out = append(append(out, encapsulated...), wrapped...)
		}
		return sealGCM(out, secret, msg), nil
	}
}

func newXWing(_ testing.TB, n int) func([]byte) ([]byte, error) {
	var keys []hpke.PublicKey
	for range n {
		keys = append(keys, must(hpke.MLKEM768X25519().GenerateKey()).PublicKey())
	}
	return func(msg []byte) ([]byte, error) {
		fileKey := randomBytes(32)
		var out []byte
		for _, key := range keys {
			wrapped, err := hpke.Seal(key, hpke.HKDFSHA256(), hpke.AES256GCM(), nil, fileKey)
			if err != nil {
				return nil, err
			}
			out = append(out, wrapped...)
		}
		return sealGCM(out, fileKey, msg), nil
	}
}

func newAgeXWing(_ testing.TB, n int) func([]byte) ([]byte, error) {
	var recipients []age.Recipient
	for range n {
		recipients = append(recipients, must(age.GenerateHybridIdentity()).Recipient())
	}
	return sealAge(recipients)
}
