package envelope_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"testing"

	"github.com/parley-e2ee/parley/envelope"
)

// An outcome is what a change of a field must lead to.
type outcome struct {
	shape  []error // of everybody, without a key
	header []error // of who opens the header
	// payload: it is the payload or the trailer, and so much is good before it.
	payload bool
	good    int
}

func shapes(errs ...error) outcome  { return outcome{shape: errs} }
func headers(errs ...error) outcome { return outcome{header: errs} }

// stanzaError is that of who has the right key, and does not get the file key.
func (s subject) stanzaError() error {
	if s.hidden {
		return envelope.ErrNoMatch
	}
	return envelope.ErrStanza
}

// own reports whether a stanza is the reader's.
func (s subject) own(stanza int) bool {
	encoded := takeApart(s.sealed, nil).stanzas[stanza]
	id := s.reader.Recipient().KeyID()
	if encoded[0] != byte(s.reader.Recipient().Type()) {
		return false
	}
	// Of two hidden shared keys either may be; none is a reader here.
	return s.hidden || encoded[0] == 4 || bytes.Equal(encoded[2:34], id[:])
}

// inOrder reports whether the stanzas, whose lengths are those of s, ascend.
func inOrder(changed []byte) bool {
	stanzas := takeApart(changed, nil).stanzas
	return slices.IsSortedFunc(stanzas, bytes.Compare)
}

// outcomeOf is the table of the kit.
func (s subject) outcomeOf(f field, changed []byte) outcome {
	switch f.name {
	case "magic":
		return shapes(envelope.ErrNotEnvelope)
	case "flags":
		if changed[f.at] > 1 {
			return shapes(envelope.ErrVersion)
		}
		return headers(s.stanzaError())
	case "envelope ID", "metadata":
		return headers(s.stanzaError())
	case "metadata length":
		return shapes(envelope.ErrTruncated, envelope.ErrMalformed, envelope.ErrLimit, envelope.ErrVersion)
	case "stanzas length":
		return s.stanzasLength(f, changed)
	case "type":
		if changed[f.at] == 0 || changed[f.at] > 4 {
			return shapes(envelope.ErrVersion)
		}
		return shapes(envelope.ErrMalformed)
	case "key ID length", "body length":
		return shapes(envelope.ErrMalformed, envelope.ErrVersion)
	case "KDF":
		if changed[f.at] == 0 || changed[f.at] > 2 {
			return shapes(envelope.ErrVersion)
		}
		return shapes(envelope.ErrLimit)
	case "time", "memory", "parallelism":
		if !stretchAllowed(s.stretch(changed)) {
			return shapes(envelope.ErrLimit)
		}
		return headers(envelope.ErrStanza)
	case "MAC":
		if s.reader.Recipient().Type() == envelope.Passphrase {
			return headers(envelope.ErrStanza) // as a wrong passphrase is
		}
		return headers(envelope.ErrHeader)
	case "payload salt", "commitment":
		return outcome{payload: true}
	case "ciphertext", "tag":
		return outcome{payload: true, good: f.chunk * chunk}
	case "trailer":
		return outcome{payload: true, good: len(s.msg)}
	}
	return s.stanzaOutcome(f, changed)
}

func (s subject) stanzasLength(f field, changed []byte) outcome {
	was, is := s.sealed[f.at:f.at+3], changed[f.at:f.at+3]
	n := int(is[0])<<16 | int(is[1])<<8 | int(is[2])
	switch {
	case n == 0:
		return shapes(envelope.ErrMalformed)
	case n > 6_897_664:
		return shapes(envelope.ErrLimit)
	case f.at+3+n > len(s.sealed):
		return shapes(envelope.ErrTruncated)
	case bytes.Compare(is, was) < 0:
		return shapes(envelope.ErrMalformed)
	}
	return shapes(envelope.ErrMalformed, envelope.ErrVersion)
}

// stanzaOutcome is that of a key ID or a part of a body.
func (s subject) stanzaOutcome(f field, changed []byte) outcome {
	switch {
	case !inOrder(changed), f.name == "key ID" && len(bytes.Trim(changed[f.at:f.at+f.size], "\x00")) == 0:
		return shapes(envelope.ErrMalformed)
	case !s.own(f.stanza):
		return headers(envelope.ErrHeader)
	case f.name == "key ID":
		return headers(envelope.ErrNoMatch)
	}
	return headers(s.stanzaError())
}

// stretch reads the parameters of a passphrase.
func (s subject) stretch(e []byte) (kdf byte, time, memory uint32, parallelism byte) {
	b := takeApart(e, nil).stanzas[0][4:]
	return b[0], binary.BigEndian.Uint32(b[1:]), binary.BigEndian.Uint32(b[5:]), b[9]
}

