package fernet_test

import (
	"testing"

	"github.com/parley-e2ee/parley/envelope/fernet"
)

var benchSizes = []struct {
	name string
	n    int
}{{"64B", 64}, {"1KiB", 1 << 10}, {"64KiB", 1 << 16}, {"1MiB", 1 << 20}}

func BenchmarkAppend(b *testing.B) {
	key := fernet.GenerateKey()
	for _, f := range appendForms(key) {
		for _, size := range benchSizes {
			b.Run(f.name+"/"+size.name, func(b *testing.B) {
				src, _ := f.input(fill(size.n))
				dst := make([]byte, 0, fernet.EncryptedSize(size.n))
				b.SetBytes(int64(size.n))
				b.ReportAllocs()
				for b.Loop() {
					must(f.call(dst, src))
				}
			})
		}
	}
}

func BenchmarkEncrypt(b *testing.B) {
	key := fernet.GenerateKey()
	for _, size := range benchSizes {
		b.Run(size.name, func(b *testing.B) {
			msg := fill(size.n)
			b.SetBytes(int64(size.n))
			b.ReportAllocs()
			for b.Loop() {
				must(key.Encrypt(msg))
			}
		})
	}
}

func BenchmarkDecrypt(b *testing.B) {
	key := fernet.GenerateKey()
	for _, size := range benchSizes {
		b.Run(size.name, func(b *testing.B) {
			token := must(key.Encrypt(fill(size.n)))
			b.SetBytes(int64(size.n))
			b.ReportAllocs()
			for b.Loop() {
				must(key.Decrypt(token))
			}
		})
	}
}

// BenchmarkKeyUsedOnce is a key for each message, as a ratchet makes them.
func BenchmarkKeyUsedOnce(b *testing.B) {
	raw, msg, dst := fill(fernet.KeySize), fill(256), make([]byte, 0, 512)
	sealed := must(must(fernet.NewKey(raw)).AppendSeal(nil, msg, specTime))
	b.Run("AppendSeal", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			must(must(fernet.NewKey(raw)).AppendSeal(dst, msg, specTime))
		}
	})
	b.Run("AppendOpen", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			must(must(fernet.NewKey(raw)).AppendOpen(dst, sealed, specTime))
		}
	})
}

func BenchmarkParallel(b *testing.B) {
	key := fernet.GenerateKey()
	token := must(key.Encrypt(fill(256)))
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			must(key.Decrypt(token))
		}
	})
}
