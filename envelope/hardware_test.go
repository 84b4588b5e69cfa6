package envelope_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/mlkem"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/parley-e2ee/parley/envelope"
	"github.com/parley-e2ee/parley/envelope/compositekem"
	"github.com/parley-e2ee/parley/internal/keysource/keytest"
)

func pkcs8Of(t *testing.T, key any) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

var errHardware = errors.New("the card was pulled out")

// TestOpaqueKey: a key in hardware opens, is asked for what the specification says,
// and has no encoding.
func TestOpaqueKey(t *testing.T) {
	skipWithoutEnvelopes(t)
	key := keytest.RSA(t, 2048)
	var asked *rsa.OAEPOptions
	card := opaqueKey{&key.PublicKey, func(ciphertext []byte, opts *rsa.OAEPOptions) ([]byte, error) {
		asked = opts
		return key.Decrypt(nil, ciphertext, opts)
	}}
	id := must(envelope.RSAIdentity(card))
	sealed := must(envelope.Seal(message(5), nil, id.Recipient()))
	if got, err := envelope.Open(sealed, nil, id); err != nil || !bytes.Equal(got, message(5)) {
		t.Fatal(err)
	}
	label := "parley-envelope/v1 rsa-oaep-sha256\x00" + string(takeApart(sealed, nil).c())
	if asked.Hash != crypto.SHA256 || asked.MGFHash != crypto.SHA256 || string(asked.Label) != label {
		t.Errorf("asked for %v", asked)
	}
	if _, err := id.MarshalPKCS8(); err != envelope.ErrOpaque {
		t.Errorf("encoding: %v", err)
	}
	both := must(compositekem.NewOpaqueDecapsulationKey(must(mlkem.GenerateKey768()), card))
	if _, err := must(envelope.CompositeIdentity(both)).MarshalPKCS8(); err != envelope.ErrOpaque {
		t.Errorf("encoding of a composite one: %v", err)
	}
}

// TestHardwareThatFails: what it says is found behind the refusal; wrong lengths are
// refused like wrong ciphertexts.
func TestHardwareThatFails(t *testing.T) {
	skipWithoutEnvelopes(t)
	key := keytest.RSA(t, 2048)
	good := must(envelope.RSAIdentity(key)).Recipient()
	for name, test := range map[string]struct {
		plaintext []byte
		err       error
		behind    error // nil: nothing is
	}{
		"its own error":            {nil, errHardware, errHardware},
		"its own error, with text": {nil, errors.Join(errors.New("slot 3"), errHardware), errHardware},
		"bytes beside an error":    {make([]byte, 32), errHardware, errHardware},
		"not decrypted":            {nil, rsa.ErrDecryption, nil},
		"nothing":                  {nil, nil, nil},
		"31 bytes":                 {make([]byte, 31), nil, nil},
		"33 bytes":                 {make([]byte, 33), nil, nil},
	} {
		id := must(envelope.RSAIdentity(opaqueKey{&key.PublicKey, func([]byte, *rsa.OAEPOptions) ([]byte, error) {
			return bytes.Clone(test.plaintext), test.err
		}}))
		for _, hide := range []bool{false, true} {
			sealed := must(envelope.Seal(nil, &envelope.Options{HideRecipients: hide}, good))
			want := subject{hidden: hide}.stanzaError()
			for _, way := range ways {
				_, err := way.open(sealed, nil, id)
				refused(t, name+": "+way.name, err, want)
				if errors.Is(err, errHardware) != (test.behind != nil) || errors.Is(err, rsa.ErrDecryption) {
					t.Errorf("%s: %s: %v", name, way.name, err)
				}
				var stanza *envelope.StanzaError
				var no *envelope.NoMatchError
				if errors.As(err, &stanza) == hide || errors.As(err, &no) != hide {
					t.Errorf("%s: %s: error is a %T", name, way.name, err)
				}
			}
		}
	}
}

