package cobblestone

import "io"

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
