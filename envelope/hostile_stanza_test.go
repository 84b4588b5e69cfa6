package envelope_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/fips140"
	"fmt"
	"slices"
	"testing"

	"github.com/parley-e2ee/parley/envelope"
	"github.com/parley-e2ee/parley/envelope/compositekem"
	"github.com/parley-e2ee/parley/internal/keysource/keytest"
)

// forgeFor is a forgery with stanzas that are made by the file key, all of it good.
func forgeFor(stanzas func(f *forgery) [][]byte) *forgery {
	f := newForgery()
	f.stanzas = stanzas(f)
	return f.sort().authenticate().sealPayload(message(7))
}

// TestWrongBodies: checks 10 and 11, of stanzas that have the right form.
func TestWrongBodies(t *testing.T) {
	skipWithoutEnvelopes(t)
	key := keytest.RSA(t, 2048)
	rsaReader := must(envelope.RSAIdentity(key))
	rsaID := rsaReader.Recipient().KeyID()
	shared := sharedMember().Recipient().KeyID()
	dk := must(compositekem.GenerateKey(compositekem.RSA3072))
	ek, both := dk.EncapsulationKey(), must(envelope.CompositeIdentity(dk))
	for name, test := range map[string]struct {
		reader *envelope.Identity
		typ    byte
		id     []byte
		body   func(f *forgery) []byte
		want   error
	}{
		"OAEP":                     {rsaReader, 1, rsaID[:], func(f *forgery) []byte { return rsaBody(&key.PublicKey, f.c(), f.fileKey) }, nil},
		"OAEP of 31 bytes":         {rsaReader, 1, rsaID[:], func(f *forgery) []byte { return rsaBody(&key.PublicKey, f.c(), f.fileKey[:31]) }, envelope.ErrStanza},
		"OAEP of 33 bytes":         {rsaReader, 1, rsaID[:], func(f *forgery) []byte { return rsaBody(&key.PublicKey, f.c(), append(f.fileKey, 0)) }, envelope.ErrStanza},
		"OAEP of nothing":          {rsaReader, 1, rsaID[:], func(f *forgery) []byte { return rsaBody(&key.PublicKey, f.c(), nil) }, envelope.ErrStanza},
		"OAEP of another C":        {rsaReader, 1, rsaID[:], func(f *forgery) []byte { return rsaBody(&key.PublicKey, body(32), f.fileKey) }, envelope.ErrStanza},
		"OAEP of another key":      {rsaReader, 1, rsaID[:], func(f *forgery) []byte { return rsaBody(&key.PublicKey, f.c(), body(32)) }, envelope.ErrHeader},
		"OAEP, a zero in front":    {rsaReader, 1, rsaID[:], func(f *forgery) []byte { return append([]byte{0}, rsaBody(&key.PublicKey, f.c(), f.fileKey)...) }, envelope.ErrStanza},
		"OAEP, a zero behind":      {rsaReader, 1, rsaID[:], func(f *forgery) []byte { return append(rsaBody(&key.PublicKey, f.c(), f.fileKey), 0) }, envelope.ErrStanza},
		"OAEP above the modulus":   {rsaReader, 1, rsaID[:], func(f *forgery) []byte { return bytes.Repeat([]byte{0xff}, 256) }, envelope.ErrStanza},
		"OAEP of zero":             {rsaReader, 1, rsaID[:], func(f *forgery) []byte { return make([]byte, 256) }, envelope.ErrStanza},
		"shared key":               {sharedMember(), 3, shared[:], func(f *forgery) []byte { return sharedBody(sharedSecret, f.c(), f.fileKey) }, nil},
		"shared key, another":      {sharedMember(), 3, shared[:], func(f *forgery) []byte { return sharedBody(keyNumber(1), f.c(), f.fileKey) }, envelope.ErrStanza},
		"shared key, wrong file":   {sharedMember(), 3, shared[:], func(f *forgery) []byte { return sharedBody(sharedSecret, f.c(), body(32)) }, envelope.ErrHeader},
		"shared key, another C":    {sharedMember(), 3, shared[:], func(f *forgery) []byte { return sharedBody(sharedSecret, body(32), f.fileKey) }, envelope.ErrStanza},
		"composite":                {both, 2, keyIDOf(both), func(f *forgery) []byte { return compositeBody(ek, f.c(), f.fileKey) }, nil},
		"composite, hidden":        {both, 2, nil, func(f *forgery) []byte { return compositeBody(ek, f.c(), f.fileKey) }, nil},
		"composite, another C":     {both, 2, keyIDOf(both), func(f *forgery) []byte { return compositeBody(ek, body(32), f.fileKey) }, envelope.ErrStanza},
		"composite, wrong file":    {both, 2, keyIDOf(both), func(f *forgery) []byte { return compositeBody(ek, f.c(), body(32)) }, envelope.ErrHeader},
		"composite of nothing":     {compositeMember(), 2, keyIDOf(compositeMember()), func(f *forgery) []byte { return body(1392) }, envelope.ErrStanza},
		"composite, other length":  {compositeMember(), 2, keyIDOf(compositeMember()), func(f *forgery) []byte { return body(1520) }, envelope.ErrStanza},
		"passphrase":               {passphraseMember(), 4, nil, func(f *forgery) []byte { return stretchBody(password, f.c(), f.fileKey, 2, 7, 0, 0) }, nil},
		"passphrase, another":      {passphraseMember(), 4, nil, func(f *forgery) []byte { return stretchBody([]byte("x"), f.c(), f.fileKey, 2, 7, 0, 0) }, envelope.ErrStanza},
		"passphrase, wrong file":   {passphraseMember(), 4, nil, func(f *forgery) []byte { return stretchBody(password, f.c(), body(32), 2, 7, 0, 0) }, envelope.ErrStanza},
		"hidden, a zero in front":  {rsaReader, 1, nil, func(f *forgery) []byte { return append([]byte{0}, rsaBody(&key.PublicKey, f.c(), f.fileKey)...) }, envelope.ErrNoMatch},
		"hidden OAEP of 31 bytes":  {rsaReader, 1, nil, func(f *forgery) []byte { return rsaBody(&key.PublicKey, f.c(), f.fileKey[:31]) }, envelope.ErrNoMatch},
		"hidden OAEP, wrong file":  {rsaReader, 1, nil, func(f *forgery) []byte { return rsaBody(&key.PublicKey, f.c(), body(32)) }, envelope.ErrHeader},
		"hidden composite, length": {compositeMember(), 2, nil, func(f *forgery) []byte { return body(1520) }, envelope.ErrNoMatch},
	} {
		f := forgeFor(func(f *forgery) [][]byte { return [][]byte{encodeStanza(test.typ, test.id, test.body(f))} })
		for _, way := range ways {
			got, err := way.open(f.bytes(), nil, test.reader)
			if verdict(err) != test.want || (err == nil) != bytes.Equal(got, message(7)) {
				t.Errorf("%s: %s: %d bytes, %v, want %v", name, way.name, len(got), err, test.want)
			}
		}
	}
}

