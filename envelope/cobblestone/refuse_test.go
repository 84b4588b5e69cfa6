package cobblestone_test

import (
	"bytes"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/parley-e2ee/parley/envelope/cobblestone"
)

// failAfter fails after n bytes, with a short write and, unless it is nil, err.
type failAfter struct {
	n   int
	err error
}

func (f *failAfter) Write(p []byte) (int, error) {
	n := min(len(p), f.n)
	f.n -= n
	if n < len(p) {
		return n, f.err
	}
	return n, nil
}

var errDisk = errors.New("disk full")

func TestWriterFailing(t *testing.T) {
	msg := fill(70 * chunkSize)
	for _, cause := range []error{errDisk, nil} {
		want := cause
		if want == nil {
			want = io.ErrShortWrite
		}
		for _, room := range []int{0, 55, 56, 100, chunkSize, 40 * chunkSize, 70*stride + 56} {
			for name, write := range map[string]func(w *cobblestone.Writer) error{
				"Write":    func(w *cobblestone.Writer) error { _, err := w.Write(msg); return err },
				"small":    func(w *cobblestone.Writer) error { writeSome(w, msg); return nil },
				"ReadFrom": func(w *cobblestone.Writer) error { _, err := w.ReadFrom(bytes.NewReader(msg)); return err },
			} {
				w := must(cobblestone.NewWriter(&failAfter{room, cause}, testKey, nil, nil))
				if err := write(w); err != nil && err != want {
					t.Errorf("%s with room for %d: %v", name, room, err)
				}
				for range 2 {
					if err := w.Close(); err != want {
						t.Errorf("%s with room for %d: Close: %v", name, room, err)
					}
				}
				if n, err := w.Write([]byte{1}); n != 0 || err != want {
					t.Errorf("the error does not stick: %d, %v", n, err)
				}
				if cobblestone.Held(w) > 0 {
					t.Error("a failed Writer keeps its buffer")
				}
			}
		}
	}
}

func writeSome(w io.Writer, msg []byte) {
	for len(msg) > 0 {
		n := min(1000, len(msg))
		if _, err := w.Write(msg[:n]); err != nil {
			return
		}
		msg = msg[n:]
	}
}

func TestWriterClosed(t *testing.T) {
	var out bytes.Buffer
	w := must(cobblestone.NewWriter(&out, testKey, nil, nil))
	if out.Len() > 0 {
		t.Error("NewWriter writes")
	}
	must(w.WriteString("hello"))
	check(w.Close())
	size := out.Len()
	if err := w.Close(); err != nil || out.Len() != size {
		t.Errorf("a second Close: %v", err)
	}
	if n, err := w.Write([]byte("x")); n != 0 || err != cobblestone.ErrClosed {
		t.Errorf("Write after Close: %d, %v", n, err)
	}
	if n, err := w.ReadFrom(strings.NewReader("x")); n != 0 || err != cobblestone.ErrClosed {
		t.Errorf("ReadFrom after Close: %d, %v", n, err)
	}
	if cobblestone.Held(w) > 0 {
		t.Error("a closed Writer keeps its buffer")
	}
	var zero cobblestone.Writer
	if _, err := zero.Write(nil); err != cobblestone.ErrClosed || zero.Close() != cobblestone.ErrClosed {
		t.Errorf("the zero Writer: %v", err)
	}
}

// TestReadFromFailing: an error of the source, io.ErrUnexpectedEOF too, is not
// taken for its end.
func TestReadFromFailing(t *testing.T) {
	for _, cause := range []error{io.ErrUnexpectedEOF, errDisk} {
		w := must(cobblestone.NewWriter(io.Discard, testKey, nil, nil))
		src := io.MultiReader(bytes.NewReader(fill(20000)), iotest.ErrReader(cause))
		if n, err := w.ReadFrom(src); n != 20000 || err != cause {
			t.Errorf("%d bytes, %v", n, err)
		}
	}
	w := must(cobblestone.NewWriter(io.Discard, testKey, nil, nil))
	if _, err := w.ReadFrom(emptyReader{}); err != io.ErrNoProgress {
		t.Errorf("a source that gives nothing: %v", err)
	}
}

