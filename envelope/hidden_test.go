package envelope_test

import (
	"bytes"
	"crypto/rsa"
	"errors"
	"io"
	"testing"

	"github.com/parley-e2ee/parley/envelope"
	"github.com/parley-e2ee/parley/envelope/compositekem"
	"github.com/parley-e2ee/parley/internal/keysource/keytest"
)

// TestHiddenShowNoModulus: RSA ciphertexts for hidden recipients are below what any
// modulus of their length is, so that none is too large for another key.
func TestHiddenShowNoModulus(t *testing.T) {
	skipWithoutEnvelopes(t)
	keytest.Use(t)
	composite := must(envelope.CompositeIdentity(must(compositekem.GenerateKey(compositekem.RSA2048))))
	for name, test := range map[string]struct {
		id *envelope.Identity
		at int
	}{
		"RSA":       {must(envelope.RSAIdentity(keytest.RSA(t, 2048))), 0},
		"RSA-3072":  {must(envelope.RSAIdentity(keytest.RSA(t, 3072))), 0},
		"composite": {composite, 1088},
	} {
		high := map[bool]int{}
		for _, hide := range []bool{true, false} {
			for range 40 {
				sealed := must(envelope.Seal(nil, &envelope.Options{HideRecipients: hide}, test.id.Recipient()))
				_, block, _, _ := specParts(sealed)
				body := block[3+4+int(block[4]):]
				if body[test.at]&0x80 != 0 {
					high[hide]++
				}
			}
		}
		if high[true] > 0 || high[false] == 0 {
			t.Errorf("%s: %d of 40 hidden ciphertexts are large, %d of 40 others", name, high[true], high[false])
		}
	}
}

// TestMaxTrials bounds what hidden recipients cost.
func TestMaxTrials(t *testing.T) {
	skipWithoutEnvelopes(t)
	var to []*envelope.Recipient
	for i := range 10 {
		to = append(to, sharedNumber(byte(i)).Recipient())
	}
	sealed := must(envelope.Seal(message(3), &envelope.Options{HideRecipients: true}, to...))
	opened := 0
	for i := range 10 {
		_, err := envelope.Open(sealed, &envelope.OpenOptions{MaxTrials: 4}, sharedNumber(byte(i)))
		switch {
		case err == nil:
			opened++
		case !errors.Is(err, envelope.ErrLimit):
			t.Error(err)
		}
		must(envelope.Open(sealed, &envelope.OpenOptions{MaxTrials: 10}, sharedNumber(byte(i))))
		must(envelope.Open(sealed, nil, sharedNumber(byte(i))))
	}
	if opened != 4 {
		t.Errorf("%d open with 4 trials", opened)
	}
	named := must(envelope.Seal(nil, nil, to...))
	must(envelope.Open(named, &envelope.OpenOptions{MaxTrials: 1}, sharedNumber(9)))
}

// closedWriter takes some bytes and then says io.EOF, as a closed SSH channel does.
type closedWriter struct{ left int }

func (w *closedWriter) Write(p []byte) (int, error) {
	if w.left < len(p) {
		return 0, io.EOF
	}
	w.left -= len(p)
	return len(p), nil
}

// TestDestinationEOF: that a destination is closed is not the end of the envelope.
func TestDestinationEOF(t *testing.T) {
	skipWithoutEnvelopes(t)
	for _, s := range subjects()[:2] {
		sealed := must(envelope.Seal(message(1<<20), &envelope.Options{Signer: alice}, s.reader.Recipient()))
		for _, left := range []int{0, 100_000, 1<<20 - 1} {
			r := must(envelope.NewReader(bytes.NewReader(sealed), nil, s.reader))
			n, err := io.Copy(&closedWriter{left}, r)
			if err == nil || err == io.EOF || n > int64(left) || r.Sender() != nil {
				t.Errorf("%d bytes taken: %d, %v, sender %x", left, n, err, r.Sender())
			}
			if _, again := r.Read(make([]byte, 10)); again != err {
				t.Errorf("then Read: %v", again)
			}
			if _, again := io.Copy(io.Discard, r); again != err {
				t.Errorf("then WriteTo: %v", again)
			}
		}
	}
}

// TestRSAKeysAreCopied: a private key that changes later does not change an identity,
// and one that does not fit its public key is refused.
func TestRSAKeysAreCopied(t *testing.T) {
	skipWithoutEnvelopes(t)
	key, other := keytest.RSA(t, 2048), keytest.RSA(t, 2048)
	// Without what is precomputed, as somebody may have put it together.
	bare := &rsa.PrivateKey{PublicKey: key.PublicKey, D: key.D, Primes: key.Primes}
	id := must(envelope.RSAIdentity(bare))
	der := must(id.MarshalPKCS8())
	*bare = *other
	if !bytes.Equal(must(id.MarshalPKCS8()), der) || must(envelope.ParseIdentity(der)).Recipient().KeyID() != id.Recipient().KeyID() {
		t.Error("the identity has changed with the key")
	}
	clear(must(id.MarshalPKCS8()))
	sealed := must(envelope.Seal(nil, nil, id.Recipient()))
	must(envelope.Open(sealed, nil, id))
	for name, bad := range map[string]*rsa.PrivateKey{
		"no D":            {PublicKey: key.PublicKey, Primes: key.Primes},
		"another D":       {PublicKey: key.PublicKey, D: other.D, Primes: key.Primes},
		"no primes":       {PublicKey: key.PublicKey, D: key.D},
		"nil primes":      {PublicKey: key.PublicKey, D: key.D, Primes: append(key.Primes[:1:1], nil)},
		"another's":       {PublicKey: key.PublicKey, D: key.D, Primes: other.Primes},
		"nothing":         {},
		"only the public": {PublicKey: key.PublicKey},
	} {
		if _, err := envelope.RSAIdentity(bad); !errors.Is(err, envelope.ErrKey) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
