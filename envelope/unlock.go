package envelope

import (
	"bytes"
	"crypto/hmac"
	"errors"
)

// fileKey opens the stanza that is for one of the identities: checks 9 and 10.
func (h *header) fileKey(c *digest, ids []*identity, maxTrials int) (fileKey []byte, err error) {
	for _, id := range ids {
		i := h.find(id.recipient)
		if i < 0 {
			continue
		}
		// Only a passphrase may be meant for this stanza and not be the one.
		fileKey, err = h.openNamed(i, c, id)
		if err == nil || h.stanzas[i].typ != Passphrase {
			return fileKey, err
		}
	}
	if err != nil {
		return nil, err
	}
	return h.openHidden(c, ids, maxTrials)
}

// find returns the stanza that names the recipient, or -1.
func (h *header) find(r *Recipient) int {
	for i := range h.stanzas {
		s := &h.stanzas[i]
		if s.typ == r.stanza.Type && (len(s.id) > 0 || s.typ == Passphrase) && bytes.Equal(s.id, r.keyHash()) {
			return i
		}
	}
	return -1
}

// openNamed opens the stanza that has the identity's key ID, or is for a
// passphrase.
func (h *header) openNamed(i int, c *digest, id *identity) (fileKey []byte, err error) {
	s := &h.stanzas[i]
	if len(s.body) == id.recipient.bodySize {
		fileKey, err = id.unwrap(c, s.body)
	}
	// AES-GCM does not commit to its key: a forged stanza can open under three
	// passphrases. The MAC fits one of them, so whoever forges learns no more from
	// the outcome than with one guess.
	if s.typ == Passphrase && fileKey != nil && !h.madeWith(fileKey, c) {
		clear(fileKey)
		fileKey = nil
	}
	switch {
	case errors.Is(err, ErrFIPS):
		return nil, ErrFIPS
	case fileKey == nil:
		return nil, &StanzaError{Index: i, Stanza: s.public(), Err: err}
	}
	return fileKey, nil
}

// madeWith reports whether the header's MAC was made with the file key: check 11.
func (h *header) madeWith(fileKey []byte, c *digest) bool {
	k := deriveKeys(fileKey, c)
	defer k.wipe()
	s := h.digest()
	return hmac.Equal(k.header(c, &s), h.mac)
}

// openHidden tries the stanzas that name nobody.
func (h *header) openHidden(c *digest, ids []*identity, maxTrials int) ([]byte, error) {
	failed := &NoMatchError{Stanzas: make([]Stanza, len(h.stanzas)), Reasons: make([]Reason, len(h.stanzas))}
	for i := range h.stanzas {
		s := &h.stanzas[i]
		failed.Stanzas[i], failed.Reasons[i] = s.public(), ReasonType
		for _, id := range ids {
			if s.typ != id.recipient.stanza.Type {
				continue
			}
			failed.Reasons[i] = ReasonHidden
			if len(s.id) > 0 {
				failed.Reasons[i] = ReasonOtherKey
				break
			}
			if len(s.body) != id.recipient.bodySize {
				continue
			}
			if maxTrials--; maxTrials < 0 {
				return nil, &detail{ErrLimit, "hidden recipients to try"}
			}
			fileKey, err := id.unwrap(c, s.body)
			if fileKey != nil {
				return fileKey, nil
			}
			if err != nil {
				failed.Err = err
			}
		}
	}
	return nil, failed
}
