//go:build !js && !wasip1

package keystore_test

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/parley-e2ee/parley/keystore"
	"github.com/parley-e2ee/parley/keystore/keystoretest"
)

var fileKey = keystore.Key([32]byte{1, 2, 3})

func create(t testing.TB, opts *keystore.Options) (*keystore.File, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "store")
	f, err := keystore.Create(path, fileKey, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f, path
}

func TestFileConformance(t *testing.T) {
	keystoretest.Conformance(t, func(t *testing.T) keystore.Store {
		f, _ := create(t, nil)
		return f
	})
}

func reopen(t testing.TB, f *keystore.File, path string, opts *keystore.Options) *keystore.File {
	t.Helper()
	if f != nil {
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	f, err := keystore.Open(path, fileKey, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func TestReopen(t *testing.T) {
	f, path := create(t, nil)
	for range 3 {
		for i := range 300 {
			putFile(t, f, plain, fmt.Sprint("k", i), fmt.Sprint("v", i))
			putFile(t, f, erased, fmt.Sprint("k", i), fmt.Sprint("v", i))
		}
		f = reopen(t, f, path, nil)
	}
	err := f.View(t.Context(), func(tx keystore.Tx) error {
		n := 0
		for r, err := range tx.Scan(erased, nil) {
			if err != nil {
				return err
			}
			if "v"+string(r.Key[1:]) != string(r.Value) {
				t.Error("wrong value")
			}
			n++
		}
		if n != 300 {
			t.Errorf("%d records", n)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func putFile(t testing.TB, f keystore.Store, b keystore.Bucket, key, value string) {
	t.Helper()
	err := f.Update(t.Context(), func(tx keystore.WriteTx) error {
		return tx.Store(b, []byte(key), []byte(value))
	})
	if err != nil {
		t.Fatal(err)
	}
}