// TestReadFromSizes: what is read while the bytes before it are sealed comes out in
// order, whatever was written before and however the source ends.
func TestReadFromSizes(t *testing.T) {
	opts := &cobblestone.Options{Concurrency: 2}
	sizes := []int{31, 63, 64, 95, 127, 128, 160, 200}
	for at := 0; at < len(sizes); at += every(3) {
		chunks := sizes[at]
		for i, before := range []int{0, 1, chunkSize - 1, chunkSize, 3*chunkSize + 5, 70 * chunkSize} {
			for _, extra := range []int{-1, 0, 1} {
				msg := fill(before + chunks*chunkSize + extra + 50*chunkSize)
				var out bytes.Buffer
				w := must(cobblestone.NewWriterWithSalt(&out, testKey, testContext, opts, testSalt))
				must(w.Write(msg[:before]))
				var src io.Reader = bytes.NewReader(msg[before : before+chunks*chunkSize+extra])
				if i%2 > 0 {
					src = iotest.DataErrReader(src)
				}
				if n := must(w.ReadFrom(src)); n != int64(chunks*chunkSize+extra) {
					t.Errorf("%d bytes, read %d", chunks*chunkSize+extra, n)
				}
				must(w.ReadFrom(bytes.NewReader(msg[before+chunks*chunkSize+extra:])))
				check(w.Close())
				if !bytes.Equal(out.Bytes(), seal(msg)) {
					t.Errorf("%d chunks%+d after %d bytes: sealed otherwise", chunks, extra, before)
				}
			}
		}
	}
}

// TestReadFromCount: an error of the destination comes with the bytes of message
// that reached it, but for a part of a slot.
func TestReadFromCount(t *testing.T) {
	for room := range 130 {
		w := must(cobblestone.NewWriter(&failAfter{56 + room*stride, errDisk}, testKey, nil, &cobblestone.Options{Concurrency: 2}))
		n, err := w.ReadFrom(bytes.NewReader(make([]byte, 200*chunkSize)))
		if err != errDisk || n > int64(room*chunkSize) || n < int64(room-3)*chunkSize {
			t.Errorf("room for %d chunks: %d bytes, %v", room, n, err)
		}
	}
}

type emptyReader struct{}

func (emptyReader) Read([]byte) (int, error) { return 0, nil }

func TestReaderFailing(t *testing.T) {
	msg := fill(3*chunkSize + 10)
	sealed := seal(msg)
	for _, cause := range []error{io.ErrUnexpectedEOF, errDisk} {
		for _, n := range []int{0, 10, 56, 100, 56 + stride, 56 + 2*stride + 5, len(sealed)} {
			src := io.MultiReader(bytes.NewReader(sealed[:n]), iotest.ErrReader(cause))
			r, err := cobblestone.NewReader(src, testKey, testContext, nil)
			if n < 56 {
				if err != cause {
					t.Errorf("after %d bytes: %v", n, err)
				}
				continue
			}
			got, err := io.ReadAll(r)
			if err != cause || !bytes.Equal(got, msg[:(n-56)/stride*chunkSize]) {
				t.Errorf("after %d bytes: %d bytes, %v", n, len(got), err)
			}
			if cobblestone.Held(r) > 0 {
				t.Error("a failed Reader keeps its buffer")
			}
		}
	}
	for _, wrap := range []func(io.Reader) io.Reader{iotest.OneByteReader, iotest.HalfReader, iotest.DataErrReader, iotest.TimeoutReader} {
		r, err := cobblestone.NewReader(wrap(bytes.NewReader(sealed)), testKey, testContext, nil)
		if err == iotest.ErrTimeout {
			continue
		}
		got, err := io.ReadAll(r)
		if err != iotest.ErrTimeout && (err != nil || !bytes.Equal(got, msg)) {
			t.Errorf("%d bytes, %v", len(got), err)
		}
	}
	r := must(cobblestone.NewReader(bytes.NewReader(sealed), testKey, testContext, nil))
	if err := iotest.TestReader(r, msg); err != nil {
		t.Error(err)
	}
	at := must(cobblestone.NewReaderAt(bytes.NewReader(sealed), int64(len(sealed)), testKey, testContext, nil))
	if err := iotest.TestReader(io.NewSectionReader(at, 0, at.Size()), msg); err != nil {
		t.Error(err)
	}
}

