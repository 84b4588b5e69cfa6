package cobblestone

import "math"

// AppendSeal seals msg under key and context with a fresh random salt, appends
// the result to dst and returns the longer slice. It takes new memory where dst
// has no room for [SealedSize] bytes or that room overlaps msg.
//
// key is of [Suite.KeySize] uniformly random bytes; context may be empty. The
// errors are [ErrKey], [ErrSuite], [ErrFIPS] and [ErrSize]; dst is then as it
// was and the result nil.
func AppendSeal(dst, key, context, msg []byte, opts *Options) ([]byte, error) {
	salt := newSalt()
	return appendSeal(dst, key, context, msg, opts, &salt)
}

// appendSeal is AppendSeal with a chosen salt.
func appendSeal(dst, key, context, msg []byte, opts *Options, salt *[saltSize]byte) ([]byte, error) {
	size := sealedSize(int64(len(msg)))
	if int64(len(msg)) > MaxMessageSize || size > int64(math.MaxInt-len(dst)) {
		return nil, ErrSize
	}
	o := opts.orDefault()
	s, err := derive(o.Suite, key, salt[:], context)
	if err != nil {
		return nil, err
	}
	out := extend(dst, int(size), msg)
	header := s.header(salt)
	chunks := out[len(dst)+copy(out[len(dst):], header[:]):]
	c, whole := newCrew(s, o.Concurrency), len(msg)/ChunkSize
	c.do(job{count: whole, out: chunks, outStride: sealedChunk, in: msg, inStride: ChunkSize})
	c.sealLast(int64(whole), chunks[whole*sealedChunk:], msg[whole*ChunkSize:])
	return out, nil
}

// AppendOpen opens the sealed message under key and context, appends it to dst
// and returns the longer slice. It takes new memory where dst has no room for
// [OpenedSize] bytes or that room overlaps sealed.
//
// The errors are [ErrKey], [ErrSuite], [ErrFIPS] and those of [ErrMessage]. The
// result is then nil, dst as it was, and what was written behind it zero:
// nothing is released unless the whole message is authentic.
func AppendOpen(dst, key, context, sealed []byte, opts *Options) ([]byte, error) {
	size, err := OpenedSize(int64(len(sealed)))
	if err != nil {
		return nil, err
	}
	if size > int64(math.MaxInt-len(dst)) {
		return nil, ErrSize
	}
	o := opts.orDefault()
	s, err := deriveFor(o.Suite, key, (*[HeaderSize]byte)(sealed), context)
	if err != nil {
		return nil, err
	}
	out := extend(dst, int(size), sealed)
	if err := newCrew(s, o.Concurrency).openAll(out[len(dst):], sealed[HeaderSize:]); err != nil {
		clear(out[len(dst):])
		return nil, err
	}
	return out, nil
}

// openAll opens all the chunks of a message into msg.
func (c *crew) openAll(msg, chunks []byte) error {
	whole := len(msg) / ChunkSize
	good := c.do(job{open: true, count: whole, out: msg, outStride: ChunkSize, in: chunks, inStride: sealedChunk})
	if good < whole || !c.openLast(int64(whole), msg[whole*ChunkSize:], chunks[whole*sealedChunk:]) {
		return &ChunkError{int64(good)}
	}
	return nil
}
