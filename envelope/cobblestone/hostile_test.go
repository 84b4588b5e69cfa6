package cobblestone_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"runtime"
	"testing"

	"github.com/parley-e2ee/parley/envelope/cobblestone"
)

// plaintext is found wherever it is left.
func plaintext(n int) []byte { return bytes.Repeat([]byte("plain text here."), n/16+1)[:n] }

func leaks(p []byte) bool { return bytes.Contains(p, []byte("plain text")) }

// A breaker ends its goroutine, by a panic or by runtime.Goexit, in its call
// after so many, and then goes on as if nothing had been.
type breaker struct {
	calls int
	exit  bool
	out   bytes.Buffer
	in    io.Reader
}

func (b *breaker) step() {
	b.calls--
	if b.calls == -1 && b.exit {
		runtime.Goexit()
	} else if b.calls == -1 {
		panic("broken")
	}
}

func (b *breaker) Write(p []byte) (int, error) { b.step(); return b.out.Write(p) }
func (b *breaker) Read(p []byte) (int, error)  { b.step(); return b.in.Read(p) }

// survive calls f and stops its panic or Goexit.
func survive(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() { _ = recover() }()
		f()
	}()
	<-done
}

// TestWriterBroken: a destination that panics breaks the Writer. Were a batch that
// is sealed in place sealed again, under the same nonces, plaintext would come out.
func TestWriterBroken(t *testing.T) {
	msg := plaintext(200*chunkSize + 100)
	for name, write := range map[string]func(w *cobblestone.Writer){
		"Write":    func(w *cobblestone.Writer) { must(w.Write(msg)) },
		"small":    func(w *cobblestone.Writer) { writeIn(w, msg, 1000) },
		"ReadFrom": func(w *cobblestone.Writer) { must(w.ReadFrom(bytes.NewReader(msg))) },
	} {
		for calls := range 12 {
			dst := &breaker{calls: calls, exit: calls%2 > 0}
			w := must(cobblestone.NewWriter(dst, testKey, nil, &cobblestone.Options{Concurrency: 1 + calls%3}))
			survive(func() {
				write(w)
				check(w.Close())
			})
			if dst.calls >= 0 {
				continue // it came through
			}
			size := dst.out.Len()
			n, err := w.Write(msg[:100])
			if closeErr := w.Close(); n > 0 || err == nil || closeErr != err {
				t.Errorf("%s, call %d: %d, %v; Close: %v", name, calls, n, err, closeErr)
			}
			if dst.out.Len() != size || leaks(dst.out.Bytes()) {
				t.Errorf("%s, call %d: a broken Writer writes", name, calls)
			}
		}
	}
}

// TestSourceBroken: after a source that panics in ReadFrom, Close makes a message
// of what came before, or fails.
func TestSourceBroken(t *testing.T) {
	msg := plaintext(300 * chunkSize)
	for calls := range 12 {
		var out bytes.Buffer
		src := &breaker{calls: calls, exit: calls%2 > 0, in: bytes.NewReader(msg)}
		opts := &cobblestone.Options{Concurrency: 1 + calls%3}
		w := must(cobblestone.NewWriter(&out, testKey, nil, opts))
		survive(func() { must(w.ReadFrom(src)) })
		if w.Close() == nil {
			got, err := cobblestone.AppendOpen(nil, testKey, nil, out.Bytes(), opts)
			if err != nil || !bytes.HasPrefix(msg, got) {
				t.Errorf("call %d: %d bytes, %v", calls, len(got), err)
			}
		}
	}
}

