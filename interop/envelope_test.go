package interop_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/x509"
	"errors"
	"io"
	"os/exec"
	"slices"
	"testing"

	"github.com/parley-e2ee/parley/envelope"
	"github.com/parley-e2ee/parley/envelope/compositekem"
	"github.com/parley-e2ee/parley/internal/keysource/keytest"
)

// Envelopes have no implementation but ours, so Python has one that was written
// from spec/envelope-v1.md alone.

// envelopeKey is a recipient, in both implementations.
type envelopeKey struct {
	recipient, identity args
	ours                *envelope.Identity
}

func rsaEnvelopeKey(t testing.TB, bits int) envelopeKey {
	key := keytest.RSA(t, bits)
	ours := must(envelope.RSAIdentity(key))
	return envelopeKey{
		args{"type": "rsa-oaep-sha256", "spki": must(ours.Recipient().SPKI())},
		args{"type": "rsa-oaep-sha256", "pkcs8": must(x509.MarshalPKCS8PrivateKey(key))},
		ours,
	}
}

func compositeEnvelopeKey(set compositekem.ParameterSet) envelopeKey {
	key := must(compositekem.GenerateKey(set))
	ours := must(envelope.CompositeIdentity(key))
	return envelopeKey{
		args{"type": "mlkem768-rsa", "spki": must(ours.Recipient().SPKI())},
		args{"type": "mlkem768-rsa", "private": must(key.Bytes())},
		ours,
	}
}

func sharedEnvelopeKey(r random) envelopeKey {
	key := r.bytes(envelope.SharedKeySize)
	a := args{"type": "shared-key", "key": key}
	return envelopeKey{a, a, must(envelope.SharedKeyIdentity(key))}
}

// envelopeKeys are some of each type. Those of a type are next to each other.
func envelopeKeys(t testing.TB, r random) []envelopeKey {
	keytest.Use(t)
	return []envelopeKey{
		rsaEnvelopeKey(t, 2048), rsaEnvelopeKey(t, 2048), rsaEnvelopeKey(t, 3072), rsaEnvelopeKey(t, 4096),
		compositeEnvelopeKey(compositekem.RSA2048), compositeEnvelopeKey(compositekem.RSA2048),
		compositeEnvelopeKey(compositekem.RSA3072), compositeEnvelopeKey(compositekem.RSA4096),
		sharedEnvelopeKey(r), sharedEnvelopeKey(r), sharedEnvelopeKey(r),
	}
}

// envelopeCase is an envelope that is to be made.
type envelopeCase struct {
	keys                 []envelopeKey // the first len(keys)-1 are recipients, the last is nobody
	plaintext, meta, ad  []byte
	hide, armored, mixed bool
	signer               ed25519.PrivateKey
}

func newEnvelopeCase(r random, keys []envelopeKey) envelopeCase {
	r.Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
	c := envelopeCase{
		keys:      slices.Clone(keys[:2+r.IntN(min(4, len(keys)-1))]),
		plaintext: r.message(),
		meta:      pick(r, nil, r.bytes(r.IntN(100))),
		ad:        pick(r, nil, r.bytes(r.IntN(100))),
		hide:      r.IntN(3) == 0,
		armored:   r.IntN(3) == 0,
		mixed:     true,
	}
	if r.IntN(4) == 0 {
		c.plaintext = r.bytes(pick(r, 0, 16383, 16384, 16385, 32768, 50000))
	}
	if r.IntN(2) == 0 {
		c.signer = ed25519.NewKeyFromSeed(r.bytes(ed25519.SeedSize))
	}
	return c
}

func (c *envelopeCase) recipients() []envelopeKey { return c.keys[:len(c.keys)-1] }
func (c *envelopeCase) nobody() envelopeKey       { return c.keys[len(c.keys)-1] }

func (c *envelopeCase) senders() []ed25519.PublicKey {
	if c.signer == nil {
		return nil
	}
	return []ed25519.PublicKey{c.signer.Public().(ed25519.PublicKey)}
}

