//go:build !js && !wasip1

package keystore_test

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"testing"

	"github.com/parley-e2ee/parley/keystore"
)

var errDisk = errors.New("the disk's own")

// A saboteur has the n-th call to the disk fail: not made at all, or made and
// said to have failed.
type saboteur struct {
	after bool
	at    int
	count int
	what  string // the call that failed
}

func (s *saboteur) seam(what string, call func() error) error {
	s.count++
	if s.count != s.at {
		return call()
	}
	s.what = what
	if s.after {
		if err := call(); err != nil {
			return err
		}
	}
	return fmt.Errorf("%s: %w", what, errDisk)
}

// A faultStep is something done to a store, and what it should make of its contents.
type faultStep struct {
	name string
	do   func(t *testing.T, f *keystore.File) error
	then func(map[string]string)
}

func setting(b keystore.Bucket, key, value string) faultStep {
	return faultStep{
		"set " + key,
		func(t *testing.T, f *keystore.File) error { return f.Update(t.Context(), store(b, key, value)) },
		func(m map[string]string) { m[b.Name+" "+key] = value },
	}
}

func deleting(b keystore.Bucket, key string) faultStep {
	return faultStep{
		"delete " + key,
		func(t *testing.T, f *keystore.File) error {
			return f.Update(t.Context(), func(tx keystore.WriteTx) error { return tx.Delete(b, []byte(key)) })
		},
		func(m map[string]string) { delete(m, b.Name+" "+key) },
	}
}

var erasing = faultStep{
	"erase",
	func(t *testing.T, f *keystore.File) error { return f.Erase(t.Context()) },
	func(map[string]string) {},
}

var faultScript = []faultStep{
	setting(erased, "a", "1"),
	setting(plain, "b", "1"),
	setting(erased, "a", "2"),
	erasing,
	{
		"several",
		func(t *testing.T, f *keystore.File) error {
			return f.Update(t.Context(), func(tx keystore.WriteTx) error {
				return errors.Join(
					tx.Store(erased, []byte("c"), []byte("3")),
					tx.Delete(erased, []byte("a")),
					tx.Store(plain, []byte("b"), []byte("3")),
				)
			})
		},
		func(m map[string]string) {
			m["erased c"], m["plain b"] = "3", "3"
			delete(m, "erased a")
		},
	},
	{
		"unlock",
		func(t *testing.T, f *keystore.File) error { return f.SetUnlock(t.Context(), fileKey) },
		func(map[string]string) {},
	},
	erasing,
	deleting(plain, "b"),
	setting(erased, "c", "4"),
	erasing,
	setting(erased, "d", "5"),
}

// TestFaults has each call to the disk fail in turn. What failed was not done,
// memory is not ahead of the disk, and all the rest goes on.
func TestFaults(t *testing.T) {
	kinds := make(map[string]bool)
	for _, after := range []bool{false, true} {
		for at := 1; ; at++ {
			s := &saboteur{after: after, at: at}
			if !t.Run(fmt.Sprintf("after=%v/%d", after, at), func(t *testing.T) { runFaults(t, s) }) || s.what == "" {
				break
			}
			kinds[s.what] = true
		}
	}
	for _, what := range []string{"begin", "put", "delete", "commit", "write the key file", "sync the key file"} {
		if !kinds[what] {
			t.Errorf("%q never failed", what)
		}
	}
}

func runFaults(t *testing.T, s *saboteur) {
	path := filepath.Join(tempDir(t), "store")
	opts := keystore.WithSeam(keystore.Options{EraseAfter: -1}, s.seam)
	f, err := keystore.Create(path, fileKey, opts)
	if err != nil {
		if !errors.Is(err, errDisk) {
			t.Fatal(err)
		}
		f = createAgain(t, path, opts)
	}
	defer func() { f.Close() }()
	model := make(map[string]string)
	for _, step := range faultScript {
		err := step.do(t, f)
		next := maps.Clone(model)
		step.then(next)
		if err == nil {
			model = next
		} else if !errors.Is(err, errDisk) {
			t.Fatalf("%s: %v", step.name, err)
		}
		if got := contents(t, f); !maps.Equal(got, model) {
			t.Fatalf("after %s (%v) memory has %v, want %v", step.name, err, got, model)
		}
		crashed := open(t, copyStore(t, path), &keystore.Options{ReadOnly: true})
		onDisk := contents(t, crashed)
		closeStore(t, crashed)
		if errors.Is(err, keystore.ErrFailed) {
			// It took place and was said to have failed.
			if !maps.Equal(onDisk, next) {
				t.Fatalf("after %s (%v) the disk has %v, want %v", step.name, err, onDisk, next)
			}
			if again := f.Update(t.Context(), store(plain, "x", "y")); !errors.Is(again, keystore.ErrFailed) {
				t.Fatalf("after %v: %v", err, again)
			}
			f.Close()
			f = open(t, path, opts)
			model = next
			continue
		}
		if !maps.Equal(onDisk, model) {
			t.Fatalf("after %s (%v) the disk has %v, want %v", step.name, err, onDisk, model)
		}
	}
	err = f.Close()
	if err != nil && !errors.Is(err, errDisk) {
		t.Fatal(err)
	}
	f = open(t, path, opts)
	if got := contents(t, f); !maps.Equal(got, model) {
		t.Fatalf("in the end %v, want %v", got, model)
	}
	// Whatever failed, nothing erased is readable after one that did not.
	s.at = 0
	set(t, f, erased, "z", "X")
	set(t, f, erased, "z", "Y")
	if err := f.Erase(t.Context()); err != nil {
		t.Fatal(err)
	}
	if found := trace(t, f, path, len("erased")+1+1, 1); found["X"] || !found["Y"] {
		t.Fatalf("an erased value is readable: %v", found)
	}
}

// createAgain is after a Create that failed: nothing is in the way of another,
// and what is there is no store, unless all of it is.
func createAgain(t *testing.T, path string, opts *keystore.Options) *keystore.File {
	t.Helper()
	f, err := keystore.Open(path, fileKey, opts)
	if err == nil {
		return f
	}
	if !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("open after a Create that failed: %v", err)
	}
	f, err = keystore.Create(path, fileKey, opts)
	if err != nil {
		t.Fatalf("create after a Create that failed: %v", err)
	}
	return f
}