// noRead fails a test that comes to read.
type noRead struct{ t *testing.T }

func (n noRead) Read([]byte) (int, error) { n.t.Error("the source was used"); return 0, io.EOF }
func (n noRead) ReadAt([]byte, int64) (int, error) {
	n.t.Error("the source was used")
	return 0, io.EOF
}

// TestRefusedFirst: what cannot be is refused before any work.
func TestRefusedFirst(t *testing.T) {
	for _, c := range []struct {
		suite cobblestone.Suite
		key   []byte
		want  error
	}{
		{0, nil, cobblestone.ErrKey}, {0, testKey[:31], cobblestone.ErrKey}, {0, testKey[:16], cobblestone.ErrKey},
		{0, append(testKey[:32:32], 0), cobblestone.ErrKey}, {1, testKey, cobblestone.ErrKey}, {2, testKey, cobblestone.ErrSuite},
	} {
		opts := &cobblestone.Options{Suite: c.suite}
		_, err1 := cobblestone.AppendSeal(nil, c.key, nil, nil, opts)
		_, err2 := cobblestone.AppendOpen(nil, c.key, nil, make([]byte, 72), opts)
		_, err3 := cobblestone.NewWriter(nil, c.key, nil, opts)
		_, err4 := cobblestone.NewReader(noRead{t}, c.key, nil, opts)
		_, err5 := cobblestone.NewReaderAt(noRead{t}, 72, c.key, nil, opts)
		for i, err := range []error{err1, err2, err3, err4, err5} {
			if err != c.want {
				t.Errorf("%v, key of %d bytes: call %d: %v", c.suite, len(c.key), i, err)
			}
		}
	}
	for _, size := range []int64{-1, 0, 55, 56, 71, 56 + stride, 56 + stride + 15} {
		_, err := cobblestone.NewReaderAt(noRead{t}, size, testKey, nil, nil)
		wantCause(t, err, cobblestone.ErrTruncated)
	}
	_, err := cobblestone.NewReaderAt(noRead{t}, math.MaxInt64, testKey, nil, nil)
	wantCause(t, err, cobblestone.ErrSize)
}

// TestCommitment: wrong key, context and suite, and every changed byte of the
// header, are found there, without a chunk being read.
func TestCommitment(t *testing.T) {
	sealed := seal(fill(20))[:56]
	try := func(key, context, header []byte, suite cobblestone.Suite) {
		t.Helper()
		src := io.MultiReader(bytes.NewReader(header), noRead{t})
		_, err := cobblestone.NewReader(src, key, context, &cobblestone.Options{Suite: suite})
		wantCause(t, err, cobblestone.ErrCommitment)
	}
	other := bytes.Clone(testKey)
	other[31] ^= 1
	try(other, testContext, sealed, 0)
	try(testKey, nil, sealed, 0)
	try(testKey, append(bytes.Clone(testContext), 0), sealed, 0)
	try(testKey[:16], testContext, sealed, 1)
	for i := range sealed {
		bad := bytes.Clone(sealed)
		bad[i] ^= 0x80
		try(testKey, testContext, bad, 0)
	}
}

