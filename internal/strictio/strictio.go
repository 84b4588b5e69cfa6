// Package strictio reads and writes through interfaces that may not keep to their
// contract: counts that cannot be are errors, and never a panic.
package strictio

import (
	"errors"
	"io"
)

var (
	// ErrRead reports a source that says to have read what it was not asked for.
	ErrRead = errors.New("parley: source returned an invalid count")

	// ErrWrite reports a destination that says to have written what it was not given.
	ErrWrite = errors.New("parley: destination returned an invalid count")
)

// maxEmptyReads is how often a source may give nothing before it is given up.
const maxEmptyReads = 100

// ReadFull reads until p is full or src has an error, which it returns as it is:
// io.EOF is the source's own, however many bytes came before.
func ReadFull(src io.Reader, p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		var m int
		m, err = ReadSome(src, p[n:])
		n += m
	}
	return n, err
}

// ReadSome is a Read that gives something or an error, which is
// [io.ErrNoProgress] if there is never anything.
func ReadSome(src io.Reader, p []byte) (n int, err error) {
	for range maxEmptyReads {
		n, err = src.Read(p)
		if n < 0 || n > len(p) {
			return 0, ErrRead
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
	return 0, io.ErrNoProgress
}

// WriteFull is a Write that reports a short write.
func WriteFull(dst io.Writer, p []byte) (n int, err error) {
	n, err = dst.Write(p)
	if n < 0 || n > len(p) {
		return 0, ErrWrite
	}
	if n < len(p) && err == nil {
		err = io.ErrShortWrite
	}
	return n, err
}

// A Reader is a source without what others panic at.
type Reader struct{ Src io.Reader }

// Read is [ReadSome].
func (r Reader) Read(p []byte) (n int, err error) { return ReadSome(r.Src, p) }
