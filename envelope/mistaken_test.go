package envelope_test

import (
	"bytes"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"strings"
	"testing"

	"github.com/parley-e2ee/parley/envelope"
	"github.com/parley-e2ee/parley/envelope/cobblestone"
	"github.com/parley-e2ee/parley/envelope/compositekem"
	"github.com/parley-e2ee/parley/internal/keysource/keytest"
	"github.com/parley-e2ee/parley/keystore/keyfile"
)

func pemOf(label string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: label, Bytes: der})
}

// TestMistakenKeys: whoever passes something else reads what it is, and nothing of
// what is in it.
func TestMistakenKeys(t *testing.T) {
	skipWithoutEnvelopes(t)
	key, composite := keytest.RSA(t, 2048), must(compositekem.GenerateKey(compositekem.RSA2048))
	curve := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	exchange := must(ecdh.X25519().GenerateKey(rand.Reader))
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	certificate := must(x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key))
	request := must(x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, key))
	private := must(keyfile.NewPrivateKey(key))
	encrypted := must(private.MarshalEncrypted(keyfile.PKCS8DER, password, &keyfile.EncryptOptions{Iterations: keyfile.MinIterations}))
	sec1 := must(x509.MarshalECPrivateKey(curve))
	pkcs8, public := pkcs8Of(t, key), spki(t, &key.PublicKey)
	const reads = " (package keyfile reads it)"
	type mistake struct {
		given []byte
		want  string
	}
	both := []mistake{
		{nil, "nothing"},
		{certificate, "a certificate"}, {pemOf("CERTIFICATE", certificate), "a certificate in PEM"},
		{pemOf("TRUSTED CERTIFICATE", certificate), "a certificate in PEM"},
		{request, "a certificate request"}, {pemOf("CERTIFICATE REQUEST", request), "a certificate request in PEM"},
		{must(private.Public().Marshal(keyfile.OpenSSH)), "an RSA public key in SSH's form" + reads},
		{must(must(keyfile.NewPublicKey(publicOf(alice))).Marshal(keyfile.OpenSSH)), "an Ed25519 public key in SSH's form"},
		{[]byte("ecdsa-sha2-nistp256 AAAA me@host"), "an SSH public key"},
		{[]byte("ssh-rsa-cert-v01@openssh.com AAAA me@host"), "an SSH certificate"},
		{[]byte("---- BEGIN SSH2 PUBLIC KEY ----\n"), "an SSH public key"},
		{must(private.Marshal(keyfile.JWK)), "a JWK" + reads},
		{pemOf("PRIVATE KEY", pkcs8), "a private key in PEM" + reads},
		{pemOf("RSA PRIVATE KEY", must(private.Marshal(keyfile.PKCS1DER))), "an RSA private key in PEM" + reads},
		{[]byte("-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n"), "a private key in PEM"},
		{pemOf("EC PRIVATE KEY", sec1), "an EC private key in PEM"}, {sec1, "an EC private key"},
		{pemOf("OPENSSH PRIVATE KEY", message(100)), "an OpenSSH private key"},
		{pemOf("ENCRYPTED PRIVATE KEY", encrypted), "an encrypted private key in PEM" + reads},
		{encrypted, "an encrypted private key" + reads},
		{pemOf("PUBLIC KEY", public), "a public key in PEM" + reads},
		{pemOf("RSA PUBLIC KEY", public), "a public key in PEM" + reads},
		{pemOf("DH PARAMETERS", message(9)), "PEM of another kind"},
		{envelope.Armor(message(9)), "an envelope as text"},
		{must(private.Marshal(keyfile.PKCS1DER)), "an RSA private key as PKCS#1" + reads},
		{must(private.Public().Marshal(keyfile.PKCS1DER)), "an RSA public key as PKCS#1" + reads},
		{spki(t, publicOf(alice)), "an Ed25519 public key"}, {pkcs8Of(t, alice), "an Ed25519 private key"},
		{publicOf(alice), "a raw key, as those of Ed25519 are"}, {alice, "a raw key, as those of Ed25519 are"},
		{spki(t, &curve.PublicKey), "an EC public key"}, {pkcs8Of(t, curve), "an EC private key"},
		{spki(t, exchange.PublicKey()), "an X25519 public key"}, {pkcs8Of(t, exchange), "an X25519 private key"},
		{[]byte(base64.StdEncoding.EncodeToString(public)), "base64, which has to be decoded first"},
		{append(bytes.Clone(public), 0), "DER with bytes behind it"}, {append(bytes.Clone(pkcs8), 0), "DER with bytes behind it"},
		{[]byte{0x30, 0}, "DER of another kind"}, {[]byte{0x30, 2, 5, 1}, "DER of another kind"},
		{[]byte{0x30, 7, 0x30, 3, 6, 1, 0x2a, 3, 0}, "a public key of an unknown kind"},
		{message(100), "something that is neither DER nor text"},
	}
	recipients := append([]mistake{
		{pkcs8, "an RSA private key"}, {must(compositekem.MarshalPKCS8PrivateKey(composite)), "a composite private key"},
	}, both...)
	identities := append([]mistake{
		{public, "an RSA public key"}, {compositekem.MarshalPKIXPublicKey(composite.EncapsulationKey()), "a composite public key"},
	}, both...)
	hold := func(m mistake, err error, wanted string) {
		t.Helper()
		if want := "envelope: invalid key: " + m.want + ", where " + wanted + " is wanted"; !errors.Is(err, envelope.ErrKey) || err.Error() != want {
			t.Errorf("have %v\nwant %s", err, want)
		}
	}
	for _, m := range recipients {
		hold(m, second(envelope.ParseRecipient(m.given)), "an RSA or composite public key as DER SubjectPublicKeyInfo")
	}
	for _, m := range identities {
		hold(m, second(envelope.ParseIdentity(m.given)), "an RSA or composite private key as DER PKCS#8, not encrypted")
	}
}

