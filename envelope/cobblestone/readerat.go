package cobblestone

import (
	"io"
	"sync"

	"github.com/parley-e2ee/parley/internal/strictio"
)

// A ReaderAt opens any part of a message, wherever that is kept. It is safe for
// concurrent use if its source is, and prints as REDACTED. [NewReaderAt] makes
// one.
//
// An [io.ReadSeeker] over the message is
//
//	io.NewSectionReader(r, 0, r.Size())
//
// A call takes at most 1025 KiB, with one goroutine 257 KiB; up to four such
// buffers are kept for later calls and hold, for as long as the ReaderAt lives, the
// chunks last read in part, so that small reads in a row open each chunk once.
type ReaderAt struct {
	redacted
	r func() *readerAt // a closure, which fmt does not see through
}

var _ io.ReaderAt = (*ReaderAt)(nil)

const (
	// maxRange is how many chunks one goroutine reads at a time.
	maxRange = 16

	// maxIdle is how many buffers are kept.
	maxIdle = 4
)

type readerAt struct {
	*schedule
	src         io.ReaderAt
	size        int64
	concurrency int

	mu   sync.Mutex
	idle []*desk
}

// A desk is what one call works with.
type desk struct {
	*crew
	buf  []byte
	held int64 // the chunk that is open in buf, -1 if none
	open []byte
}

// NewReaderAt returns a ReaderAt of the sealed message in the first size bytes of
// src, which must be all of it. It reads the header and the last chunk: when it
// returns no error, key, context and suite are right and the message has neither
// been cut nor extended. Each other chunk is authenticated when it is read.
//
// The errors are [ErrKey], [ErrSuite], [ErrFIPS], those of [ErrMessage] and those
// of src. A size that no message has is refused before src is used.
func NewReaderAt(src io.ReaderAt, size int64, key, context []byte, opts *Options) (*ReaderAt, error) {
	o := opts.orDefault()
	if err := check(o.Suite, key); err != nil {
		return nil, err
	}
	opened, err := OpenedSize(size)
	if err != nil {
		return nil, err
	}
	var header [HeaderSize]byte
	if err := readAt(src, header[:], 0); err != nil {
		return nil, err
	}
	s, err := deriveFor(o.Suite, key, &header, context)
	if err != nil {
		return nil, err
	}
	r := &readerAt{schedule: s, src: src, size: opened, concurrency: o.Concurrency}
	d := r.desk(opened / ChunkSize)
	defer r.leave(d)
	if _, err := r.chunk(d, opened/ChunkSize); err != nil {
		return nil, err
	}
	return &ReaderAt{r: func() *readerAt { return r }}, nil
}

// Size returns the size of the message in bytes, which is authenticated.
func (r *ReaderAt) Size() int64 {
	if r.r == nil {
		return 0
	}
	return r.r().size
}

// ReadAt fills p with the message from byte off on, as [io.ReaderAt] has it: an
// error comes with fewer than len(p) bytes, and these are authentic. It is io.EOF
// where the message ends, a [*ChunkError] for a chunk that was changed,
// [ErrTruncated] where src has become shorter, [ErrOffset], or that of src. Errors
// do not stick: other parts may be read.
func (r *ReaderAt) ReadAt(p []byte, off int64) (n int, err error) {
	switch {
	case r.r == nil:
		return 0, ErrTruncated
	case off < 0:
		return 0, ErrOffset
	case off >= r.Size():
		return 0, io.EOF
	}
	return r.r().readAt(p, off)
}

func (r *readerAt) readAt(p []byte, off int64) (n int, err error) {
	end := int(min(int64(len(p)), r.size-off))
	d := r.desk(off / ChunkSize)
	defer r.leave(d)
	for n < end && err == nil {
		var m int
		m, err = r.readSome(d, p[n:end], off+int64(n))
		n += m
	}
	if err == nil && end < len(p) {
		err = io.EOF
	}
	return n, err
}

// readSome reads a part of a chunk or a row of whole ones.
func (r *readerAt) readSome(d *desk, p []byte, off int64) (n int, err error) {
	number, at := off/ChunkSize, int(off%ChunkSize)
	if whole := len(p) / ChunkSize; at == 0 && whole > 0 {
		return r.whole(d, p, number, min(whole, max(maxRange, d.batch())))
	}
	chunk, err := r.chunk(d, number)
	if err != nil {
		return 0, err
	}
	return copy(p, chunk[at:]), nil
}

// whole opens count whole chunks to p.
func (r *readerAt) whole(d *desk, p []byte, number int64, count int) (n int, err error) {
	in, err := r.load(d, number, count*sealedChunk)
	if err != nil {
		return 0, err
	}
	good := d.do(job{open: true, number: number, count: count, out: p, outStride: ChunkSize, in: in, inStride: sealedChunk})
	if good < count {
		clear(p[good*ChunkSize : count*ChunkSize])
		err = &ChunkError{number + int64(good)}
	}
	return good * ChunkSize, err
}

// chunk returns an opened chunk, which d holds from then on.
func (r *readerAt) chunk(d *desk, number int64) ([]byte, error) {
	if d.held == number {
		return d.open, nil
	}
	size := int(min(ChunkSize, r.size-number*ChunkSize))
	in, err := r.load(d, number, size+Overhead)
	if err != nil {
		return nil, err
	}
	if !d.openLast(number, in[:size], in) {
		return nil, &ChunkError{number}
	}
	d.held, d.open = number, in[:size]
	return d.open, nil
}

// load reads size sealed bytes, from the beginning of a chunk on.
func (r *readerAt) load(d *desk, number int64, size int) ([]byte, error) {
	d.held, d.open = -1, nil
	if size > len(d.buf) {
		clear(d.buf)
		d.buf = make([]byte, (size+sealedChunk-1)/sealedChunk*sealedChunk)
	}
	in := d.buf[:size]
	return in, readAt(r.src, in, HeaderSize+number*sealedChunk)
}

// readAt fills p, or fails with other than io.EOF.
func readAt(src io.ReaderAt, p []byte, off int64) error {
	n, err := src.ReadAt(p, off)
	switch {
	case n < 0 || n > len(p):
		return strictio.ErrRead
	case n == len(p):
		return nil
	case err == io.EOF:
		return ErrTruncated
	case err == nil:
		return io.ErrNoProgress
	}
	return err
}

// desk returns an idle desk, best one that holds the chunk, or a new one.
func (r *readerAt) desk(number int64) *desk {
	r.mu.Lock()
	defer r.mu.Unlock()
	last := len(r.idle) - 1
	for i, d := range r.idle {
		if d.held == number || i == last {
			r.idle[i], r.idle[last] = r.idle[last], nil
			r.idle = r.idle[:last]
			return d
		}
	}
	return &desk{crew: newCrew(r.schedule, r.concurrency), held: -1}
}

// leave gives a desk back.
func (r *readerAt) leave(d *desk) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.idle) < maxIdle {
		r.idle = append(r.idle, d)
		return
	}
	clear(d.buf)
}
