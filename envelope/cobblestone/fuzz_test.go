package cobblestone_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/parley-e2ee/parley/envelope/cobblestone"
)

// FuzzOpen: any bytes end in a typed error, and the same in every form, or in a
// message of which they are the only sealing.
func FuzzOpen(f *testing.F) {
	f.Fuzz(func(t *testing.T, sealed []byte) {
		backup := bytes.Clone(sealed)
		msg, err := cobblestone.AppendOpen(nil, testKey, testContext, sealed, nil)
		for _, o := range openers() {
			got, err2 := o.open(testKey, testContext, sealed, nil)
			if (err == nil) != (err2 == nil) || err == nil && !bytes.Equal(got, msg) {
				t.Errorf("%s: %d bytes, %v; AppendOpen: %d bytes, %v", o.name, len(got), err2, len(msg), err)
			}
			if err2 != nil && !errors.Is(err2, cobblestone.ErrMessage) {
				t.Errorf("%s: %v", o.name, err2)
			}
		}
		if !bytes.Equal(sealed, backup) {
			t.Error("the sealed message changed")
		}
		if err != nil {
			if msg != nil {
				t.Errorf("%d bytes with %v", len(msg), err)
			}
			return
		}
		if !bytes.Equal(must(cobblestone.SealWithSalt(testKey, testContext, msg, nil, [24]byte(sealed))), sealed) {
			t.Error("not the sealing of its message")
		}
	})
}

// FuzzReaderAt: any range of a message is the slice, whatever was read before.
func FuzzReaderAt(f *testing.F) {
	msg := fill(5*chunkSize + 9)
	sealed := seal(msg)
	f.Fuzz(func(t *testing.T, n uint32, off1, off2 int64, size1, size2 uint32) {
		n %= uint32(len(msg))
		sealed := sealed
		if n%2 == 0 {
			sealed = seal(msg[:n])
		} else {
			n = uint32(len(msg))
		}
		r := must(cobblestone.NewReaderAt(bytes.NewReader(sealed), int64(len(sealed)), testKey, testContext, nil))
		for off, size := range map[int64]uint32{off1: size1, off2: size2} {
			p := make([]byte, size%(8*chunkSize))
			got, err := r.ReadAt(p, off)
			if off < 0 {
				if got != 0 || err != cobblestone.ErrOffset {
					t.Fatalf("offset %d: %v", off, err)
				}
				continue
			}
			want := msg[min(off, int64(n)):n]
			want = want[:min(len(want), len(p))]
			if !bytes.Equal(p[:got], want) || err != nil && err != io.EOF || got < len(p) && err == nil {
				t.Fatalf("%d bytes at %d: %d, %v", len(p), off, got, err)
			}
		}
	})
}

// TestFuzzCorpus: the seeds are there, and some of them open.
func TestFuzzCorpus(t *testing.T) {
	for target, least := range map[string]int{"FuzzOpen": 8, "FuzzReaderAt": 4} {
		seeds, err := os.ReadDir(filepath.Join("testdata", "fuzz", target))
		if err != nil || len(seeds) < least {
			t.Errorf("%s: %d seeds, want at least %d; %v", target, len(seeds), least, err)
		}
	}
}