// stretchAllowed is the table of section 3.4.
func stretchAllowed(kdf byte, time, memory uint32, parallelism byte) bool {
	t, m, p := int64(time), int64(memory), int64(parallelism)
	if kdf == 2 {
		return 1 <= t && t <= 10_000_000 && m == 0 && p == 0
	}
	return 1 <= t && t <= 16 && 1 <= p && p <= 16 && 8*p <= m && m <= 262_144 && t*m <= 1_048_576
}

// costly reports whether to try the passphrase would take long.
func (s subject) costly(e []byte) bool {
	kdf, time, memory, parallelism := s.stretch(e)
	work := int64(time) * max(1, int64(memory))
	return stretchAllowed(kdf, time, memory, parallelism) && work > 10_000
}

// TestTamper changes every field of every subject, and holds what everybody says.
func TestTamper(t *testing.T) {
	skipWithoutEnvelopes(t)
	for _, s := range subjects() {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			quick := testing.Short() || s.reader != sharedMember()
			for _, f := range fieldsOf(s.sealed) {
				for i, changed := range f.changes(s.sealed, quick) {
					if testing.Short() && f.size > 4 && i%3 > 0 {
						continue
					}
					if slices.Contains([]string{"time", "memory", "parallelism"}, f.name) && s.costly(changed) {
						continue
					}
					s.hold(t, f, changed)
				}
			}
		})
	}
}

func (s subject) hold(t *testing.T, f field, changed []byte) {
	t.Helper()
	want := s.outcomeOf(f, changed)
	_, err := envelope.Inspect(bytes.NewReader(changed))
	what := func(who string) string {
		return fmt.Sprintf("%v, %x for %x: %s", f, changed[f.at:f.at+min(f.size, 8)], s.sealed[f.at:f.at+min(f.size, 8)], who)
	}
	if want.shape != nil {
		refused(t, what("Inspect"), err, want.shape...)
	} else if err != nil {
		t.Errorf("%s: %v", what("Inspect"), err)
	}
	s.holdRewrap(t, what("Rewrap"), want, changed)
	for _, way := range ways {
		msg, err := way.open(changed, nil, s.reader)
		good, errs := s.released(f, want, way.name)
		refused(t, what(way.name), err, errs...)
		if !bytes.Equal(msg, s.msg[:good]) || way.name == "Open" && msg != nil {
			t.Errorf("%s: released %d bytes, want %d", what(way.name), len(msg), good)
		}
	}
}

// released is how much of the plaintext comes out, and the errors after it.
func (s subject) released(f field, want outcome, way string) (good int, errs []error) {
	switch {
	case !want.payload:
		return 0, append(want.shape, want.header...)
	case s.signed && (way != "Reader" || f.name == "trailer"):
		errs = []error{envelope.ErrSignature}
	default:
		errs = []error{envelope.ErrPayload}
	}
	if way == "Reader" {
		return want.good, errs
	}
	// At random the last chunk is opened before anything is given out.
	if last := (f.chunk+1)*chunk > len(s.msg); way == "ReaderAt" && !s.signed && !last {
		return want.good, errs
	}
	return 0, errs
}

func (s subject) holdRewrap(t *testing.T, what string, want outcome, changed []byte) {
	t.Helper()
	var out bytes.Buffer
	err := envelope.Rewrap(&out, bytes.NewReader(changed), &envelope.RewrapOptions{RemoveAll: true}, s.reader, sharedNumber(50).Recipient())
	switch {
	case want.shape != nil:
		refused(t, what, err, want.shape...)
	case changed[19] == 1:
		if err != envelope.ErrSigned {
			t.Errorf("%s: %v", what, err)
		}
	case want.payload:
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
		_, err = envelope.Open(out.Bytes(), nil, sharedNumber(50))
		refused(t, what+", and Open", err, envelope.ErrPayload)
		return
	default:
		refused(t, what, err, want.header...)
	}
	if out.Len() > 0 {
		t.Errorf("%s: %d bytes written", what, out.Len())
	}
}

// TestTamperAtRandom: of an unsigned envelope with one changed chunk a ReaderAt gives
// all others.
func TestTamperAtRandom(t *testing.T) {
	skipWithoutEnvelopes(t)
	s := subjects()[1]
	changed := bytes.Clone(s.sealed)
	changed[len(changed)-chunk-20] ^= 1 // chunk 1 of 0, 1 and an empty one
	r := must(envelope.NewReaderAt(bytes.NewReader(changed), int64(len(changed)), nil, s.reader))
	p := make([]byte, 2*chunk)
	n, err := r.ReadAt(p, 0)
	refused(t, "both", err, envelope.ErrPayload)
	if n != chunk || !bytes.Equal(p[:n], s.msg[:n]) {
		t.Errorf("%d bytes before the changed one", n)
	}
	if n, err = r.ReadAt(p[:chunk], 0); n != chunk || err != nil {
		t.Errorf("the first chunk again: %d, %v", n, err)
	}
	if n, err = r.ReadAt(p[:1], 2*chunk); n != 0 || err != io.EOF {
		t.Errorf("behind it: %d, %v", n, err)
	}
}
