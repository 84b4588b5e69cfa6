//go:build !js && !wasip1

package keystore_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"

	"github.com/parley-e2ee/parley/keystore"
)

// fileOnDisk is a store where waiting for the disk costs what it costs.
func fileOnDisk(b *testing.B, opts *keystore.Options) (*keystore.File, string) {
	b.Helper()
	path := filepath.Join(b.TempDir(), "store")
	f, err := keystore.Create(path, fileKey, opts)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { f.Close() })
	return f, path
}

// BenchmarkFileUpdate writes what a message writes, from several goroutines. The
// more there are, the more share a commit.
func BenchmarkFileUpdate(b *testing.B) {
	value := make([]byte, 256)
	for _, writers := range []int{1, 16, 256} {
		b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) {
			f, _ := fileOnDisk(b, noErase)
			begun := f.Generation()
			b.ReportAllocs()
			b.ResetTimer()
			var all sync.WaitGroup
			next := make(chan int)
			for w := range writers {
				all.Go(func() {
					for i := range next {
						err := f.Update(b.Context(), func(tx keystore.WriteTx) error {
							if err := tx.Store(erased, fmt.Append(nil, w, "ratchet"), value); err != nil {
								return err
							}
							return tx.Store(erased, fmt.Append(nil, w, "outbox", i%16), value)
						})
						if err != nil {
							b.Error(err)
						}
					}
				})
			}
			for i := range b.N {
				next <- i
			}
			close(next)
			all.Wait()
			b.ReportMetric(float64(f.Generation()-begun)/float64(b.N), "commits/op")
			b.ReportMetric(2*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}

// BenchmarkFileLoad reads a record, BenchmarkLoad's of a Memory.
func BenchmarkFileLoad(b *testing.B) {
	f, _ := fileOnDisk(b, noErase)
	fillFile(b, f, 1, 10_000, 256)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		key := roomRecord(0, i%10_000)
		err := f.View(b.Context(), func(tx keystore.Tx) error {
			_, err := tx.Load(erased, key)
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkFileOpen opens a store of 1000 rooms beside an empty one, and with a
// passphrase beside a key.
func BenchmarkFileOpen(b *testing.B) {
	passphrase := keystore.Passphrase([]byte("passphrase"))
	for _, rooms := range []int{0, 1000} {
		f, path := fileOnDisk(b, noErase)
		if rooms > 0 {
			fillFile(b, f, rooms, 8, 512)
		}
		for name, unlock := range map[string]keystore.Unlock{"key": fileKey, "passphrase": passphrase} {
			g := f
			if name == "passphrase" {
				if err := f.SetUnlock(b.Context(), passphrase); err != nil {
					b.Fatal(err)
				}
			}
			if err := g.Close(); err != nil {
				b.Fatal(err)
			}
			b.Run(fmt.Sprintf("unlock=%s/rooms=%d", name, rooms), func(b *testing.B) {
				for b.Loop() {
					f, err := keystore.Open(path, unlock, nil)
					if err != nil {
						b.Fatal(err)
					}
					f.Close()
				}
			})
			var err error
			if f, err = keystore.Open(path, unlock, nil); err != nil {
				b.Fatal(err)
			}
			if err := f.SetUnlock(b.Context(), fileKey); err != nil {
				b.Fatal(err)
			}
		}
		f.Close()
	}
}

// BenchmarkFileErase replaces the data key of a store of 1000 rooms.
func BenchmarkFileErase(b *testing.B) {
	for _, rooms := range []int{1, 1000} {
		b.Run(fmt.Sprintf("rooms=%d", rooms), func(b *testing.B) {
			f, _ := fileOnDisk(b, noErase)
			fillFile(b, f, rooms, 8, 512)
			for b.Loop() {
				set(b, f, erased, "any", "value")
				if err := f.Erase(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkFileSize says what a record takes, on the disk and in memory.
func BenchmarkFileSize(b *testing.B) {
	const rooms, records, size = 1000, 8, 512
	for b.Loop() {
		f, path := fileOnDisk(b, noErase)
		fillFile(b, f, rooms, records, size)
		f.Close()
		info, err := os.Stat(path)
		if err != nil {
			b.Fatal(err)
		}
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		f, err = keystore.Open(path, fileKey, nil)
		if err != nil {
			b.Fatal(err)
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(info.Size())/(rooms*records), "disk-B/row")
		b.ReportMetric(size, "value-B/row")
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/rooms, "memory-B/room")
		f.Close()
	}
}

func roomRecord(room, i int) []byte { return fmt.Appendf(nil, "%032d%08d", room, i) }

// fillFile stores some records for each of some rooms.
func fillFile(b *testing.B, f *keystore.File, rooms, records, size int) {
	b.Helper()
	err := f.Update(b.Context(), func(tx keystore.WriteTx) error {
		for room := range rooms {
			for i := range records {
				if err := tx.Store(erased, roomRecord(room, i), make([]byte, size)); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
}
