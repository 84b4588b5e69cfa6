package envelope_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"testing"
	"testing/iotest"

	"github.com/parley-e2ee/parley/envelope"
)

var errBroken = errors.New("broken")

// brokenAt gives what b has up to n, and then an error that is its own.
func brokenAt(b []byte, n int) io.Reader {
	return io.MultiReader(bytes.NewReader(b[:n]), iotest.ErrReader(errBroken))
}

// brokenSource is a ReaderAt that fails for what is behind n.
type brokenSource struct {
	b []byte
	n int64
}

func (s *brokenSource) ReadAt(p []byte, off int64) (int, error) {
	if off+int64(len(p)) > s.n {
		return 0, errBroken
	}
	return bytes.NewReader(s.b).ReadAt(p, off)
}

// ioSubjects have more than a chunk, signed and not.
func ioSubjects() []subject { return subjects()[:2] }

// someOffsets are all of the header and some of the rest.
func someOffsets(sealed []byte) (all []int) {
	for n := 0; n <= len(sealed); n++ {
		if n < 400 || len(sealed)-n < 200 || n%977 == 0 {
			all = append(all, n)
		}
	}
	return all
}

// TestBrokenSources: what a source says is handed on as it is, and sticks.
func TestBrokenSources(t *testing.T) {
	skipWithoutEnvelopes(t)
	for _, s := range ioSubjects() {
		header := int(must(envelope.Inspect(bytes.NewReader(s.sealed))).HeaderSize)
		for _, n := range someOffsets(s.sealed) {
			if _, err := envelope.Inspect(brokenAt(s.sealed, n)); n < header && err != errBroken || n >= header && err != nil {
				t.Errorf("Inspect, broken at %d: %v", n, err)
			}
			for name, read := range map[string]func(*envelope.Reader) ([]byte, error){"Read": readAll, "WriteTo": writeTo, "odd": readOdd} {
				source := func(b []byte) io.Reader { return brokenAt(b, n) }
				got, err := stream(source, read)(s.sealed, nil, s.reader)
				if err != errBroken || !bytes.HasPrefix(s.msg, got) {
					t.Errorf("%s, broken at %d: %d bytes, %v", name, n, len(got), err)
				}
			}
			if n == len(s.sealed) {
				continue
			}
			if r, err := envelope.NewReaderAt(&brokenSource{s.sealed, int64(n)}, int64(len(s.sealed)), nil, s.reader); r != nil || err != errBroken {
				t.Errorf("NewReaderAt, broken at %d: %v", n, err)
			}
		}
	}
}

// TestSourceThatBreaksLater: a ReaderAt does not stick to its errors.
func TestSourceThatBreaksLater(t *testing.T) {
	skipWithoutEnvelopes(t)
	for _, s := range ioSubjects() {
		src := &brokenSource{s.sealed, int64(len(s.sealed))}
		r := must(envelope.NewReaderAt(src, src.n, nil, s.reader))
		p := make([]byte, len(s.msg))
		src.n = 0
		if n, err := r.ReadAt(p[:10], 5); n != 0 || err != errBroken {
			t.Errorf("%d, %v", n, err)
		}
		src.n = int64(len(s.sealed))
		if n, err := r.ReadAt(p, 0); n != len(p) || err != nil || !bytes.Equal(p, s.msg) {
			t.Errorf("whole again: %d, %v", n, err)
		}
		if n, err := r.ReadAt(p, -1); n != 0 || err != envelope.ErrOffset {
			t.Errorf("negative: %d, %v", n, err)
		}
		// The size is said to be another than it is.
		for _, size := range []int64{-1 << 63, -1, 0, 10, src.n - 1, src.n + 1, src.n + chunk, 1<<63 - 1} {
			if r, err := envelope.NewReaderAt(bytes.NewReader(s.sealed), size, nil, s.reader); r != nil || err == nil {
				t.Errorf("size %d opens", size)
			}
		}
	}
}

// TestBrokenDestinations: so is what a destination says; no call after it succeeds.
func TestBrokenDestinations(t *testing.T) {
	skipWithoutEnvelopes(t)
	for _, s := range ioSubjects() {
		seal, _ := variant{signed: s.signed, metadata: true}.options()
		for _, n := range someOffsets(s.sealed[:len(s.sealed)-1]) {
			err := writeAll(&failingWriter{left: n, err: errBroken}, seal, s)
			if err != errBroken {
				t.Errorf("Writer, broken at %d: %v", n, err)
			}
			if n >= len(s.msg) {
				continue
			}
			r := must(envelope.NewReader(bytes.NewReader(s.sealed), nil, s.reader))
			_, err = r.WriteTo(&failingWriter{left: n, err: errBroken})
			if m, again := r.Read(make([]byte, 1)); err != errBroken || again != errBroken || m != 0 {
				t.Errorf("WriteTo, broken at %d: %v, then %v", n, err, again)
			}
		}
	}
}

// writeAll returns the first error, where it sticks.
func writeAll(dst io.Writer, opts *envelope.Options, s subject) error {
	w, err := envelope.NewWriter(dst, opts, s.reader.Recipient())
	if err != nil {
		return err
	}
	_, err = w.Write(s.msg)
	if err2 := w.Close(); err == nil {
		err = err2
	} else if err2 != err {
		return fmt.Errorf("Close says %w after %w", err2, err)
	}
	if again := w.Close(); again != err {
		return fmt.Errorf("Close says %w, then %w", err, again)
	}
	return err
}

// A liar says to have moved n bytes for m, and has no error; it begins when it has
// moved honest bytes.
type liar struct {
	io.Reader
	honest int
	lie    func(n int) int
}

