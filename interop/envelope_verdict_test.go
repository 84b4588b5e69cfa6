package interop_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/binary"
	"errors"
	"slices"
	"testing"

	"github.com/parley-e2ee/parley/envelope"
)

var envelopeErrors = map[string]error{
	"ErrNotEnvelope": envelope.ErrNotEnvelope, "ErrVersion": envelope.ErrVersion, "ErrMalformed": envelope.ErrMalformed,
	"ErrLimit": envelope.ErrLimit, "ErrTruncated": envelope.ErrTruncated, "ErrNoMatch": envelope.ErrNoMatch,
	"ErrStanza": envelope.ErrStanza, "ErrHeader": envelope.ErrHeader, "ErrUnsigned": envelope.ErrUnsigned,
	"ErrSignature": envelope.ErrSignature, "ErrSender": envelope.ErrSender, "ErrPayload": envelope.ErrPayload,
	"ErrArmor": envelope.ErrArmor,
}

// verdictOf names an error as the specification does.
func verdictOf(t *testing.T, err error) string {
	t.Helper()
	if err == nil {
		return ""
	}
	for name, sentinel := range envelopeErrors {
		if errors.Is(err, sentinel) {
			return name
		}
	}
	t.Fatalf("an error that the specification does not have: %v", err)
	return ""
}

// sameVerdict has both implementations open and inspect the bytes.
func sameVerdict(t *testing.T, p *peer, c *envelopeCase, sealed []byte, counts map[string]int) {
	t.Helper()
	key := c.keys[0]
	theirs, refused := c.openTheirs(t, p, sealed, key)
	ours, err := c.openOurs(sealed, key)
	if got := verdictOf(t, err); got != refused {
		t.Fatalf("we say %q, Python %q (%v)\n%x", got, refused, err, sealed)
	}
	if err == nil {
		wantSame(t, "the plaintext", ours.Plaintext, theirs.Plaintext)
		wantSame(t, "the metadata", ours.Metadata, theirs.Metadata)
	}
	counts[refused]++
	_, refused = try[any](t, p, "envelope_inspect", args{"envelope": sealed})
	_, err = envelope.Inspect(bytes.NewReader(sealed))
	if got := verdictOf(t, err); got != refused {
		t.Fatalf("inspecting, we say %q, Python %q\n%x", got, refused, sealed)
	}
}

func reached(t *testing.T, counts map[string]int, names ...string) {
	t.Helper()
	for _, name := range names {
		if counts[name] == 0 {
			t.Errorf("no case had %q: %v", name, counts)
		}
	}
}

// TestEnvelopeVerdictsOnDamage has both refuse what was damaged for the same reason.
func TestEnvelopeVerdictsOnDamage(t *testing.T) {
	p, r := python.get(t), newRandom(t)
	keys := []envelopeKey{sharedEnvelopeKey(r), sharedEnvelopeKey(r), sharedEnvelopeKey(r), rsaEnvelopeKey(t, 2048)}
	counts := map[string]int{}
	for range 1500 {
		c := newEnvelopeCase(r, keys)
		c.armored = false
		c.plaintext = c.plaintext[:min(len(c.plaintext), 40)]
		sameVerdict(t, p, &c, damage(r, c.ours()), counts)
	}
	reached(t, counts, "ErrNotEnvelope", "ErrVersion", "ErrMalformed", "ErrTruncated", "ErrStanza", "ErrHeader", "ErrSignature", "ErrPayload")
}

// damage changes something, mostly one thing.
func damage(r random, sealed []byte) []byte {
	sealed = slices.Clone(sealed)
	for again := true; again; again = r.IntN(4) == 0 {
		at := r.IntN(len(sealed) + 1)
		if r.IntN(3) == 0 {
			at = r.IntN(min(len(sealed), 120) + 1)
		}
		switch r.IntN(6) {
		case 0:
			sealed = sealed[:at]
		case 1:
			sealed = slices.Insert(sealed, at, r.bytes(1+r.IntN(3))...)
		case 2:
			sealed = slices.Delete(sealed, at, min(len(sealed), at+1+r.IntN(3)))
		default:
			if at < len(sealed) {
				sealed[at] ^= 1 << r.IntN(8)
			}
		}
		if len(sealed) == 0 {
			break
		}
	}
	return sealed
}

