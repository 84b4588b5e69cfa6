package interop_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/parley-e2ee/parley/keystore/keyfile"
)

// someKeys are a few of each kind that has forms outside of this library.
func someKeys(t *testing.T) []*keyfile.PrivateKey {
	t.Helper()
	var all []*keyfile.PrivateKey
	for _, kind := range bothKinds {
		all = append(all, ourKeys(t, kind)...)
	}
	return all
}

func kindOf(key *keyfile.PrivateKey) string {
	if key.Kind() == keyfile.Ed25519 {
		return kindEd25519
	}
	return kindRSA
}

// TestOpenSSHFingerprint: ssh-keygen prints the fingerprint that we give.
func TestOpenSSHFingerprint(t *testing.T) {
	s := openssh.get(t)
	for _, key := range someKeys(t) {
		line := must(key.Public().Marshal(keyfile.OpenSSH))
		out := string(s.must(t, "ssh-keygen", "-l", "-f", s.file(t, "key.pub", line)))
		fields := strings.Fields(out)
		if want := must(key.Public().OpenSSHFingerprint()); len(fields) < 2 || fields[1] != want {
			t.Errorf("%v: ssh-keygen prints %q, we have %s", key.Kind(), out, want)
		}
	}
}

// TestOpenSSHConversion: ssh-keygen makes of our RSA keys what we make of them.
func TestOpenSSHConversion(t *testing.T) {
	s := openssh.get(t)
	for _, key := range ourKeys(t, kindRSA) {
		public := key.Public()
		spki := must(public.Marshal(keyfile.SPKIPEM))
		wantPublic(t, "imported", s.must(t, "ssh-keygen", "-i", "-m", "PKCS8", "-f", s.file(t, "spki", spki)), public)
		line := must(public.Marshal(keyfile.OpenSSH))
		wantPublic(t, "exported as PKCS8", s.must(t, "ssh-keygen", "-e", "-m", "PKCS8", "-f", s.file(t, "key.pub", line)), public)
		wantPublic(t, "exported as PEM", s.must(t, "ssh-keygen", "-e", "-m", "PEM", "-f", s.file(t, "key.pub", line)), public)
		private := must(key.Marshal(keyfile.PKCS8PEM))
		wantPublic(t, "the public half", s.must(t, "ssh-keygen", "-y", "-f", s.file(t, "key", private)), public)
	}
}

// TestOpenSSHGenerated: keys that ssh-keygen made, and the refusal of its private
// form by name.
func TestOpenSSHGenerated(t *testing.T) {
	s := openssh.get(t)
	for _, kind := range bothKinds {
		for i := range 3 {
			name := kind + string(rune('0'+i))
			if err := os.RemoveAll(s.path(name)); err != nil { // it would ask
				t.Fatal(err)
			}
			s.must(t, "ssh-keygen", "-q", "-t", kind, "-N", "", "-C", "a comment: ünïcode", "-f", s.path(name))
			line := must(os.ReadFile(s.path(name + ".pub")))
			key := parsePublic(t, "its public key", line)
			out := string(s.must(t, "ssh-keygen", "-l", "-f", s.path(name+".pub")))
			if want := must(key.OpenSSHFingerprint()); !strings.Contains(out, want) {
				t.Errorf("%s: ssh-keygen prints %q, we have %s", kind, out, want)
			}
			private := must(os.ReadFile(s.path(name)))
			if _, err := keyfile.Parse(private, nil); !errors.Is(err, keyfile.ErrForm) {
				t.Errorf("%s: an OpenSSH private key: %v", kind, err)
			}
		}
	}
}
