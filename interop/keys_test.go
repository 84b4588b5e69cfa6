package interop_test

import (
	"crypto/sha256"
	"testing"

	"github.com/parley-e2ee/parley/internal/keysource/keytest"
	"github.com/parley-e2ee/parley/keystore/keyfile"
)

// theirKeys are new keys of a counterparty: private, in its first form.
func theirKeys(t *testing.T, p *party, ops keyOps, kind string) [][]byte {
	t.Helper()
	var all [][]byte
	if kind == kindRSA {
		for _, bits := range []int{2048, 3072} {
			all = append(all, ops.generate(t, kind, bits, p.private[0]))
		}
		return all
	}
	for range 20 {
		all = append(all, ops.generate(t, kind, 0, p.private[0]))
	}
	return all
}

// ourKeys are keys that this library, or Go, made.
func ourKeys(t *testing.T, kind string) []*keyfile.PrivateKey {
	t.Helper()
	var all []*keyfile.PrivateKey
	if kind == kindRSA {
		for _, bits := range []int{2048, 2048, 3072, 4096} {
			all = append(all, must(keyfile.NewPrivateKey(keytest.RSA(t, bits))))
		}
		return all
	}
	for range 20 {
		all = append(all, must(keyfile.GenerateEd25519()))
	}
	return all
}

var bothKinds = []string{kindRSA, kindEd25519}

// TestTheirKeys: every form in which a counterparty writes its key is the same key
// to us, with the same fingerprint.
func TestTheirKeys(t *testing.T) {
	eachParty(t, bothKinds, func(t *testing.T, p *party, ops keyOps, kind string) {
		home := p.private[0]
		for _, theirs := range theirKeys(t, p, ops, kind) {
			key := parsePrivate(t, "its key", theirs)
			for _, form := range p.privateForms(kind) {
				wantPrivate(t, "its key as "+form, ops.private(t, kind, theirs, home, form), key)
			}
			for _, form := range p.publicForms(kind) {
				data := ops.public(t, kind, theirs, home, form)
				wantPublic(t, "its public key as "+form, data, key.Public())
				if form == "spki-der" && keyfile.Fingerprint(sha256.Sum256(data)) != key.Public().Fingerprint() {
					t.Fatal("the fingerprint is not that of its SPKI")
				}
			}
			checkOurForms(t, p, ops, kind, key)
		}
	})
}

// TestOurKeys: every form in which we write a key is the same key to a counterparty.
func TestOurKeys(t *testing.T) {
	eachParty(t, bothKinds, func(t *testing.T, p *party, ops keyOps, kind string) {
		for _, key := range ourKeys(t, kind) {
			checkOurForms(t, p, ops, kind, key)
		}
	})
}

// checkOurForms has the counterparty read each form that it knows as we write it,
// and write it again in its first one.
func checkOurForms(t *testing.T, p *party, ops keyOps, kind string, key *keyfile.PrivateKey) {
	t.Helper()
	for _, form := range p.privateForms(kind) {
		ours := must(key.Marshal(forms[form]))
		wantPrivate(t, "our key as "+form, ops.private(t, kind, ours, form, p.private[0]), key)
	}
	for _, form := range p.publicForms(kind) {
		ours := must(key.Public().Marshal(forms[form]))
		wantPublic(t, "our public key as "+form, ops.publicAgain(t, kind, ours, form, p.public[0]), key.Public())
	}
}
