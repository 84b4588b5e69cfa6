package envelope

import (
	"crypto/ed25519"
	"crypto/sha256"
	"hash"
	"io"

	"github.com/parley-e2ee/parley/envelope/cobblestone"
	"github.com/parley-e2ee/parley/internal/strictio"
)

// A Reader opens an envelope as it arrives. The plaintext it releases was sealed with
// the envelope's key and is in the right place. But only [io.EOF] shows that it is
// complete and who signed it. Until then the signature may be invalid, and any
// recipient may have made all of it. Act on the plaintext only after io.EOF, or use
// [NewReaderAt] or [Open], which verify first.
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

// NewReader returns a Reader of the envelope in src, which must end where the
// envelope ends: anything after it is refused. It reads and checks the header, which
// shows that someone with the envelope's key made it.
//
// The errors are those of [Open] and of src.
func NewReader(src io.Reader, opts *OpenOptions, identities ...*Identity) (*Reader, error) {
	want, err := newRequest(opts, identities)
	if err != nil {
		return nil, err
	}
	h, err := readHeader(src)
	if err != nil {
		return nil, err
	}
	o, err := newOpening(h, want)
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

// Metadata returns the metadata. Like the plaintext, it is certain to be the
// signer's only at the end of a signed envelope; any recipient can have made it.
func (r *Reader) Metadata() []byte {
	if r.r == nil {
		return nil
	}
	return append([]byte(nil), r.r().metadata...)
}

// Sender returns the Ed25519 key whose signature was verified. It is nil before the
// end of the envelope, and if the envelope is not signed.
func (r *Reader) Sender() ed25519.PublicKey {
	if r.r == nil {
		return nil
	}
	return append(ed25519.PublicKey(nil), r.r().sender...)
}

// Read reads the next bytes of the plaintext. It returns as soon as it has some, and
// may use the rest of p as scratch space. An error comes with no bytes, and again in
// every later call: io.EOF once the last chunk and the signature are verified and src
// has ended, one of [ErrEnvelope], or that of src.
func (r *Reader) Read(p []byte) (n int, err error) {
	if r.r == nil {
		return 0, io.EOF
	}
	return r.r().read(p)
}

// WriteTo opens the rest of the envelope and writes it to dst; [io.Copy] uses it. A
// nil error means that the envelope is complete and its signature valid. After any
// other error, do not use what was written, for the reasons given at [Reader]. An
// error of dst is returned by every later call; io.EOF from dst becomes
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

// Read holds back as much as a trailer takes. It asks src for as much as p has room
// for and moves that back in p, behind what was held: so it fills p if src does, which
// a reader of many chunks at a time takes as a sign that there is more.
func (s *signedPayload) Read(p []byte) (n int, err error) {
	if len(p) == 0 {
		return 0, nil
	}
	for s.err == nil && n == 0 {
		var m int
		m, s.err = strictio.ReadSome(s.src, p)
		n = s.exchange(p, m)
	}
	s.hash.Write(p[:n])
	if n > 0 {
		return n, nil
	}
	return 0, s.err
}

// exchange appends the first m bytes of p to those that are held, of which it gives
// to p what is no longer to be held.
func (s *signedPayload) exchange(p []byte, m int) (n int) {
	var both [2 * trailerSize]byte
	held := copy(both[:], s.tail[:s.held])
	n = max(held+m-trailerSize, 0)
	if m <= trailerSize {
		all := held + copy(both[held:], p[:m])
		s.held = copy(s.tail[:], both[n:all])
		return copy(p, both[:n])
	}
	s.held = copy(s.tail[:], p[m-trailerSize:m])
	copy(p[held:n], p)
	copy(p, both[:held])
	return n
}

// trailer returns what is left at the end.
func (s *signedPayload) trailer() []byte { return s.tail[:s.held] }

func (s *signedPayload) digest() digest { return digest(s.hash.Sum(nil)) }