func (c *envelopeCase) ours() []byte {
	opts := &envelope.Options{Metadata: c.meta, AssociatedData: c.ad, HideRecipients: c.hide, AllowMixed: c.mixed}
	if c.signer != nil {
		opts.Signer = c.signer
	}
	var to []*envelope.Recipient
	for _, k := range c.recipients() {
		to = append(to, k.ours.Recipient())
	}
	sealed := must(envelope.Seal(c.plaintext, opts, to...))
	if c.armored {
		return envelope.Armor(sealed)
	}
	return sealed
}

func (c *envelopeCase) theirs(t *testing.T, p *peer) []byte {
	t.Helper()
	a := args{"plaintext": c.plaintext, "metadata": c.meta, "associated_data": c.ad, "hide": c.hide, "armor": c.armored, "mixed": c.mixed}
	var to []args
	for _, k := range c.recipients() {
		to = append(to, k.recipient)
	}
	a["recipients"] = to
	if c.signer != nil {
		a["signer"] = c.signer.Seed()
	}
	return ask[octets](t, p, "envelope_seal", a)
}

// envelopeOpened is what Python says is in an envelope.
type envelopeOpened struct {
	Plaintext, Metadata, ID octets
	Sender                  *octets
}

func (c *envelopeCase) openTheirs(t *testing.T, p *peer, sealed []byte, key envelopeKey) (envelopeOpened, string) {
	t.Helper()
	a := args{"envelope": sealed, "identities": []args{key.identity}, "associated_data": c.ad}
	if senders := c.senders(); senders != nil {
		a["senders"] = [][]byte{senders[0]}
	}
	return try[envelopeOpened](t, p, "envelope_open", a)
}

func (c *envelopeCase) openOurs(sealed []byte, key envelopeKey) (*envelope.Message, error) {
	if c.armored {
		var err error
		if sealed, err = envelope.Dearmor(sealed); err != nil {
			return nil, err
		}
	}
	return envelope.OpenMessage(sealed, &envelope.OpenOptions{AssociatedData: c.ad, Senders: c.senders()}, key.ours)
}

func TestEnvelopesToPython(t *testing.T) {
	p, r := python.get(t), newRandom(t)
	keys := envelopeKeys(t, r)
	for range 100 {
		c := newEnvelopeCase(r, keys)
		sealed := c.ours()
		for _, key := range c.recipients() {
			got, refused := c.openTheirs(t, p, sealed, key)
			if refused != "" {
				t.Fatalf("our envelope, in Python: %s", refused)
			}
			wantSame(t, "our plaintext, in Python", got.Plaintext, c.plaintext)
			wantSame(t, "our metadata, in Python", got.Metadata, c.meta)
			if (got.Sender != nil) != (c.signer != nil) || got.Sender != nil && !bytes.Equal(*got.Sender, c.senders()[0]) {
				t.Fatal("another sender, in Python")
			}
		}
		if _, refused := c.openTheirs(t, p, sealed, c.nobody()); refused != "ErrNoMatch" {
			t.Fatalf("our envelope, in Python, by somebody else: %q", refused)
		}
	}
}

func TestEnvelopesFromPython(t *testing.T) {
	p, r := python.get(t), newRandom(t)
	keys := envelopeKeys(t, r)
	for range 100 {
		c := newEnvelopeCase(r, keys)
		sealed := c.theirs(t, p)
		for _, key := range c.recipients() {
			got, err := c.openOurs(sealed, key)
			if err != nil {
				t.Fatalf("Python's envelope: %v", err)
			}
			wantSame(t, "Python's plaintext", got.Plaintext, c.plaintext)
			wantSame(t, "Python's metadata", got.Metadata, c.meta)
			if c.signer != nil && !got.Sender.Equal(c.senders()[0]) || c.signer == nil && got.Sender != nil {
				t.Fatal("another sender in Python's envelope")
			}
		}
		if _, err := c.openOurs(sealed, c.nobody()); !errors.Is(err, envelope.ErrNoMatch) {
			t.Fatalf("Python's envelope, by somebody else: %v", err)
		}
	}
}