// TestMalformedKeys: a key of the right kind that is not sound is said to be that.
func TestMalformedKeys(t *testing.T) {
	key := keytest.RSA(t, 2048)
	public, pkcs8 := spki(t, &key.PublicKey), pkcs8Of(t, key)
	public[len(public)-263]++ // the length of the modulus
	pkcs8[len(pkcs8)-100]++
	for _, err := range []error{second(envelope.ParseRecipient(public)), second(envelope.ParseIdentity(pkcs8))} {
		if err == nil || !strings.HasPrefix(err.Error(), "envelope: invalid key: an RSA p") || !strings.HasSuffix(err.Error(), " key that is malformed or not allowed") {
			t.Error(err)
		}
	}
}

// neverRead is a source that must not be used.
type neverRead struct{ *testing.T }

func (n neverRead) Read([]byte) (int, error) {
	n.Error("a source was read")
	return 0, io.EOF
}

func (n neverRead) ReadAt([]byte, int64) (int, error) { return n.Read(nil) }

// TestMistakesFirst: mistakes of the caller are found before anything is read.
func TestMistakesFirst(t *testing.T) {
	skipWithoutEnvelopes(t)
	good := []*envelope.Identity{sharedMember()}
	none := "envelope: no identity to open with"
	for name, test := range map[string]struct {
		senders []ed25519.PublicKey
		ids     []*envelope.Identity
		want    error
		text    string
	}{
		"nil sender":      {[]ed25519.PublicKey{nil}, good, envelope.ErrKey, "envelope: invalid key: sender 0 is not an Ed25519 public key of 32 bytes"},
		"private key":     {[]ed25519.PublicKey{publicOf(alice), ed25519.PublicKey(alice)}, good, envelope.ErrKey, "envelope: invalid key: sender 1 is not an Ed25519 public key of 32 bytes"},
		"31 bytes":        {[]ed25519.PublicKey{publicOf(alice)[:31], publicOf(alice)}, good, envelope.ErrKey, "envelope: invalid key: sender 0 is not an Ed25519 public key of 32 bytes"},
		"no identity":     {nil, nil, envelope.ErrNoRecipients, none},
		"empty":           {nil, []*envelope.Identity{}, envelope.ErrNoRecipients, none},
		"an identity nil": {nil, []*envelope.Identity{sharedMember(), nil}, envelope.ErrKey, "envelope: invalid key: identity 1 is nil, or was made by no function of this package"},
	} {
		opts := &envelope.OpenOptions{Senders: test.senders}
		for call, err := range map[string]error{
			"Open":        second(envelope.Open([]byte("no envelope"), opts, test.ids...)),
			"OpenMessage": second(envelope.OpenMessage([]byte("no envelope"), opts, test.ids...)),
			"NewReader":   second(envelope.NewReader(neverRead{t}, opts, test.ids...)),
			"NewReaderAt": second(envelope.NewReaderAt(neverRead{t}, 1000, opts, test.ids...)),
		} {
			if !errors.Is(err, test.want) || errors.Is(err, envelope.ErrEnvelope) || err.Error() != test.text {
				t.Errorf("%s: %s: %v", call, name, err)
			}
		}
	}
	if err := envelope.Rewrap(io.Discard, neverRead{t}, nil, nil, sharedMember().Recipient()); !errors.Is(err, envelope.ErrNoRecipients) || err.Error() != none {
		t.Errorf("Rewrap: %v", err)
	}
}

