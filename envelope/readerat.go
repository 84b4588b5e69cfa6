package envelope

import (
	"crypto/ed25519"
	"crypto/sha256"
	"io"

	"github.com/parley-e2ee/parley/envelope/cobblestone"
	"github.com/parley-e2ee/parley/internal/strictio"
)

// A ReaderAt opens any part of a stored envelope. It is safe for concurrent use if
// its source is, and prints as REDACTED. [NewReaderAt] makes one.
//
// An [io.ReadSeeker] over the plaintext is
//
//	io.NewSectionReader(r, 0, r.Size())
//
// as [net/http.ServeContent] requires. One ReaderAt can serve many requests; making
// one for a signed envelope reads the whole envelope.
type ReaderAt struct {
	redacted
	r func() *readerAt // a closure, which fmt does not see through
}

var _ io.ReaderAt = (*ReaderAt)(nil)

type readerAt struct {
	payload  *cobblestone.ReaderAt
	id       ID
	metadata []byte
	sender   ed25519.PublicKey
}

// NewReaderAt returns a ReaderAt of the envelope in the first size bytes of src,
// which must be exactly the envelope. It reads the header and the last chunk; of a
// signed envelope it reads everything once, to verify the signature. Each chunk is
// authenticated again when it is read, but the signature is not: src must not change,
// or a recipient who can write to it could replace chunks after the verification.
//
// The errors are those of [Open] and of src.
func NewReaderAt(src io.ReaderAt, size int64, opts *OpenOptions, identities ...*Identity) (*ReaderAt, error) {
	want, err := newRequest(opts, identities)
	if err != nil {
		return nil, err
	}
	h, err := readHeader(io.NewSectionReader(src, 0, max(size, 0)))
	if err != nil {
		return nil, err
	}
	o, err := newOpening(h, want)
	if err != nil {
		return nil, err
	}
	defer o.keys.wipe()
	r := &readerAt{id: o.id, metadata: o.metadata}
	payload := io.NewSectionReader(src, int64(o.size), size-int64(o.size))
	if o.signed {
		if payload, r.sender, err = o.verifyAt(payload); err != nil {
			return nil, err
		}
	}
	r.payload, err = cobblestone.NewReaderAt(foreignReaderAt{payload}, payload.Size(), o.keys.payload[:], o.c[:], o.payloadOptions())
	if err != nil {
		return nil, ownError(err)
	}
	return &ReaderAt{r: func() *readerAt { return r }}, nil
}

// signedBuffer is how much of a signed envelope is read at a time.
const signedBuffer = 64 << 10

// verifyAt returns the part of what follows the header that is payload, and who
// signed it.
func (o *opening) verifyAt(rest *io.SectionReader) (*io.SectionReader, ed25519.PublicKey, error) {
	size := rest.Size() - trailerSize
	if size < 0 {
		return nil, nil, ErrSignature
	}
	payload := io.NewSectionReader(rest, 0, size)
	hash := sha256.New()
	buf := make([]byte, signedBuffer)
	for off := int64(0); off < size; {
		n, err := strictio.ReadFull(payload, buf[:min(size-off, signedBuffer)])
		if n == 0 {
			return nil, nil, shortError(err)
		}
		hash.Write(buf[:n])
		off += int64(n)
	}
	trailer := buf[:trailerSize]
	if n, err := strictio.ReadFull(io.NewSectionReader(rest, size, trailerSize), trailer); n < trailerSize {
		return nil, nil, shortError(err)
	}
	p := digest(hash.Sum(nil))
	sender, err := o.verify(trailer, &p)
	return payload, sender, err
}

// shortError is the error where a source is shorter than it was said to be.
func shortError(err error) error {
	if err == io.EOF {
		return ErrSignature
	}
	return err
}

// ID returns the envelope's ID.
func (r *ReaderAt) ID() ID {
	if r.r == nil {
		return ID{}
	}
	return r.r().id
}

// Metadata returns the metadata.
func (r *ReaderAt) Metadata() []byte {
	if r.r == nil {
		return nil
	}
	return append([]byte(nil), r.r().metadata...)
}

// Sender returns the Ed25519 key whose signature was verified, or nil if the
// envelope is not signed.
func (r *ReaderAt) Sender() ed25519.PublicKey {
	if r.r == nil {
		return nil
	}
	return append(ed25519.PublicKey(nil), r.r().sender...)
}

// Size returns the size of the plaintext in bytes, which is authenticated.
func (r *ReaderAt) Size() int64 {
	if r.r == nil {
		return 0
	}
	return r.r().payload.Size()
}

// ReadAt fills p with the plaintext that starts at byte off. As for any
// [io.ReaderAt], an error comes with fewer than len(p) bytes; these are authentic. The
// error is io.EOF at the end of the plaintext, [ErrPayload] where the envelope was
// changed, [ErrOffset], or that of the source. After an error other parts can still
// be read.
func (r *ReaderAt) ReadAt(p []byte, off int64) (n int, err error) {
	switch {
	case off < 0:
		return 0, ErrOffset
	case r.r == nil:
		return 0, io.EOF
	}
	n, err = r.r().payload.ReadAt(p, off)
	return n, ownError(err)
}
