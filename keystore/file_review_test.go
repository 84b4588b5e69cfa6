//go:build !js && !wasip1

package keystore_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/parley-e2ee/parley/keystore"
)

// TestCreatesRace: of two that make one store at the same time, what either has
// committed is there, and the other is told.
func TestCreatesRace(t *testing.T) {
	rounds := 300
	if testing.Short() {
		rounds = 30
	}
	dir := tempDir(t)
	for i := range rounds {
		path := filepath.Join(dir, fmt.Sprint(i))
		committed := make([]bool, 2)
		var both sync.WaitGroup
		for j := range 2 {
			both.Go(func() {
				f, err := keystore.Create(path, fileKey, nil)
				if err != nil {
					if !errors.Is(err, os.ErrExist) && !errors.Is(err, keystore.ErrLocked) {
						t.Error(err)
					}
					return
				}
				committed[j] = f.Update(t.Context(), store(plain, fmt.Sprint(j), "value")) == nil
				f.Close()
			})
		}
		both.Wait()
		f, err := keystore.Open(path, fileKey, nil)
		if err != nil {
			if committed[0] || committed[1] {
				t.Fatalf("round %d: a store that was made is gone: %v", i, err)
			}
			continue
		}
		got := contents(t, f)
		for j, done := range committed {
			if done && got["plain "+fmt.Sprint(j)] != "value" {
				t.Fatalf("round %d: what %d committed is gone", i, j)
			}
		}
		f.Close()
	}
}

// TestSetUnlockAgain: after one that failed the next leaves a slot whole at every
// moment.
func TestSetUnlockAgain(t *testing.T) {
	var broken bool
	var path string
	opts := keystore.WithSeam(keystore.Options{EraseAfter: -1}, func(what string, call func() error) error {
		if !strings.HasSuffix(what, "the key file") || !broken {
			return call()
		}
		return errDisk
	})
	f, path := create(t, opts)
	broken = true
	if err := f.SetUnlock(t.Context(), keystore.Key([32]byte{7})); !errors.Is(err, errDisk) {
		t.Fatal(err)
	}
	broken = false
	_, before := both(t, path)
	if err := f.SetUnlock(t.Context(), keystore.Key([32]byte{8})); err != nil {
		t.Fatal(err)
	}
	_, after := both(t, path)
	// The new slot is not where the old one was.
	half := keystore.KeyFileSize / 4
	for at := 0; at < 2*half; at += half {
		if !wiped(before[at:][:half]) && !wiped(after[at:][:half]) {
			t.Error("the good slot was overwritten")
		}
	}
}

// TestUnlockShowsNothing: neither by itself nor within what others print.
func TestUnlockShowsNothing(t *testing.T) {
	unlock := keystore.Passphrase([]byte(secretValue))
	type config struct{ unlock keystore.Unlock }
	for name, v := range map[string]any{"Unlock": unlock, "&Unlock": &unlock, "inside": config{unlock}, "inside, exported": struct{ U keystore.Unlock }{unlock}} {
		expectNothing(t, name, v, verbs)
	}
	f, _ := create(t, nil)
	set(t, f, plain, secretKey, secretValue)
	expectNothing(t, "File", f, verbs)
	expectNothing(t, "File within", struct{ f *keystore.File }{f}, verbs)
}

// TestTrapsForCreate: what has the name of the file that becomes the key file is
// replaced, not written to.
func TestTrapsForCreate(t *testing.T) {
	dir := tempDir(t)
	path, victim := filepath.Join(dir, "store"), filepath.Join(dir, "victim")
	if err := errors.Join(os.WriteFile(victim, []byte("mine"), 0o666), os.Symlink(victim, path+".keys.new")); err != nil {
		t.Fatal(err)
	}
	f, err := keystore.Create(path, fileKey, nil)
	if err != nil {
		t.Fatal(err)
	}
	closeStore(t, f)
	info, err := os.Lstat(path + ".keys")
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if b, err := os.ReadFile(victim); err != nil || string(b) != "mine" {
		t.Errorf("%q, %v", b, err)
	}
}