// TestSenderName: the key of somebody else is named as package keyfile names it.
func TestSenderName(t *testing.T) {
	skipWithoutEnvelopes(t)
	sealed := must(envelope.Seal(nil, &envelope.Options{Signer: mallory}, sharedMember().Recipient()))
	_, err := envelope.Open(sealed, &envelope.OpenOptions{Senders: fromAlice}, sharedMember())
	want := "envelope: signed by somebody else: " + must(keyfile.NewPublicKey(publicOf(mallory))).Fingerprint().String()
	if !errors.Is(err, envelope.ErrSender) || err.Error() != want {
		t.Errorf("have %v\nwant %s", err, want)
	}
	if got := (&envelope.SenderError{}).Error(); !strings.HasPrefix(got, "envelope: signed by somebody else") {
		t.Error(got)
	}
}

// panics does so after some writes.
type panics struct{ after int }

func (p *panics) Write(b []byte) (int, error) {
	if p.after--; p.after < 0 {
		panic("a destination")
	}
	return len(b), nil
}

// TestErrorTexts: every error begins with this package's name, which comes once and
// is followed by no other's.
func TestErrorTexts(t *testing.T) {
	skipWithoutEnvelopes(t)
	msg := message(2*chunk + 1)
	sealed := must(envelope.Seal(msg, nil, sharedMember().Recipient()))
	header := int(must(envelope.Inspect(bytes.NewReader(sealed))).HeaderSize)
	open := func(change func(b []byte) []byte) error {
		return second(envelope.Open(change(bytes.Clone(sealed)), nil, sharedMember()))
	}
	flip := func(at int) func(b []byte) []byte {
		return func(b []byte) []byte {
			b[at] ^= 1
			return b
		}
	}
	var w envelope.Writer
	for want, err := range map[string]error{
		"envelope: changed payload: its beginning does not authenticate": open(flip(header)),
		"envelope: changed payload: chunk 1 does not authenticate":       open(flip(header + 56 + chunk + 16)),
		"envelope: changed payload: chunk 2 does not authenticate":       open(flip(len(sealed) - 1)),
		"envelope: changed payload: truncated":                           open(func(b []byte) []byte { return b[:header+30] }),
		"envelope: recipient 1: invalid key: nil, or made by no function of this package": second(
			envelope.Seal(nil, nil, sharedMember().Recipient(), nil)),
		"envelope: recipient 1: recipient given twice": second(
			envelope.Seal(nil, nil, sharedMember().Recipient(), sharedMember().Recipient())),
		"envelope: no recipients to seal to": second(envelope.Seal(nil, nil)),
		"envelope: write to a closed writer": second(w.Write(nil)),
	} {
		if err == nil || err.Error() != want {
			t.Errorf("have %v\nwant %s", err, want)
		}
	}
	var chunkError *cobblestone.ChunkError
	if err := open(flip(len(sealed) - 1)); !errors.As(err, &chunkError) || chunkError.Number != 2 || !errors.Is(err, cobblestone.ErrChunk) {
		t.Errorf("the chunk is not to be found behind %v", err)
	}
	if err := open(flip(header)); !errors.Is(err, cobblestone.ErrCommitment) {
		t.Errorf("the reason is not to be found behind %v", err)
	}
	// A destination that did not return, and what comes after it.
	reader := must(envelope.NewReader(bytes.NewReader(sealed), nil, sharedMember()))
	writer := must(envelope.NewWriter(&panics{after: 1}, nil, sharedMember().Recipient()))
	for name, calls := range map[string][2]func([]byte) (int, error){
		"Reader": {func([]byte) (int, error) { n, err := reader.WriteTo(&panics{}); return int(n), err }, reader.Read},
		"Writer": {writer.Write, writer.Write},
	} {
		func() {
			defer func() { recover() }()
			calls[0](make([]byte, 9*chunk))
			t.Errorf("%s: the destination did not panic", name)
		}()
		_, first := calls[1](make([]byte, 1))
		_, again := calls[1](make([]byte, 1))
		if first == nil || first.Error() != "envelope: source or destination did not return" || again != first {
			t.Errorf("%s, after a panic: %v, then %v", name, first, again)
		}
	}
	// What sources and destinations did wrong.
	for name, lie := range lies {
		for _, s := range ioSubjects() {
			_, read := stream(func(b []byte) io.Reader { return &liar{bytes.NewReader(b), len(b) - 300, lie} }, readAll)(s.sealed, nil, s.reader)
			write := writeAll(&liar{honest: 1000, lie: lie}, nil, s)
			for _, err := range []error{read, write} {
				if text := fmt.Sprint(err); strings.Contains(text, "cobblestone") || strings.Count(text, "envelope: ") > 1 {
					t.Errorf("%s: %s", name, text)
				}
			}
		}
	}
}
