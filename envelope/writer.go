package envelope

import (
	"crypto/sha256"
	"errors"
	"hash"
	"io"

	"github.com/parley-e2ee/parley/envelope/cobblestone"
	"github.com/parley-e2ee/parley/internal/strictio"
)

// A Writer seals what is written to it as one envelope. Only one goroutine may use it
// at a time. It prints as REDACTED. [NewWriter] makes one.
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
	*sealing
	dst     io.Writer
	payload *cobblestone.Writer
	hash    hash.Hash // of the payload, where it is signed
	closed  bool
	err     error // what Close returns, where it was called or cannot be
}

// NewWriter returns a Writer that writes an envelope, which each of the recipients
// can open, to dst: the header at once, the payload as it is written, and the end when
// Close is called. Without Close the envelope is truncated.
//
// The errors are those of [Seal] and of dst.
func NewWriter(dst io.Writer, opts *Options, recipients ...*Recipient) (*Writer, error) {
	e, err := newSealing(opts, recipients)
	if err != nil {
		return nil, err
	}
	w := &writer{sealing: e, dst: dst}
	payload := io.Writer(foreignWriter{dst})
	if e.signer != nil {
		w.hash = sha256.New()
		payload = &hashedWriter{payload, w.hash}
	}
	w.payload, err = cobblestone.NewWriter(payload, e.keys.payload[:], e.c[:], &cobblestone.Options{Concurrency: e.concurrency})
	if err != nil {
		return nil, writeError(err)
	}
	if _, err := strictio.WriteFull(dst, e.header); err != nil {
		return nil, err
	}
	e.header = nil // a large one need not be kept
	return &Writer{w: func() *writer { return w }}, nil
}

// Write seals p, all of it unless it returns an error, and does not retain it. After
// an error of the destination, or [ErrLimit], every call returns that error, and what
// was written is no complete envelope. After Close the error is [ErrClosed].
func (w *Writer) Write(p []byte) (n int, err error) {
	if w.w == nil {
		return 0, ErrClosed
	}
	return w.w().write(p)
}

// WriteString is [Writer.Write] of the bytes of s.
func (w *Writer) WriteString(s string) (n int, err error) { return w.Write([]byte(s)) }

// ReadFrom seals src up to its end; [io.Copy] uses it. After an error, including one
// of src, every call returns that error, so that Close does not complete the envelope
// of a part of src.
func (w *Writer) ReadFrom(src io.Reader) (n int64, err error) {
	if w.w == nil {
		return 0, ErrClosed
	}
	return w.w().readFrom(src)
}

// Close completes the envelope, with a signature if there is a signer, whose failure
// is [ErrSigner]. It does not close the destination. A second call returns the same;
// after a failed Write, Close returns the error of that.
//
// Do not call Close, or defer it, if the message may be incomplete for a reason other
// than an error of this Writer: just drop the Writer.
func (w *Writer) Close() error {
	if w.w == nil {
		return ErrClosed
	}
	return w.w().close()
}

func (w *writer) write(p []byte) (n int, err error) {
	if w.err != nil {
		return 0, w.err
	}
	n, err = w.payload.Write(p)
	return n, writeError(err)
}

func (w *writer) readFrom(src io.Reader) (n int64, err error) {
	if w.err != nil {
		return 0, w.err
	}
	n, err = w.payload.ReadFrom(foreignReader{src})
	if err = writeError(err); err != nil && err != ErrClosed {
		w.closed, w.err = true, err
		w.keys.wipe()
	}
	return n, err
}

func (w *writer) close() error {
	if !w.closed {
		w.closed = true
		w.err = w.end()
		w.keys.wipe()
	}
	return w.err
}

func (w *writer) end() error {
	if err := w.payload.Close(); err != nil || w.signer == nil {
		return writeError(err)
	}
	p := digest(w.hash.Sum(nil))
	trailer, err := w.signer.appendTrailer(nil, w.sealing, &p)
	if err != nil {
		return err
	}
	_, err = strictio.WriteFull(w.dst, trailer)
	return err
}

// writeError is ownError for writing, where the one refusal is that of the size.
func writeError(err error) error {
	if errors.Is(err, cobblestone.ErrSize) {
		return ErrLimit
	}
	return ownError(err)
}

// A hashedWriter writes, and hashes what was written.
type hashedWriter struct {
	dst  io.Writer
	hash hash.Hash
}

func (w *hashedWriter) Write(p []byte) (n int, err error) {
	n, err = strictio.WriteFull(w.dst, p)
	w.hash.Write(p[:n])
	return n, err
}
