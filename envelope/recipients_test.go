package envelope_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"testing"

	"github.com/leanovate/gopter/gen"
	"github.com/leanovate/gopter/prop"

	"github.com/parley-e2ee/parley/envelope"
	"github.com/parley-e2ee/parley/internal/proptest"
)

// circle is everybody who can be a recipient beside others.
var circle = sync.OnceValue(func() (all []*envelope.Identity) {
	for _, m := range cast()[:7] {
		all = append(all, m.Identity)
	}
	return append(all, sharedNumber(1), sharedNumber(2))
})

// chosen are those of all whose bit is set.
func chosen(all []*envelope.Identity, bits int) (some []*envelope.Identity) {
	for i, id := range all {
		if bits>>i&1 == 1 {
			some = append(some, id)
		}
	}
	return some
}

// reasonsFor are those that the specification gives to who is no recipient.
func reasonsFor(id *envelope.Identity, stanzas []envelope.Stanza) (reasons []envelope.Reason) {
	for _, s := range stanzas {
		switch {
		case s.Type != id.Recipient().Type():
			reasons = append(reasons, envelope.ReasonType)
		case s.KeyID == envelope.KeyID{}:
			reasons = append(reasons, envelope.ReasonHidden)
		default:
			reasons = append(reasons, envelope.ReasonOtherKey)
		}
	}
	return reasons
}

// openFor is "" where exactly those who are in get msg, and the others the right
// reasons.
func openFor(sealed, msg []byte, everybody, in []*envelope.Identity) string {
	info := must(envelope.Inspect(bytes.NewReader(sealed)))
	if len(info.Recipients) != len(in) {
		return "another number of recipients"
	}
	for _, id := range everybody {
		got, err := envelope.Open(sealed, nil, id)
		if slices.Contains(in, id) {
			if err != nil || !bytes.Equal(got, msg) {
				return fmt.Sprintf("%v does not open: %v", id.Recipient(), err)
			}
			continue
		}
		var no *envelope.NoMatchError
		if got != nil || verdict(err) != envelope.ErrNoMatch || !errors.As(err, &no) {
			return id.Recipient().String() + " has no ErrNoMatch"
		}
		if !slices.Equal(no.Stanzas, info.Recipients) || !slices.Equal(no.Reasons, reasonsFor(id, no.Stanzas)) || no.Err != nil {
			return "wrong reasons: " + err.Error()
		}
	}
	return ""
}

// TestRecipients: each of several recipients opens, and nobody else.
func TestRecipients(t *testing.T) {
	skipWithoutEnvelopes(t)
	everybody := append(slices.Clone(circle()), passphraseMember())
	properties := proptest.New(t, 25, 4)
	properties.Property("recipients", prop.ForAll(func(bits int, hidden bool) string {
		in := chosen(circle(), bits)
		msg := message(100)
		sealed, err := envelope.Seal(msg, &envelope.Options{HideRecipients: hidden, AllowMixed: true}, recipientsOf(in...)...)
		if err != nil {
			return err.Error()
		}
		if again := must(envelope.Remarshal(sealed)); !bytes.HasPrefix(sealed, again) {
			return "another encoding of the header"
		}
		return openFor(sealed, msg, everybody, in)
	}, gen.IntRange(1, 1<<9-1), gen.Bool()))
	properties.TestingRun(t)
}

// TestRewrap: the new and the kept open, whoever is left out does not, and nothing
// else changes.
func TestRewrap(t *testing.T) {
	skipWithoutEnvelopes(t)
	everybody := append(slices.Clone(circle()), passphraseMember())
	properties := proptest.New(t, 25, 4)
	properties.Property("rewrap", prop.ForAll(func(first, keep, add int, hide bool) string {
		// Somebody who opens is always there; nobody is added who was kept.
		old := chosen(circle(), first|1<<6)
		kept := chosen(circle(), (first|1<<6)&keep)
		added := chosen(circle(), add&^((first|1<<6)&keep))
		msg := message(chunk + 5)
		metadata := []byte("metadata")
		sealed := must(envelope.Seal(msg, &envelope.Options{Metadata: metadata, AllowMixed: true}, recipientsOf(old...)...))
		var removed []envelope.KeyID
		for _, id := range old {
			if !slices.Contains(kept, id) {
				removed = append(removed, id.Recipient().KeyID())
			}
		}
		var out bytes.Buffer
		err := envelope.Rewrap(&out, byByte(sealed), &envelope.RewrapOptions{
			Remove:         removed,
			RemoveAll:      len(kept) == 0,
			HideRecipients: hide, AllowMixed: true,
		}, sharedMember(), recipientsOf(added...)...)
		if len(kept)+len(added) == 0 {
			if !errors.Is(err, envelope.ErrNoRecipients) || out.Len() > 0 {
				return "rewrapped for nobody"
			}
			return ""
		}
		if err != nil {
			return err.Error()
		}
		a, b := takeApart(sealed, nil), takeApart(out.Bytes(), nil)
		if !bytes.Equal(a.start(), b.start()) || !bytes.Equal(a.payload, b.payload) || b.trailer != nil {
			return "more than recipients changed"
		}
		hidden := len(slices.DeleteFunc(slices.Clone(b.stanzas), func(s []byte) bool { return s[1] > 0 }))
		if hide && hidden != len(added) || !hide && hidden > 0 {
			return fmt.Sprintf("%d hidden recipients of %d new ones", hidden, len(added))
		}
		for _, s := range kept {
			if !slices.ContainsFunc(b.stanzas, func(x []byte) bool {
				id := s.Recipient().KeyID()
				return bytes.Equal(x[2:34], id[:]) && slices.ContainsFunc(a.stanzas, func(y []byte) bool { return bytes.Equal(x, y) })
			}) {
				return "a stanza that was kept changed"
			}
		}
		return openFor(out.Bytes(), msg, everybody, append(kept, added...))
	}, gen.IntRange(0, 1<<9-1), gen.IntRange(0, 1<<9-1), gen.IntRange(0, 1<<9-1), gen.Bool()))
	properties.TestingRun(t)
}

