package main

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// long is more than what is opened at a time, and then some.
var long = strings.Repeat("text", 600_000)

// damage changes a byte that far from the end.
func damage(sealed []byte, fromEnd int) []byte {
	changed := bytes.Clone(sealed)
	changed[len(changed)-fromEnd] ^= 1
	return changed
}

// TestOpenFails holds that a failed open leaves no file, under any name.
func TestOpenFails(t *testing.T) {
	f := newFolder(t)
	plain := f.seal(long, "-to", f.pub("bob"), "-ad", "account 7")
	signed := f.seal(long, "-to", f.pub("bob"), "-sign", f.key("alice"))
	bob, ad := []string{"-i", f.key("bob")}, []string{"-i", f.key("bob"), "-ad", "account 7"}
	for name, c := range map[string]struct {
		sealed  []byte
		message string
		flags   []string
	}{
		"wrong key":        {plain, "envelope: none of the identities is a recipient", []string{"-i", f.key("carol")}},
		"public key":       {plain, "bob.pem.pub: keyfile: not a private key", []string{"-i", f.pub("bob")}},
		"signing key":      {plain, "alice.pem is an Ed25519 key, which signs", []string{"-i", f.key("alice")}},
		"no ad":            {plain, "associated data is what -ad gives", bob},
		"wrong sender":     {signed, "envelope: signed by somebody else: Ed25519 " + f.id("alice"), append([]string{"-from", f.pub("mallory")}, bob...)},
		"no sender":        {plain, "envelope: not signed", append([]string{"-from", f.pub("alice")}, ad...)},
		"sender of no use": {signed, "signatures take an Ed25519 key", append([]string{"-from", f.pub("rsa")}, bob...)},
		"no envelope":      {[]byte(long), "envelope: not an envelope", bob},
		"empty":            {nil, "envelope: ", bob},
		"other armor":      {[]byte("-----BEGIN SOMETHING-----\n"), "envelope: malformed text armor", bob},
		"header changed":   {damage(plain, len(plain)-200), "envelope: ", ad},
		"header cut":       {plain[:300], "envelope: truncated header", ad},
		"chunk changed":    {damage(plain, 400_000), "envelope: changed payload", ad},
		"end changed":      {damage(plain, 1), "envelope: changed payload", ad},
		"cut":              {plain[:len(plain)-200_000], "envelope: changed payload", ad},
		"extended":         {append(bytes.Clone(plain), 0), "envelope: changed payload", ad},
		"signature":        {damage(signed, 1), "envelope: invalid signature", bob},
		"signed, changed":  {damage(signed, 400_000), "envelope: ", bob},
		"signed and cut":   {signed[:len(signed)-1], "envelope: ", bob},
	} {
		t.Run(name, func(t *testing.T) {
			g := &folder{T: t, path: t.TempDir(), keys: f.keys}
			g.write("sealed", c.sealed)
			args := append([]string{"open"}, c.flags...)
			g.fails(1, "sealfile: open: ", append(args, "-o", "out", "sealed")...)
			g.failsPipe(c.sealed, 1, c.message, append(args, "-o", "out")...)
			g.holds("sealed")
			// A file is verified before any of it is written to standard output.
			if r := g.fails(1, c.message, append(args, "sealed")...); len(r.stdout) > 0 {
				t.Errorf("%d bytes were written", len(r.stdout))
			}
		})
	}
}

// TestOpenStream: what a pipe gives is written before the end is verified, and the
// exit code and a message say that it was not.
func TestOpenStream(t *testing.T) {
	f := newFolder(t)
	sealed := f.seal(long, "-to", f.pub("bob"))
	r := f.failsPipe(damage(sealed, 1), 1, "do not use what was written to standard output", "open", "-i", f.key("bob"))
	if len(r.stdout) == 0 || !strings.HasPrefix(long, string(r.stdout)) {
		t.Errorf("%d bytes, which are no part of the plaintext", len(r.stdout))
	}
}

