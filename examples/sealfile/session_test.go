package main

import (
	"os"
	"strings"
	"testing"
)

// TestSession runs what the package's documentation shows.
func TestSession(t *testing.T) {
	f := newFolder(t)
	f.write("report.txt", []byte("all is well\n"))
	source, err := os.ReadFile("main.go")
	if err != nil {
		t.Fatal(err)
	}
	doc, _, _ := strings.Cut(string(source), "\npackage main")
	ran := 0
	for line := range strings.Lines(doc) {
		if words, ok := strings.CutPrefix(line, "//\tsealfile "); ok {
			f.ok(strings.Fields(words)...)
			ran++
		}
	}
	if ran < 9 || string(f.read("opened.txt")) != "all is well\n" || string(f.read("carol.txt")) != "all is well\n" {
		t.Errorf("%d commands, opened %q and %q", ran, f.read("opened.txt"), f.read("carol.txt"))
	}
}

func TestUsage(t *testing.T) {
	f := newFolder(t)
	for _, args := range [][]string{
		{}, {"nothing"}, {"seal"}, {"seal", "-x"}, {"seal", "-to"}, {"seal", "-p", "-to", f.pub("bob")},
		{"seal", "-to", f.pub("bob"), "in", "-armor"}, {"open"}, {"open", "-i", f.key("bob"), "a", "b"},
		{"inspect", "-i", "x"}, {"inspect", "a", "b"}, {"keygen", "-rsa", "-sign"}, {"keygen", "name"}, {"keygen", "-o", "-"},
		{"keygen", "-passphrase-file", "x"}, {"rewrap"}, {"rewrap", "-i", f.key("bob")}, {"rewrap", "-keep"},
		{"rewrap", "-i", f.key("bob"), "-i", f.key("carol"), "-keep"}, {"rewrap", "-i", f.key("bob"), "-remove", "beef"},
		{"rewrap", "-i", f.key("bob"), "-remove", strings.Repeat("0", 64)},
	} {
		f.fails(2, "", args...)
	}
	f.holds()
}

func TestHelp(t *testing.T) {
	f := newFolder(t)
	for _, c := range commands {
		if out := string(f.ok("-h").stdout); !strings.Contains(out, c.name) {
			t.Errorf("sealfile -h lacks %s:\n%s", c.name, out)
		}
		if out := string(f.ok(c.name, "-h").stdout); !strings.HasPrefix(out, "usage: sealfile "+c.name) {
			t.Errorf("sealfile %s -h:\n%s", c.name, out)
		}
	}
}
