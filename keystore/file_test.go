//go:build !js && !wasip1

package keystore_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/parley-e2ee/parley/keystore"
	"github.com/parley-e2ee/parley/keystore/keystoretest"
)

var fileKey = keystore.Key([32]byte{1, 2, 3})

// noErase leaves the data key alone until it is asked to.
var noErase = &keystore.Options{EraseAfter: -1}

// tempDir is one in memory where there is such a thing: most of these tests would
// spend their time waiting for the disk.
func tempDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "parley")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func create(t testing.TB, opts *keystore.Options) (*keystore.File, string) {
	t.Helper()
	path := filepath.Join(tempDir(t), "store")
	f, err := keystore.Create(path, fileKey, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f, path
}

// open opens a store that is to open.
func open(t testing.TB, path string, opts *keystore.Options) *keystore.File {
	t.Helper()
	f, err := keystore.Open(path, fileKey, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func closeStore(t testing.TB, f *keystore.File) {
	t.Helper()
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// both reads both files.
func both(t testing.TB, path string) (db, keys []byte) {
	t.Helper()
	db, err := os.ReadFile(path)
	keys, err2 := os.ReadFile(path + ".keys")
	if err := errors.Join(err, err2); err != nil {
		t.Fatal(err)
	}
	return db, keys
}

// copyStore is what another process would find now.
func copyStore(t testing.TB, path string) string {
	t.Helper()
	to := filepath.Join(tempDir(t), "copy")
	db, keys := both(t, path)
	if err := errors.Join(os.WriteFile(to, db, 0o600), os.WriteFile(to+".keys", keys, 0o600)); err != nil {
		t.Fatal(err)
	}
	return to
}

func set(t testing.TB, s keystore.Store, b keystore.Bucket, key, value string) {
	t.Helper()
	if err := s.Update(t.Context(), store(b, key, value)); err != nil {
		t.Fatal(err)
	}
}

func store(b keystore.Bucket, key, value string) func(keystore.WriteTx) error {
	return func(tx keystore.WriteTx) error { return tx.Store(b, []byte(key), []byte(value)) }
}

// contents is what a store holds in the tests' two buckets, with the class
// before each key.
func contents(t testing.TB, s keystore.Store) map[string]string {
	t.Helper()
	all := make(map[string]string)
	err := s.View(t.Context(), func(tx keystore.Tx) error {
		for _, b := range []keystore.Bucket{plain, erased} {
			for r, err := range tx.Scan(b, nil) {
				if err != nil {
					return err
				}
				all[b.Name+" "+string(r.Key)] = string(r.Value)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestFileConformance(t *testing.T) {
	keystoretest.Conformance(t, func(t *testing.T) keystore.Store {
		f, _ := create(t, nil)
		return f
	})
}

// TestReopen: what was committed is there, after Close and after a crash.
func TestReopen(t *testing.T) {
	f, path := create(t, nil)
	for round := range 4 {
		for i := range 60 {
			set(t, f, plain, fmt.Sprint("k", i), fmt.Sprint("v", i, round))
			set(t, f, erased, fmt.Sprint("k", i), fmt.Sprint("w", i, round))
		}
		want := contents(t, f)
		crashed := open(t, copyStore(t, path), nil)
		if got := contents(t, crashed); !maps.Equal(got, want) {
			t.Errorf("after a crash: %d records, want %d", len(got), len(want))
		}
		closeStore(t, f)
		f = open(t, path, nil)
		if got := contents(t, f); !maps.Equal(got, want) {
			t.Errorf("after Close: %d records, want %d", len(got), len(want))
		}
	}
}

// TestFilesAreTheOwners: nobody else may read them.
func TestFilesAreTheOwners(t *testing.T) {
	_, path := create(t, nil)
	for _, name := range []string{path, path + ".keys"} {
		info, err := os.Stat(name)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%v, %v", info.Mode(), err)
		}
	}
	names, err := filepath.Glob(path + "*")
	if err != nil || len(names) != 2 {
		t.Errorf("%v, %v", names, err)
	}
}

func TestUnlock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store")
	right, wrong := keystore.Passphrase([]byte("right")), keystore.Passphrase([]byte("wrong"))
	f, err := keystore.Create(path, right, nil)
	if err != nil {
		t.Fatal(err)
	}
	set(t, f, plain, "key", "value")
	closeStore(t, f)
	for name, unlock := range map[string]keystore.Unlock{
		"wrong":       wrong,
		"zero":        {},
		"empty":       keystore.Passphrase(nil),
		"another way": fileKey,
	} {
		if _, err := keystore.Open(path, unlock, nil); !errors.Is(err, keystore.ErrPassphrase) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, unlock := range []keystore.Unlock{{}, keystore.Passphrase(nil)} {
		if _, err := keystore.Create(path+"2", unlock, nil); !errors.Is(err, keystore.ErrPassphrase) {
			t.Errorf("create: %v", err)
		}
	}
	f, err = keystore.Open(path, right, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if got := contents(t, f); len(got) != 1 {
		t.Errorf("%v", got)
	}
}

// TestSetUnlock: the new one opens, the old one does not, and of its form in the
// key file nothing is left.
func TestSetUnlock(t *testing.T) {
	f, path := create(t, nil)
	set(t, f, erased, "key", "value")
	unlocks := []keystore.Unlock{fileKey}
	for i := range 3 {
		_, before := both(t, path)
		next := keystore.Key([32]byte{9, byte(i)})
		if err := f.SetUnlock(t.Context(), next); err != nil {
			t.Fatal(err)
		}
		unlocks = append(unlocks, next)
		_, after := both(t, path)
		for at := 0; at < len(before); at += keystore.BlockSize {
			block := before[at:][:keystore.BlockSize]
			if wrapped := block[15:][:163]; at < len(before)/2 && !wiped(wrapped) && bytes.Contains(after, wrapped[len(wrapped)-72:]) {
				t.Error("the old form of the master key is still there")
			}
		}
		set(t, f, erased, "key", fmt.Sprint(i))
		copied := copyStore(t, path)
		for j, unlock := range unlocks {
			g, err := keystore.Open(copied, unlock, nil)
			if last := j == len(unlocks)-1; last != (err == nil) || !last && !errors.Is(err, keystore.ErrPassphrase) {
				t.Errorf("after %d changes number %d: %v", i+1, j, err)
			}
			if err == nil {
				if got := contents(t, g)["erased key"]; got != fmt.Sprint(i) {
					t.Errorf("%q", got)
				}
				closeStore(t, g)
			}
		}
	}
	if err := f.SetUnlock(t.Context(), keystore.Unlock{}); !errors.Is(err, keystore.ErrPassphrase) {
		t.Errorf("zero: %v", err)
	}
}

// TestLocked: a store has one owner, or any number of readers.
func TestLocked(t *testing.T) {
	f, path := create(t, nil)
	readOnly := &keystore.Options{ReadOnly: true}
	for _, opts := range []*keystore.Options{nil, readOnly} {
		if _, err := keystore.Open(path, fileKey, opts); !errors.Is(err, keystore.ErrLocked) {
			t.Errorf("beside its owner: %v", err)
		}
	}
	if _, err := keystore.Create(path, fileKey, nil); !errors.Is(err, fs.ErrExist) && !errors.Is(err, keystore.ErrLocked) {
		t.Errorf("create: %v", err)
	}
	closeStore(t, f)
	a, b := open(t, path, readOnly), open(t, path, readOnly)
	if _, err := keystore.Open(path, fileKey, nil); !errors.Is(err, keystore.ErrLocked) {
		t.Errorf("beside readers: %v", err)
	}
	closeStore(t, a)
	closeStore(t, b)
	open(t, path, nil)
}

func TestReadOnly(t *testing.T) {
	f, path := create(t, noErase)
	set(t, f, erased, "key", "old")
	set(t, f, erased, "key", "value")
	crashed := copyStore(t, path) // with something to erase
	db, keys := both(t, crashed)
	r := open(t, crashed, &keystore.Options{ReadOnly: true})
	if got := contents(t, r); !maps.Equal(got, contents(t, f)) {
		t.Errorf("%v", got)
	}
	for name, err := range map[string]error{
		"Update":    r.Update(t.Context(), store(plain, "a", "b")),
		"Erase":     r.Erase(t.Context()),
		"SetUnlock": r.SetUnlock(t.Context(), fileKey),
	} {
		if !errors.Is(err, keystore.ErrReadOnly) {
			t.Errorf("%s: %v", name, err)
		}
	}
	closeStore(t, r)
	if db2, keys2 := both(t, crashed); !bytes.Equal(db, db2) || !bytes.Equal(keys, keys2) {
		t.Error("the files have changed")
	}
	if _, err := keystore.Create(path+"2", fileKey, &keystore.Options{ReadOnly: true}); !errors.Is(err, keystore.ErrReadOnly) {
		t.Errorf("create: %v", err)
	}
}

// TestNotThere: what is no store is not opened, and what is one, or something
// else, is not made into one.
func TestNotThere(t *testing.T) {
	dir := t.TempDir()
	if _, err := keystore.Open(filepath.Join(dir, "none"), fileKey, nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	if _, err := keystore.Create(filepath.Join(dir, "no", "store"), fileKey, nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no folder: %v", err)
	}
	_, path := create(t, nil)
	other := filepath.Join(dir, "other")
	if err := os.WriteFile(other, bytes.Repeat([]byte("letters\n"), 4000), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{other, dir, path} {
		if _, err := keystore.Create(name, fileKey, nil); !errors.Is(err, fs.ErrExist) {
			t.Errorf("create %s: %v", name, err)
		}
	}
	if _, err := keystore.Open(other, fileKey, nil); !errors.Is(err, keystore.ErrCorrupt) {
		t.Errorf("another file: %v", err)
	}
	// A store whose database was moved away is not overwritten.
	f, moved := create(t, nil)
	closeStore(t, f)
	if err := os.Rename(moved, moved+".away"); err != nil {
		t.Fatal(err)
	}
	if _, err := keystore.Create(moved, fileKey, nil); !errors.Is(err, fs.ErrExist) {
		t.Errorf("create beside a key file: %v", err)
	}
	if err := os.Rename(moved+".away", moved); err != nil {
		t.Fatal(err)
	}
	closeStore(t, open(t, moved, nil))
	empty := filepath.Join(dir, "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := keystore.Open(empty, fileKey, nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("empty file: %v", err)
	}
	f, err := keystore.Create(empty, fileKey, nil)
	if err != nil {
		t.Fatal(err)
	}
	closeStore(t, f)
}

// TestGeneration: it grows by one with each commit, and an older copy of the
// store is told from it.
func TestGeneration(t *testing.T) {
	var heard []uint64
	opts := &keystore.Options{Committed: func(g uint64) { heard = append(heard, g) }, EraseAfter: -1}
	f, path := create(t, opts)
	for i := range 5 {
		set(t, f, plain, "key", fmt.Sprint(i))
		if got := f.Generation(); got != heard[len(heard)-1] {
			t.Errorf("generation %d, heard of %v", got, heard)
		}
	}
	old := copyStore(t, path)
	set(t, f, erased, "key", "1")
	set(t, f, erased, "key", "2")
	closeStore(t, f) // erases
	if want := []uint64{2, 3, 4, 5, 6, 7, 8, 9}; !slices.Equal(heard, want) {
		t.Errorf("heard of %v, want %v", heard, want)
	}
	last := heard[len(heard)-1]
	if _, err := keystore.Open(old, fileKey, &keystore.Options{MinGeneration: last}); !errors.Is(err, keystore.ErrRollback) {
		t.Errorf("an older copy: %v", err)
	}
	f = open(t, path, &keystore.Options{MinGeneration: last})
	if got := f.Generation(); got != last {
		t.Errorf("generation %d, want %d", got, last)
	}
}

// TestSharedCommit: Updates that come while one is committed share the next.
func TestSharedCommit(t *testing.T) {
	const more = 40
	joined, commits := new(sync.WaitGroup), 0
	joined.Add(more)
	began := make(chan struct{})
	opts := keystore.WithSeam(keystore.Options{EraseAfter: -1}, func(what string, call func() error) error {
		if what == "commit" {
			if commits++; commits == 2 { // the first made the store
				close(began)
				joined.Wait()
			}
		}
		return call()
	})
	f, _ := create(t, opts)
	var all sync.WaitGroup
	all.Go(func() { set(t, f, plain, "first", "1") })
	<-began
	before := contents(t, f)
	for i := range more {
		all.Go(func() {
			err := f.Update(t.Context(), func(tx keystore.WriteTx) error {
				defer joined.Done()
				if v, err := tx.Load(plain, []byte("first")); string(v) != "1" {
					t.Errorf("sees %q, %v of the Update before", v, err)
				}
				return tx.Store(plain, fmt.Append(nil, i), nil)
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	// The last of them may have come an instant too late.
	if commits != 3 && commits != 4 {
		t.Errorf("%d commits, want 3", commits)
	}
	if after := contents(t, f); len(before) != 0 || len(after) != more+1 {
		t.Errorf("%d records before, %d after", len(before), len(after))
	}
	if n := f.Held(); n != 0 {
		t.Errorf("%d records are held in memory", n)
	}
}

// TestOldViews: a View goes on seeing what it began with, through commits and a
// change of the data key, and what was kept for it goes with it.
func TestOldViews(t *testing.T) {
	f, _ := create(t, noErase)
	for i := range 20 {
		set(t, f, erased, fmt.Sprint("e", i), "old")
		set(t, f, plain, fmt.Sprint("p", i), "old")
	}
	check := func(tx keystore.Tx) {
		t.Helper()
		for _, b := range []keystore.Bucket{plain, erased} {
			n := 0
			for r, err := range tx.Scan(b, nil) {
				if n++; err != nil || string(r.Value) != "old" {
					t.Fatalf("%s: %q, %v", r.Key, r.Value, err)
				}
			}
			if n != 20 {
				t.Fatalf("%d records", n)
			}
		}
	}
	err := f.View(t.Context(), func(tx keystore.Tx) error {
		for range 2 {
			for i := range 20 {
				set(t, f, erased, fmt.Sprint("e", i), "new")
				set(t, f, plain, fmt.Sprint("p", i), "new")
				check(tx)
			}
			if err := f.Erase(t.Context()); err != nil {
				return err
			}
			check(tx)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	for key, value := range contents(t, f) {
		if value != "new" {
			t.Errorf("%s: %q", key, value)
		}
	}
	if n := f.Held(); n != 0 {
		t.Errorf("%d records are held in memory", n)
	}
}

// TestClosedStores: what comes later is refused, what was asked for is done.
func TestClosedStores(t *testing.T) {
	f, _ := create(t, nil)
	closeStore(t, f)
	for name, err := range map[string]error{
		"Erase":     f.Erase(t.Context()),
		"SetUnlock": f.SetUnlock(t.Context(), fileKey),
	} {
		if !errors.Is(err, keystore.ErrClosed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	g, _ := create(t, nil)
	for name, err := range map[string]error{
		"Erase":     g.Erase(ended),
		"SetUnlock": g.SetUnlock(ended, fileKey),
	} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestErasesByItself: after EraseAfter, and on Open if nobody came to it.
func TestErasesByItself(t *testing.T) {
	f, path := create(t, &keystore.Options{EraseAfter: time.Millisecond})
	set(t, f, erased, "key", "old")
	g := f.Generation()
	set(t, f, erased, "key", "new")
	for deadline := time.Now().Add(20 * time.Second); f.Generation() < g+2; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("nothing was erased")
		}
	}
	closeStore(t, f)
	f = open(t, path, noErase)
	set(t, f, erased, "key", "newer")
	g = f.Generation()
	h := open(t, copyStore(t, path), nil)
	if h.Generation() != g+1 {
		t.Errorf("generation %d after %d: Open did not erase", h.Generation(), g)
	}
	if got := contents(t, h); got["erased key"] != "newer" {
		t.Errorf("%v", got)
	}
}
