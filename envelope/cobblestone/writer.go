package cobblestone

import (
	"io"

	"github.com/parley-e2ee/parley/internal/strictio"
)

// A Writer seals what is written to it, as one message. It holds back up to 1
// MiB, in whole chunks, before it writes to its destination. It is for one
// goroutine at a time and prints as REDACTED. [NewWriter] makes one.
type Writer struct {
	redacted
	w func() *writer // a closure, which fmt does not see through
}

var (
	_ io.WriteCloser  = (*Writer)(nil)
	_ io.ReaderFrom   = (*Writer)(nil)
	_ io.StringWriter = (*Writer)(nil)
)

type writer struct {
	*crew
	dst    io.Writer
	err    error
	closed bool

	// buf is the header, until that is written, and then room for whole chunks,
	// in each of which a chunk is collected and sealed in place.
	buf     []byte
	begin   int   // of what is to be written: 0 or HeaderSize
	filled  int   // bytes of message in buf
	number  int64 // of the next chunk that is sealed
	written int64 // bytes of message since the beginning
}

// NewWriter returns a Writer that seals a message under key and context, with a
// fresh random salt, and writes it to dst. Nothing is written before the first
// chunk is full or Close is called.
//
// key is of [Suite.KeySize] uniformly random bytes, which are not kept; context
// may be empty. The errors are [ErrKey], [ErrSuite] and [ErrFIPS].
func NewWriter(dst io.Writer, key, context []byte, opts *Options) (*Writer, error) {
	salt := newSalt()
	return newWriter(dst, key, context, opts, &salt)
}

// newWriter is NewWriter with a chosen salt.
func newWriter(dst io.Writer, key, context []byte, opts *Options, salt *[saltSize]byte) (*Writer, error) {
	o := opts.orDefault()
	s, err := derive(o.Suite, key, salt[:], context)
	if err != nil {
		return nil, err
	}
	w := &writer{crew: newCrew(s, o.Concurrency), dst: dst}
	w.grow(1)
	header := s.header(salt)
	copy(w.buf, header[:])
	return &Writer{w: func() *writer { return w }}, nil
}

// Write seals p. Unless it returns an error it has taken all of p, of which it
// keeps nothing. An error of the destination sticks, and so does [ErrSize]:
// what was written until then is no message. After Close the error is
// [ErrClosed].
func (w *Writer) Write(p []byte) (n int, err error) {
	if w.w == nil {
		return 0, ErrClosed
	}
	return w.w().write(p)
}

// WriteString is [Writer.Write] of the bytes of s.
func (w *Writer) WriteString(s string) (n int, err error) { return w.Write([]byte(s)) }

// ReadFrom seals what src holds, up to its end, and is what [io.Copy] uses. It
// reads up to 64 KiB at a time, and ahead of what it writes by up to 512 KiB. An
// error of src is returned as it is and does not stick: whoever calls Close then
// makes a whole message of a part.
func (w *Writer) ReadFrom(src io.Reader) (n int64, err error) {
	if w.w == nil {
		return 0, ErrClosed
	}
	return w.w().readFrom(src)
}

// Close seals the last chunk, without which the message is truncated, and writes
// what was held back. It does not close the destination. Called again, it
// returns the same; after a failed Write it returns the error of that.
//
// Whoever has not written the whole message must not call Close: a Writer may
// just be dropped.
func (w *Writer) Close() error {
	if w.w == nil {
		return ErrClosed
	}
	return w.w().close()
}

func (w *writer) write(p []byte) (n int, err error) {
	if err := w.status(); err != nil {
		return 0, err
	}
	if int64(len(p)) > MaxMessageSize-w.written {
		return 0, w.fail(ErrSize)
	}
	for n < len(p) && w.err == nil {
		n += w.take(p[n:])
	}
	w.written += int64(n)
	return n, w.err
}

func (w *writer) status() error {
	if w.closed && w.err == nil {
		return ErrClosed
	}
	return w.err
}

// take seals or collects the beginning of p and returns how much. An error is in
// w.err.
func (w *writer) take(p []byte) int {
	if w.filled%ChunkSize > 0 || len(p) < ChunkSize {
		return w.collect(p)
	}
	if w.filled > 0 {
		w.flush()
		return 0
	}
	return w.pass(p)
}

// collect copies up to a chunk into buf and writes buf when it is full.
func (w *writer) collect(p []byte) int {
	at := w.filled % ChunkSize
	n := copy(w.slots()[w.filled/ChunkSize*sealedChunk+at:][:ChunkSize-at], p)
	w.filled += n
	if w.filled == w.room()*ChunkSize {
		w.flush()
		w.grow(2 * w.room())
	}
	return n
}

// pass seals whole chunks of p without copying them.
func (w *writer) pass(p []byte) int {
	count := min(len(p)/ChunkSize, w.batch())
	w.grow(count)
	w.sealWhole(count, p, ChunkSize)
	if !w.emit(w.buf[w.begin : HeaderSize+count*sealedChunk]) {
		return 0
	}
	return count * ChunkSize
}

// sealWhole seals count chunks into buf. Their numbers are used up, whatever follows.
func (w *writer) sealWhole(count int, in []byte, stride int) {
	w.do(job{number: w.number, count: count, out: w.slots(), outStride: sealedChunk, in: in, inStride: stride})
	w.number += int64(count)
}

// flush seals the whole chunks that are collected, and there is nothing else.
func (w *writer) flush() {
	count := w.sealCollected()
	w.emit(w.buf[w.begin : HeaderSize+count*sealedChunk])
}

// sealCollected seals the whole chunks in buf and returns their number.
func (w *writer) sealCollected() (count int) {
	count = w.filled / ChunkSize
	w.sealWhole(count, w.slots(), sealedChunk)
	w.filled %= ChunkSize
	return count
}

// emit writes a part of buf, in which nothing is collected any more. A
// destination that does not return leaves an error, lest anything follow.
func (w *writer) emit(p []byte) bool {
	w.err = errUnwound
	if _, err := strictio.WriteFull(w.dst, p); err != nil {
		w.fail(err)
		return false
	}
	w.err = nil
	w.begin = HeaderSize
	return true
}

func (w *writer) close() error {
	if w.closed || w.err != nil {
		return w.err
	}
	w.closed = true
	count := w.sealCollected()
	last := w.slots()[count*sealedChunk:]
	w.sealLast(w.number, last, last[:w.filled])
	w.emit(w.buf[w.begin : HeaderSize+count*sealedChunk+w.filled+Overhead])
	w.wipe()
	return w.err
}

// slots is the room for chunks.
func (w *writer) slots() []byte { return w.buf[HeaderSize:] }

// room is how many chunks fit into buf.
func (w *writer) room() int { return (len(w.buf) - HeaderSize) / sealedChunk }

// grow makes room for count chunks, as far as a batch. Nothing may be collected.
func (w *writer) grow(count int) {
	count = min(count, w.batch())
	if w.err != nil || len(w.buf) > 0 && count <= w.room() {
		return
	}
	buf := make([]byte, HeaderSize+count*sealedChunk)
	copy(buf, w.buf[:min(HeaderSize, len(w.buf))])
	w.buf = buf
}

// fail makes err stick.
func (w *writer) fail(err error) error {
	w.err = err
	w.wipe()
	return err
}

// wipe drops the buffer, which may hold plaintext.
func (w *writer) wipe() {
	clear(w.buf)
	w.buf, w.filled = nil, 0
}