func (l *liar) Read(p []byte) (int, error) {
	if l.honest <= 0 {
		return l.lie(len(p)), nil
	}
	n, err := l.Reader.Read(p[:min(len(p), l.honest)])
	l.honest -= n
	return n, err
}

func (l *liar) Write(p []byte) (int, error) {
	if l.honest -= len(p); l.honest < 0 {
		return l.lie(len(p)), nil
	}
	return len(p), nil
}

var lies = map[string]func(n int) int{
	"negative": func(int) int { return -1 }, "more": func(n int) int { return n + 1 }, "far more": func(n int) int { return 1<<30 + n },
	"nothing": func(int) int { return 0 },
}

// TestLiars: counts that cannot be are errors and never a panic, and nothing waits
// for ever.
func TestLiars(t *testing.T) {
	skipWithoutEnvelopes(t)
	for name, lie := range lies {
		for _, s := range ioSubjects() {
			header := int(must(envelope.Inspect(bytes.NewReader(s.sealed))).HeaderSize)
			for _, n := range []int{0, 19, 54, header - 1, header, header + 5, header + 56, header + 20000, len(s.sealed) - 112, len(s.sealed) - 1, len(s.sealed)} {
				source := func(b []byte) io.Reader { return &liar{bytes.NewReader(b), n, lie} }
				for _, read := range []func(*envelope.Reader) ([]byte, error){readAll, writeTo, readOdd} {
					if got, err := stream(source, read)(s.sealed, nil, s.reader); err == nil || errors.Is(err, envelope.ErrEnvelope) || !bytes.HasPrefix(s.msg, got) {
						t.Errorf("%s at %d: %d bytes, %v", name, n, len(got), err)
					}
				}
				if _, err := envelope.Inspect(source(s.sealed)); (err == nil) != (n >= header) {
					t.Errorf("%s at %d: Inspect: %v", name, n, err)
				}
				seal, _ := variant{signed: s.signed, metadata: true}.options()
				if err := writeAll(&liar{honest: n, lie: lie}, seal, s); (err == nil) != (n == len(s.sealed)) {
					t.Errorf("%s at %d: Writer: %v", name, n, err)
				}
			}
			r := must(envelope.NewReader(bytes.NewReader(s.sealed), nil, s.reader))
			if _, err := r.WriteTo(&liar{lie: lie}); err == nil || errors.Is(err, envelope.ErrEnvelope) {
				t.Errorf("%s: WriteTo: %v", name, err)
			}
			var out bytes.Buffer
			w := must(envelope.NewWriter(&out, nil, s.reader.Recipient()))
			if _, err := w.ReadFrom(&liar{bytes.NewReader(s.msg), 10, lie}); err == nil {
				t.Errorf("%s: ReadFrom", name)
			}
			text := envelope.Armor(s.sealed)
			if _, err := io.ReadAll(envelope.NewArmorReader(&liar{bytes.NewReader(text), 100, lie})); err == nil || errors.Is(err, envelope.ErrEnvelope) {
				t.Errorf("%s: armor: %v", name, err)
			}
		}
	}
}

// TestClosed: what comes after Close, and what was made by no function.
func TestClosed(t *testing.T) {
	skipWithoutEnvelopes(t)
	var out bytes.Buffer
	closed := must(envelope.NewWriter(&out, nil, sharedMember().Recipient()))
	if err := errors.Join(closed.Close(), closed.Close()); err != nil {
		t.Fatal(err)
	}
	size := out.Len()
	for name, w := range map[string]*envelope.Writer{"closed": closed, "zero": new(envelope.Writer)} {
		_, err := w.Write([]byte("x"))
		_, err2 := w.WriteString("x")
		_, err3 := w.ReadFrom(bytes.NewReader([]byte("x")))
		if err != envelope.ErrClosed || err2 != envelope.ErrClosed || err3 != envelope.ErrClosed {
			t.Errorf("%s: %v, %v, %v", name, err, err2, err3)
		}
	}
	if out.Len() != size || closed.Close() != nil || new(envelope.Writer).Close() != envelope.ErrClosed {
		t.Error("a closed Writer writes")
	}
	r, at := new(envelope.Reader), new(envelope.ReaderAt)
	n, err := r.Read(make([]byte, 1))
	m, err2 := at.ReadAt(make([]byte, 1), 0)
	k, err3 := r.WriteTo(io.Discard)
	if n != 0 || m != 0 || k != 0 || err != io.EOF || err2 != io.EOF || err3 != nil {
		t.Error(n, err, m, err2, k, err3)
	}
	if r.ID() != at.ID() || r.Metadata() != nil || at.Metadata() != nil || r.Sender() != nil || at.Sender() != nil || at.Size() != 0 {
		t.Error("zero values have contents")
	}
}

// TestDropped: Writers and Readers that are not brought to their end leave nothing
// behind, which TestMain holds.
func TestDropped(t *testing.T) {
	skipWithoutEnvelopes(t)
	s := ioSubjects()[0]
	for range 20 {
		w := must(envelope.NewWriter(io.Discard, &envelope.Options{Concurrency: 4, Signer: alice}, s.reader.Recipient()))
		must(w.Write(message(9*chunk + 1)))
		r := must(envelope.NewReader(bytes.NewReader(s.sealed), &envelope.OpenOptions{Concurrency: 4}, s.reader))
		must(r.Read(make([]byte, 1)))
		must(envelope.NewReaderAt(bytes.NewReader(s.sealed), int64(len(s.sealed)), &envelope.OpenOptions{Concurrency: 4}, s.reader))
	}
}
