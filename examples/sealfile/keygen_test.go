package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/parley-e2ee/parley/keystore/keyfile"
)

func TestKeygen(t *testing.T) {
	for flag, kind := range map[string]keyfile.Kind{"-o=key.pem": keyfile.Composite, "-rsa": keyfile.RSA, "-sign": keyfile.Ed25519} {
		t.Run(kind.String(), func(t *testing.T) {
			f := newFolder(t)
			out := f.ok("keygen", flag).stdout
			f.holds("key.pem", "key.pem.pub")
			private, err := keyfile.ParsePrivate(f.read("key.pem"), nil)
			if err != nil {
				t.Fatal(err)
			}
			public, err := keyfile.ParsePublic(f.read("key.pem.pub"))
			if err != nil {
				t.Fatal(err)
			}
			if private.Kind() != kind || !private.Public().Equal(public) {
				t.Errorf("a key of type %v, and another public one", private.Kind())
			}
			if want := keyName(public) + "\n"; string(out) != want {
				t.Errorf("printed %q, want %q", out, want)
			}
			f.mode("key.pem", 0o600)
		})
	}
}

func (f *folder) mode(name string, want fs.FileMode) {
	f.Helper()
	info, err := os.Stat(filepath.Join(f.path, name))
	if err != nil {
		f.Fatal(err)
	}
	if got := info.Mode().Perm(); got != want && runtime.GOOS != "windows" {
		f.Errorf("%s has mode %o, want %o", name, got, want)
	}
}

func TestKeygenOverwritesNothing(t *testing.T) {
	for _, name := range []string{"key.pem", "key.pem.pub"} {
		t.Run(name, func(t *testing.T) {
			f := newFolder(t)
			f.write(name, []byte("old"))
			f.fails(1, "sealfile: keygen: create "+name+": file already exists", "keygen", "-sign")
			f.holds(name)
			if got := string(f.read(name)); got != "old" {
				t.Errorf("%s now holds %q", name, got)
			}
		})
	}
}

func TestEncryptedKey(t *testing.T) {
	f := newFolder(t)
	f.write("passphrases", []byte("correct horse\r\nbattery staple"))
	f.write("crlf", []byte("correct horse\r\n"))
	f.write("wrong", []byte("battery staple\n"))
	f.write("one", []byte("correct horse\n"))
	f.write("empty", []byte("\n"))
	f.ok("keygen", "-passphrase", "-passphrase-file", "crlf")
	f.ok("keygen", "-o", "sign.pem", "-sign", "-passphrase", "-passphrase-file", "one")
	f.write("sealed", f.seal("text", "-to", "key.pem.pub", "-sign", "sign.pem", "-passphrase-file", "passphrases"))
	if r := f.ok("open", "-i", "key.pem", "-passphrase-file", "passphrases", "-from", "sign.pem.pub", "sealed"); string(r.stdout) != "text" {
		t.Errorf("opened %q", r.stdout)
	}
	f.fails(1, "open: key.pem: keyfile: wrong passphrase", "open", "-i", "key.pem", "-passphrase-file", "wrong", "sealed")
	f.fails(1, "open: the passphrase is empty", "open", "-i", "key.pem", "-passphrase-file", "empty", "sealed")
	f.fails(1, "one: no more passphrases", "open", "-i", "key.pem", "-p", "-passphrase-file", "one", "sealed")
	f.fails(1, "open: open none: ", "open", "-i", "key.pem", "-passphrase-file", "none", "sealed")
	f.fails(1, "keygen: the passphrase is empty", "keygen", "-o", "other", "-passphrase", "-passphrase-file", "empty")
	f.fails(1, "passphrases: more lines than passphrases", "keygen", "-o", "other", "-passphrase", "-passphrase-file", "passphrases")
	f.holds("passphrases", "crlf", "wrong", "one", "empty", "key.pem", "key.pem.pub", "sign.pem", "sign.pem.pub", "sealed")
}
