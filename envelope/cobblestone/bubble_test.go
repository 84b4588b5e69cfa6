package cobblestone_test

import (
	"bytes"
	"io"
	"runtime"
	"testing"
	"testing/synctest"

	"github.com/parley-e2ee/parley/envelope/cobblestone"
)

// TestPrompt: what can be opened is written before the source is asked for more.
func TestPrompt(t *testing.T) {
	msg := fill(130 * chunkSize)
	sealed := seal(msg)
	for _, concurrency := range []int{1, 2} {
		synctest.Test(t, func(t *testing.T) {
			in, feed := io.Pipe()
			var out bytes.Buffer
			done := make(chan error)
			go func() {
				r, err := cobblestone.NewReader(in, testKey, testContext, &cobblestone.Options{Concurrency: concurrency})
				check(err)
				_, err = r.WriteTo(&out)
				done <- err
			}()
			fed := 0
			for _, size := range []int{56, stride, 100, 63*stride - 100, stride, 2 * stride, 5 * stride, len(sealed)} {
				size = min(size, len(sealed)-fed)
				must(feed.Write(sealed[fed:][:size]))
				fed += size
				synctest.Wait()
				if want := (fed - 56) / stride * chunkSize; out.Len() != want {
					t.Errorf("%d goroutines, after %d bytes: %d are out, want %d", concurrency, fed, out.Len(), want)
				}
			}
			check(feed.Close())
			if err := <-done; err != nil || !bytes.Equal(out.Bytes(), msg) {
				t.Errorf("%d goroutines: %d bytes, %v", concurrency, out.Len(), err)
			}
		})
	}
}

// TestHeldBack: a Writer holds back no more than documented, and what a source
// gave before its error or end is sealed.
func TestHeldBack(t *testing.T) {
	msg := fill(200 * chunkSize)
	synctest.Test(t, func(t *testing.T) {
		src, feed := io.Pipe()
		var out bytes.Buffer
		w := must(cobblestone.NewWriterWithSalt(&out, testKey, testContext, &cobblestone.Options{Concurrency: 2}, testSalt))
		done := make(chan error)
		go func() { _, err := w.ReadFrom(src); done <- err }()
		for fed := 0; fed < len(msg); {
			n := must(feed.Write(msg[fed:min(len(msg), fed+50_000)]))
			fed += n
			synctest.Wait()
			if held := fed - out.Len(); held > 1<<20 {
				t.Fatalf("holds back %d bytes of %d", held, fed)
			}
		}
		feed.CloseWithError(errDisk)
		if err := <-done; err != errDisk {
			t.Error(err)
		}
		must(w.Write(msg[:10]))
		check(w.Close())
		if !bytes.Equal(out.Bytes(), seal(append(bytes.Clone(msg), msg[:10]...))) {
			t.Error("sealed otherwise")
		}
	})
}

// TestNoGoroutines: whatever a call ended with, the goroutines that it started
// have ended when it has.
func TestNoGoroutines(t *testing.T) {
	msg := fill(200 * chunkSize)
	sealed := seal(msg)
	sealed[cobblestone.HeaderSize+20*stride] ^= 1
	opts := &cobblestone.Options{Concurrency: 16}
	for i := range 20 {
		synctest.Test(t, func(t *testing.T) {
			w := must(cobblestone.NewWriter(&failAfter{i * 10 * chunkSize, errDisk}, testKey, nil, opts))
			_, _ = w.ReadFrom(bytes.NewReader(msg))
			noHelpers(t)
			_, _ = cobblestone.AppendOpen(nil, testKey, testContext, sealed, opts)
			noHelpers(t)
			r := must(cobblestone.NewReader(bytes.NewReader(sealed), testKey, testContext, opts))
			_, _ = r.WriteTo(&failAfter{i * chunkSize, errDisk})
			noHelpers(t)
		})
	}
}

// noHelpers fails where a goroutine of the package is left, blocked or running; one
// that has nothing to do but to end has, for synctest.Wait, done so.
func noHelpers(t *testing.T) {
	t.Helper()
	synctest.Wait()
	if n := helpers(); n > 0 {
		t.Errorf("%d goroutines are left", n)
	}
}

// helpers is how many goroutines there are that the package has started.
func helpers() int {
	stacks := make([]byte, 64<<10)
	return bytes.Count(stacks[:runtime.Stack(stacks, true)], []byte("created by github.com/parley-e2ee/parley/envelope/cobblestone."))
}

// TestBubbles: everything may move between bubbles of testing/synctest.
func TestBubbles(t *testing.T) {
	msg := fill(130 * chunkSize)
	opts := &cobblestone.Options{Concurrency: 3}
	var out bytes.Buffer
	w := must(cobblestone.NewWriter(&out, testKey, nil, opts))
	for range 3 {
		must(w.Write(msg))
		synctest.Test(t, func(*testing.T) { must(w.ReadFrom(bytes.NewReader(msg))) })
	}
	check(w.Close())
	at := must(cobblestone.NewReaderAt(bytes.NewReader(out.Bytes()), int64(out.Len()), testKey, nil, opts))
	for range 3 {
		must(at.ReadAt(make([]byte, len(msg)), 0))
		synctest.Test(t, func(*testing.T) { must(at.ReadAt(make([]byte, len(msg)), 0)) })
	}
	r := must(cobblestone.NewReader(&out, testKey, nil, opts))
	for range 3 {
		must(io.ReadFull(r, make([]byte, len(msg))))
		synctest.Test(t, func(*testing.T) { must(io.ReadFull(r, make([]byte, len(msg)))) })
	}
	if n, err := r.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		t.Errorf("%d, %v", n, err)
	}
}
