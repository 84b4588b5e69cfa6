package envelope_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/parley-e2ee/parley/envelope"
)

// refusedByAll holds that nobody opens, with one of the wanted errors, and that
// nothing comes out but a beginning of msg.
func refusedByAll(t *testing.T, what string, sealed, msg []byte, opts *envelope.OpenOptions, id *envelope.Identity, want ...error) {
	t.Helper()
	for _, way := range ways {
		got, err := way.open(sealed, opts, id)
		refused(t, what+": "+way.name, err, want...)
		if !bytes.HasPrefix(msg, got) || way.name == "Open" && got != nil {
			t.Errorf("%s: %s released %d bytes", what, way.name, len(got))
		}
	}
}

// small are envelopes for which each byte can be tried.
func small() (all []subject) {
	for _, v := range []variant{{}, {signed: true}, {hidden: true}, {signed: true, hidden: true, metadata: true}} {
		seal, _ := v.options()
		sealed := must(envelope.Seal(message(9), seal, recipientsOf(sharedMember(), sharedNumber(1))...))
		all = append(all, subject{fmt.Sprintf("%+v", v), sealed, message(9), sharedMember(), v.hidden, v.signed})
	}
	return all
}

// TestAnyByte: no byte can be another.
func TestAnyByte(t *testing.T) {
	skipWithoutEnvelopes(t)
	for _, s := range small() {
		for at := range s.sealed {
			masks := []byte{1, 0x80, 0xff}
			if testing.Short() {
				masks = masks[at%3:][:1]
			}
			for _, mask := range masks {
				changed := bytes.Clone(s.sealed)
				changed[at] ^= mask
				refusedByAll(t, fmt.Sprintf("%s, byte %d", s.name, at), changed, s.msg, nil, s.reader, sentinels...)
			}
		}
	}
}

// TestAnyTruncation: no length but the right one opens, and what the header lacks is
// told from what the rest lacks.
func TestAnyTruncation(t *testing.T) {
	skipWithoutEnvelopes(t)
	for _, s := range small() {
		header := int(must(envelope.Inspect(bytes.NewReader(s.sealed))).HeaderSize)
		for n := range s.sealed {
			what := fmt.Sprintf("%s, %d bytes of %d", s.name, n, len(s.sealed))
			switch {
			case n < header:
				refusedByAll(t, what, s.sealed[:n], nil, nil, s.reader, envelope.ErrTruncated)
				_, err := envelope.Inspect(bytes.NewReader(s.sealed[:n]))
				refused(t, what+", Inspect", err, envelope.ErrTruncated)
			case s.signed:
				refusedByAll(t, what, s.sealed[:n], nil, nil, s.reader, envelope.ErrSignature, envelope.ErrPayload)
				_, err := envelope.Open(s.sealed[:n], nil, s.reader)
				refused(t, what, err, envelope.ErrSignature)
			default:
				refusedByAll(t, what, s.sealed[:n], nil, nil, s.reader, envelope.ErrPayload)
			}
		}
	}
}

// TestAnyExtension: nothing can follow, of any length.
func TestAnyExtension(t *testing.T) {
	skipWithoutEnvelopes(t)
	for _, s := range small() {
		end := s.sealed[len(s.sealed)-112:]
		for _, n := range []int{1, 2, 15, 16, 17, 72, 111, 112, 113, chunk, chunk + 16, 3 * chunk} {
			for _, tail := range [][]byte{make([]byte, n), message(n), bytes.Repeat(end, n/len(end)+1)[:n]} {
				what := fmt.Sprintf("%s, extended by %d", s.name, n)
				longer := slices.Concat(s.sealed, tail)
				want := envelope.ErrPayload
				if s.signed {
					_, err := envelope.Open(longer, nil, s.reader)
					refused(t, what, err, envelope.ErrSignature)
				}
				refusedByAll(t, what, longer, s.msg, nil, s.reader, want, envelope.ErrSignature)
			}
		}
		refusedByAll(t, s.name+", twice", slices.Concat(s.sealed, s.sealed), s.msg, nil, s.reader, envelope.ErrPayload, envelope.ErrSignature)
	}
}

// TestChunksSwapped: each chunk has its place. Nothing is released from the first
// that has not on.
func TestChunksSwapped(t *testing.T) {
	skipWithoutEnvelopes(t)
	const n, stride = 4, chunk + 16
	msg := message(n*chunk + 100)
	for _, v := range variants()[:2] {
		seal, _ := v.options()
		f := takeApart(must(envelope.Seal(msg, seal, sharedMember().Recipient())), nil)
		want := envelope.ErrPayload
		if v.signed {
			want = envelope.ErrSignature
		}
		for a := range n {
			for b := range a {
				changed := f.clone()
				changed.payload = bytes.Clone(f.payload)
				x, y := changed.payload[56+a*stride:], changed.payload[56+b*stride:]
				copy(x[:stride], f.payload[56+b*stride:])
				copy(y[:stride], f.payload[56+a*stride:])
				refusedByAll(t, fmt.Sprintf("chunks %d and %d", a, b), changed.bytes(), msg[:b*chunk], nil, sharedMember(), envelope.ErrPayload, want)
			}
		}
		for cut := range n {
			changed := f.clone()
			changed.payload = slices.Concat(f.payload[:56+cut*stride], f.payload[56+(cut+1)*stride:])
			refusedByAll(t, fmt.Sprintf("without chunk %d", cut), changed.bytes(), msg[:cut*chunk], nil, sharedMember(), envelope.ErrPayload, want)
			changed.payload = f.payload[:56+cut*stride]
			refusedByAll(t, fmt.Sprintf("up to chunk %d", cut), changed.bytes(), msg[:cut*chunk], nil, sharedMember(), envelope.ErrPayload, want)
		}
	}
}

