package envelope_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"reflect"
	"testing"

	"github.com/parley-e2ee/parley/envelope"
)

// A block is an element of the field of GHASH (NIST SP 800-38D, section 6.3), whose
// first bit is the highest of the first word.
type block [2]uint64

func blockOf(b []byte) block {
	return block{binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:])}
}

func (x block) bytes() []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, x[0]), x[1])
}

func (x block) plus(y block) block { return block{x[0] ^ y[0], x[1] ^ y[1]} }

func (x block) times(y block) (z block) {
	for i := range 128 {
		if x[i/64]>>(63-i%64)&1 == 1 {
			z = z.plus(y)
		}
		odd := y[1] & 1
		y = block{y[0] >> 1, y[1]>>1 | y[0]<<63}
		y[0] ^= odd * 0xe1 << 56
	}
	return z
}

// over is x times y to the power of 2¹²⁸ − 2.
func (x block) over(y block) block {
	for range 127 {
		y = y.times(y)
		x = x.times(y)
	}
	return x
}

// A gcmKey is what the tag of 32 bytes of ciphertext depends on: it is
// C₁·H³ + C₂·H² + length·H + mask.
type gcmKey struct{ h, mask block }

func gcmKeyOf(key []byte) gcmKey {
	aes := blockCipher(key)
	h, mask := make([]byte, 16), make([]byte, 16)
	aes.Encrypt(h, h)
	mask[15] = 1
	aes.Encrypt(mask, mask)
	return gcmKey{blockOf(h), blockOf(mask)}
}

// rest is length·H + mask.
func (k gcmKey) rest() block { return block{0, 256}.times(k.h).plus(k.mask) }

// wrapForThree returns 48 bytes that open under each of three keys: that the tags are
// one is two linear equations in two blocks of ciphertext.
func wrapForThree(keys [3][]byte) []byte {
	k := [3]gcmKey{gcmKeyOf(keys[0]), gcmKeyOf(keys[1]), gcmKeyOf(keys[2])}
	var a, b, c [3]block
	for i := range k {
		b[i] = k[i].h.times(k[i].h)
		a[i] = b[i].times(k[i].h)
		c[i] = k[i].rest()
		if i > 0 {
			a[i], b[i], c[i] = a[i].plus(a[0]), b[i].plus(b[0]), c[i].plus(c[0])
		}
	}
	determinant := a[1].times(b[2]).plus(a[2].times(b[1]))
	first := c[1].times(b[2]).plus(c[2].times(b[1])).over(determinant)
	second := a[1].times(c[2]).plus(a[2].times(c[1])).over(determinant)
	tag := first.times(a[0]).plus(second.times(b[0])).plus(c[0])
	return bytes.Join([][]byte{first.bytes(), second.bytes(), tag.bytes()}, nil)
}

// forgeForThree is an envelope whose stanza opens under three passphrases, and whose
// MAC is that of the first.
func forgeForThree(t *testing.T, passphrases [3][]byte) *forgery {
	t.Helper()
	f := newForgery()
	encapsulation := stretchBody(passphrases[0], f.c(), f.fileKey, 2, 1, 0, 0)[:42]
	var keys [3][]byte
	for i, p := range passphrases {
		keys[i] = stretchKey(p, f.c(), encapsulation)
	}
	wrapped := wrapForThree(keys)
	for i := range keys {
		fileKey, err := gcmOf(keys[2-i]).Open(nil, make([]byte, 12), wrapped, nil)
		if err != nil {
			t.Fatalf("the stanza does not open under passphrase %d", 2-i)
		}
		f.fileKey = fileKey
	}
	f.stanzas = [][]byte{encodeStanza(4, nil, append(encapsulation, wrapped...))}
	return f.authenticate().sealPayload(message(7))
}

// TestThreePassphrases: an envelope that was forged to open under three passphrases
// opens under one, and nothing tells the others from any wrong one.
func TestThreePassphrases(t *testing.T) {
	skipWithoutEnvelopes(t)
	guesses := [3][]byte{[]byte("letmein"), []byte("123456"), []byte("qwerty")}
	sealed := forgeForThree(t, guesses).bytes()
	holder := func(p []byte) *envelope.Identity { return must(envelope.PassphraseIdentity(p)) }
	for _, way := range ways {
		_, wrong := way.open(sealed, nil, holder(password))
		refused(t, way.name+", a passphrase that is none of them", wrong, envelope.ErrStanza)
		for i, p := range guesses {
			msg, err := way.open(sealed, nil, holder(p))
			if i == 0 && (err != nil || !bytes.Equal(msg, message(7))) || i > 0 && !sameError(err, wrong) {
				t.Errorf("%s: passphrase %d: %v, want %v", way.name, i, err, wrong)
			}
			// The right one is still tried after one under which the stanza opens.
			if msg, err := way.open(sealed, nil, holder(p), holder(guesses[0])); err != nil || !bytes.Equal(msg, message(7)) {
				t.Errorf("%s: passphrase %d before the right one: %v", way.name, i, err)
			}
			if _, err := way.open(sealed, nil, holder(guesses[1]), holder(guesses[2])); !sameError(err, wrong) {
				t.Errorf("%s: two of them: %v", way.name, err)
			}
		}
	}
	rewrap := func(p []byte) error {
		opts := &envelope.RewrapOptions{RemoveAll: true}
		return envelope.Rewrap(io.Discard, bytes.NewReader(sealed), opts, holder(p), sharedNumber(1).Recipient())
	}
	for _, p := range guesses[1:] {
		if err := rewrap(p); !sameError(err, rewrap(password)) {
			t.Errorf("Rewrap: %v", err)
		}
	}
}

// sameError reports whether nothing tells one refusal of a stanza from another.
func sameError(a, b error) bool {
	var x, y *envelope.StanzaError
	return errors.As(a, &x) && errors.As(b, &y) && reflect.DeepEqual(x, y) && a.Error() == b.Error() && verdict(a) == verdict(b)
}
