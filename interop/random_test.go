package interop_test

import (
	"hash/fnv"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"
)

// seedVariable, set to the seed of a failed run, repeats its cases. What the
// counterparties draw themselves, keys and IVs, stays random.
const seedVariable = "PARLEY_SEED"

var seed = sync.OnceValues(func() (uint64, error) {
	if text := os.Getenv(seedVariable); text != "" {
		return strconv.ParseUint(text, 10, 64)
	}
	return uint64(time.Now().UnixNano()), nil
})

// random draws the cases of one test.
type random struct{ *rand.Rand }

func newRandom(t testing.TB) random {
	t.Helper()
	s, err := seed()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("to repeat: %s=%d", seedVariable, s)
		}
	})
	name := fnv.New64()
	name.Write([]byte(t.Name()))
	return random{rand.New(rand.NewPCG(s, name.Sum64()))}
}

func (r random) bytes(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// message is mostly short, and now and then long.
func (r random) message() []byte {
	most := []int{1, 40, 300, 300, 5000}[r.IntN(5)]
	return r.bytes(r.IntN(most))
}

// text is at least one character of valid UTF-8, of one to four bytes each.
func (r random) text() string {
	out := make([]rune, 1+r.IntN(60))
	for i := range out {
		switch r.IntN(4) {
		case 0:
			out[i] = rune(0x20 + r.IntN(0x5F))
		case 1:
			out[i] = rune(0x80 + r.IntN(0x780))
		case 2:
			out[i] = rune(0x800 + r.IntN(0xD000))
		default:
			out[i] = rune(0x10000 + r.IntN(0x100000))
		}
	}
	return string(out)
}

// pick returns one of the choices.
func pick[T any](r random, choices ...T) T { return choices[r.IntN(len(choices))] }
