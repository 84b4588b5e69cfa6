package cobblestone_test

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"testing"
	"testing/iotest"

	"github.com/leanovate/gopter/gen"
	"github.com/leanovate/gopter/prop"

	"github.com/parley-e2ee/parley/envelope/cobblestone"
	"github.com/parley-e2ee/parley/internal/proptest"
)

var suites = []cobblestone.Suite{cobblestone.Cobblestone256, cobblestone.Cobblestone128}

// TestEdges holds every form, for both suites and all lengths at which something
// changes, against the second implementation.
func TestEdges(t *testing.T) {
	for _, suite := range suites {
		key := keyFor(suite)
		for _, n := range edges {
			for _, concurrency := range []int{0, 1, 2, 5} {
				opts := &cobblestone.Options{Suite: suite, Concurrency: concurrency}
				msg := fill(n)
				want := reference(suite, key, testSalt[:], testContext, msg)
				if got := must(cobblestone.SealWithSalt(key, testContext, msg, opts, testSalt)); !bytes.Equal(got, want) {
					t.Fatalf("%v, %d bytes: sealed otherwise", suite, n)
				}
				for _, o := range openers() {
					if got, err := o.open(key, testContext, want, opts); err != nil || !bytes.Equal(got, msg) {
						t.Errorf("%v, %d bytes, %s: %d bytes, %v", suite, n, o.name, len(got), err)
					}
				}
				if int64(len(want)) != must(cobblestone.SealedSize(int64(n))) || int64(n) != must(cobblestone.OpenedSize(int64(len(want)))) {
					t.Errorf("%d bytes: the sizes are wrong", n)
				}
			}
		}
	}
}

// splits are sizes of calls: small, around a chunk, of several and of many.
var splits = gen.SliceOfN(6, gen.IntRange(0, 1<<20)).Map(func(draws []int) []int {
	sizes := make([]int, len(draws))
	for i, n := range draws {
		sizes[i] = 1 + []int{n / 4 % 100, chunkSize - 3 + n/4%5, n / 4 % (9 * chunkSize), 100*chunkSize + n/4}[n%4]
	}
	return sizes
})

func TestPropertySplits(t *testing.T) {
	properties := proptest.New(t, 100, 15)
	properties.Property("the calls do not matter", prop.ForAll(func(n, concurrency int, writes, reads []int) bool {
		opts := &cobblestone.Options{Concurrency: concurrency}
		msg := fill(n)
		want := must(cobblestone.SealWithSalt(testKey, testContext, msg, opts, testSalt))
		var out bytes.Buffer
		w := must(cobblestone.NewWriterWithSalt(&out, testKey, testContext, opts, testSalt))
		half := n / 2
		writeIn(w, msg[:half], writes...)
		must(w.ReadFrom(iotest.HalfReader(bytes.NewReader(msg[half:]))))
		check(w.Close())
		r := must(cobblestone.NewReader(iotest.DataErrReader(iotest.HalfReader(&out)), testKey, testContext, opts))
		if !bytes.Equal(out.Bytes(), want[len(want)-out.Len():]) {
			return false
		}
		var got []byte
		for i := 0; ; i++ {
			p := make([]byte, reads[i%len(reads)])
			m, err := r.Read(p)
			got = append(got, p[:m]...)
			if err != nil {
				return err == io.EOF && bytes.Equal(got, msg)
			}
		}
	}, gen.IntRange(0, 150*chunkSize), gen.IntRange(1, 4), splits, splits))
	properties.TestingRun(t)
}

func TestPropertyReadAt(t *testing.T) {
	msg := fill(40*chunkSize + 77)
	sealed := seal(msg)
	r := must(cobblestone.NewReaderAt(bytes.NewReader(sealed), int64(len(sealed)), testKey, testContext, nil))
	properties := proptest.New(t, 500, 100)
	properties.Property("ReadAt is the slice", prop.ForAll(func(off, n int) bool {
		p := make([]byte, n)
		want := bytes.NewReader(msg)
		q := make([]byte, n)
		m, err := r.ReadAt(p, int64(off))
		m2, err2 := want.ReadAt(q, int64(off))
		return m == m2 && err == err2 && bytes.Equal(p[:m], q[:m2])
	}, gen.IntRange(0, len(msg)+100), gen.OneGenOf(gen.IntRange(0, 100), gen.IntRange(0, len(msg)))))
	properties.TestingRun(t)
}

// harm returns a changed message, of those that sealed and other, of the same
// length, make, or one cut or extended.
func harm(sealed, other []byte, how, at int) []byte {
	bad := bytes.Clone(sealed)
	whole := (len(bad) - cobblestone.HeaderSize) / stride
	chunk := func(b []byte, i int) []byte { return b[cobblestone.HeaderSize+i%whole*stride:][:stride] }
	switch how {
	case 0:
		bad[at%len(bad)] ^= 1 << (at % 8)
	case 1:
		bad = bad[:at%len(bad)]
	case 2:
		bad = append(bad, fill(1+at%(2*stride))...)
	case 3:
		a, b := chunk(bad, at), chunk(sealed, at+1)
		copy(chunk(bad, at+1), bytes.Clone(a))
		copy(a, b)
	case 4:
		copy(chunk(bad, at), chunk(other, at))
	case 5:
		copy(chunk(bad, at+1), chunk(sealed, at))
	case 6:
		bad = slices.Delete(bad, cobblestone.HeaderSize+at%whole*stride, cobblestone.HeaderSize+(at%whole+1)*stride)
	}
	return bad
}

// TestPropertyHarm: whatever is done to a message, every form fails, releases
// nothing beyond the authentic beginning, and AppendOpen nothing at all.
func TestPropertyHarm(t *testing.T) {
	msg := fill(7*chunkSize + 100)
	sealed := seal(msg)
	other := must(cobblestone.AppendSeal(nil, testKey, testContext, msg, nil))
	properties := proptest.New(t, 300, 60)
	properties.Property("harm is found", prop.ForAll(func(how, at, concurrency int) bool {
		bad := harm(sealed, other, how, at)
		same := 0
		for same < min(len(bad), len(sealed)) && bad[same] == sealed[same] {
			same++
		}
		good := max(0, same-cobblestone.HeaderSize) / stride * chunkSize
		for _, o := range openers() {
			got, err := o.open(testKey, testContext, bad, &cobblestone.Options{Concurrency: concurrency})
			if err == nil || !errors.Is(err, cobblestone.ErrMessage) || len(got) > good || !bytes.Equal(got, msg[:len(got)]) {
				t.Logf("%s: %d bytes of %d, %v", o.name, len(got), good, err)
				return false
			}
			var chunk *cobblestone.ChunkError
			if o.name == "AppendOpen" && (len(got) > 0 || errors.As(err, &chunk) && chunk.Number != int64(good/chunkSize)) {
				return false
			}
		}
		return true
	}, gen.IntRange(0, 6), gen.IntRange(0, 1<<20), gen.IntRange(1, 3)))
	properties.TestingRun(t)
}
