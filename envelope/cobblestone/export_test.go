package cobblestone

import (
	"crypto/cipher"
	"encoding/binary"
	"io"
	"sync"
)

// SealWithSalt is AppendSeal with a chosen salt.
func SealWithSalt(key, context, msg []byte, opts *Options, salt [24]byte) ([]byte, error) {
	return appendSeal(nil, key, context, msg, opts, &salt)
}

// NewWriterWithSalt is NewWriter with a chosen salt.
func NewWriterWithSalt(dst io.Writer, key, context []byte, opts *Options, salt [24]byte) (*Writer, error) {
	return newWriter(dst, key, context, opts, &salt)
}

// SkipTo has an unused Writer or Reader go on as after number chunks.
func SkipTo(number int64, w *Writer, r *Reader) {
	w.w().number, w.w().written = number, number*ChunkSize
	r.r().number = number
}

// Held returns how many bytes of buffers a Writer, a Reader or an idle ReaderAt
// keeps.
func Held(x any) (n int) {
	switch x := x.(type) {
	case *Writer:
		return cap(x.w().buf)
	case *Reader:
		return cap(x.r().buf)
	case *ReaderAt:
		for _, d := range x.r().idle {
			n += cap(d.buf)
		}
	}
	return n
}

// MaxMemory is the documented bound on what a Writer or a Reader holds.
const MaxMemory = HeaderSize + maxBatch*sealedChunk

// Derived returns what the specification calls key schedule, but for the key.
func Derived(suite Suite, key, salt, context []byte) (baseNonce, commitment []byte, err error) {
	s, err := derive(suite, key, salt, context)
	if err != nil {
		return nil, nil, err
	}
	return s.baseNonce[:], s.commitment[:], nil
}

// OpenLate has goroutines open the whole chunks of a sealed message, the one
// numbered late when that numbered early is done, and returns how many are good
// before the first that is not.
func OpenLate(key, context, sealed []byte, concurrency int, late, early int64) (good int, err error) {
	s, err := deriveFor(Cobblestone256, key, (*[HeaderSize]byte)(sealed), context)
	if err != nil {
		return 0, err
	}
	s.late(late, early)
	count := (len(sealed) - HeaderSize) / sealedChunk
	return newCrew(s, concurrency).do(job{
		open: true, count: count, out: make([]byte, count*ChunkSize), outStride: ChunkSize,
		in: sealed[HeaderSize:], inStride: sealedChunk,
	}), nil
}

// Late has the chunk numbered late opened when that numbered early is done, or by
// the function that it returns.
func Late(r *Reader, late, early int64) (release func()) { return r.r().late(late, early) }

func (s *schedule) late(late, early int64) (release func()) {
	done := make(chan struct{})
	release = sync.OnceFunc(func() { close(done) })
	s.aead = &lateAEAD{s.aead, s.baseNonce, late, early, done, release}
	return release
}

type lateAEAD struct {
	cipher.AEAD
	baseNonce   [nonceSize]byte
	late, early int64
	done        chan struct{}
	release     func()
}

func (a *lateAEAD) Open(dst, nonce, sealed, data []byte) ([]byte, error) {
	switch int64(binary.BigEndian.Uint64(nonce[4:]) ^ binary.BigEndian.Uint64(a.baseNonce[4:])) {
	case a.late:
		<-a.done
	case a.early:
		defer a.release()
	}
	return a.AEAD.Open(dst, nonce, sealed, data)
}
