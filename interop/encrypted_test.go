package interop_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/parley-e2ee/parley/internal/keysource/keytest"
	"github.com/parley-e2ee/parley/keystore/keyfile"
)

// passphrase is UTF-8 without a line break, with what a shell or a parser may trip
// over.
func passphrase(r random) []byte {
	words := []string{"correct", "horse", " ", "'", `"`, "$x", `\`, "ä", "日本", "🔑", "=", "%", "pass:"}
	var b strings.Builder
	for range 1 + r.IntN(6) {
		b.WriteString(words[r.IntN(len(words))])
	}
	return []byte(b.String())
}

// pkcs8Forms are the forms that a counterparty encrypts in.
func (p *party) pkcs8Forms() []string {
	var all []string
	for _, f := range p.private {
		if strings.HasPrefix(f, "pkcs8") {
			all = append(all, f)
		}
	}
	return all
}

// encryptingParties runs a test for those that know encrypted keys, which WebCrypto
// does not.
func encryptingParties(t *testing.T, test func(t *testing.T, p *party, ops keyOps, key *keyfile.PrivateKey)) {
	for _, p := range parties {
		if len(p.schemes) == 0 {
			continue
		}
		t.Run(p.name+"/"+kindRSA, func(t *testing.T) {
			test(t, p, p.open(t), must(keyfile.NewPrivateKey(keytest.RSA(t, 2048))))
		})
		if p.ed25519 {
			t.Run(p.name+"/"+kindEd25519, func(t *testing.T) {
				test(t, p, p.open(t), must(keyfile.GenerateEd25519()))
			})
		}
	}
}

// TestTheirEncryptedKeys: each scheme that a counterparty has opens with the
// passphrase, and with nothing else.
func TestTheirEncryptedKeys(t *testing.T) {
	encryptingParties(t, func(t *testing.T, p *party, ops keyOps, key *keyfile.PrivateKey) {
		r := newRandom(t)
		plain := must(key.Marshal(forms[p.private[0]]))
		for _, scheme := range p.schemes {
			for _, form := range p.pkcs8Forms() {
				for range max(1, 12/len(p.schemes)) {
					pass, what := passphrase(r), scheme+" as "+form
					sealed := ops.seal(t, plain, pass, p.private[0], form, scheme)
					got, err := keyfile.ParsePrivate(sealed, pass)
					if err != nil {
						t.Fatalf("%s, passphrase %q: %v\n%.3000q", what, pass, err, sealed)
					}
					wantPrivate(t, what, must(got.Marshal(keyfile.PKCS8DER)), key)
					if _, err := keyfile.Parse(sealed, append(pass, 'x')); !errors.Is(err, keyfile.ErrPassphrase) {
						t.Errorf("%s, wrong passphrase: %v", what, err)
					}
					if _, err := keyfile.Parse(sealed, nil); !errors.Is(err, keyfile.ErrEncrypted) {
						t.Errorf("%s, no passphrase: %v", what, err)
					}
				}
			}
		}
	})
}

// TestOurEncryptedKeys: what we encrypt a counterparty opens with the passphrase,
// and with nothing else.
func TestOurEncryptedKeys(t *testing.T) {
	encryptingParties(t, func(t *testing.T, p *party, ops keyOps, key *keyfile.PrivateKey) {
		r := newRandom(t)
		repeats := 4
		if p.slow {
			repeats = 2
		}
		for i, form := range p.pkcs8Forms() {
			for j := range repeats {
				opts := &keyfile.EncryptOptions{Iterations: keyfile.MinIterations + r.IntN(1000)}
				if i+j == 0 && !p.slow {
					opts = nil
				}
				pass := passphrase(r)
				sealed := must(key.MarshalEncrypted(forms[form], pass, opts))
				out, refused := ops.unseal(t, sealed, pass, form, p.private[0])
				if refused != "" {
					t.Fatalf("%s, passphrase %q: refused with %q", form, pass, refused)
				}
				wantPrivate(t, "our encrypted key as "+form, out, key)
				if _, refused := ops.unseal(t, sealed, append(pass, 'x'), form, p.private[0]); refused == "" {
					t.Errorf("%s: opens with a wrong passphrase", form)
				}
			}
		}
	})
}