func keyIDOf(id *envelope.Identity) []byte {
	k := id.Recipient().KeyID()
	return k[:]
}

// TestWhoseStanza: check 9, which key decides.
func TestWhoseStanza(t *testing.T) {
	skipWithoutEnvelopes(t)
	a, b, c := sharedNumber(1), sharedNumber(2), sharedNumber(3)
	bad := func(id *envelope.Identity) []byte { return encodeStanza(3, keyIDOf(id), body(80)) }
	wrongPassphrase := must(envelope.PassphraseIdentity([]byte("wrong")))
	badA := forgeFor(func(f *forgery) [][]byte { return [][]byte{bad(a), sharedStanza(keyNumber(2), f.c(), f.fileKey)} })
	alsoHidden := forgeFor(func(f *forgery) [][]byte {
		return [][]byte{bad(a), encodeStanza(3, nil, sharedBody(keyNumber(1), f.c(), f.fileKey)), encodeStanza(3, nil, sharedBody(keyNumber(3), f.c(), f.fileKey))}
	})
	twoKeys := forgeFor(func(f *forgery) [][]byte {
		return [][]byte{encodeStanza(3, nil, sharedBody(keyNumber(1), f.c(), body(32))), encodeStanza(3, nil, sharedBody(keyNumber(2), f.c(), f.fileKey))}
	})
	words := forgeFor(func(f *forgery) [][]byte {
		return [][]byte{encodeStanza(4, nil, stretchBody(password, f.c(), f.fileKey, 2, 3, 0, 0))}
	})
	for name, test := range map[string]struct {
		f    *forgery
		ids  []*envelope.Identity
		want error
	}{
		"the first decides":                    {badA, []*envelope.Identity{a, b}, envelope.ErrStanza},
		"the other first":                      {badA, []*envelope.Identity{b, a}, nil},
		"a stranger before both":               {badA, []*envelope.Identity{c, b, a}, nil},
		"a stranger before the bad one":        {badA, []*envelope.Identity{c, a, b}, envelope.ErrStanza},
		"named and bad, hidden and good":       {alsoHidden, []*envelope.Identity{a}, envelope.ErrStanza},
		"hidden of one who is not named":       {alsoHidden, []*envelope.Identity{c}, nil},
		"named before hidden":                  {alsoHidden, []*envelope.Identity{c, a}, envelope.ErrStanza},
		"hidden with another file key":         {twoKeys, []*envelope.Identity{a}, envelope.ErrHeader},
		"hidden with the file key":             {twoKeys, []*envelope.Identity{b}, nil},
		"the passphrase":                       {words, []*envelope.Identity{passphraseMember()}, nil},
		"a wrong passphrase":                   {words, []*envelope.Identity{wrongPassphrase}, envelope.ErrStanza},
		"a wrong one before the passphrase":    {words, []*envelope.Identity{wrongPassphrase, passphraseMember()}, nil},
		"others around it":                     {words, []*envelope.Identity{a, wrongPassphrase, rsaMember(), passphraseMember(), b}, nil},
		"a wrong one and others":               {words, []*envelope.Identity{a, wrongPassphrase, rsaMember()}, envelope.ErrStanza},
		"no passphrase":                        {words, []*envelope.Identity{a, rsaMember()}, envelope.ErrNoMatch},
		"nobody's":                             {badA, []*envelope.Identity{c, rsaMember(), passphraseMember()}, envelope.ErrNoMatch},
		"the same identity twice, and it's ok": {badA, []*envelope.Identity{b, b}, nil},
	} {
		for _, way := range ways {
			got, err := way.open(test.f.bytes(), nil, test.ids...)
			if verdict(err) != test.want || (err == nil) != bytes.Equal(got, message(7)) {
				t.Errorf("%s: %s: %v, want %v", name, way.name, err, test.want)
			}
		}
	}
}

