package envelope

import (
	"bytes"
	"crypto/ed25519"
	"crypto/fips140"
	"crypto/hmac"
	"strconv"

	"github.com/parley-e2ee/parley/envelope/cobblestone"
)

// An opening is an envelope whose header is authentic. It keeps nothing of the
// header's memory.
type opening struct {
	id          ID
	metadata    []byte
	signed      bool
	size        int // of the header
	c, s        digest
	keys        *keys
	senders     []ed25519.PublicKey
	concurrency int
}

// A Message is an opened envelope.
type Message struct {
	Plaintext []byte
	Metadata  []byte
	ID        ID
	// Sender is the Ed25519 key whose signature was verified, or nil if the envelope
	// is not signed.
	Sender ed25519.PublicKey
}

// Open returns the plaintext of an envelope that is sealed to one of the identities.
// It returns plaintext only if all of it is authentic and the signature, if there is
// one, is valid.
//
// The errors are those of [ErrEnvelope], [ErrNoRecipients], [ErrKey], [ErrFIPS] and
// those of hardware keys. Unusable identities and senders are reported before
// anything is read.
func Open(sealed []byte, opts *OpenOptions, identities ...*Identity) ([]byte, error) {
	m, err := OpenMessage(sealed, opts, identities...)
	if err != nil {
		return nil, err
	}
	return m.Plaintext, nil
}

// OpenMessage is [Open], and returns metadata, ID and sender too.
func OpenMessage(sealed []byte, opts *OpenOptions, identities ...*Identity) (*Message, error) {
	want, err := newRequest(opts, identities)
	if err != nil {
		return nil, err
	}
	h, err := parseHeader(sealed)
	if err != nil {
		return nil, err
	}
	o, err := newOpening(h, want)
	if err != nil {
		return nil, err
	}
	defer o.keys.wipe()
	m := &Message{Metadata: o.metadata, ID: o.id}
	payload := sealed[o.size:]
	if o.signed {
		if len(payload) < trailerSize {
			return nil, ErrSignature
		}
		trailer := payload[len(payload)-trailerSize:]
		payload = payload[:len(payload)-trailerSize]
		p := digestOf(payload)
		if m.Sender, err = o.verify(trailer, &p); err != nil {
			return nil, err
		}
	}
	m.Plaintext, err = cobblestone.AppendOpen([]byte{}, o.keys.payload[:], o.c[:], payload, o.payloadOptions())
	if err != nil {
		return nil, ownError(err)
	}
	return m, nil
}

// A request is what a caller wants opened, and how. Mistakes of the caller are found
// when it is made, before the envelope is looked at.
type request struct {
	OpenOptions
	ids []*identity
}

func newRequest(opts *OpenOptions, identities []*Identity) (*request, error) {
	r := &request{OpenOptions: opts.orDefault()}
	for i, sender := range r.Senders {
		if len(sender) != ed25519.PublicKeySize {
			return nil, &detail{ErrKey, "sender " + strconv.Itoa(i) + " is not an Ed25519 public key of 32 bytes"}
		}
	}
	var err error
	r.ids, err = resolve(identities)
	return r, err
}

// newOpening opens a header: checks 9 to 12.
func newOpening(h *header, want *request) (*opening, error) {
	o, fileKey, err := openHeader(h, want)
	clear(fileKey)
	return o, err
}

// openHeader is newOpening that returns the file key too.
func openHeader(h *header, want *request) (*opening, []byte, error) {
	if fips140.Enforced() {
		return nil, nil, ErrFIPS
	}
	o := &opening{
		id: h.id, metadata: bytes.Clone(h.metadata), signed: h.signed(), size: h.size,
		c: contextOf(h.start, want.AssociatedData), senders: want.Senders, concurrency: want.Concurrency,
	}
	fileKey, err := o.unlock(h, want.ids, want.MaxTrials)
	if err != nil {
		return nil, nil, err
	}
	o.keys = deriveKeys(fileKey, &o.c)
	switch {
	case !hmac.Equal(o.keys.header(&o.c, &o.s), h.mac):
		err = ErrHeader
	case o.senders != nil && !o.signed:
		err = ErrUnsigned
	}
	if err != nil {
		clear(fileKey)
		o.keys.wipe()
		return nil, nil, err
	}
	return o, fileKey, nil
}

// unlock returns the file key, and sets s.
func (o *opening) unlock(h *header, ids []*identity, maxTrials int) (fileKey []byte, err error) {
	if o.concurrency == 1 || len(h.block) < minHashAside {
		o.s = h.digest()
		return h.fileKey(&o.c, ids, maxTrials)
	}
	hashed := make(chan struct{})
	go func() {
		defer close(hashed)
		o.s = h.digest()
	}()
	defer func() { <-hashed }()
	return h.fileKey(&o.c, ids, maxTrials)
}

// minHashAside is the size of stanzas from which on hashing them beside the
// private-key operation pays: about a tenth of one of RSA-2048.
const minHashAside = 128 << 10

// verify is checks 13 and 14.
func (o *opening) verify(trailer []byte, p *digest) (ed25519.PublicKey, error) {
	return verifyTrailer(trailer, o.keys, &o.c, &o.s, p, o.senders)
}

func (o *opening) payloadOptions() *cobblestone.Options {
	return &cobblestone.Options{Concurrency: o.concurrency}
}
