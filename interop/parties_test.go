package interop_test

import (
	"crypto/sha256"
	"testing"

	"github.com/parley-e2ee/parley/keystore/keyfile"
)

// forms are the names by which the helpers know the forms of a key.
var forms = map[string]keyfile.Form{
	"pkcs8-pem": keyfile.PKCS8PEM, "pkcs8-der": keyfile.PKCS8DER,
	"pkcs1-pem": keyfile.PKCS1PEM, "pkcs1-der": keyfile.PKCS1DER,
	"spki-pem": keyfile.SPKIPEM, "spki-der": keyfile.SPKIDER,
	"jwk": keyfile.JWK, "openssh": keyfile.OpenSSH,
}

const (
	kindRSA     = "rsa"
	kindEd25519 = "ed25519"
)

// keyOps is what each counterparty can do with keys. What it refuses comes back with
// a reason.
type keyOps interface {
	generate(t testing.TB, kind string, bits int, to string) []byte
	// private writes a private key in another form.
	private(t testing.TB, kind string, key []byte, form, to string) []byte
	// unseal opens an encrypted private key; seal makes one.
	unseal(t testing.TB, key, passphrase []byte, form, to string) (out []byte, refused string)
	seal(t testing.TB, key, passphrase []byte, form, to, scheme string) []byte
	// public writes the public key of a private one, publicAgain a public one.
	public(t testing.TB, kind string, key []byte, form, to string) []byte
	publicAgain(t testing.TB, kind string, key []byte, form, to string) []byte
	encrypt(t testing.TB, key []byte, form, hash string, msg []byte) (ciphertext []byte, refused string)
	decrypt(t testing.TB, key []byte, form, hash string, ciphertext []byte) (msg []byte, refused string)
	sign(t testing.TB, key []byte, form string, msg []byte) []byte
	verify(t testing.TB, key []byte, form string, msg, sig []byte) (refused string)
}

// party is a counterparty that has keys, and the forms it knows, the first of which
// is the one it generates in.
type party struct {
	name              string
	open              func(testing.TB) keyOps
	private, public   []string
	ed25519           bool
	ed25519PublicForm []string
	schemes           []string // of encryption
	cases             int      // of OAEP, per hash
	slow              bool     // at PBKDF2
}

func (p *party) publicForms(kind string) []string {
	if kind == kindEd25519 {
		return p.ed25519PublicForm
	}
	return p.public
}

func (p *party) privateForms(kind string) []string {
	var all []string
	for _, f := range p.private {
		if kind == kindRSA || f != "pkcs1-pem" && f != "pkcs1-der" {
			all = append(all, f)
		}
	}
	return all
}

var parties = []*party{
	{
		name: "python", open: func(t testing.TB) keyOps { return jsonParty{python.get(t)} },
		private: []string{"pkcs8-pem", "pkcs8-der", "pkcs1-pem", "pkcs1-der"},
		public:  []string{"spki-pem", "spki-der", "pkcs1-pem", "pkcs1-der", "openssh"},
		ed25519: true, ed25519PublicForm: []string{"spki-pem", "spki-der", "openssh"},
		schemes: []string{"best"}, cases: 200,
	},
	{
		name: "openssl", open: func(t testing.TB) keyOps { return opensslParty{openssl.get(t)} },
		private: []string{"pkcs8-pem", "pkcs8-der", "pkcs1-pem", "pkcs1-der"},
		public:  []string{"spki-pem", "spki-der", "pkcs1-pem", "pkcs1-der"},
		ed25519: true, ed25519PublicForm: []string{"spki-pem", "spki-der"},
		schemes: opensslSchemes(), cases: 60,
	},
	{
		name: "forge", open: func(t testing.TB) keyOps { return jsonParty{forge.get(t)} },
		private: []string{"pkcs8-pem", "pkcs1-pem"},
		public:  []string{"spki-pem", "pkcs1-pem"},
		schemes: forgeSchemes(), cases: 60, slow: true,
	},
	{
		name: "webcrypto", open: func(t testing.TB) keyOps { return jsonParty{webcrypto.get(t)} },
		private: []string{"pkcs8-der", "jwk"},
		public:  []string{"spki-der", "jwk"},
		ed25519: true, ed25519PublicForm: []string{"spki-der", "jwk"},
		cases: 200,
	},
}

// eachParty runs a test once a counterparty and kind of key.
func eachParty(t *testing.T, kinds []string, test func(t *testing.T, p *party, ops keyOps, kind string)) {
	for _, p := range parties {
		for _, kind := range kinds {
			if kind == kindEd25519 && !p.ed25519 {
				continue
			}
			t.Run(p.name+"/"+kind, func(t *testing.T) { test(t, p, p.open(t), kind) })
		}
	}
}

// parsePrivate reads a counterparty's private key.
func parsePrivate(t testing.TB, what string, data []byte) *keyfile.PrivateKey {
	t.Helper()
	key, err := keyfile.ParsePrivate(data, nil)
	if err != nil {
		t.Fatalf("%s: %v\n%.3000q", what, err, data)
	}
	return key
}

// parsePublic reads a counterparty's public key.
func parsePublic(t testing.TB, what string, data []byte) *keyfile.PublicKey {
	t.Helper()
	key, err := keyfile.ParsePublic(data)
	if err != nil {
		t.Fatalf("%s: %v\n%.3000q", what, err, data)
	}
	return key
}

// wantPrivate checks that data is the private key want in the form.
func wantPrivate(t testing.TB, what string, data []byte, want *keyfile.PrivateKey) {
	t.Helper()
	got := parsePrivate(t, what, data)
	if sha256.Sum256(must(got.Marshal(keyfile.PKCS8DER))) != sha256.Sum256(must(want.Marshal(keyfile.PKCS8DER))) {
		t.Fatalf("%s is another private key", what)
	}
}

func wantPublic(t testing.TB, what string, data []byte, want *keyfile.PublicKey) {
	t.Helper()
	if got := parsePublic(t, what, data); !got.Equal(want) || got.Fingerprint() != want.Fingerprint() {
		t.Fatalf("%s is another public key", what)
	}
}
