package envelope

import (
	"errors"
	"io"
	"strings"

	"github.com/parley-e2ee/parley/envelope/cobblestone"
)

// A foreignError is an error of a source or destination on its way through package
// cobblestone, so that it is not taken for one of that package: what is read may be
// an envelope inside another.
type foreignError struct{ err error }

func (e *foreignError) Error() string { return e.err.Error() }

// foreign marks an error of a source, but not io.EOF, which means something.
func foreign(err error) error {
	if err == nil || err == io.EOF {
		return err
	}
	return &foreignError{err}
}

type foreignReader struct{ io.Reader }

func (r foreignReader) Read(p []byte) (n int, err error) {
	n, err = r.Reader.Read(p)
	return n, foreign(err)
}

type foreignReaderAt struct{ io.ReaderAt }

func (r foreignReaderAt) ReadAt(p []byte, off int64) (n int, err error) {
	n, err = r.ReaderAt.ReadAt(p, off)
	return n, foreign(err)
}

type foreignWriter struct{ io.Writer }

func (w foreignWriter) Write(p []byte) (n int, err error) {
	if n, err = w.Writer.Write(p); err != nil {
		err = &foreignError{err} // io.EOF too, which would look like the end
	}
	return n, err
}

// ownError turns what package cobblestone returns into an error of this package, or
// into the one that a source or destination had.
func ownError(err error) error {
	var f *foreignError
	switch {
	case errors.As(err, &f):
		return f.err
	case errors.Is(err, cobblestone.ErrClosed):
		return ErrClosed
	case errors.Is(err, cobblestone.ErrMessage):
		return &payloadError{err}
	case err != nil && strings.HasPrefix(err.Error(), cobblestonePrefix):
		return innerError{err}
	}
	return err
}
