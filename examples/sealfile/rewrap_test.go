package main

import (
	"strings"
	"testing"
)

func TestRewrap(t *testing.T) {
	f := newFolder(t)
	f.write("sealed", f.seal(long, "-to", f.pub("bob"), "-meta", "m", "-ad", "a"))
	f.ok("rewrap", "-i", f.key("bob"), "-ad", "a", "-to", f.pub("carol"), "-keep", "-o", "both", "sealed")
	f.ok("rewrap", "-i", f.key("carol"), "-ad", "a", "-remove", f.id("bob"), "-armor", "-o", "carol", "both")
	f.ok("rewrap", "-i", f.key("carol"), "-ad", "a", "-to", f.pub("bob"), "-o", "bob", "carol")
	f.holds("sealed", "both", "carol", "bob")
	for name, readers := range map[string]string{"sealed": "bob", "both": "bob carol", "carol": "carol", "bob": "bob"} {
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
		{"envelope: no recipients", append(bob, "-remove", f.id("bob"), "sealed")},
		{"-to " + f.pub("bob") + ": envelope: recipient given twice", append(bob, "-to", f.pub("bob"), "-keep", "sealed")},
		{"-mixed allows it", append(bob, "-to", f.pub("rsa"), "-keep", "sealed")},
		{"alice.pem.pub is an Ed25519 key, which signs", append(bob, "-to", f.pub("alice"), "sealed")},
		{"envelope: not an envelope", append(bob, "-to", f.pub("carol"), "out")},
		{"create out: file already exists", []string{"-i", f.key("bob"), "-to", f.pub("carol"), "-o", "out", "sealed"}},
	} {
		f.fails(1, "sealfile: rewrap: ", append([]string{"rewrap"}, c.args...)...)
		f.fails(1, c.message, append([]string{"rewrap"}, c.args...)...)
	}
	f.holds("sealed", "signed", "out")
	r := f.ok("rewrap", "-i", f.key("bob"), "-to", f.pub("rsa"), "-keep", "-mixed", "-hide", "sealed")
	if got := f.okPipe(r.stdout, "open", "-i", f.key("rsa")); string(got.stdout) != "text" {
		t.Errorf("opened %q", got.stdout)
	}
}
