package boltpages_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	bolt "go.etcd.io/bbolt"

	"github.com/parley-e2ee/parley/internal/boltpages"
)

func TestBegun(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db")
	db, err := bolt.Open(path, 0o600, &bolt.Options{PageSize: boltpages.PageSize})
	if err != nil {
		t.Fatal(err)
	}
	db.Close()
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(whole, boltpages.Empty()) {
		t.Fatal("bbolt begins otherwise")
	}
	for n := 0; n <= len(whole); n += 100 {
		if !boltpages.Begun(whole[:n]) {
			t.Errorf("%d bytes of it", n)
		}
	}
	for sector := 0; sector < len(whole); sector += 512 {
		some := bytes.Clone(whole)
		clear(some[sector:][:512])
		if !boltpages.Begun(some) {
			t.Errorf("without what is at %d", sector)
		}
		some[sector+300] ^= 1
		if boltpages.Begun(some) {
			t.Errorf("with something else at %d", sector)
		}
	}
	if boltpages.Begun(append(whole, 0)) || boltpages.Begun([]byte("a text of somebody's")) {
		t.Error("what is none")
	}
}
