package main

import (
	"bytes"
	"testing"

	"github.com/parley-e2ee/parley/keystore/keyfile"
)

// TestForms seals to RSA keys as other programs write them.
func TestForms(t *testing.T) {
	f := newFolder(t)
	made, _ := keys()
	for _, form := range []keyfile.Form{keyfile.SPKIPEM, keyfile.SPKIDER, keyfile.PKCS1PEM, keyfile.PKCS1DER, keyfile.JWK, keyfile.OpenSSH} {
		public, err := made["rsa"].Public().Marshal(form)
		if err != nil {
			t.Fatal(err)
		}
		f.write("key", public)
		sealed := f.seal("text", "-to", "key")
		if r := f.okPipe(sealed, "open", "-i", f.key("rsa")); string(r.stdout) != "text" {
			t.Errorf("%v: opened %q", form, r.stdout)
		}
	}
}

func TestRecipients(t *testing.T) {
	f := newFolder(t)
	f.write("in", []byte("text"))
	f.write("junk", bytes.Repeat([]byte("x"), 1<<20))
	for _, c := range []struct {
		message string
		args    []string
	}{
		{"alice.pem.pub is an Ed25519 key, which signs", []string{"-to", f.pub("alice")}},
		{"bob.pem: keyfile: not a public key", []string{"-to", f.key("bob")}},
		{"seal: open none: ", []string{"-to", "none"}},
		{"junk: keyfile: ", []string{"-to", "junk"}},
		{"beside post-quantum ones: -mixed allows it", []string{"-to", f.pub("bob"), "-to", f.pub("rsa")}},
		{"-to " + f.pub("bob") + ": envelope: recipient given twice", []string{"-to", f.pub("carol"), "-to", f.pub("bob"), "-to", f.pub("bob")}},
		{"rsa.pem is a key of type RSA: signatures take an Ed25519 key", []string{"-to", f.pub("bob"), "-sign", f.key("rsa")}},
		{"alice.pem.pub: keyfile: not a private key", []string{"-to", f.pub("bob"), "-sign", f.pub("alice")}},
	} {
		f.fails(1, c.message, append(append([]string{"seal", "-o", "out"}, c.args...), "in")...)
	}
	f.holds("in", "junk")
	sealed := f.seal("text", "-to", f.pub("bob"), "-to", f.pub("rsa"), "-mixed", "-hide")
	for _, name := range []string{"bob", "rsa"} {
		if r := f.okPipe(sealed, "open", "-i", f.key("carol"), "-i", f.key(name)); string(r.stdout) != "text" {
			t.Errorf("%s opened %q", name, r.stdout)
		}
	}
}

func TestPassphrase(t *testing.T) {
	f := newFolder(t)
	f.write("passphrase", []byte("correct horse\n"))
	f.write("wrong", []byte("battery staple\n"))
	sealed := f.seal("text", "-p", "-passphrase-file", "passphrase")
	if r := f.okPipe(sealed, "open", "-p", "-passphrase-file", "passphrase", "-"); string(r.stdout) != "text" {
		t.Errorf("opened %q", r.stdout)
	}
	f.failsPipe(sealed, 1, "wrong passphrase", "open", "-p", "-passphrase-file", "wrong")
}

// TestFiles seals and opens by name, through armor and not.
func TestFiles(t *testing.T) {
	f := newFolder(t)
	text := bytes.Repeat([]byte("text"), 100_000)
	f.write("in", text)
	for _, form := range []string{"-armor", "-armor=false"} {
		sealed, opened := "sealed"+form, "opened"+form
		f.ok("seal", "-to", f.pub("bob"), form, "-o", sealed, "in")
		f.ok("open", "-i", f.key("bob"), "-o", opened, sealed)
		f.mode(opened, 0o600)
		if !bytes.Equal(f.read(opened), text) || !bytes.Equal(f.ok("open", "-i", f.key("bob"), sealed).stdout, text) {
			t.Errorf("%s: opened something else", form)
		}
	}
	f.holds("in", "sealed-armor", "opened-armor", "sealed-armor=false", "opened-armor=false")
	if !bytes.HasPrefix(f.read("sealed-armor"), []byte("-----BEGIN PARLEY ENVELOPE-----\n")) {
		t.Error("no text armor")
	}
}

func TestSealOverwritesNothing(t *testing.T) {
	f := newFolder(t)
	f.write("in", []byte("text"))
	f.write("out", []byte("old"))
	f.fails(1, "sealfile: seal: create out: file already exists", "seal", "-to", f.pub("bob"), "-o", "out", "in")
	f.fails(1, "sealfile: seal: create in: file already exists", "seal", "-to", f.pub("bob"), "-o", "in", "in")
	f.fails(1, "sealfile: seal: create no/out: ", "seal", "-to", f.pub("bob"), "-o", "no/out", "in")
	f.fails(1, "sealfile: seal: open none: ", "seal", "-to", f.pub("bob"), "-o", "new", "none")
	f.fails(1, "sealfile: seal: . is a folder", "seal", "-to", f.pub("bob"), "-o", "new", ".")
	f.holds("in", "out")
	if string(f.read("in")) != "text" || string(f.read("out")) != "old" {
		t.Errorf("now %q and %q", f.read("in"), f.read("out"))
	}
}

// TestNewPassphrase: a file says without doubt which passphrase is the new one.
func TestNewPassphrase(t *testing.T) {
	f := newFolder(t)
	f.write("key's", []byte("correct horse\n"))
	f.write("both", []byte("correct horse\nbattery staple\n"))
	f.write("new", []byte("battery staple\n"))
	f.ok("keygen", "-sign", "-passphrase", "-passphrase-file", "key's")
	sealed := f.seal("text", "-p", "-sign", "key.pem", "-passphrase-file", "both")
	if r := f.okPipe(sealed, "open", "-p", "-passphrase-file", "new"); string(r.stdout) != "text" {
		t.Errorf("opened %q", r.stdout)
	}
	// The key of alice is not encrypted: the first line would be the new passphrase.
	f.fails(1, "both: more lines than passphrases", "seal", "-p", "-sign", f.key("alice"), "-passphrase-file", "both")
}