// TestHardwareIsNotAsked: hardware that takes ciphertexts of any length gets none
// that is not as long as the modulus.
func TestHardwareIsNotAsked(t *testing.T) {
	skipWithoutEnvelopes(t)
	key := keytest.RSA(t, 2048)
	var asked []int
	f := newForgery()
	id := must(envelope.RSAIdentity(opaqueKey{&key.PublicKey, func(ciphertext []byte, _ *rsa.OAEPOptions) ([]byte, error) {
		asked = append(asked, len(ciphertext))
		return bytes.Clone(f.fileKey), nil
	}}))
	for _, keyID := range [][]byte{keyIDOf(id), nil} {
		for _, n := range []int{256, 257, 384, 1024} {
			asked = nil
			f.stanzas = [][]byte{encodeStanza(1, keyID, body(n))}
			f.authenticate().sealPayload(nil)
			_, err := envelope.Open(f.bytes(), nil, id)
			if n == 256 && (err != nil || len(asked) != 1) || n != 256 && (verdict(err) != subject{hidden: keyID == nil}.stanzaError() || asked != nil) {
				t.Errorf("%d bytes: asked for %v, %v", n, asked, err)
			}
		}
	}
}

// A lyingSigner is none of Ed25519's.
type lyingSigner struct {
	public crypto.PublicKey
	sign   func(text []byte) ([]byte, error)
}

func (s lyingSigner) Public() crypto.PublicKey { return s.public }

func (s lyingSigner) Sign(_ io.Reader, text []byte, opts crypto.SignerOpts) ([]byte, error) {
	if opts.HashFunc() != 0 {
		return nil, errors.New("asked to sign a digest")
	}
	return s.sign(text)
}

// TestSigners: those that are refused before anything is made, and those that fail
// at the end; and one in hardware that is good.
func TestSigners(t *testing.T) {
	skipWithoutEnvelopes(t)
	curve := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	to := sharedMember().Recipient()
	sign := func(text []byte) ([]byte, error) { return ed25519.Sign(alice, text), nil }
	identity := ed25519.PublicKey(append([]byte{1}, make([]byte, 31)...))
	for name, signer := range map[string]crypto.Signer{
		"RSA": keytest.RSA(t, 2048), "ECDSA": curve, "short": alice[:63], "empty": ed25519.PrivateKey{}, "nil of Ed25519": ed25519.PrivateKey(nil),
		"no public key": lyingSigner{nil, sign}, "short public key": lyingSigner{publicOf(alice)[:31], sign}, "small order": lyingSigner{identity, sign},
		"pointer to a public key": lyingSigner{new(ed25519.PublicKey), sign}, "empty public key": lyingSigner{ed25519.PublicKey{}, sign},
	} {
		for _, call := range []string{"Seal", "NewWriter"} {
			if err := sealers[call](&envelope.Options{Signer: signer}, to); !errors.Is(err, envelope.ErrSigner) {
				t.Errorf("%s: %s: %v", call, name, err)
			}
		}
	}
	for name, lie := range map[string]func(text []byte) ([]byte, error){
		"fails":                       func([]byte) ([]byte, error) { return nil, errHardware },
		"signs and fails":             func(text []byte) ([]byte, error) { return ed25519.Sign(alice, text), errHardware },
		"nothing":                     func([]byte) ([]byte, error) { return nil, nil },
		"of another key":              func(text []byte) ([]byte, error) { return ed25519.Sign(mallory, text), nil },
		"of another text":             func(text []byte) ([]byte, error) { return ed25519.Sign(alice, text[1:]), nil },
		"short":                       func(text []byte) ([]byte, error) { return ed25519.Sign(alice, text)[:63], nil },
		"long":                        func(text []byte) ([]byte, error) { return append(ed25519.Sign(alice, text), 0), nil },
		"prehashed, as it was not to": func(text []byte) ([]byte, error) { s := sha256.Sum256(text); return ed25519.Sign(alice, s[:]), nil },
	} {
		opts := &envelope.Options{Signer: lyingSigner{publicOf(alice), lie}}
		sealed, err := envelope.Seal(nil, opts, to)
		var out bytes.Buffer
		w := must(envelope.NewWriter(&out, opts, to))
		err2 := w.Close()
		if sealed != nil || !errors.Is(err, envelope.ErrSigner) || !errors.Is(err2, envelope.ErrSigner) || w.Close() != err2 {
			t.Errorf("%s: %v, %v", name, err, err2)
		}
		if fails := strings.HasSuffix(name, "fails"); errors.Is(err, errHardware) != fails || errors.Is(err2, errHardware) != fails {
			t.Errorf("%s: the signer's error is not found: %v, %v", name, err, err2)
		}
		_, err = envelope.Open(out.Bytes(), nil, sharedMember())
		refused(t, name+": what was written", err, envelope.ErrSignature)
	}
	sealed := must(envelope.Seal(nil, &envelope.Options{Signer: lyingSigner{publicOf(alice), sign}}, to))
	m, err := envelope.OpenMessage(sealed, &envelope.OpenOptions{Senders: fromAlice}, sharedMember())
	if err != nil || !m.Sender.Equal(publicOf(alice)) {
		t.Errorf("a good signer in hardware: %v", err)
	}
}

