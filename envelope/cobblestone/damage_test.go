package cobblestone_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/parley-e2ee/parley/envelope/cobblestone"
)

// TestTwoDamaged: of two damaged chunks every form names the first, whichever is
// looked at first, and releases what precedes it; AppendOpen releases nothing.
func TestTwoDamaged(t *testing.T) {
	const last = 70
	places := []int{0, 1, 2, 3, 7, 15, 16, 17, 31, 32, 33, 62, 63, 64, 65, 68, 69, last}
	if testing.Short() {
		places = []int{0, 1, 3, 16, 33, 63, 64, last}
	}
	msg := fill(last*chunkSize + 100)
	sealed := seal(msg)
	for i, first := range places {
		for _, second := range places[i+1:] {
			bad := bytes.Clone(sealed)
			bad[cobblestone.HeaderSize+first*stride+i] ^= 1
			bad[min(len(bad), cobblestone.HeaderSize+(second+1)*stride)-1] ^= 0x80
			for _, concurrency := range []int{1, 2, 16} {
				for _, o := range openers() {
					number, release := first, msg[:first*chunkSize]
					switch {
					case o.name == "AppendOpen":
						release = nil
					case strings.HasPrefix(o.name, "ReaderAt") && second == last: // which it opens at once
						number, release = last, nil
					}
					got, err := o.open(testKey, testContext, bad, &cobblestone.Options{Concurrency: concurrency})
					var chunk *cobblestone.ChunkError
					if !errors.As(err, &chunk) || chunk.Number != int64(number) || !bytes.Equal(got, release) {
						t.Fatalf("%s by %d, chunks %d and %d: %d bytes, %v", o.name, concurrency, first, second, len(got), err)
					}
				}
			}
		}
	}
}

// TestAllDamaged: the same where nothing is good from some chunk on.
func TestAllDamaged(t *testing.T) {
	msg := fill(40 * chunkSize)
	sealed := seal(msg)
	for first := 0; first < 40; first += every(7) {
		bad := slices.Concat(sealed[:cobblestone.HeaderSize+first*stride], make([]byte, (40-first)*stride), sealed[cobblestone.HeaderSize+40*stride:])
		for range 5 {
			for _, o := range openers() {
				got, err := o.open(testKey, testContext, bad, &cobblestone.Options{Concurrency: 4})
				var chunk *cobblestone.ChunkError
				if !errors.As(err, &chunk) || chunk.Number != int64(first) || o.name != "AppendOpen" && len(got) != first*chunkSize {
					t.Fatalf("%s, from chunk %d on: %d bytes, %v", o.name, first, len(got), err)
				}
			}
		}
	}
}

// TestLateDamage: the first of two damaged chunks is named where the second was
// found before it, too.
func TestLateDamage(t *testing.T) {
	sealed := seal(fill(20*chunkSize + 1))
	for first := range 20 {
		for second := first + 1; second < 20; second++ {
			bad := bytes.Clone(sealed)
			bad[cobblestone.HeaderSize+first*stride] ^= 1
			bad[cobblestone.HeaderSize+second*stride] ^= 1
			for _, concurrency := range []int{2, 5} {
				good := must(cobblestone.OpenLate(testKey, testContext, bad, concurrency, int64(first), int64(second)))
				if good != first {
					t.Fatalf("by %d, chunks %d and %d: %d are good", concurrency, first, second, good)
				}
			}
		}
	}
}