// TestStandardInputFile: standard input that is a file is verified first too, from
// where it stands.
func TestStandardInputFile(t *testing.T) {
	f := newFolder(t)
	sealed := f.seal(long, "-to", f.pub("bob"))
	f.write("both", append([]byte("line\n"), sealed...))
	f.write("damaged", append([]byte("line\n"), damage(sealed, 300_000)...))
	for name, want := range map[string]string{"both": long, "damaged": ""} {
		in, err := os.Open(filepath.Join(f.path, name))
		if err != nil {
			t.Fatal(err)
		}
		defer in.Close()
		if _, err := in.Seek(5, io.SeekStart); err != nil {
			t.Fatal(err)
		}
		cmd := f.command("open", "-i", f.key("bob"))
		cmd.Stdin = in
		if got, err := cmd.Output(); string(got) != want || (err == nil) != (want != "") {
			t.Errorf("%s: %d bytes: %v", name, len(got), err)
		}
	}
}

func TestWhoSigned(t *testing.T) {
	f := newFolder(t)
	f.write("signed", f.seal("text", "-to", f.pub("bob"), "-sign", f.key("alice"), "-meta", "to\nBob"))
	f.write("plain", f.seal("text", "-to", f.pub("bob")))
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"-from", f.pub("mallory"), "-from", f.pub("alice"), "signed"}, "sealfile: metadata \"to\\nBob\"\nsealfile: signed by Ed25519 " + f.id("alice") + ", " + f.pub("alice") + "\n"},
		{[]string{"signed"}, "sealfile: signed by Ed25519 " + f.id("alice") + ", whoever has that key"},
		{[]string{"plain"}, "sealfile: not signed: "},
	} {
		for _, output := range []string{"-", filepath.Join(t.TempDir(), "out")} {
			r := f.ok(append([]string{"open", "-i", f.key("bob"), "-o", output}, c.args...)...)
			if !strings.Contains(r.stderr, c.want) {
				t.Errorf("%q: %q lacks %q", c.args, r.stderr, c.want)
			}
		}
	}
}

func TestOpenOverwritesNothing(t *testing.T) {
	f := newFolder(t)
	f.write("sealed", f.seal("text", "-to", f.pub("bob")))
	f.write("out", []byte("old"))
	f.fails(1, "sealfile: open: create out: file already exists", "open", "-i", f.key("bob"), "-o", "out", "sealed")
	f.fails(1, "sealfile: open: create sealed: file already exists", "open", "-i", f.key("bob"), "-o", "sealed", "sealed")
	if err := os.Symlink("nowhere", filepath.Join(f.path, "link")); err == nil {
		f.fails(1, "sealfile: open: create link: file already exists", "open", "-i", f.key("bob"), "-o", "link", "sealed")
		os.Remove(filepath.Join(f.path, "link"))
	}
	f.holds("out", "sealed")
	if got := string(f.read("out")); got != "old" {
		t.Errorf("now %q", got)
	}
}

// TestNameTakenMeanwhile: somebody else makes the file while it is being written.
func TestNameTakenMeanwhile(t *testing.T) {
	f := newFolder(t)
	sealed := f.seal(long, "-to", f.pub("bob"))
	cmd := f.command("open", "-i", f.key("bob"), "-o", "out")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	in := f.startMidway(cmd, sealed)
	f.write("out", []byte("old"))
	in.Close()
	if err := cmd.Wait(); err == nil || !strings.Contains(stderr.String(), "sealfile: open: create out: file already exists\n") {
		t.Errorf("%v: %s", err, &stderr)
	}
	f.holds("out")
	if got := string(f.read("out")); got != "old" {
		t.Errorf("now %q", got)
	}
}

// startMidway starts a command that writes a file, and gives it all it is to read
// but for the end. More than a pipe holds, it has begun by then.
func (f *folder) startMidway(cmd *exec.Cmd, in []byte) io.Closer {
	f.Helper()
	stdin, err := cmd.StdinPipe()
	if err != nil {
		f.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		f.Fatal(err)
	}
	if _, err := stdin.Write(in); err != nil {
		f.Fatal(err)
	}
	if temporary, _ := filepath.Glob(filepath.Join(f.path, ".sealfile-*")); len(temporary) != 1 {
		f.Errorf("temporary files: %q", temporary)
	}
	return stdin
}
