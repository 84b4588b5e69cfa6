package main

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

func TestInspect(t *testing.T) {
	f := newFolder(t)
	f.write("sealed", f.seal(long, "-to", f.pub("bob"), "-to", f.pub("carol"), "-sign", f.key("alice"), "-meta", "\x1b]0;gotcha\a"))
	f.write("text", f.seal(long, "-to", f.pub("bob"), "-hide", "-armor"))
	signed := f.ok("inspect", "sealed")
	for _, want := range []string{
		"signed     yes", `metadata   "\x1b]0;gotcha\a"`, "recipient  mlkem768-rsa " + f.id("bob"), "recipient  mlkem768-rsa " + f.id("carol"),
		fmt.Sprintf("size       %d bytes, sealed %d\n", len(long), len(f.read("sealed"))),
	} {
		if !bytes.Contains(signed.stdout, []byte(want)) {
			t.Errorf("%s\nlacks %s", signed.stdout, want)
		}
	}
	hidden := string(f.ok("inspect", "text").stdout)
	if !strings.Contains(hidden, "recipient  mlkem768-rsa hidden\n") || !strings.Contains(hidden, fmt.Sprintf("size       %d bytes", len(long))) || strings.Contains(hidden, "metadata") {
		t.Error(hidden)
	}
	for _, name := range []string{"sealed", "text"} {
		if got, want := f.okPipe(f.read(name), "inspect").stdout, f.ok("inspect", name).stdout; !bytes.Equal(got, want) {
			t.Errorf("from a pipe:\n%swant:\n%s", got, want)
		}
	}
}

// TestID holds that keys are shown as inspect and open show them.
func TestID(t *testing.T) {
	f := newFolder(t)
	f.write("passphrase", []byte("correct horse"))
	made := f.ok("keygen", "-passphrase", "-passphrase-file", "passphrase").stdout
	f.write("sealed", f.seal("text", "-to", f.pub("bob"), "-to", f.pub("rsa"), "-mixed", "-sign", f.key("alice")))
	want := fmt.Sprintf("%s %s\n%s %s\n%s %s\n%s key.pem\n",
		f.shown("bob"), f.pub("bob"), f.shown("rsa"), f.key("rsa"), f.shown("alice"), f.pub("alice"), bytes.TrimSpace(made))
	got := f.ok("id", "-passphrase-file", "passphrase", f.pub("bob"), f.key("rsa"), f.pub("alice"), "key.pem").stdout
	if string(got) != want {
		t.Errorf("printed\n%swant\n%s", got, want)
	}
	if shown := string(f.ok("inspect", "sealed").stdout); !strings.Contains(shown, f.shown("bob")) || !strings.Contains(shown, f.shown("rsa")) {
		t.Errorf("inspect shows\n%s", shown)
	}
	if r := f.ok("open", "-i", f.key("bob"), "sealed"); !strings.Contains(r.stderr, f.shown("alice")) {
		t.Errorf("open says %q", r.stderr)
	}
	f.fails(1, "sealfile: id: open none: ", "id", f.pub("bob"), "none")
	f.fails(1, "sealfile: id: sealed: keyfile: ", "id", "sealed")
}

func TestInspectFails(t *testing.T) {
	f := newFolder(t)
	sealed := f.seal("text", "-to", f.pub("bob"))
	f.fails(1, "sealfile: inspect: open none: ", "inspect", "none")
	f.failsPipe([]byte("text"), 1, "sealfile: inspect: envelope: not an envelope", "inspect")
	f.failsPipe(sealed[:100], 1, "sealfile: inspect: envelope: truncated header", "inspect")
	f.failsPipe(sealed[:len(sealed)-8], 1, "sealfile: inspect: envelope: changed payload", "inspect")
	text := f.seal("text", "-to", f.pub("bob"), "-armor")
	f.failsPipe(text[:len(text)-40], 1, "sealfile: inspect: envelope: malformed text armor", "inspect")
}
