package envelope

import "io"

// maxEmptyReads is how often a source may give nothing before it is given up.
const maxEmptyReads = 100

// readFull reads until p is full or src has an error, which it returns as it is:
// io.EOF is the source's own, however many bytes came before.
func readFull(src io.Reader, p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		var m int
		m, err = readSome(src, p[n:])
		n += m
	}
	return n, err
}

// readSome is a Read that gives something or an error.
func readSome(src io.Reader, p []byte) (n int, err error) {
	for range maxEmptyReads {
		n, err = src.Read(p)
		if n < 0 || n > len(p) {
			return 0, errBadRead
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
	return 0, io.ErrNoProgress
}

// writeFull is a Write that reports a short write.
func writeFull(dst io.Writer, p []byte) (n int, err error) {
	n, err = dst.Write(p)
	if n < 0 || n > len(p) {
		return 0, errBadWrite
	}
	if n < len(p) && err == nil {
		err = io.ErrShortWrite
	}
	return n, err
}