// TestReaderBroken: what a destination did not take is not skipped in silence.
func TestReaderBroken(t *testing.T) {
	msg := plaintext(200 * chunkSize)
	sealed := seal(msg)
	for calls := range 6 {
		for how, dst := range map[string]io.Writer{
			"panic": &breaker{calls: calls}, "exit": &breaker{calls: calls, exit: true},
			"error": &failAfter{calls * 7 * chunkSize, errDisk}, "short": &failAfter{calls * 7 * chunkSize, nil},
			"count": countWriter(calls - 2), "all": countWriter(1 << 30),
		} {
			r := must(cobblestone.NewReader(bytes.NewReader(sealed), testKey, testContext, &cobblestone.Options{Concurrency: 1 + calls%3}))
			must(io.CopyBuffer(onlyWriter{io.Discard}, io.LimitReader(r, int64(20+calls)*chunkSize), make([]byte, 5000)))
			var first error
			survive(func() { _, first = r.WriteTo(dst) })
			rest, err := io.ReadAll(r)
			if len(rest) > 0 || err == nil || first != nil && err != first {
				t.Errorf("%s, call %d: %d bytes, %v, after %v", how, calls, len(rest), err, first)
			}
			if _, err := r.WriteTo(io.Discard); err == nil {
				t.Errorf("%s, call %d: WriteTo says that the message is whole", how, calls)
			}
			if cobblestone.Held(r) > 0 {
				t.Errorf("%s, call %d: a failed Reader keeps its buffer", how, calls)
			}
		}
	}
}

type countWriter int

func (n countWriter) Write(p []byte) (int, error) {
	if n == 1<<30 {
		return len(p) + 1, nil
	}
	return int(n), nil
}

// countReader gives a count that it cannot have read.
type countReader int

func (n countReader) Read(p []byte) (int, error)            { return len(p)*max(0, int(n)) + int(n), nil }
func (n countReader) ReadAt(p []byte, _ int64) (int, error) { return n.Read(p) }

// TestCounts: a source whose counts are wrong is neither believed nor a crash.
func TestCounts(t *testing.T) {
	sealed := seal(fill(20*chunkSize + 5))
	for _, n := range []countReader{-1, 1, -1 << 31} {
		if _, err := cobblestone.NewReader(n, testKey, testContext, nil); err == nil || err == io.EOF {
			t.Errorf("NewReader, %d: %v", n, err)
		}
		for _, size := range []int{56, 56 + 3*stride, len(sealed) - 1} {
			r := must(cobblestone.NewReader(io.MultiReader(bytes.NewReader(sealed[:size]), n), testKey, testContext, nil))
			got, err := io.ReadAll(r)
			if err == nil || errors.Is(err, cobblestone.ErrMessage) || len(got) != (size-56)/stride*chunkSize {
				t.Errorf("Reader, %d after %d: %d bytes, %v", n, size, len(got), err)
			}
		}
		w := must(cobblestone.NewWriter(io.Discard, testKey, nil, nil))
		if got, err := w.ReadFrom(n); got != 0 || err == nil {
			t.Errorf("ReadFrom, %d: %d, %v", n, got, err)
		}
		if _, err := cobblestone.NewReaderAt(n, int64(len(sealed)), testKey, testContext, nil); err == nil {
			t.Errorf("NewReaderAt, %d: no error", n)
		}
		src := &switching{now: bytes.NewReader(sealed)}
		at := must(cobblestone.NewReaderAt(src, int64(len(sealed)), testKey, testContext, nil))
		for _, src.now = range []io.ReaderAt{n, countReader(0)} {
			for _, size := range []int{10, 3 * chunkSize} {
				if got, err := at.ReadAt(make([]byte, size), 0); got != 0 || err == nil || err == io.EOF {
					t.Errorf("ReadAt, %d: %d, %v", src.now, got, err)
				}
			}
		}
	}
}

// switching is a source that changes.
type switching struct{ now io.ReaderAt }

func (s *switching) ReadAt(p []byte, off int64) (int, error) { return s.now.ReadAt(p, off) }

// TestReaderAtBroken: a call in which the source panics leaves others working.
func TestReaderAtBroken(t *testing.T) {
	msg := fill(20 * chunkSize)
	sealed := seal(msg)
	src := &switching{now: bytes.NewReader(sealed)}
	at := must(cobblestone.NewReaderAt(src, int64(len(sealed)), testKey, testContext, nil))
	for range 10 {
		src.now = nil
		survive(func() { must(at.ReadAt(make([]byte, 5*chunkSize), 3)) })
		src.now = bytes.NewReader(sealed)
		p := make([]byte, 5*chunkSize)
		if n, err := at.ReadAt(p, 3); n != len(p) || err != nil || !bytes.Equal(p, msg[3:][:n]) {
			t.Errorf("%d, %v", n, err)
		}
	}
}

// A spy keeps, against the contracts of io, every buffer that it sees.
type spy struct {
	r    io.Reader
	w    io.Writer
	seen [][]byte
}

