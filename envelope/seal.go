package envelope

import (
	"crypto/fips140"
	"crypto/rand"
	"crypto/sha256"
	"math"

	"github.com/parley-e2ee/parley/envelope/cobblestone"
)

// A sealing is an envelope whose header is made.
type sealing struct {
	header      []byte
	c, s        digest
	keys        *keys
	signer      *signer // nil: not signed
	concurrency int
}

// newSealing makes the header of a new envelope.
func newSealing(opts *Options, recipients []*Recipient) (*sealing, error) {
	o := opts.orDefault()
	if fips140.Enforced() {
		return nil, ErrFIPS
	}
	if err := o.check(recipients); err != nil {
		return nil, err
	}
	e := &sealing{concurrency: o.Concurrency}
	var flags byte
	if o.Signer != nil {
		var err error
		if e.signer, err = newSigner(o.Signer); err != nil {
			return nil, err
		}
		flags = flagSigned
	}
	var id ID
	rand.Read(id[:])
	start := appendStart(make([]byte, 0, startSize+len(o.Metadata)), flags, &id, o.Metadata)
	e.c = contextOf(start, o.AssociatedData)
	var fileKey [fileKeySize]byte
	rand.Read(fileKey[:])
	defer clear(fileKey[:])
	stanzas, err := wrapAll(recipients, &e.c, fileKey[:], o.HideRecipients, o.Concurrency)
	if err != nil {
		return nil, err
	}
	e.keys = deriveKeys(fileKey[:], &e.c)
	e.s, e.header = assemble(start, stanzas, e.keys, &e.c)
	return e, nil
}

// assemble encodes a header.
func assemble(start []byte, stanzas [][]byte, k *keys, c *digest) (s digest, encoded []byte) {
	size := 0
	for _, one := range stanzas {
		size += len(one)
	}
	encoded = append(make([]byte, 0, len(start)+lengthSize+size+macSize), start...)
	encoded = appendStanzas(encoded, stanzas, size)
	s = sha256.Sum256(encoded[len(start):])
	return s, append(encoded, k.header(c, &s)...)
}

// Seal returns an envelope with the plaintext, which each of the recipients can open.
//
// The errors are [ErrNoRecipients], [ErrLimit], [ErrMixed], [ErrPassphraseAlone],
// [ErrSigner], [ErrFIPS], and for a recipient a [*RecipientError]. [SealedSize]
// computes the size of the result.
func Seal(plaintext []byte, opts *Options, recipients ...*Recipient) ([]byte, error) {
	e, err := newSealing(opts, recipients)
	if err != nil {
		return nil, err
	}
	defer e.keys.wipe()
	size, err := e.size(int64(len(plaintext)))
	if err != nil || size > math.MaxInt {
		return nil, ErrLimit
	}
	sealed := append(make([]byte, 0, size), e.header...)
	sealed, err = cobblestone.AppendSeal(sealed, e.keys.payload[:], e.c[:], plaintext, &cobblestone.Options{Concurrency: e.concurrency})
	if err != nil {
		return nil, writeError(err)
	}
	if e.signer == nil {
		return sealed, nil
	}
	p := digestOf(sealed[len(e.header):])
	return e.signer.appendTrailer(sealed, e, &p)
}

// size is the size of the envelope of n bytes of plaintext.
func (e *sealing) size(n int64) (int64, error) {
	return sizeOf(len(e.header), e.signer != nil, n)
}

func sizeOf(header int, signed bool, n int64) (int64, error) {
	payload, err := cobblestone.SealedSize(n)
	if err != nil {
		return 0, ErrLimit
	}
	size := int64(header) + payload
	if signed {
		size += trailerSize
	}
	return size, nil
}

// SealedSize returns the size of the envelope that [Seal] or a [Writer] makes of n
// bytes of plaintext with these options and recipients. It refuses the sizes and
// recipients that they refuse.
func SealedSize(n int64, opts *Options, recipients ...*Recipient) (int64, error) {
	o := opts.orDefault()
	if err := o.check(recipients); err != nil {
		return 0, err
	}
	header := startSize + len(o.Metadata) + lengthSize + macSize
	for _, r := range recipients {
		header += r.encodedSize(o.HideRecipients)
	}
	return sizeOf(header, o.Signer != nil, n)
}