// TestRewrapErrors: nothing is written before the header is authenticated and the
// recipients are known to be good.
func TestRewrapErrors(t *testing.T) {
	skipWithoutEnvelopes(t)
	to := sharedNumber(9).Recipient()
	sealed := must(envelope.Seal(message(10), &envelope.Options{AssociatedData: []byte("x")}, sharedMember().Recipient()))
	damaged := takeApart(sealed, nil)
	damaged.mac[0] ^= 1
	signed := must(envelope.Seal(nil, &envelope.Options{Signer: alice}, sharedMember().Recipient()))
	x := &envelope.RewrapOptions{AssociatedData: []byte("x"), RemoveAll: true}
	for name, test := range map[string]struct {
		sealed []byte
		opts   *envelope.RewrapOptions
		by     *envelope.Identity
		to     []*envelope.Recipient
		want   error
	}{
		"MAC":                   {damaged.bytes(), x, sharedMember(), []*envelope.Recipient{to}, envelope.ErrHeader},
		"other associated data": {sealed, nil, sharedMember(), []*envelope.Recipient{to}, envelope.ErrStanza},
		"a stranger":            {sealed, x, sharedNumber(8), []*envelope.Recipient{to}, envelope.ErrNoMatch},
		"signed":                {signed, nil, sharedMember(), []*envelope.Recipient{to}, envelope.ErrSigned},
		"nobody":                {sealed, x, sharedMember(), nil, envelope.ErrNoRecipients},
		"twice":                 {sealed, x, sharedMember(), []*envelope.Recipient{to, to}, envelope.ErrDuplicate},
		"passphrase":            {sealed, x, sharedMember(), []*envelope.Recipient{to, passphraseMember().Recipient()}, envelope.ErrPassphraseAlone},
		"mixed":                 {sealed, x, sharedMember(), []*envelope.Recipient{to, rsaMember().Recipient()}, envelope.ErrMixed},
		"no identity":           {sealed, x, nil, []*envelope.Recipient{to}, envelope.ErrNoRecipients},
		"zero identity":         {sealed, x, new(envelope.Identity), []*envelope.Recipient{to}, envelope.ErrKey},
		"truncated":             {sealed[:100], x, sharedMember(), []*envelope.Recipient{to}, envelope.ErrTruncated},
	} {
		var out bytes.Buffer
		err := envelope.Rewrap(&out, bytes.NewReader(test.sealed), test.opts, test.by, test.to...)
		if !errors.Is(err, test.want) || out.Len() > 0 {
			t.Errorf("%s: %v, %d bytes written", name, err, out.Len())
		}
	}
}

// TestRewrapKeep: duplicates and mixtures with who stays are refused.
func TestRewrapKeep(t *testing.T) {
	skipWithoutEnvelopes(t)
	sealed := must(envelope.Seal(nil, nil, sharedMember().Recipient(), sharedNumber(1).Recipient()))
	rewrap := func(to *envelope.Recipient) error {
		opts := &envelope.RewrapOptions{Remove: []envelope.KeyID{sharedMember().Recipient().KeyID()}}
		return envelope.Rewrap(io.Discard, bytes.NewReader(sealed), opts, sharedMember(), to)
	}
	for name, test := range map[string]struct {
		to   *envelope.Identity
		want error
	}{
		"is kept":             {sharedNumber(1), envelope.ErrDuplicate},
		"RSA beside kept":     {rsaMember(), envelope.ErrMixed},
		"passphrase, kept":    {passphraseMember(), envelope.ErrPassphraseAlone},
		"was not kept":        {sharedMember(), nil},
		"composite beside it": {compositeMember(), nil},
	} {
		if err := rewrap(test.to.Recipient()); !errors.Is(err, test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