func TestSizes(t *testing.T) {
	for n := range int64(3 * stride) {
		size := must(cobblestone.SealedSize(n))
		if got, err := cobblestone.OpenedSize(size); got != n || err != nil {
			t.Fatalf("%d bytes: %d, %v", n, got, err)
		}
		if got, err := cobblestone.OpenedSize(n); err == nil && must(cobblestone.SealedSize(got)) != n {
			t.Fatalf("%d sealed bytes: %d", n, got)
		}
	}
	most := must(cobblestone.SealedSize(cobblestone.MaxMessageSize))
	if got := must(cobblestone.OpenedSize(most)); got != 1<<52-1 {
		t.Errorf("the longest message has %d bytes", got)
	}
	for _, n := range []int64{-1, math.MinInt64, cobblestone.MaxMessageSize + 1, math.MaxInt64} {
		_, err := cobblestone.SealedSize(n)
		wantCause(t, err, cobblestone.ErrSize)
	}
	_, err := cobblestone.OpenedSize(most + 1)
	wantCause(t, err, cobblestone.ErrSize)
}

// TestLastChunks: the counter's limit is 2³⁸ chunks, the last of which is short.
func TestLastChunks(t *testing.T) {
	const last = 1<<38 - 1
	var out bytes.Buffer
	w := must(cobblestone.NewWriterWithSalt(&out, testKey, nil, nil, testSalt))
	r := func() *cobblestone.Reader {
		return must(cobblestone.NewReader(bytes.NewReader(out.Bytes()), testKey, nil, nil))
	}
	aead, nonce, commitment := referenceSchedule(0, testKey, testSalt[:], nil)
	out.Write(append(testSalt[:], commitment...))
	header := r()
	out.Reset()
	cobblestone.SkipTo(last-1, w, header)
	msg := fill(2*chunkSize - 1)
	must(w.Write(msg))
	check(w.Close())
	want := append(referenceChunk(aead, nonce, last-1, msg[:chunkSize]), referenceChunk(aead, nonce, last, msg[chunkSize:])...)
	if !bytes.Equal(out.Bytes()[56:], want) {
		t.Error("the last chunks are sealed otherwise")
	}
	reader := r()
	cobblestone.SkipTo(last-1, must(cobblestone.NewWriter(nil, testKey, nil, nil)), reader)
	if got, err := io.ReadAll(reader); err != nil || !bytes.Equal(got, msg) {
		t.Errorf("%d bytes, %v", len(got), err)
	}

	// What is being sealed while more is read counts too.
	for chunks := range int64(130) {
		w := must(cobblestone.NewWriter(io.Discard, testKey, nil, &cobblestone.Options{Concurrency: 2}))
		cobblestone.SkipTo(last-chunks, w, r())
		fits := chunks*chunkSize + chunkSize - 1
		if n, err := w.ReadFrom(io.LimitReader(zeros{}, fits)); n != fits || err != nil {
			t.Errorf("%d chunks: %d, %v", chunks, n, err)
		}
		_, err := w.ReadFrom(io.LimitReader(zeros{}, 1))
		wantCause(t, err, cobblestone.ErrSize)
		w = must(cobblestone.NewWriter(io.Discard, testKey, nil, &cobblestone.Options{Concurrency: 2}))
		cobblestone.SkipTo(last-chunks, w, r())
		_, err = w.ReadFrom(io.LimitReader(zeros{}, fits+1))
		wantCause(t, err, cobblestone.ErrSize)
	}

	w = must(cobblestone.NewWriter(io.Discard, testKey, nil, nil))
	reader = r()
	cobblestone.SkipTo(last, w, reader)
	_, err := io.ReadAll(reader)
	wantCause(t, err, cobblestone.ErrSize)
	_, err = w.Write(msg[:chunkSize])
	wantCause(t, err, cobblestone.ErrSize)
	wantCause(t, w.Close(), cobblestone.ErrSize)
}

// zeros has no end.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }
