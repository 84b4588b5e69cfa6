package envelope

import (
	"io"

	"github.com/parley-e2ee/parley/internal/strictio"
)

// RewrapOptions are what can be chosen when the recipients of an envelope are
// changed. A nil *RewrapOptions stands for the zero RewrapOptions. They are not
// kept.
type RewrapOptions struct {
	// AssociatedData is what the envelope was bound to, and stays bound to.
	AssociatedData []byte

	// Keep says which of the recipients stay. Where it is nil, none does.
	Keep func(Stanza) bool

	// HideRecipients leaves out the key IDs of the new recipients. Those that are
	// kept stay as they are.
	HideRecipients bool

	// AllowMixed allows RSA recipients beside post-quantum ones.
	AllowMixed bool

	// Concurrency is how many goroutines, the caller's included, may work on one
	// call. 0 and below stand for GOMAXPROCS.
	Concurrency int
}

// Rewrap copies an envelope from src to dst and gives it other recipients: those
// that opts.Keep says and the new ones. The identity is one of the old ones. The
// payload is copied as it is, not decrypted and not verified; a changed one is
// found when it is opened. ID, metadata and associated data stay. Nothing is
// written before the old header is authenticated.
//
// A recipient who is left out and has kept the envelope's key, or a copy of the
// old envelope, can still read it, since the payload stays the same: to shut
// somebody out of what is to come, seal it anew.
//
// A hidden recipient who is kept is one that nobody but the recipient can name: it
// may be somebody who was to be left out, and may be among the new ones too.
//
// Signed envelopes are refused with [ErrSigned], since their signature covers the
// recipients. The other errors are those of [Seal], [Open], src and dst.
func Rewrap(dst io.Writer, src io.Reader, opts *RewrapOptions, identity *Identity, recipients ...*Recipient) error {
	var set RewrapOptions
	if opts != nil {
		set = *opts
	}
	h, err := readHeader(src)
	if err != nil {
		return err
	}
	if h.signed() {
		return ErrSigned
	}
	encoded, err := h.rewrap(&set, identity, recipients)
	if err != nil {
		return err
	}
	if _, err := strictio.WriteFull(dst, encoded); err != nil {
		return err
	}
	_, err = io.Copy(dst, strictio.Reader{Src: src})
	return err
}

// rewrap returns the header with other recipients.
func (h *header) rewrap(set *RewrapOptions, identity *Identity, recipients []*Recipient) ([]byte, error) {
	o, fileKey, err := openHeader(h, &OpenOptions{AssociatedData: set.AssociatedData, Concurrency: set.Concurrency}, []*Identity{identity})
	if err != nil {
		return nil, err
	}
	defer clear(fileKey)
	defer o.keys.wipe()
	stanzas, kept := h.keep(set.Keep)
	if err := checkRecipients(recipients, kept, set.AllowMixed); err != nil {
		return nil, err
	}
	added, err := wrapAll(recipients, &o.c, fileKey, set.HideRecipients, o.concurrency)
	if err != nil {
		return nil, err
	}
	_, encoded := assemble(h.start, append(stanzas, added...), o.keys, &o.c)
	return encoded, nil
}

// keep returns the stanzas that stay.
func (h *header) keep(stays func(Stanza) bool) (encoded [][]byte, kept []Stanza) {
	for i := range h.stanzas {
		if s := h.stanzas[i].public(); stays != nil && stays(s) {
			encoded, kept = append(encoded, h.stanzas[i].encoded), append(kept, s)
		}
	}
	return encoded, kept
}