func (s *spy) Read(p []byte) (int, error)  { s.seen = append(s.seen, p); return s.r.Read(p) }
func (s *spy) Write(p []byte) (int, error) { s.seen = append(s.seen, p); return s.w.Write(p) }

func (s *spy) check(t *testing.T, what string) {
	t.Helper()
	for _, p := range s.seen {
		if leaks(p) {
			t.Errorf("%s: a buffer has plaintext", what)
			break
		}
	}
}

// TestWiped: no buffer of the package has plaintext once a call has returned from
// the end, or from an error of any kind.
func TestWiped(t *testing.T) {
	msg := plaintext(150*chunkSize + 1000)
	sealed := seal(msg)
	bad := bytes.Clone(sealed)
	bad[cobblestone.HeaderSize+90*stride] ^= 1
	for _, concurrency := range []int{1, 2, 5} {
		opts := &cobblestone.Options{Concurrency: concurrency}
		for i := range 5 {
			for j := range 3 {
				src := &spy{r: []io.Reader{
					bytes.NewReader(sealed), bytes.NewReader(bad), bytes.NewReader(sealed[:100*stride]),
					io.MultiReader(bytes.NewReader(sealed[:100*stride]), countReader(1)),
					&breaker{calls: 5, in: bytes.NewReader(sealed)},
				}[i]}
				dst := &spy{w: []io.Writer{io.Discard, &failAfter{80 * chunkSize, errDisk}, &breaker{calls: 5}}[j]}
				r := must(cobblestone.NewReader(src, testKey, testContext, opts))
				survive(func() { must(r.WriteTo(dst)) })
				dst.check(t, fmt.Sprint("Reader.WriteTo, destination ", i, j))
				survive(func() { must(io.Copy(io.Discard, onlyReader{r})) })
				src.check(t, fmt.Sprint("Reader, source ", i, j))
			}
		}
		for i := range 3 {
			for j := range 3 {
				src := &spy{r: []io.Reader{bytes.NewReader(msg), &breaker{calls: 5, in: bytes.NewReader(msg)}, countReader(1)}[i]}
				dst := &spy{w: []io.Writer{io.Discard, &failAfter{80 * stride, errDisk}, &breaker{calls: 4}}[j]}
				w := must(cobblestone.NewWriter(dst, testKey, testContext, opts))
				survive(func() { must(w.ReadFrom(src)) })
				src.check(t, fmt.Sprint("Writer.ReadFrom, source ", i, j))
				survive(func() { writeIn(w, msg, 100) })
				survive(func() { check(w.Close()) })
				dst.check(t, fmt.Sprint("Writer, destination ", i, j))
			}
		}
	}
}

// TestZero: a Reader that was not made by NewReader has no message, not an empty
// one.
func TestZero(t *testing.T) {
	var r cobblestone.Reader
	_, err := io.ReadAll(&r)
	wantCause(t, err, cobblestone.ErrTruncated)
	_, err = r.WriteTo(io.Discard)
	wantCause(t, err, cobblestone.ErrTruncated)
	var at cobblestone.ReaderAt
	_, err = at.ReadAt(make([]byte, 1), 0)
	wantCause(t, err, cobblestone.ErrTruncated)
}

// TestKeyInRoom: key, context and message may be where the result goes.
func TestKeyInRoom(t *testing.T) {
	msg := fill(3*chunkSize + 1)
	memory := make([]byte, 5*chunkSize)
	key, context, src := memory[:32], memory[32:][:len(testContext)], memory[100:][:len(msg)]
	place := func() { copy(key, testKey); copy(context, testContext); copy(src, msg) }
	place()
	sealed := must(cobblestone.AppendSeal(memory[:0:100], key, context, msg, nil))
	place()
	if got := must(cobblestone.AppendSeal(memory[:0], key, context, src, nil)); !bytes.Equal(must(cobblestone.AppendOpen(nil, testKey, testContext, got, nil)), msg) {
		t.Error("sealed otherwise")
	}
	place()
	if got := must(cobblestone.AppendOpen(memory[:0], key, context, sealed, nil)); !bytes.Equal(got, msg) {
		t.Error("opened otherwise")
	}
}
