package envelope

import (
	"io"
	"os"
	"slices"

	"github.com/parley-e2ee/parley/internal/strictio"
)

// RewrapOptions are the choices when changing the recipients of an envelope. A nil
// *RewrapOptions means the zero RewrapOptions.
type RewrapOptions struct {
	// AssociatedData is that of [Options]; it cannot be changed.
	AssociatedData []byte

	// Remove lists the key IDs of the recipients to remove; the others stay. An ID
	// that no recipient shows is [ErrNotRecipient]: only RemoveAll removes hidden
	// recipients.
	Remove []KeyID

	// RemoveAll removes all old recipients, hidden or not.
	RemoveAll bool

	// HideRecipients leaves out the key IDs of the new recipients. The stanzas of
	// those who stay do not change.
	HideRecipients bool

	// AllowMixed allows RSA recipients together with post-quantum ones.
	AllowMixed bool

	// Concurrency is the largest number of goroutines, including the caller's, that
	// work on one call. 0 and below mean GOMAXPROCS.
	Concurrency int
}

// Rewrap copies an envelope from src to dst, removes the recipients that opts names,
// and adds the given ones. The identity is that of an old recipient, which may itself
// be removed. The payload is copied, not decrypted or verified; changes to it are
// found when the envelope is opened. ID, metadata and associated data stay the same.
// Nothing is written before the old header is authenticated. The destination must not
// be the source, which would be overwritten before it is read; two [os.File] of the
// same file are refused with [os.ErrExist].
//
// A removed recipient who kept the envelope's key, or a copy of the old envelope, can
// still read it, since the payload stays the same. To exclude someone from future
// content, seal that as a new envelope.
//
// Hidden recipients cannot be told apart: one that stays may be the one you meant to
// remove, or the same as a new one.
//
// Signed envelopes are refused with [ErrSigned], since the signature covers the
// recipients. The other errors are those of [Seal], [Open], src and dst.
func Rewrap(dst io.Writer, src io.Reader, opts *RewrapOptions, identity *Identity, recipients ...*Recipient) error {
	var set RewrapOptions
	if opts != nil {
		set = *opts
	}
	if sameFile(dst, src) {
		return os.ErrExist
	}
	var identities []*Identity
	if identity != nil {
		identities = append(identities, identity)
	}
	want, err := newRequest(&OpenOptions{AssociatedData: set.AssociatedData, Concurrency: set.Concurrency}, identities)
	if err != nil {
		return err
	}
	h, err := readHeader(src)
	if err != nil {
		return err
	}
	if h.signed() {
		return ErrSigned
	}
	encoded, err := h.rewrap(&set, want, recipients)
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
func (h *header) rewrap(set *RewrapOptions, want *request, recipients []*Recipient) ([]byte, error) {
	o, fileKey, err := openHeader(h, want)
	if err != nil {
		return nil, err
	}
	defer clear(fileKey)
	defer o.keys.wipe()
	stanzas, kept, err := h.without(set.Remove, set.RemoveAll)
	if err != nil {
		return nil, err
	}
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

// without returns the stanzas that stay.
func (h *header) without(ids []KeyID, all bool) (encoded [][]byte, stay []Stanza, err error) {
	gone := make(map[KeyID]bool, len(ids))
	for i := range h.stanzas {
		s := h.stanzas[i].public()
		if goes := len(h.stanzas[i].id) > 0 && slices.Contains(ids, s.KeyID); all || goes {
			gone[s.KeyID] = true
			continue
		}
		encoded, stay = append(encoded, h.stanzas[i].encoded), append(stay, s)
	}
	for _, id := range ids {
		if !gone[id] {
			return nil, nil, &detail{ErrNotRecipient, id.String()}
		}
	}
	return encoded, stay, nil
}

// sameFile reports whether both are the same open file.
func sameFile(dst, src any) bool {
	a, ok := dst.(*os.File)
	b, ok2 := src.(*os.File)
	if !ok || !ok2 {
		return false
	}
	from, err := a.Stat()
	to, err2 := b.Stat()
	return err == nil && err2 == nil && from.Mode().IsRegular() && os.SameFile(from, to)
}
