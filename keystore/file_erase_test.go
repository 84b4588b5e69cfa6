//go:build !js && !wasip1

package keystore_test

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"github.com/parley-e2ee/parley/keystore"
)

// secretSize is that of all values in these tests: where a row ends is known then.
const secretSize = 24

func secretAt(i, version int) string {
	return fmt.Sprintf("%-*s", secretSize, fmt.Sprintf("secret %d of %d", version, i))
}

// trace finds every value that somebody who has both files and what opens them
// can read: in pages that are in use, in free ones and between them. It tries each
// place of the database with each key that there is.
func trace(t *testing.T, f *keystore.File, path string, keySize, valueSize int) map[string]bool {
	t.Helper()
	db, keys := both(t, path)
	opener := f.Opener(keys)
	const idSize = 16
	rowSize := 24 + 2 + keySize + valueSize + 16
	found := make(map[string]bool)
	for at := 0; at+idSize+rowSize <= len(db); at++ {
		if wiped(db[at:][:idSize]) {
			continue
		}
		if value, ok := opener.Open(db[at:][:idSize], db[at+idSize:][:rowSize]); ok {
			found[string(value)] = true
		}
	}
	return found
}

// TestProperty35_ErasedIsUnreadable searches the files for what was deleted and overwritten.
func TestProperty35_ErasedIsUnreadable(t *testing.T) {
	f, path := create(t, noErase)
	const n = 24
	keySize := len(erased.Name) + 1 + 2
	key := func(i int) string { return fmt.Sprintf("%02d", i) }
	for version := range 3 {
		for i := range n {
			set(t, f, erased, key(i), secretAt(i, version))
		}
	}
	err := f.Update(t.Context(), func(tx keystore.WriteTx) error {
		var errs []error
		for i := range n / 2 {
			errs = append(errs, tx.Delete(erased, []byte(key(i))))
		}
		return errors.Join(errs...)
	})
	if err != nil {
		t.Fatal(err)
	}
	gone := func(found map[string]bool) (n int) {
		for i := range 24 {
			for version := range 3 {
				if live := i >= 12 && version == 2; !live && found[secretAt(i, version)] {
					n++
				}
			}
		}
		return n
	}
	live := func(found map[string]bool) (n int) {
		for i := range 24 {
			if i >= 12 && found[secretAt(i, 2)] {
				n++
			}
		}
		return n
	}
	before := trace(t, f, path, keySize, secretSize)
	if gone(before) < 12 || live(before) != 12 {
		t.Fatalf("the search finds %d erased values and %d of 12: it does not work", gone(before), live(before))
	}
	if err := f.Erase(t.Context()); err != nil {
		t.Fatal(err)
	}
	after := trace(t, f, path, keySize, secretSize)
	if gone(after) != 0 || live(after) != 12 {
		t.Errorf("after Erase %d erased values and %d of 12", gone(after), live(after))
	}
	set(t, f, erased, key(20), secretAt(20, 0))
	closeStore(t, f)
	f = open(t, path, noErase)
	closed := trace(t, f, path, keySize, secretSize)
	if closed[secretAt(20, 2)] || !closed[secretAt(20, 0)] {
		t.Error("Close does not erase")
	}
	for key, value := range contents(t, f) {
		if key < "erased 12" || len(value) != secretSize {
			t.Errorf("%s: %q", key, value)
		}
	}
}

// TestNothingReadable: no name, key or value is in the files as it is.
func TestNothingReadable(t *testing.T) {
	f, path := create(t, noErase)
	for i := range 30 {
		set(t, f, keystore.Bucket{Name: "TheBucket"}, fmt.Sprint(secretKey, i), secretValue)
		set(t, f, keystore.Bucket{Name: "TheBucket", Erasable: true}, fmt.Sprint(secretKey, i), secretValue)
	}
	closeStore(t, f)
	db, keys := both(t, path)
	for _, secret := range []string{"TheBucket", secretKey, secretValue} {
		for _, file := range [][]byte{db, keys} {
			if bytes.Contains(file, []byte(secret)) {
				t.Errorf("%s is readable", secret)
			}
		}
	}
}

// TestEqualRecordsLookDifferent: under one key and value, in two stores, in both
// classes or at two times, no row is like another.
func TestEqualRecordsLookDifferent(t *testing.T) {
	seen := make(map[string]bool)
	for range 2 {
		f, _ := create(t, noErase)
		for range 2 {
			set(t, f, plain, "key", "value")
			set(t, f, erased, "key", "value")
			for class, row := range f.Rows() {
				if seen[string(row)] {
					t.Errorf("a row of class %d is there twice", class)
				}
				seen[string(row)] = true
			}
		}
	}
	if len(seen) != 8 {
		t.Errorf("%d rows, want 8", len(seen))
	}
}
