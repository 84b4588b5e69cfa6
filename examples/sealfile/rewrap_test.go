package main

import (
	"strings"
	"testing"

	"github.com/parley-e2ee/parley/keystore/keyfile"
)

func TestRewrap(t *testing.T) {
	f := newFolder(t)
	f.write("sealed", f.seal(long, "-to", f.pub("bob"), "-meta", "m", "-ad", "a"))
	f.ok("rewrap", "-i", f.key("bob"), "-ad", "a", "-to", f.pub("carol"), "-o", "both", "sealed")
	f.ok("rewrap", "-i", f.key("carol"), "-ad", "a", "-remove", f.id("bob"), "-armor", "-o", "carol", "both")
	f.ok("rewrap", "-i", f.key("carol"), "-ad", "a", "-remove", f.pub("carol"), "-to", f.pub("bob"), "-o", "bob", "carol")
	f.ok("rewrap", "-i", f.key("bob"), "-ad", "a", "-remove-all", "-to", f.pub("carol"), "-hide", "-o", "only carol", "both")
	f.holds("sealed", "both", "carol", "bob", "only carol")
	for name, readers := range map[string]string{"sealed": "bob", "both": "bob carol", "carol": "carol", "bob": "bob", "only carol": "carol"} {
		for _, who := range []string{"bob", "carol"} {
			args := []string{"open", "-i", f.key(who), "-ad", "a", name}
			if !strings.Contains(readers, who) {
				f.fails(1, "envelope: none of the identities is a recipient", args...)
			} else if r := f.ok(args...); string(r.stdout) != long || !strings.Contains(r.stderr, `metadata "m"`) {
				t.Errorf("%s opened %d bytes of %s: %s", who, len(r.stdout), name, r.stderr)
			}
		}
	}
}

// TestRemove: what says who goes can be a file, in any form that a key has, or an ID
// as it is shown, and an ID is taken for one before a file is looked for.
func TestRemove(t *testing.T) {
	f := newFolder(t)
	made, _ := keys()
	der, err := made["bob"].Public().Marshal(keyfile.SPKIDER)
	if err != nil {
		t.Fatal(err)
	}
	f.write("der", der)
	f.write(f.id("bob"), []byte("junk"))
	f.write(f.id("carol"), der)
	both := f.seal("text", "-to", f.pub("bob"), "-to", f.pub("carol"))
	for _, key := range []string{
		f.pub("bob"), "der", "./" + f.id("carol"), f.id("bob"), strings.ToUpper(f.id("bob")), made["bob"].Public().Fingerprint().String(),
	} {
		left := f.okPipe(both, "rewrap", "-i", f.key("bob"), "-remove", key).stdout
		if got := string(f.okPipe(left, "inspect").stdout); strings.Contains(got, f.id("bob")) || !strings.Contains(got, f.id("carol")) {
			t.Errorf("-remove %s:\n%s", key, got)
		}
	}
}

func TestRewrapHidden(t *testing.T) {
	f := newFolder(t)
	f.write("sealed", f.seal("text", "-to", f.pub("bob"), "-hide"))
	f.ok("rewrap", "-i", f.key("bob"), "-to", f.pub("carol"), "-o", "both", "sealed")
	f.fails(1, "no recipient shows this key ID; some are hidden, and go by -remove-all alone", "rewrap", "-i", f.key("carol"), "-remove", f.pub("bob"), "both")
	if r := f.ok("rewrap", "-i", f.key("bob"), "-remove", f.pub("carol"), "-o", "bob", "both"); !strings.Contains(r.stderr, "hidden recipients, who stay") {
		t.Errorf("says %q", r.stderr)
	}
	if r := f.ok("open", "-i", f.key("bob"), "bob"); string(r.stdout) != "text" {
		t.Errorf("opened %q", r.stdout)
	}
}

func TestRewrapPassphrase(t *testing.T) {
	f := newFolder(t)
	f.write("passphrase", []byte("correct horse"))
	f.write("sealed", f.seal("text", "-p", "-passphrase-file", "passphrase"))
	args := []string{"rewrap", "-p", "-passphrase-file", "passphrase", "-to", f.pub("bob"), "-o", "out"}
	f.fails(1, "a passphrase has to be the only recipient: -remove-all removes it", append(args, "sealed")...)
	f.ok(append(args, "-remove-all", "sealed")...)
	if r := f.ok("open", "-i", f.key("bob"), "out"); string(r.stdout) != "text" {
		t.Errorf("opened %q", r.stdout)
	}
}

func TestRewrapFails(t *testing.T) {
	f := newFolder(t)
	f.write("sealed", f.seal("text", "-to", f.pub("bob")))
	f.write("signed", f.seal("text", "-to", f.pub("bob"), "-sign", f.key("alice")))
	f.write("out", []byte("old"))
	bob, carol := []string{"-i", f.key("bob"), "-o", "new"}, []string{"-i", f.key("carol"), "-o", "new"}
	for _, c := range []struct {
		message string
		args    []string
	}{
		{"envelope: the recipients of a signed envelope cannot be changed", append(bob, "-to", f.pub("carol"), "signed")},
		{"envelope: none of the identities is a recipient", append(carol, "-to", f.pub("carol"), "sealed")},
		{"-remove " + f.id("carol") + ": no recipient has this key ID", append(bob, "-remove", f.id("carol"), "sealed")},
		{"-remove " + f.pub("carol") + ": no recipient has this key ID", append(bob, "-remove", f.pub("carol"), "sealed")},
		{"-remove: " + f.key("carol") + ": keyfile: not a public key", append(bob, "-remove", f.key("carol"), "sealed")},
		{"-remove: " + f.pub("alice") + " is an Ed25519 key, which signs", append(bob, "-remove", f.pub("alice"), "sealed")},
		{"-remove: out: keyfile: ", append(bob, "-remove", "out", "sealed")},
		{"envelope: no recipients", append(bob, "-remove", f.id("bob"), "sealed")},
		{"-to " + f.pub("bob") + ": envelope: recipient given twice", append(bob, "-to", f.pub("bob"), "sealed")},
		{"associated data is what -ad gives", append(bob, "-to", f.pub("carol"), "-ad", "x", "sealed")},
		{"-mixed allows it", append(bob, "-to", f.pub("rsa"), "sealed")},
		{"alice.pem.pub is an Ed25519 key, which signs", append(bob, "-to", f.pub("alice"), "sealed")},
		{"envelope: not an envelope", append(bob, "-to", f.pub("carol"), "out")},
		{"create out: file already exists", []string{"-i", f.key("bob"), "-to", f.pub("carol"), "-o", "out", "sealed"}},
	} {
		f.fails(1, "sealfile: rewrap: ", append([]string{"rewrap"}, c.args...)...)
		f.fails(1, c.message, append([]string{"rewrap"}, c.args...)...)
	}
	f.holds("sealed", "signed", "out")
	r := f.ok("rewrap", "-i", f.key("bob"), "-to", f.pub("rsa"), "-mixed", "-hide", "sealed")
	if got := f.okPipe(r.stdout, "open", "-i", f.key("rsa")); string(got.stdout) != "text" {
		t.Errorf("opened %q", got.stdout)
	}
}
