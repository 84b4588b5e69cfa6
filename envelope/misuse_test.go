package envelope_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/parley-e2ee/parley/envelope"
	"github.com/parley-e2ee/parley/envelope/compositekem"
)

func noPanic(t *testing.T, what string, f func()) {
	t.Helper()
	defer func() {
		if p := recover(); p != nil {
			t.Errorf("%s panics: %v", what, p)
		}
	}()
	f()
}

// TestZeroComposite: keys that nothing has made are refused.
func TestZeroComposite(t *testing.T) {
	skipWithoutEnvelopes(t)
	noPanic(t, "CompositeIdentity of a zero key", func() {
		if _, err := envelope.CompositeIdentity(new(compositekem.DecapsulationKey)); !errors.Is(err, envelope.ErrKey) {
			t.Error(err)
		}
	})
	noPanic(t, "CompositeRecipient of a zero key", func() {
		if _, err := envelope.CompositeRecipient(new(compositekem.EncapsulationKey)); !errors.Is(err, envelope.ErrKey) {
			t.Error(err)
		}
	})
}

// TestRewrapLiars: what is copied may misbehave too.
func TestRewrapLiars(t *testing.T) {
	skipWithoutEnvelopes(t)
	sealed := must(envelope.Seal(message(1000), nil, sharedMember().Recipient()))
	header := int(must(envelope.Inspect(bytes.NewReader(sealed))).HeaderSize)
	for name, lie := range lies {
		noPanic(t, name, func() {
			src := &liar{bytes.NewReader(sealed), header + 10, lie}
			done := make(chan error, 1)
			go func() {
				defer func() {
					if p := recover(); p != nil {
						done <- fmt.Errorf("panic: %v", p)
					}
				}()
				done <- envelope.Rewrap(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{src}, &envelope.RewrapOptions{RemoveAll: true}, sharedMember(), sharedNumber(1).Recipient())
			}()
			select {
			case err := <-done:
				if err == nil || strings.HasPrefix(err.Error(), "panic") {
					t.Errorf("%s: %v", name, err)
				}
			case <-time.After(2 * time.Second):
				t.Errorf("%s: does not end", name)
			}
		})
	}
}

// TestNested: of an envelope in an envelope the inner one's errors are the source's.
func TestNested(t *testing.T) {
	skipWithoutEnvelopes(t)
	inner := must(envelope.Seal(message(100), nil, sharedMember().Recipient()))
	inner[len(inner)-1] ^= 1
	src := must(envelope.NewReader(bytes.NewReader(inner), nil, sharedMember()))
	_, fromSource := io.ReadAll(must(envelope.NewReader(bytes.NewReader(inner), nil, sharedMember())))
	outer := must(envelope.Seal(nil, nil, sharedMember().Recipient()))
	header := must(envelope.Inspect(bytes.NewReader(outer))).HeaderSize
	_, err := envelope.NewReader(io.MultiReader(bytes.NewReader(outer[:header]), src), nil, sharedMember())
	if err == nil || err.Error() != fromSource.Error() {
		t.Errorf("source said %q, NewReader says %q", fromSource, err)
	}
	// A destination that says cobblestone.ErrClosed etc.
	r := must(envelope.NewReader(bytes.NewReader(must(envelope.Seal(message(9), nil, sharedMember().Recipient()))), nil, sharedMember()))
	_, err = r.WriteTo(&failingWriter{err: fromSource})
	if err != fromSource {
		t.Errorf("destination said %q, WriteTo says %q", fromSource, err)
	}
}

// Signers that are typed nils.
// TestNilSigners: keys that are not there, or too short.
func TestNilSigners(t *testing.T) {
	skipWithoutEnvelopes(t)
	for _, s := range []crypto.Signer{(*rsa.PrivateKey)(nil), (*ecdsa.PrivateKey)(nil), (*ed25519.PrivateKey)(nil)} {
		noPanic(t, fmt.Sprintf("Seal with a %T that is nil", s), func() {
			if _, err := envelope.Seal(nil, &envelope.Options{Signer: s}, sharedMember().Recipient()); !errors.Is(err, envelope.ErrSigner) {
				t.Error(err)
			}
		})
	}
	short := alice[:40]
	noPanic(t, "pointer to a short key", func() {
		if _, err := envelope.Seal(nil, &envelope.Options{Signer: &short}, sharedMember().Recipient()); !errors.Is(err, envelope.ErrSigner) {
			t.Error(err)
		}
	})
	noPanic(t, "pointer to a short key of 33", func() {
		k := ed25519.PrivateKey(make([]byte, 31))
		if _, err := envelope.Seal(nil, &envelope.Options{Signer: &k}, sharedMember().Recipient()); !errors.Is(err, envelope.ErrSigner) {
			t.Error(err)
		}
	})
}

// TestRefusedEarly: a reader stops at the first check that fails, and reads no more.
func TestRefusedEarly(t *testing.T) {
	skipWithoutEnvelopes(t)
	b := rawHeader(2, 0x69, 0x40, 0x00)
	src := io.MultiReader(bytes.NewReader(b), failing{t})
	if _, err := envelope.Inspect(src); !errors.Is(err, envelope.ErrVersion) {
		t.Error(err)
	}
	b = rawHeader(0, 0, 0, 0)
	src = io.MultiReader(bytes.NewReader(b), failing{t})
	if _, err := envelope.Inspect(src); !errors.Is(err, envelope.ErrMalformed) {
		t.Error(err)
	}
}

type failing struct{ t *testing.T }

func (f failing) Read([]byte) (int, error) {
	f.t.Error("read on behind a flag or length that is refused")
	return 0, io.EOF
}

// TestTwoPassphrases: the second is not the first, and too many.
func TestTwoPassphrases(t *testing.T) {
	skipWithoutEnvelopes(t)
	other := must(envelope.PassphraseIdentity([]byte("other")))
	_, err := envelope.Seal(nil, nil, passphraseMember().Recipient(), other.Recipient())
	if !errors.Is(err, envelope.ErrPassphraseAlone) {
		t.Error(err)
	}
}

// TestShortSource: a source that ends before the size it is said to have.
func TestShortSource(t *testing.T) {
	skipWithoutEnvelopes(t)
	for _, s := range subjects()[:2] {
		_, err := envelope.NewReaderAt(bytes.NewReader(s.sealed), int64(len(s.sealed))+10, nil, s.reader)
		if !errors.Is(err, envelope.ErrEnvelope) {
			t.Errorf("signed %v: %v", s.signed, err)
		}
	}
}

// TestPartIsNoWhole: after an error of the source Close, by defer or not, makes no
// whole envelope of what came before.
func TestPartIsNoWhole(t *testing.T) {
	skipWithoutEnvelopes(t)
	broken := errors.New("broken")
	var out bytes.Buffer
	w := must(envelope.NewWriter(&out, nil, sharedMember().Recipient()))
	if _, err := io.Copy(w, io.MultiReader(strings.NewReader("half "), iotest.ErrReader(broken))); err != broken {
		t.Fatal(err)
	}
	_, again := w.Write([]byte("more"))
	_, copied := io.Copy(w, strings.NewReader("more"))
	if err := w.Close(); err != broken || again != broken || copied != broken {
		t.Errorf("Close: %v, Write: %v, Copy: %v", err, again, copied)
	}
	if _, err := envelope.Open(out.Bytes(), nil, sharedMember()); !errors.Is(err, envelope.ErrPayload) {
		t.Errorf("a half opens: %v", err)
	}
}
