package envelope

import (
	"sync"
	"sync/atomic"
)

// minParallel is the number of recipients from which on a second goroutine pays.
const minParallel = 4

// checkRecipients refuses a list that no envelope can have beside the stanzas
// that are kept, which nil stands for when there are none.
func checkRecipients(recipients []*Recipient, kept []Stanza, allowMixed bool) error {
	switch n := len(recipients) + len(kept); {
	case n == 0:
		return ErrNoRecipients
	case n > MaxRecipients:
		return ErrLimit
	}
	var classical, quantum, alone bool
	note := func(t StanzaType) {
		classical = classical || t == RSAOAEP
		quantum = quantum || t != RSAOAEP
		alone = alone || t == Passphrase
	}
	seen := make(map[Stanza]bool, len(recipients)+len(kept))
	for _, s := range kept {
		note(s.Type)
		seen[s] = !s.Hidden()
	}
	for i, r := range recipients {
		if !r.usable() {
			return &RecipientError{i, &detail{ErrKey, "nil, or made by no function of this package"}}
		}
		if seen[r.stanza] && r.stanza.Type != Passphrase {
			return &RecipientError{i, ErrDuplicate}
		}
		note(r.stanza.Type)
		seen[r.stanza] = true
	}
	switch {
	case alone && len(recipients)+len(kept) > 1:
		return ErrPassphraseAlone
	case classical && quantum && !allowMixed:
		return ErrMixed
	}
	return nil
}

// wrapAll makes the stanzas of all recipients, in their order.
func wrapAll(recipients []*Recipient, c *digest, fileKey []byte, hide bool, concurrency int) ([][]byte, error) {
	stanzas, errs := make([][]byte, len(recipients)), make([]error, len(recipients))
	var next atomic.Int64
	share := func() {
		for i := int(next.Add(1) - 1); i < len(recipients); i = int(next.Add(1) - 1) {
			stanzas[i], errs[i] = recipients[i].encode(c, fileKey, hide)
		}
	}
	var helpers sync.WaitGroup
	if len(recipients) >= minParallel {
		for range min(concurrency, len(recipients)/2) - 1 {
			helpers.Go(share)
		}
	}
	share()
	helpers.Wait()
	for i, err := range errs {
		if err != nil {
			return nil, &RecipientError{i, err}
		}
	}
	return stanzas, nil
}
