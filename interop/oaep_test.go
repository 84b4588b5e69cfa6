package interop_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	_ "crypto/sha1" // Forge's and OpenSSL's default
	"testing"

	"github.com/parley-e2ee/parley/keystore/keyfile"
)

var hashes = []struct {
	name string
	hash crypto.Hash
}{{"sha256", crypto.SHA256}, {"sha1", crypto.SHA1}}

// oaepKey is a key that a counterparty made and that we read, and its forms as both
// write them.
type oaepKey struct {
	key     *keyfile.PrivateKey
	rsa     *rsa.PrivateKey
	private map[string][]byte
	public  map[string][]byte
}

func newOAEPKey(t *testing.T, p *party, key *keyfile.PrivateKey) oaepKey {
	t.Helper()
	private, ok := key.RSA()
	if !ok {
		t.Fatal("not an RSA key")
	}
	k := oaepKey{key, private, map[string][]byte{}, map[string][]byte{}}
	for _, form := range p.privateForms(kindRSA) {
		k.private[form] = must(key.Marshal(forms[form]))
	}
	for _, form := range p.public {
		if form != "openssh" {
			k.public[form] = must(key.Public().Marshal(forms[form]))
		}
	}
	return k
}

// anyForm picks one, in an order that the seed repeats.
func anyForm(r random, known []string, have map[string][]byte) (form string, key []byte) {
	for {
		form = pick(r, known...)
		if key, ok := have[form]; ok {
			return form, key
		}
	}
}

func TestOAEP(t *testing.T) {
	for _, h := range hashes {
		t.Run(h.name, func(t *testing.T) {
			eachParty(t, []string{kindRSA}, func(t *testing.T, p *party, ops keyOps, _ string) {
				t.Parallel() // a process each
				r := newRandom(t)
				var keys []oaepKey
				for _, theirs := range theirKeys(t, p, ops, kindRSA) {
					keys = append(keys, newOAEPKey(t, p, parsePrivate(t, "its key", theirs)))
				}
				for range p.cases {
					checkOAEP(t, r, p, ops, pick(r, keys...), h.name, h.hash)
				}
			})
		})
	}
}

func checkOAEP(t *testing.T, r random, p *party, ops keyOps, k oaepKey, name string, hash crypto.Hash) {
	t.Helper()
	longest := k.rsa.Size() - 2*hash.Size() - 2
	msg := r.bytes(pick(r, longest, 32, r.IntN(longest), 1+r.IntN(longest), 1+r.IntN(longest)))
	options := &rsa.OAEPOptions{Hash: hash}

	form, public := anyForm(r, p.public, k.public)
	theirs, refused := ops.encrypt(t, public, form, name, msg)
	if refused != "" {
		t.Fatalf("refuses to encrypt %d bytes with %s: %s", len(msg), form, refused)
	}
	got, err := k.rsa.Decrypt(nil, theirs, options)
	if err != nil {
		t.Fatalf("its ciphertext of %d bytes: %v", len(msg), err)
	}
	wantSame(t, "its ciphertext", got, msg)

	form, private := anyForm(r, p.private, k.private)
	ours := must(rsa.EncryptOAEP(hash.New(), rand.Reader, &k.rsa.PublicKey, msg, nil))
	got, refused = ops.decrypt(t, private, form, name, ours)
	if refused != "" {
		t.Fatalf("refuses our ciphertext of %d bytes with %s: %s", len(msg), form, refused)
	}
	wantSame(t, "our ciphertext", got, msg)

	if r.IntN(3) > 0 {
		return
	}
	// A change anywhere is refused on both sides.
	theirs[1+r.IntN(len(theirs)-1)] ^= byte(1 + r.IntN(255))
	if _, err := k.rsa.Decrypt(nil, theirs, options); err == nil {
		t.Fatal("a changed ciphertext of theirs opens")
	}
	ours[1+r.IntN(len(ours)-1)] ^= byte(1 + r.IntN(255))
	if got, refused = ops.decrypt(t, private, form, name, ours); refused == "" {
		t.Fatalf("a changed ciphertext of ours opens as %x", got)
	}
}

// TestOAEPLimits: the longest message goes through, one byte more does not, and a
// ciphertext under one hash is none under the other.
func TestOAEPLimits(t *testing.T) {
	eachParty(t, []string{kindRSA}, func(t *testing.T, p *party, ops keyOps, _ string) {
		r := newRandom(t)
		k := newOAEPKey(t, p, parsePrivate(t, "its key", ops.generate(t, kindRSA, 2048, p.private[0])))
		form, public := anyForm(r, p.public, k.public)
		privateForm, private := anyForm(r, p.private, k.private)
		for i, h := range hashes {
			longest := k.rsa.Size() - 2*h.hash.Size() - 2
			if _, refused := ops.encrypt(t, public, form, h.name, r.bytes(longest)); refused != "" {
				t.Errorf("%s: refuses %d bytes: %s", h.name, longest, refused)
			}
			if _, refused := ops.encrypt(t, public, form, h.name, r.bytes(longest+1)); refused == "" {
				t.Errorf("%s: takes %d bytes", h.name, longest+1)
			}
			ours := must(rsa.EncryptOAEP(h.hash.New(), rand.Reader, &k.rsa.PublicKey, r.bytes(20), nil))
			if _, refused := ops.decrypt(t, private, privateForm, hashes[1-i].name, ours); refused == "" {
				t.Errorf("%s: opens under the other hash", h.name)
			}
		}
	})
}