// soundOrNot are signers' keys and signatures that Go verifies, though they are
// worth nothing: of points of small order, under which the same signature fits every
// message.
func unsound() (all [][]byte) {
	identity := make([]byte, 32)
	identity[0] = 1
	zero := make([]byte, 32) // S
	negative := bytes.Clone(identity)
	negative[31] |= 0x80
	all = append(all, slices.Concat(identity, identity, zero), slices.Concat(negative, identity, zero))
	// y = 1 + p, encoded beyond the field.
	beyond := bytes.Repeat([]byte{0xff}, 32)
	beyond[0], beyond[31] = 0xee, 0x7f
	return append(all, slices.Concat(beyond, identity, zero))
}

// TestUnsoundSigner: check 13, the signer's key is sound.
func TestUnsoundSigner(t *testing.T) {
	skipWithoutEnvelopes(t)
	f := newForgery()
	f.flags = 1
	f.address(sharedSecret).authenticate().sealPayload(message(7))
	verified := 0
	for i, opened := range unsound() {
		text := slices.Concat([]byte("parley-envelope/v1 signature\x00"), opened[:32], f.c(), f.s(), digestAll(f.payload))
		if ed25519.Verify(opened[:32], text, opened[32:]) {
			verified++
		}
		sealed := f.sealTrailer(opened).bytes()
		refusedByAll(t, fmt.Sprint(i), sealed, message(7), nil, sharedMember(), envelope.ErrSignature)
		refusedByAll(t, fmt.Sprint(i), sealed, message(7), &envelope.OpenOptions{Senders: []ed25519.PublicKey{opened[:32]}}, sharedMember(), envelope.ErrSignature)
	}
	if verified == 0 {
		t.Error("Go verifies none of the signatures: the test tests nothing")
	}
}

// TestExpectedSenders: checks 11 to 15 and their order.
func TestExpectedSenders(t *testing.T) {
	skipWithoutEnvelopes(t)
	unsigned := openAs()
	for name, senders := range map[string][]ed25519.PublicKey{"Alice": fromAlice, "nobody": {}, "a key of nobody": {make([]byte, 32)}} {
		opts := &envelope.OpenOptions{Senders: senders}
		refusedByAll(t, name+", unsigned", unsigned, nil, opts, sharedMember(), envelope.ErrUnsigned)
		changed := takeApart(unsigned, nil)
		changed.mac[0] ^= 1
		refusedByAll(t, name+", unsigned, changed", changed.bytes(), nil, opts, sharedMember(), envelope.ErrHeader)
	}
	f := newForgery()
	f.flags = 1
	f.address(sharedSecret).authenticate()
	// A signature over no payload verifies; the payload is what is missing.
	refusedByAll(t, "signed nothing", f.sign(alice).bytes(), nil, &envelope.OpenOptions{Senders: fromAlice}, sharedMember(), envelope.ErrPayload)
	// Who signed is told before what the payload is.
	f.payload = message(100)
	_, err := envelope.Open(f.sign(mallory).bytes(), &envelope.OpenOptions{Senders: fromAlice}, sharedMember())
	refused(t, "Mallory signed garbage", err, envelope.ErrSender)
}

// TestRefusedInFIPSMode: Argon2id is what is not to be had, and PBKDF2 is written.
func TestRefusedInFIPSMode(t *testing.T) {
	skipWithoutEnvelopes(t)
	want, kdf := error(nil), byte(1)
	if fips140.Enabled() {
		want, kdf = envelope.ErrFIPS, 2
	} else {
		runUnder(t, "on", "TestRefusedInFIPSMode")
	}
	f := forgeFor(func(f *forgery) [][]byte {
		return [][]byte{encodeStanza(4, nil, stretchBody(password, f.c(), f.fileKey, 1, 1, 8, 1))}
	})
	for _, way := range ways {
		if _, err := way.open(f.bytes(), nil, passphraseMember()); err != want {
			t.Errorf("%s: %v, want %v", way.name, err, want)
		}
	}
	sealed := must(envelope.Seal(nil, nil, passphraseMember().Recipient()))
	if got := takeApart(sealed, nil).stanzas[0][4]; got != kdf {
		t.Errorf("wrote KDF %d, want %d", got, kdf)
	}
	if envelope.Written != [2][4]uint32{{1, 3, 65_536, 4}, {2, 600_000, 0, 0}} {
		t.Errorf("written are %v", envelope.Written)
	}
}
