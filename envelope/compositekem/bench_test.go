package compositekem_test

import (
	"crypto/mlkem"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha3"
	"testing"
	"time"

	"github.com/parley-e2ee/parley/envelope/compositekem"
	"github.com/parley-e2ee/parley/internal/keysource/keytest"
)

// BenchmarkGenerateKey makes real keys, not ones of the test pool.
func BenchmarkGenerateKey(b *testing.B) {
	b.Run("2048", func(b *testing.B) {
		for b.Loop() {
			if _, err := compositekem.GenerateKey(compositekem.RSA2048); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("2048/RSA", func(b *testing.B) {
		for b.Loop() {
			if _, err := rsa.GenerateKey(rand.Reader, 2048); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func name(set compositekem.ParameterSet) string {
	return map[compositekem.ParameterSet]string{
		compositekem.RSA2048: "2048", compositekem.RSA3072: "3072", compositekem.RSA4096: "4096",
	}[set]
}

func halvesOf(b *testing.B, set compositekem.ParameterSet) (*mlkem.DecapsulationKey768, *rsa.PrivateKey) {
	b.Helper()
	mlkemKey, err := mlkem.GenerateKey768()
	if err != nil {
		b.Fatal(err)
	}
	return mlkemKey, keytest.RSA(b, set.ModulusBits())
}

// benchmarkRatio runs the composite and its parts by turns, so that whatever
// else the machine does slows down both.
func benchmarkRatio(b *testing.B, composite func(), parts ...func()) {
	var whole, sum time.Duration
	for b.Loop() {
		start := time.Now()
		composite()
		middle := time.Now()
		for _, part := range parts {
			part()
		}
		whole, sum = whole+middle.Sub(start), sum+time.Since(middle)
	}
	b.ReportMetric(float64(whole)/float64(sum), "composite/parts")
}

// combinerInput is as long as what the combiner hashes.
func combinerInput(set compositekem.ParameterSet) []byte {
	return make([]byte, 32+32+set.ModulusBits()/8+set.EncapsulationKeySize()-mlkem.EncapsulationKeySize768+20)
}

func BenchmarkEncapsulate(b *testing.B) {
	for _, set := range sets {
		mlkemKey, rsaKey := halvesOf(b, set)
		dk, err := compositekem.NewOpaqueDecapsulationKey(mlkemKey, rsaKey)
		if err != nil {
			b.Fatal(err)
		}
		ek := dk.EncapsulationKey()
		b.Run(name(set), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				ek.Encapsulate()
			}
		})
		b.Run(name(set)+"/OAEP", func(b *testing.B) {
			secret := make([]byte, 32)
			for b.Loop() {
				if _, err := rsa.EncryptOAEP(sha256.New(), rand.Reader, &rsaKey.PublicKey, secret, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(name(set)+"/ML-KEM", func(b *testing.B) {
			mlkemPK := mlkemKey.EncapsulationKey()
			for b.Loop() {
				mlkemPK.Encapsulate()
			}
		})
		b.Run(name(set)+"/SHA3", func(b *testing.B) {
			input := combinerInput(set)
			for b.Loop() {
				sha3.Sum256(input)
			}
		})
		b.Run(name(set)+"/ratio", func(b *testing.B) {
			mlkemPK, secret, input := mlkemKey.EncapsulationKey(), make([]byte, 32), combinerInput(set)
			benchmarkRatio(b, func() { ek.Encapsulate() },
				func() { rsa.EncryptOAEP(sha256.New(), rand.Reader, &rsaKey.PublicKey, secret, nil) },
				func() { mlkemPK.Encapsulate() },
				func() { sha3.Sum256(input) })
		})
	}
}

func BenchmarkDecapsulate(b *testing.B) {
	for _, set := range sets {
		dk := generate(b, set)
		_, ct := dk.EncapsulationKey().Encapsulate()
		mlkemKey, rsaKey := halvesOf(b, set)
		_, mlkemCT := mlkemKey.EncapsulationKey().Encapsulate()
		tradCT, err := rsa.EncryptOAEP(sha256.New(), rand.Reader, &rsaKey.PublicKey, make([]byte, 32), nil)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(name(set), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := dk.Decapsulate(ct); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(name(set)+"/OAEP", func(b *testing.B) {
			for b.Loop() {
				if _, err := rsa.DecryptOAEP(sha256.New(), nil, rsaKey, tradCT, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(name(set)+"/ML-KEM", func(b *testing.B) {
			for b.Loop() {
				if _, err := mlkemKey.Decapsulate(mlkemCT); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(name(set)+"/SHA3", func(b *testing.B) {
			input := combinerInput(set)
			for b.Loop() {
				sha3.Sum256(input)
			}
		})
		b.Run(name(set)+"/ratio", func(b *testing.B) {
			input := combinerInput(set)
			benchmarkRatio(b, func() { dk.Decapsulate(ct) },
				func() { rsa.DecryptOAEP(sha256.New(), nil, rsaKey, tradCT, nil) },
				func() { mlkemKey.Decapsulate(mlkemCT) },
				func() { sha3.Sum256(input) })
		})
	}
}

func BenchmarkNewEncapsulationKey(b *testing.B) {
	for _, set := range sets {
		encoded := generate(b, set).EncapsulationKey().Bytes()
		b.Run(name(set), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := compositekem.NewEncapsulationKey(encoded); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(name(set)+"/ML-KEM", func(b *testing.B) {
			for b.Loop() {
				if _, err := mlkem.NewEncapsulationKey768(encoded[:mlkem.EncapsulationKeySize768]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkNewDecapsulationKey(b *testing.B) {
	for _, set := range sets {
		encoded := encoded(b, generate(b, set))
		b.Run(name(set), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := compositekem.NewDecapsulationKey(encoded); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
