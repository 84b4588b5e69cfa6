package interop_test

import (
	"crypto/ed25519"
	"testing"
)

// TestEd25519 signs and verifies on both sides, with keys of both.
func TestEd25519(t *testing.T) {
	eachParty(t, []string{kindEd25519}, func(t *testing.T, p *party, ops keyOps, kind string) {
		r := newRandom(t)
		for range 20 {
			key := parsePrivate(t, "its key", ops.generate(t, kind, 0, p.private[0]))
			private, ok := key.Ed25519()
			if !ok {
				t.Fatal("not an Ed25519 key")
			}
			public, ok := key.Public().Ed25519()
			if !ok {
				t.Fatal("not an Ed25519 public key")
			}
			msg := append(r.message(), 'x') // openssl signs no empty file
			privateForm, publicForm := pick(r, p.privateForms(kind)...), pick(r, p.publicForms(kind)...)
			sig := ops.sign(t, must(key.Marshal(forms[privateForm])), privateForm, msg)
			if !ed25519.Verify(public, msg, sig) {
				t.Fatal("its signature is not one")
			}
			wantSame(t, "our signature", ed25519.Sign(private, msg), sig)

			ours := must(key.Public().Marshal(forms[publicForm]))
			if refused := ops.verify(t, ours, publicForm, msg, sig); refused != "" {
				t.Fatalf("refuses the signature with %s: %s", publicForm, refused)
			}
			sig[r.IntN(len(sig))] ^= byte(1 + r.IntN(255))
			if refused := ops.verify(t, ours, publicForm, msg, sig); refused == "" {
				t.Fatal("takes a changed signature")
			}
		}
	})
}