// TestEncodings: what has an encoding is the same key again, and what has none says
// so.
func TestEncodings(t *testing.T) {
	for _, m := range cast()[:6] {
		spki := must(m.Recipient().SPKI())
		r := must(envelope.ParseRecipient(spki))
		id := must(envelope.ParseIdentity(must(m.MarshalPKCS8())))
		if r.KeyID() != m.Recipient().KeyID() || r.Type() != m.Recipient().Type() || id.Recipient().KeyID() != r.KeyID() || r.KeyID() != [32]byte(digestAll(spki)) {
			t.Errorf("%s: another key", m.name)
		}
		spki[20] ^= 1
		if !bytes.Equal(must(m.Recipient().SPKI()), must(r.SPKI())) {
			t.Errorf("%s: the SPKI is not a copy", m.name)
		}
	}
	for _, id := range []*envelope.Identity{sharedMember(), passphraseMember(), new(envelope.Identity), nil} {
		_, err := id.Recipient().SPKI()
		_, err2 := id.MarshalPKCS8()
		if err != envelope.ErrOpaque || err2 != envelope.ErrOpaque {
			t.Errorf("%v, %v", err, err2)
		}
	}
}

// TestKeysAreCopied: what the caller does with its key later changes nothing.
func TestKeysAreCopied(t *testing.T) {
	skipWithoutEnvelopes(t)
	key, words, public := keyNumber(7), []byte("pass"), keytest.RSA(t, 2048)
	shared, phrase := must(envelope.SharedKeyIdentity(key)), must(envelope.PassphraseIdentity(words))
	to := must(envelope.RSARecipient(&public.PublicKey))
	reader := must(envelope.ParseIdentity(pkcs8Of(t, public)))
	clear(key)
	clear(words)
	public.N.SetInt64(15)
	public.E = 3
	for _, way := range ways {
		for _, id := range []*envelope.Identity{shared, phrase} {
			if _, err := way.open(must(envelope.Seal(nil, nil, id.Recipient())), nil, id); err != nil {
				t.Error(err)
			}
		}
	}
	if _, err := envelope.Open(must(envelope.Seal(nil, nil, to)), nil, reader); err != nil {
		t.Error(err)
	}
	if _, err := envelope.Open(must(envelope.Seal(nil, nil, shared.Recipient())), nil, sharedNumber(7)); err != nil {
		t.Error(err)
	}
	if _, err := envelope.Open(must(envelope.Seal(nil, nil, phrase.Recipient())), nil, must(envelope.PassphraseIdentity([]byte("pass")))); err != nil {
		t.Error(err)
	}
}
