package envelope_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/fips140"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"os"
	"testing"

	"github.com/parley-e2ee/parley/envelope"
	"github.com/parley-e2ee/parley/envelope/compositekem"
)

// octets are written in hexadecimal.
type octets []byte

func (o *octets) UnmarshalText(text []byte) (err error) {
	*o, err = hex.AppendDecode(nil, text)
	return err
}

// A vector is an envelope of testdata/vectors/envelope-v1.json, which the second
// implementation of interop/ has made, with all that is derived on the way.
type vector struct {
	Name            string
	AssociatedData  octets `json:"associated_data"`
	Metadata, ID    octets
	PlaintextSHA256 octets `json:"plaintext_sha256"`
	PlaintextSize   int64  `json:"plaintext_size"`
	Signer          octets
	SignerSeed      octets `json:"signer_seed"`
	FileKey         octets `json:"file_key"`
	C, S, P         octets
	PayloadKey      octets `json:"payload_key"`
	MACKey          octets `json:"mac_key"`
	TrailerKey      octets `json:"trailer_key"`
	MAC             octets
	HeaderSize      int64 `json:"header_size"`
	Envelope        octets
	Text            string
	Stanzas         []vectorStanza
}

type vectorStanza struct {
	Type    string
	KeyID   octets `json:"key_id"`
	KeyHash octets `json:"key_hash"`
	Private octets
	Secret  octets
	KEK     octets
}

// withoutEnvelopes reports whether every call answers with ErrFIPS.
func withoutEnvelopes() bool { return fips140.Enforced() }

// skipWithoutEnvelopes ends a test where every call answers with ErrFIPS, which
// another test holds.
func skipWithoutEnvelopes(t testing.TB) {
	t.Helper()
	if withoutEnvelopes() {
		t.Skip("no envelopes under fips140=only")
	}
}

// skipWithoutArgon2 ends a test where Argon2id answers with ErrFIPS, which another
// test holds.
func skipWithoutArgon2(t testing.TB) {
	t.Helper()
	if fips140.Enabled() {
		t.Skip("no Argon2id in FIPS 140-3 mode")
	}
}

const minVectors = 16

func vectors(t testing.TB) []vector {
	t.Helper()
	text, err := os.ReadFile("../testdata/vectors/envelope-v1.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Envelopes []vector }
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Envelopes) < minVectors {
		t.Fatalf("%d vectors, want %d or more", len(file.Envelopes), minVectors)
	}
	return file.Envelopes
}

// identity is the one whose stanza it is.
func (s vectorStanza) identity(t testing.TB) *envelope.Identity {
	t.Helper()
	var id *envelope.Identity
	var err error
	switch s.Type {
	case "rsa-oaep-sha256":
		id, err = envelope.ParseIdentity(s.Private)
	case "mlkem768-rsa":
		dk, err := compositekem.NewDecapsulationKey(s.Private)
		if err != nil {
			t.Fatal(err)
		}
		if id, err = envelope.CompositeIdentity(dk); err != nil {
			t.Fatal(err)
		}
	case "shared-key":
		id, err = envelope.SharedKeyIdentity(s.Private)
	case "passphrase":
		id, err = envelope.PassphraseIdentity(s.Private)
	}
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// TestVectors opens every envelope with every key, at once, as a stream and at
// random.
func TestVectors(t *testing.T) {
	skipWithoutEnvelopes(t)
	for _, v := range vectors(t) {
		t.Run(v.Name, func(t *testing.T) {
			for i, s := range v.Stanzas {
				if s.Type == "passphrase" && v.Envelope[len(magic)+35+3+4] == 1 {
					skipWithoutArgon2(t)
				}
				v.open(t, i)
			}
			v.inspect(t)
		})
	}
}

func (v vector) open(t *testing.T, stanza int) {
	t.Helper()
	id := v.Stanzas[stanza].identity(t)
	opts := &envelope.OpenOptions{AssociatedData: v.AssociatedData}
	if v.Signer != nil {
		opts.Senders = []ed25519.PublicKey{ed25519.PublicKey(v.Signer)}
	}
	m, err := envelope.OpenMessage(v.Envelope, opts, id)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(m.Metadata, v.Metadata) || !bytes.Equal(m.ID[:], v.ID) || !bytes.Equal(m.Sender, v.Signer) {
		t.Error("metadata, ID or sender is another")
	}
	v.plaintext(t, m.Plaintext)

	r, err := envelope.NewReader(bytes.NewReader(v.Envelope), opts, id)
	if err != nil {
		t.Fatal(err)
	}
	streamed, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	v.plaintext(t, streamed)
	if !bytes.Equal(r.Metadata(), v.Metadata) || r.ID() != m.ID || !bytes.Equal(r.Sender(), v.Signer) {
		t.Error("stream: metadata, ID or sender is another")
	}

	at, err := envelope.NewReaderAt(bytes.NewReader(v.Envelope), int64(len(v.Envelope)), opts, id)
	if err != nil {
		t.Fatal(err)
	}
	random, err := io.ReadAll(io.NewSectionReader(at, 0, at.Size()))
	if err != nil {
		t.Fatal(err)
	}
	v.plaintext(t, random)
	if !bytes.Equal(at.Metadata(), v.Metadata) || at.ID() != m.ID || !bytes.Equal(at.Sender(), v.Signer) {
		t.Error("at random: metadata, ID or sender is another")
	}
}

func (v vector) plaintext(t *testing.T, got []byte) {
	t.Helper()
	if sum := sha256.Sum256(got); int64(len(got)) != v.PlaintextSize || !bytes.Equal(sum[:], v.PlaintextSHA256) {
		t.Errorf("plaintext of %d bytes is not that of the vector", len(got))
	}
}

func (v vector) inspect(t *testing.T) {
	t.Helper()
	info, err := envelope.Inspect(bytes.NewReader(v.Envelope))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(info.ID[:], v.ID) || !bytes.Equal(info.Metadata, v.Metadata) || info.Signed != (v.Signer != nil) || info.HeaderSize != v.HeaderSize {
		t.Errorf("Inspect says %+v", info)
	}
	if n, err := info.PlaintextSize(int64(len(v.Envelope))); err != nil || n != v.PlaintextSize {
		t.Errorf("plaintext of %d bytes, %v", n, err)
	}
	if len(info.Recipients) != len(v.Stanzas) {
		t.Fatalf("%d recipients, want %d", len(info.Recipients), len(v.Stanzas))
	}
	for i, s := range v.Stanzas {
		var id envelope.KeyID
		copy(id[:], s.KeyID)
		if got := info.Recipients[i]; got.Type.String() != s.Type || got.KeyID != id {
			t.Errorf("recipient %d is %v", i, got)
		}
	}
}