// TestEnvelopesFromPythonInParts opens as a stream and at random.
func TestEnvelopesFromPythonInParts(t *testing.T) {
	p, r := python.get(t), newRandom(t)
	keys := []envelopeKey{sharedEnvelopeKey(r), sharedEnvelopeKey(r), sharedEnvelopeKey(r), sharedEnvelopeKey(r), sharedEnvelopeKey(r)}
	for range 100 {
		c := newEnvelopeCase(r, keys)
		c.armored = false
		sealed := c.theirs(t, p)
		opts := &envelope.OpenOptions{AssociatedData: c.ad, Senders: c.senders()}
		key := c.keys[0].ours
		stream := must(envelope.NewReader(bytes.NewReader(sealed), opts, key))
		wantSame(t, "Python's envelope as a stream", must(io.ReadAll(stream)), c.plaintext)
		at := must(envelope.NewReaderAt(bytes.NewReader(sealed), int64(len(sealed)), opts, key))
		if at.Size() != int64(len(c.plaintext)) {
			t.Fatalf("Python's envelope is of %d bytes, want %d", at.Size(), len(c.plaintext))
		}
		from := r.IntN(len(c.plaintext) + 1)
		part := make([]byte, r.IntN(len(c.plaintext)-from+1))
		if _, err := at.ReadAt(part, int64(from)); err != nil && err != io.EOF {
			t.Fatal(err)
		}
		wantSame(t, "a part of Python's envelope", part, c.plaintext[from:from+len(part)])
	}
}

func TestEnvelopesWithPassphrases(t *testing.T) {
	p, r := python.get(t), newRandom(t)
	if !ask[bool](t, p, "envelope_argon2", args{}) {
		notRun(t, "python3-argon2", errors.New("argon2 cannot be imported"), "apt-get install python3-argon2")
	}
	for range 5 {
		text := r.bytes(1 + r.IntN(40))
		ours := must(envelope.PassphraseIdentity(text))
		c := envelopeCase{plaintext: r.message(), meta: r.bytes(3), ad: r.bytes(4)}
		a := args{"type": "passphrase", "passphrase": text}
		for _, parameters := range []args{{}, {"kdf": 1, "time": 1 + r.IntN(3), "memory": 32 + r.IntN(100), "parallelism": 1 + r.IntN(4)}, {"kdf": 2, "time": 1 + r.IntN(3000), "memory": 0, "parallelism": 0}} {
			withParameters := args{"type": "passphrase", "passphrase": text}
			for k, v := range parameters {
				withParameters[k] = v
			}
			c.keys = []envelopeKey{{withParameters, a, ours}, {}}
			wantSame(t, "Python's envelope", must(c.openOurs(c.theirs(t, p), c.keys[0])).Plaintext, c.plaintext)
		}
		got, refused := c.openTheirs(t, p, c.ours(), c.keys[0])
		if refused != "" {
			t.Fatalf("our passphrase, in Python: %s", refused)
		}
		wantSame(t, "our plaintext, in Python", got.Plaintext, c.plaintext)
		other := envelopeKey{identity: args{"type": "passphrase", "passphrase": append(text, 'x')}}
		if _, refused := c.openTheirs(t, p, c.ours(), other); refused != "ErrStanza" {
			t.Fatalf("another passphrase, in Python: %q", refused)
		}
	}
}

// TestPythonsEnvelopesThemselves runs the tests that the second implementation has
// of its own, with the vectors of what it is built of.
func TestPythonsEnvelopesThemselves(t *testing.T) {
	python.get(t)
	out, err := exec.Command("/usr/bin/python3", "-B", "peers/envelope.py", "--self-test").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}
