package cobblestone_test

import (
	"bytes"
	"io"
	"sync"
	"testing"

	"github.com/parley-e2ee/parley/envelope/cobblestone"
)

// TestAllocations: what a call costs does not depend on the number of chunks.
func TestAllocations(t *testing.T) {
	if underRace {
		t.Skip("the race detector allocates on its own account")
	}
	for _, concurrency := range []int{1, 2} {
		opts := &cobblestone.Options{Concurrency: concurrency}
		msg := fill(500 * chunkSize)
		sealed := must(cobblestone.AppendSeal(nil, testKey, nil, msg, opts))
		out, plain := make([]byte, 0, len(sealed)), make([]byte, 0, len(msg))
		at := must(cobblestone.NewReaderAt(bytes.NewReader(sealed), int64(len(sealed)), testKey, nil, opts))
		for name, c := range map[string]struct {
			most float64
			call func()
		}{
			"AppendSeal": {40, func() { must(cobblestone.AppendSeal(out, testKey, nil, msg, opts)) }},
			"AppendOpen": {40, func() { must(cobblestone.AppendOpen(plain, testKey, nil, sealed, opts)) }},
			"ReadAt":     {2, func() { must(at.ReadAt(plain[:cap(plain)-1], 0)) }},
			"Writer": {60, func() {
				w := must(cobblestone.NewWriter(io.Discard, testKey, nil, opts))
				must(io.Copy(w, onlyReader{bytes.NewReader(msg)}))
				check(w.Close())
			}},
			"Reader": {60, func() {
				r := must(cobblestone.NewReader(bytes.NewReader(sealed), testKey, nil, opts))
				must(io.Copy(onlyWriter{io.Discard}, r))
			}},
		} {
			if got := testing.AllocsPerRun(5, c.call); got > c.most {
				t.Errorf("%s, %d goroutines: %v allocations for 500 chunks, want at most %v", name, concurrency, got, c.most)
			}
		}
	}
}

// TestMemory: buffers grow with the message and no further than documented.
func TestMemory(t *testing.T) {
	for _, n := range []int{10, 40 * chunkSize, 1000 * chunkSize} {
		bound := min(cobblestone.MaxMemory, 4*n+stride+cobblestone.HeaderSize)
		opts := &cobblestone.Options{Concurrency: 100}
		msg := fill(n)
		var out bytes.Buffer
		w := must(cobblestone.NewWriter(&out, testKey, nil, opts))
		must(w.Write(msg))
		if got := cobblestone.Held(w); got > bound {
			t.Errorf("Writer, %d bytes: holds %d", n, got)
		}
		check(w.Close())
		r := must(cobblestone.NewReader(bytes.NewReader(out.Bytes()), testKey, nil, opts))
		for err := error(nil); err == nil; {
			_, err = r.Read(make([]byte, 10000))
			if got := cobblestone.Held(r); got > bound {
				t.Fatalf("Reader, %d bytes: holds %d", n, got)
			}
		}
		if cobblestone.Held(r) > 0 {
			t.Error("a Reader at its end keeps its buffer")
		}
	}
}

func TestReaderAtConcurrent(t *testing.T) {
	msg := fill(60*chunkSize + 5)
	sealed := seal(msg)
	at := must(cobblestone.NewReaderAt(bytes.NewReader(sealed), int64(len(sealed)), testKey, testContext, &cobblestone.Options{Concurrency: 2}))
	var group sync.WaitGroup
	for g := range 8 {
		group.Go(func() {
			for i := range 40 {
				off := (g*7919 + i*31337) % len(msg)
				p := make([]byte, min(1+i*i*300, len(msg)-off))
				if n, err := at.ReadAt(p, int64(off)); n != len(p) || err != nil || !bytes.Equal(p, msg[off:][:n]) {
					t.Errorf("%d bytes at %d: %d, %v", len(p), off, n, err)
				}
			}
		})
	}
	group.Wait()
	if got := cobblestone.Held(at); got > 4*64*stride {
		t.Errorf("an idle ReaderAt holds %d bytes", got)
	}
}

// TestReaderAtShrunk: a source that has become shorter is not the message's end.
func TestReaderAtShrunk(t *testing.T) {
	sealed := seal(fill(30 * chunkSize))
	src := &growing{sealed}
	at := must(cobblestone.NewReaderAt(src, int64(len(sealed)), testKey, testContext, nil))
	src.data = sealed[:56+3*stride+100]
	for _, off := range []int64{0, 3 * chunkSize, 3*chunkSize + 7} {
		n, err := at.ReadAt(make([]byte, 20*chunkSize), off)
		wantCause(t, err, cobblestone.ErrTruncated)
		if n > 3*chunkSize {
			t.Errorf("%d bytes", n)
		}
	}
	_, err := cobblestone.NewReaderAt(src, int64(len(sealed)), testKey, testContext, nil)
	wantCause(t, err, cobblestone.ErrTruncated)
}

type growing struct{ data []byte }

func (g *growing) ReadAt(p []byte, off int64) (int, error) {
	return bytes.NewReader(g.data).ReadAt(p, off)
}
