package envelope

import (
	"crypto/ed25519"
	"crypto/sha256"
	"hash"
	"io"

	"github.com/parley-e2ee/parley/envelope/cobblestone"
	"github.com/parley-e2ee/parley/internal/strictio"
)

// A Reader opens an envelope as it comes in. What it gives out was sealed by
// somebody who had the envelope's key, and is in its place; but that it is whole,
// and who signed it, is known with [io.EOF], and not before. Until then a
// signature may be wrong, and whoever is a recipient may have made all of it. Act
// on what was read only after io.EOF, or use [NewReaderAt] or [Open], which
// verify first.
//
// It is for one goroutine at a time and prints as REDACTED. [NewReader] makes one.
type Reader struct {
	redacted
	r func() *reader // a closure, which fmt does not see through
}

var (
	_ io.Reader   = (*Reader)(nil)
	_ io.WriterTo = (*Reader)(nil)
)

type reader struct {
	*opening
	payload *cobblestone.Reader
	held    *signedPayload // nil: not signed
	sender  ed25519.PublicKey
	err     error // of the end
}

// NewReader returns a Reader of the envelope that src gives, up to its end: what
// follows the envelope is taken for a part of it, and refused. It reads the header
// and authenticates it, as far as that somebody made it who had the envelope's
// key.
//
// The errors are those of [Open] and of src.
func NewReader(src io.Reader, opts *OpenOptions, identities ...*Identity) (*Reader, error) {
	h, err := readHeader(src)
	if err != nil {
		return nil, err
	}
	o, err := newOpening(h, opts, identities)
	if err != nil {
		return nil, err
	}
	r := &reader{opening: o}
	payload := io.Reader(foreignReader{src})
	if o.signed {
		r.held = &signedPayload{src: payload, hash: sha256.New()}
		payload = r.held
	}
	r.payload, err = cobblestone.NewReader(payload, o.keys.payload[:], o.c[:], o.payloadOptions())
	if err != nil {
		o.keys.wipe()
		return nil, ownError(err)
	}
	return &Reader{r: func() *reader { return r }}, nil
}

// ID returns the envelope's ID.
func (r *Reader) ID() ID {
	if r.r == nil {
		return ID{}
	}
	return r.r().id
}

// Metadata returns the metadata. Like all that is read, it is certain only at the
// end of a signed envelope; anybody who had the key can have made it.
func (r *Reader) Metadata() []byte {
	if r.r == nil {
		return nil
	}
	return append([]byte(nil), r.r().metadata...)
}

// Sender returns the Ed25519 key whose signature was verified. It is nil before
// the end of the envelope, and where that is not signed.
func (r *Reader) Sender() ed25519.PublicKey {
	if r.r == nil {
		return nil
	}
	return append(ed25519.PublicKey(nil), r.r().sender...)
}

// Read gives the next bytes of the plaintext. It returns when it has some, without
// waiting for p to be full; the bytes of p behind them may have been used. The
// error, which comes alone and sticks, is io.EOF after the last chunk is
// authenticated, the signature verified and src at its end, one of
// [ErrEnvelope], or that of src.
func (r *Reader) Read(p []byte) (n int, err error) {
	if r.r == nil {
		return 0, io.EOF
	}
	return r.r().read(p)
}

// WriteTo opens the rest of the envelope and writes it to dst; it is what
// [io.Copy] uses. A nil error says that the envelope is whole and its signature
// verified. With any other, what was written must not be used, for the reasons
// given at [Reader]. An error of dst sticks; its io.EOF comes as
// [io.ErrClosedPipe].
func (r *Reader) WriteTo(dst io.Writer) (n int64, err error) {
	if r.r == nil {
		return 0, nil
	}
	return r.r().writeTo(dst)
}

func (r *reader) read(p []byte) (n int, err error) {
	if r.err != nil {
		return 0, r.err
	}
	n, err = r.payload.Read(p)
	if err != nil {
		err = r.end(err)
	}
	return n, err
}

func (r *reader) writeTo(dst io.Writer) (n int64, err error) {
	if r.err == io.EOF {
		return 0, nil
	}
	if r.err != nil {
		return 0, r.err
	}
	n, err = r.payload.WriteTo(foreignWriter{dst})
	if err == nil {
		err = r.end(io.EOF)
	} else if err = r.end(err); err == io.EOF {
		// A destination may say so when it is closed; of the envelope it says nothing.
		r.err = io.ErrClosedPipe
		return n, r.err
	}
	if err == io.EOF {
		err = nil
	}
	return n, err
}

// end makes the error with which the payload ended stick, or that of the
// signature.
func (r *reader) end(err error) error {
	r.err = ownError(err)
	if err == io.EOF && r.held != nil {
		p := r.held.digest()
		if r.sender, err = r.verify(r.held.trailer(), &p); err != nil {
			r.err = err
		}
	}
	r.keys.wipe()
	return r.err
}

// A signedPayload is a source without the trailer at its end, and hashes what it
// gives.
type signedPayload struct {
	src  io.Reader
	hash hash.Hash
	tail [trailerSize]byte // what came last, and may be the trailer
	held int               // of tail
	err  error             // of src
}

// Read holds back as much as a trailer takes. It reads behind what was held, in p.
func (s *signedPayload) Read(p []byte) (n int, err error) {
	if len(p) <= trailerSize {
		return s.readShort(p)
	}
	for s.err == nil && n == 0 {
		var m int
		held := copy(p, s.tail[:s.held])
		m, s.err = strictio.ReadSome(s.src, p[held:])
		n = max(held+m-trailerSize, 0)
		s.held = copy(s.tail[:], p[n:held+m])
	}
	s.hash.Write(p[:n])
	if n > 0 {
		return n, nil
	}
	return 0, s.err
}

// readShort is Read for a p that has no room for what is held back.
func (s *signedPayload) readShort(p []byte) (n int, err error) {
	var room [2 * trailerSize]byte
	if len(p) == 0 {
		return 0, nil
	}
	n, err = s.Read(room[:trailerSize+len(p)])
	return copy(p, room[:n]), err
}

// trailer returns what is left at the end.
func (s *signedPayload) trailer() []byte { return s.tail[:s.held] }

func (s *signedPayload) digest() digest { return digest(s.hash.Sum(nil)) }
