package forgecfb_test

import (
	"testing"

	"github.com/parley-e2ee/parley/envelope/fernet"
	"github.com/parley-e2ee/parley/envelope/forgecfb"
	"github.com/parley-e2ee/parley/internal/alloctest"
)

var benchSizes = []struct {
	name string
	n    int
}{{"64B", 64}, {"1KiB", 1 << 10}, {"64KiB", 1 << 16}, {"1MiB", 1 << 20}}

func BenchmarkOpenUnauthenticated(b *testing.B) {
	bench(b, forgecfb.OpenUnauthenticated)
}

func BenchmarkUpgrade(b *testing.B) {
	to := fernet.GenerateKey()
	bench(b, func(key, iv, ciphertext []byte) ([]byte, error) {
		return forgecfb.Upgrade(to, key, iv, ciphertext)
	})
}

func bench(b *testing.B, call func(key, iv, ciphertext []byte) ([]byte, error)) {
	needCFB(b)
	for _, size := range benchSizes {
		b.Run(size.name, func(b *testing.B) {
			key, iv, ciphertext := random(32), random(16), random(size.n)
			b.SetBytes(int64(size.n))
			b.ReportAllocs()
			for b.Loop() {
				must(call(key, iv, ciphertext))
			}
		})
	}
}

// TestOneBuffer: opening costs the memory of its result, an upgrade that of the
// plaintext and the token, and a little.
func TestOneBuffer(t *testing.T) {
	needCFB(t)
	if underRace {
		t.Skip("the race detector allocates on its own account")
	}
	const n, most = 1 << 20, 16 << 10
	to, key, iv, ciphertext := fernet.GenerateKey(), random(32), random(16), random(n)
	for _, c := range []struct {
		name string
		want int
		call func() ([]byte, error)
	}{
		{"OpenUnauthenticated", n, func() ([]byte, error) { return forgecfb.OpenUnauthenticated(key, iv, ciphertext) }},
		{"Upgrade", n + fernet.EncryptedSize(n), func() ([]byte, error) { return forgecfb.Upgrade(to, key, iv, ciphertext) }},
	} {
		if got := int(alloctest.Bytes(func() { must(c.call()) })); got > c.want+most {
			t.Errorf("%s: %d bytes, want %d and at most %d more", c.name, got, c.want, most)
		}
	}
}
