package cobblestone

import (
	"io"

	"github.com/parley-e2ee/parley/internal/strictio"
)

// A Reader opens a message as it comes in. It gives out only chunks that are
// authentic and in their place; that the message is whole is known with
// [io.EOF], and not before. It is for one goroutine at a time and prints as
// REDACTED. [NewReader] makes one.
type Reader struct {
	redacted
	r func() *reader // a closure, which fmt does not see through
}

var (
	_ io.Reader   = (*Reader)(nil)
	_ io.WriterTo = (*Reader)(nil)
)

type reader struct {
	*crew
	src    io.Reader
	srcErr error // what src ended with
	err    error // what comes after the opened bytes in buf

	// buf has opened bytes, at the stride of sealed chunks from base on, and
	// after those sealed ones.
	buf          []byte
	base         int
	at, end      int // opened bytes that are next, and all, counted without strides
	begin, limit int // sealed bytes
	number       int64
}

// NewReader returns a Reader of the sealed message that src gives, up to its
// end: what follows the message is taken for a part of it, and refused. It reads
// the header and checks the commitment.
//
// The errors are [ErrKey], [ErrSuite], [ErrFIPS], [ErrTruncated],
// [ErrCommitment] and those of src.
func NewReader(src io.Reader, key, context []byte, opts *Options) (*Reader, error) {
	o := opts.orDefault()
	if err := check(o.Suite, key); err != nil {
		return nil, err
	}
	var header [HeaderSize]byte
	n, err := strictio.ReadFull(src, header[:])
	if n < HeaderSize {
		if err == io.EOF {
			err = ErrTruncated
		}
		return nil, err
	}
	s, err2 := deriveFor(o.Suite, key, &header, context)
	if err2 != nil {
		return nil, err2
	}
	own := &reader{crew: newCrew(s, o.Concurrency), src: src, srcErr: err}
	return &Reader{r: func() *reader { return own }}, nil
}

// Read gives the next bytes of the message. It returns when it has some, without
// waiting for p to be full; the bytes of p behind them may have been used. The
// error, which comes alone and sticks, is io.EOF after the last chunk is
// authenticated and src at its end, one of [ErrMessage], or that of src.
func (r *Reader) Read(p []byte) (n int, err error) {
	if r.r == nil {
		return 0, ErrTruncated
	}
	return r.r().read(p)
}

// WriteTo opens the rest of the message and writes it to dst, up to 64 KiB at a
// time; it is what [io.Copy] uses. A nil error says that the message is whole; with
// any other, what was written is an authentic beginning of it. Every error sticks,
// one of dst too: what that did not take is lost. Its io.EOF, which would say that
// the message is whole, comes as [io.ErrClosedPipe].
//
// What the source gave is written before it is asked for more. Only where it fills
// reads of 64 KiB, with a Concurrency above 1, is it read ahead, by up to 512 KiB.
func (r *Reader) WriteTo(dst io.Writer) (n int64, err error) {
	if r.r == nil {
		return 0, ErrTruncated
	}
	return r.r().writeTo(dst)
}

func (r *reader) read(p []byte) (n int, err error) {
	for {
		switch {
		case r.at < r.end:
			return r.release(p), nil
		case r.err != nil:
			return 0, r.fail(r.err)
		case len(p) == 0:
			return 0, nil
		}
		r.fill()
		if n = r.openSome(p); n > 0 {
			return n, nil
		}
	}
}

// release copies opened bytes to p.
func (r *reader) release(p []byte) (n int) {
	for n < len(p) && r.at < r.end {
		at := r.at % ChunkSize
		stop := min(ChunkSize, at+r.end-r.at)
		chunk := r.buf[r.base+r.at/ChunkSize*sealedChunk:]
		m := copy(p[n:], chunk[at:stop])
		n, r.at = n+m, r.at+m
	}
	return n
}

// fill reads until there is a whole chunk or src has ended. It takes what src
// gives and does not wait for more.
func (r *reader) fill() {
	if r.limit-r.begin >= sealedChunk {
		return
	}
	r.makeRoom()
	for r.limit < sealedChunk && r.srcErr == nil {
		var n int
		n, r.srcErr = strictio.ReadSome(r.src, r.buf[r.limit:])
		r.limit += n
	}
}

// makeRoom moves the sealed bytes, less than a chunk, to the front of buf, which
// doubles, as far as a batch, where it was full.
func (r *reader) makeRoom() {
	rest, room := r.buf[r.begin:r.limit], len(r.buf)/sealedChunk
	if r.limit == len(r.buf) && room < r.batch() {
		buf := make([]byte, max(1, min(2*room, r.batch()))*sealedChunk)
		copy(buf, rest)
		clear(r.buf)
		r.buf = buf
	} else {
		copy(r.buf, rest)
	}
	r.begin, r.limit = 0, len(rest)
}

// openSome opens what fill has read: directly to p, of which it returns how much
// it has filled, or in place. The error after that is in r.err.
func (r *reader) openSome(p []byte) int {
	whole := (r.limit - r.begin) / sealedChunk
	if whole == 0 {
		r.openEnd()
		return 0
	}
	// A whole chunk cannot be the last that a message may have.
	if whole = int(min(int64(whole), maxChunks-1-r.number)); whole == 0 {
		r.fail(ErrSize)
		return 0
	}
	if fits := len(p) / ChunkSize; fits > 0 {
		return r.openWhole(min(whole, fits), p, ChunkSize)
	}
	r.base, r.at = r.begin, 0
	r.end = r.openWhole(whole, r.buf[r.base:], sealedChunk)
	return 0
}

// openWhole opens count whole chunks to out and returns the number of bytes that
// are good. The rest of out is zero where that is not all.
func (r *reader) openWhole(count int, out []byte, stride int) int {
	in := r.buf[r.begin:r.limit]
	good := r.do(job{open: true, number: r.number, count: count, out: out, outStride: stride, in: in, inStride: sealedChunk})
	if good < count {
		clear(out[good*stride : count*stride])
		r.err = &ChunkError{r.number + int64(good)}
	}
	r.begin += count * sealedChunk
	r.number += int64(count)
	return good * ChunkSize
}

// openEnd opens, in place, what is left when src has ended.
func (r *reader) openEnd() {
	rest := r.buf[r.begin:r.limit]
	switch {
	case r.srcErr != io.EOF:
		r.fail(r.srcErr)
	case len(rest) < Overhead:
		r.fail(ErrTruncated)
	case !r.openLast(r.number, rest[:len(rest)-Overhead], rest):
		r.fail(&ChunkError{r.number})
	default:
		r.base, r.at, r.end = r.begin, 0, len(rest)-Overhead
		r.begin = r.limit
		r.err = io.EOF
	}
}

// fail makes err stick and drops the buffer, which may hold plaintext.
func (r *reader) fail(err error) error {
	r.err = err
	clear(r.buf)
	r.buf, r.at, r.end, r.begin, r.limit = nil, 0, 0, 0, 0
	return err
}
