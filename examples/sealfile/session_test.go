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
	if ran != 12 || string(f.read("opened.txt")) != "all is well\n" || string(f.read("carol.txt")) != "all is well\n" {
		t.Errorf("%d commands, opened %q and %q", ran, f.read("opened.txt"), f.read("carol.txt"))
	}
}

func TestUsage(t *testing.T) {
	f := newFolder(t)
	for _, args := range [][]string{
		{}, {"nothing"}, {"seal"}, {"seal", "-x"}, {"seal", "-to"}, {"seal", "-p", "-to", f.pub("bob")},
		{"seal", "-to", f.pub("bob"), "in", "-armor"}, {"open"}, {"open", "-i", f.key("bob"), "a", "b"},
		{"inspect", "-i", "x"}, {"inspect", "a", "b"}, {"keygen", "-rsa", "-sign"}, {"keygen", "name"}, {"keygen", "-o", "-"},
		{"keygen", "-passphrase-file", "x"}, {"rewrap"}, {"rewrap", "-i", f.key("bob")}, {"rewrap", "-to", f.pub("carol")},
		{"rewrap", "-i", f.key("bob"), "-i", f.key("carol"), "-to", f.pub("carol")}, {"rewrap", "-i", f.key("bob"), "-remove", "beef"},
		{"rewrap", "-i", f.key("bob"), "-remove", strings.Repeat("0", 64)}, {"id"}, {"id", "-x"}, {"help", "nothing"}, {"help", "seal", "open"},
		{"inspect", ""},
	} {
		f.fails(2, "", args...)
	}
	f.holds()
}

// TestNothingIgnored holds that a flag that would be without effect is refused, before
// anything is read, asked for or written.
func TestNothingIgnored(t *testing.T) {
	f := newFolder(t)
	f.write("passphrase", []byte("correct horse\n"))
	seal, open := []string{"seal", "-to", f.pub("bob")}, []string{"open", "-i", f.key("bob")}
	rewrap := []string{"rewrap", "-i", f.key("bob"), "-to", f.pub("carol")}
	const useless, twice, empty = "-passphrase-file is of no use", "given twice", "it is empty"
	for _, c := range []struct {
		message string
		args    []string
	}{
		{useless, append(seal, "-passphrase-file", "passphrase")},
		{useless, append(seal, "-passphrase-file", "none", "-sign", f.key("alice"))},
		{useless, append(open, "-passphrase-file", "passphrase")},
		{useless, append(rewrap, "-passphrase-file", "passphrase")},
		{useless, []string{"id", "-passphrase-file", "passphrase", f.pub("bob")}},
		{"-passphrase-file goes with -passphrase", []string{"keygen", "-passphrase-file", "passphrase"}},
		{"-hide and -mixed are for -to", []string{"seal", "-p", "-hide", "-passphrase-file", "passphrase"}},
		{"-hide and -mixed are for -to", []string{"seal", "-p", "-mixed", "-passphrase-file", "passphrase"}},
		{"-hide goes with -to", []string{"rewrap", "-i", f.key("bob"), "-remove", f.pub("carol"), "-hide"}},
		{"-remove-all goes with -to", []string{"rewrap", "-i", f.key("bob"), "-remove-all"}},
		{"-remove and -remove-all exclude each other", append(rewrap, "-remove", f.pub("carol"), "-remove-all")},
		{twice, append(seal, "-o", "a", "-o", "b")},
		{twice, append(seal, "-ad", "", "-ad", "b")},
		{twice, append(seal, "-meta", "a", "-meta", "b")},
		{twice, append(seal, "-sign", f.key("alice"), "-sign", f.key("mallory"))},
		{twice, append(open, "-ad", "a", "-ad", "b")},
		{twice, append(open, "-passphrase-file", "a", "-passphrase-file", "b")},
		{twice, []string{"keygen", "-o", "a", "-o", "b"}},
		{empty, append(seal, "-o", "")},
		{empty, append(seal, "-o=")},
		{empty, append(seal, "-sign", "")},
		{empty, append(seal, "-to", "")},
		{empty, append(seal, "-passphrase-file", "")},
		{empty, append(open, "-o", "")},
		{empty, append(open, "-i", "")},
		{empty, append(open, "-from", "")},
		{empty, append(rewrap, "-o", "")},
		{empty, append(rewrap, "-remove", "")},
		{empty, []string{"keygen", "-o", ""}},
		{"the name of the input is empty", append(seal, "")},
	} {
		f.fails(2, c.message, c.args...)
	}
	f.holds("passphrase")
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