// TestEnvelopeVerdictsOnForgeries has both refuse headers of any shape, whose MAC is
// right, for the same reason.
func TestEnvelopeVerdictsOnForgeries(t *testing.T) {
	p, r := python.get(t), newRandom(t)
	counts := map[string]int{}
	for range 1500 {
		key := sharedEnvelopeKey(r)
		signer := ed25519.NewKeyFromSeed(r.bytes(ed25519.SeedSize))
		c := envelopeCase{keys: []envelopeKey{key, sharedEnvelopeKey(r)}, meta: r.bytes(r.IntN(3)), plaintext: r.bytes(1 + r.IntN(20))}
		if r.IntN(2) == 0 {
			c.signer = pick(r, signer, ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)))
		}
		donor := envelopeCase{keys: c.keys, meta: c.meta, plaintext: c.plaintext}
		a := args{"preamble": preambleOf(r, c.meta), "stanzas": forgedStanzas(r, donor.ours()), "file_key": r.bytes(32), "plaintext": c.plaintext}
		if r.IntN(2) == 0 {
			a["signer"] = signer.Seed()
		}
		sameVerdict(t, p, &c, ask[octets](t, p, "envelope_forge", a), counts)
	}
	reached(t, counts, "ErrVersion", "ErrMalformed", "ErrLimit", "ErrNoMatch", "ErrStanza")
}

func preambleOf(r random, metadata []byte) []byte {
	b := append([]byte{pick[byte](r, 0, 0, 0, 1, 1, 1, 2, 0x80)}, r.bytes(32)...)
	return append(binary.BigEndian.AppendUint16(b, uint16(len(metadata))), metadata...)
}

// forgedStanzas are some, of lengths that may be right, often in order.
func forgedStanzas(r random, donor []byte) []byte {
	var all [][]byte
	for range pick(r, 0, 1, 1, 1, 2, 2, 3) {
		id := r.bytes(pick(r, 0, 0, 32, 32, 32, 31, 33))
		body := r.bytes(pick(r, 80, 80, 80, 90, 90, 256, 384, 1024, 1025, 255, 1392, 1520, 1648, 79, 0))
		kind := pick[byte](r, 1, 2, 3, 3, 3, 4, 4, 4, 5, 0)
		if kind == 4 && len(body) == 90 {
			body = append(forgedStretch(r), body[10:]...)
			id = id[:pick(r, 0, 0, 0, len(id))]
		}
		if r.IntN(3) == 0 {
			all = append(all, stanzaOf(donor))
		}
		b := append([]byte{kind, byte(len(id))}, id...)
		all = append(all, append(binary.BigEndian.AppendUint16(b, uint16(len(body))), body...))
	}
	if r.IntN(4) > 0 {
		slices.SortFunc(all, bytes.Compare)
	}
	encoded := append([]byte{}, slices.Concat(all...)...)
	if r.IntN(8) == 0 && len(encoded) > 0 {
		encoded = encoded[:r.IntN(len(encoded))]
	}
	return encoded
}

func forgedStretch(r random) []byte {
	b := []byte{pick[byte](r, 1, 2, 2, 3, 0)}
	b = binary.BigEndian.AppendUint32(b, pick[uint32](r, 0, 1, 2, 16, 17, 1000, 1<<31))
	b = binary.BigEndian.AppendUint32(b, pick[uint32](r, 0, 0, 8, 16, 63, 1<<18, 1<<18+1, 1<<31))
	return append(b, pick[byte](r, 0, 0, 1, 2, 16, 17))
}

// stanzaOf is the only stanza of an envelope.
func stanzaOf(sealed []byte) []byte {
	at := 19 + 1 + 32
	at += 2 + int(binary.BigEndian.Uint16(sealed[at:]))
	size := int(sealed[at])<<16 | int(sealed[at+1])<<8 | int(sealed[at+2])
	return sealed[at+3 : at+3+size]
}
