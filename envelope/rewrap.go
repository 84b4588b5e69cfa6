package envelope

import (
	"io"
	"os"
	"slices"

	"github.com/parley-e2ee/parley/internal/strictio"
)

// RewrapOptions are what can be chosen when the recipients of an envelope are
// changed. A nil *RewrapOptions stands for the zero RewrapOptions. They are not
// kept.
type RewrapOptions struct {
	// AssociatedData is what the envelope was bound to, and stays bound to.
	AssociatedData []byte

	// Remove are the key IDs of recipients who go; the others stay. An ID that no
	// recipient shows is [ErrNotRecipient]: hidden recipients go by RemoveAll alone.
	Remove []KeyID

	// RemoveAll leaves no old recipient, hidden or not: the new ones are all.
	RemoveAll bool

	// HideRecipients leaves out the key IDs of the new recipients. Those who stay
	// are as they were.
	HideRecipients bool

	// AllowMixed allows RSA recipients beside post-quantum ones.
	AllowMixed bool

	// Concurrency is how many goroutines, the caller's included, may work on one
	// call. 0 and below stand for GOMAXPROCS.
	Concurrency int
}

// Rewrap copies an envelope from src to dst, with the recipients added to those it
// has, less those that opts removes. The identity is one of the old ones; it can be
// removed too. The payload is copied as it is, not decrypted and not verified; a
// changed one is found when it is opened. ID, metadata and associated data stay.
// Nothing is written before the old header is authenticated. The destination must
// not be the source, whose bytes would be overwritten before they are read; two
// [os.File] that are the same file are refused with [os.ErrExist].
//
// A recipient who is left out and has kept the envelope's key, or a copy of the
// old envelope, can still read it, since the payload stays the same: to shut
// somebody out of what is to come, seal it anew.
//
// Nobody but a hidden recipient can say who it is. One who stays may be somebody who
// was meant to go, and may be among the new ones too.
//
// Signed envelopes are refused with [ErrSigned], since their signature covers the
// recipients. The other errors are those of [Seal], [Open], src and dst.
func Rewrap(dst io.Writer, src io.Reader, opts *RewrapOptions, identity *Identity, recipients ...*Recipient) error {
	var set RewrapOptions
	if opts != nil {
		set = *opts
	}
	if sameFile(dst, src) {
		return os.ErrExist
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
