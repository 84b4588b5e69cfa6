package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// TestPlace gives files names with and without hard links.
func TestPlace(t *testing.T) {
	for name, link := range map[string]func(from, to string) error{
		"links":    os.Link,
		"no links": func(string, string) error { return errors.ErrUnsupported },
	} {
		t.Run(name, func(t *testing.T) {
			f := newFolder(t)
			at := func(name string) string { return filepath.Join(f.path, name) }
			f.write("from", []byte("new"))
			f.write("taken", []byte("old"))
			if err := place(link, at("from"), at("taken")); !errors.Is(err, fs.ErrExist) {
				t.Errorf("over a file: %v", err)
			}
			if err := place(link, at("from"), at("to")); err != nil {
				t.Error(err)
			}
			f.holds("to", "taken")
			if string(f.read("to")) != "new" || string(f.read("taken")) != "old" {
				t.Errorf("now %q and %q", f.read("to"), f.read("taken"))
			}
			if err := place(link, at("none"), at("other")); err == nil {
				t.Error("a file that is not there has another name")
			}
			f.holds("to", "taken")
		})
	}
}