// TestStanzasSwapped: they have one order; without one of them, or with one twice,
// the MAC is another.
func TestStanzasSwapped(t *testing.T) {
	skipWithoutEnvelopes(t)
	for _, hidden := range []bool{false, true} {
		to := recipientsOf(sharedMember(), sharedNumber(1), sharedNumber(2), compositeMember())
		f := takeApart(must(envelope.Seal(nil, &envelope.Options{HideRecipients: hidden}, to...)), nil)
		for a := range f.stanzas {
			for b := range a {
				changed := f.clone()
				changed.stanzas[a], changed.stanzas[b] = f.stanzas[b], f.stanzas[a]
				refusedByAll(t, "swapped", changed.bytes(), nil, nil, sharedMember(), envelope.ErrMalformed)
			}
			changed := f.clone()
			changed.stanzas = slices.Delete(changed.stanzas, a, a+1)
			refusedByAll(t, "without one", changed.bytes(), nil, nil, sharedMember(), envelope.ErrHeader, envelope.ErrNoMatch)
			changed = f.clone()
			changed.stanzas = slices.Insert(changed.stanzas, a, f.stanzas[a])
			refusedByAll(t, "one twice", changed.bytes(), nil, nil, sharedMember(), envelope.ErrMalformed)
		}
	}
}

// TestTransplants: no part of an envelope goes into another, though recipients,
// metadata and associated data are the same.
func TestTransplants(t *testing.T) {
	skipWithoutEnvelopes(t)
	for _, v := range variants()[:4] {
		seal, _ := v.options()
		to := recipientsOf(sharedMember(), sharedNumber(1))
		one := takeApart(must(envelope.Seal(message(50), seal, to...)), nil)
		other := takeApart(must(envelope.Seal(message(50), seal, to...)), nil)
		stanza := subject{hidden: v.hidden}.stanzaError()
		payload := []error{envelope.ErrPayload}
		if v.signed {
			payload = append(payload, envelope.ErrSignature)
		}
		for name, test := range map[string]struct {
			move func(to *forgery)
			want []error
		}{
			"ID":       {func(f *forgery) { f.id = other.id }, []error{stanza}},
			"stanzas":  {func(f *forgery) { f.stanzas = other.stanzas }, []error{stanza}},
			"a stanza": {func(f *forgery) { f.stanzas = [][]byte{f.stanzas[0], other.stanzas[1]}; f.sort() }, []error{stanza, envelope.ErrHeader}},
			"MAC":      {func(f *forgery) { f.mac = other.mac }, []error{envelope.ErrHeader}},
			"header":   {func(f *forgery) { f.id, f.stanzas, f.mac = other.id, other.stanzas, other.mac }, payload},
			"payload":  {func(f *forgery) { f.payload = other.payload }, payload},
			"rest":     {func(f *forgery) { f.payload, f.trailer = other.payload, other.trailer }, payload},
			"trailer":  {func(f *forgery) { f.trailer = other.trailer }, []error{envelope.ErrSignature}},
		} {
			if name == "trailer" && !v.signed {
				continue
			}
			f := one.clone()
			test.move(f)
			refusedByAll(t, name, f.bytes(), message(50), nil, sharedMember(), test.want...)
		}
	}
}

// TestAssociatedData: with any other nothing opens.
func TestAssociatedData(t *testing.T) {
	skipWithoutEnvelopes(t)
	for _, v := range variants()[:4] {
		seal, _ := v.options()
		seal.AssociatedData = []byte("account 7")
		sealed := must(envelope.Seal(message(5), seal, sharedMember().Recipient()))
		for _, other := range []string{"", "account", "account 8", "account 7\x00", "Account 7"} {
			opts := &envelope.OpenOptions{AssociatedData: []byte(other)}
			refusedByAll(t, other, sealed, nil, opts, sharedMember(), subject{hidden: v.hidden}.stanzaError())
		}
		// Metadata and associated data do not run into each other.
		f := takeApart(sealed, seal.AssociatedData)
		f.metadata, f.associated = []byte("account 7"), nil
		refusedByAll(t, "moved to the metadata", f.bytes(), nil, nil, sharedMember(), subject{hidden: v.hidden}.stanzaError())
	}
}
