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
