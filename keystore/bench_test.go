package keystore_test

import (
	"fmt"
	"testing"

	"github.com/parley-e2ee/parley/keystore"
)

// filled returns a store with n records in bucket erased.
func filled(b *testing.B, n int) *keystore.Memory {
	m := keystore.NewMemory()
	err := m.Update(b.Context(), func(tx keystore.WriteTx) error {
		for i := range n {
			if err := tx.Store(erased, benchKey(i), make([]byte, 256)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	return m
}

func benchKey(i int) []byte { return fmt.Appendf(nil, "%08d", i) }

func BenchmarkUpdate(b *testing.B) {
	for _, n := range []int{100, 10_000} {
		b.Run(fmt.Sprintf("records=%d", n), func(b *testing.B) {
			m := filled(b, n)
			value := make([]byte, 256)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				key := benchKey(i % n)
				m.Update(b.Context(), func(tx keystore.WriteTx) error { return tx.Store(erased, key, value) })
			}
		})
	}
}

func BenchmarkLoad(b *testing.B) {
	m := filled(b, 10_000)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		key := benchKey(i % 10_000)
		m.View(b.Context(), func(tx keystore.Tx) error {
			_, err := tx.Load(erased, key)
			return err
		})
	}
}

func BenchmarkScan(b *testing.B) {
	m := filled(b, 10_000)
	b.ReportAllocs()
	for b.Loop() {
		m.View(b.Context(), func(tx keystore.Tx) error {
			for _, err := range tx.Scan(erased, []byte("000001")) { // 100 records
				if err != nil {
					return err
				}
			}
			return nil
		})
	}
}
