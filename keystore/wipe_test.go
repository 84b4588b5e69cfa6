package keystore_test

import (
	"bytes"
	"regexp"
	"testing"

	"github.com/parley-e2ee/parley/keystore"
)

var bucketName = regexp.MustCompile(`\A[A-Za-z0-9_./-]{1,64}\z`)

func wiped(b []byte) bool { return bytes.Count(b, []byte{0}) == len(b) }

func remove(t *testing.T, m *keystore.Memory, b keystore.Bucket, key string) {
	t.Helper()
	if err := m.Update(t.Context(), func(tx keystore.WriteTx) error { return tx.Delete(b, []byte(key)) }); err != nil {
		t.Fatal(err)
	}
}

func TestOverwrittenIsWiped(t *testing.T) {
	m := keystore.NewMemory()
	for _, b := range []keystore.Bucket{plain, erased} {
		put(t, m, b, "key", "a secret")
		_, value := m.RawRecord(b, []byte("key"))
		put(t, m, b, "key", "another")
		if !wiped(value) {
			t.Errorf("an overwritten value is still there: %q", value)
		}
		if got := load(t, m, b, "key"); got != "another" {
			t.Errorf("got %q, want the new value", got)
		}
	}
}

func TestDeletedIsWiped(t *testing.T) {
	m := keystore.NewMemory()
	for _, key := range []string{"a", "key", "z"} {
		put(t, m, erased, key, "a secret")
	}
	key, value := m.RawRecord(erased, []byte("key"))
	remove(t, m, erased, "key")
	if !wiped(key) || !wiped(value) {
		t.Errorf("a deleted record is still there: %q, %q", key, value)
	}
	for _, key := range []string{"a", "z"} {
		if got := load(t, m, erased, key); got != "a secret" {
			t.Errorf("another record is %q", got)
		}
	}
}

// TestWipedWithinOneUpdate overwrites and deletes what the same Update stored.
func TestWipedWithinOneUpdate(t *testing.T) {
	m := keystore.NewMemory()
	var raw [4][]byte
	err := m.Update(t.Context(), func(tx keystore.WriteTx) error {
		for _, key := range []string{"overwritten", "deleted"} {
			if err := tx.Store(erased, []byte(key), []byte("a secret")); err != nil {
				return err
			}
		}
		raw[0], raw[1] = keystore.RawRecordIn(tx, erased, []byte("deleted"))
		_, raw[2] = keystore.RawRecordIn(tx, erased, []byte("overwritten"))
		if err := tx.Delete(erased, []byte("deleted")); err != nil {
			return err
		}
		return tx.Store(erased, []byte("overwritten"), []byte("another"))
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, secret := range raw {
		if !wiped(secret) {
			t.Errorf("secret %d is still there: %q", i, secret)
		}
	}
	if got := load(t, m, erased, "overwritten"); got != "another" {
		t.Errorf("got %q, want the new value", got)
	}
}

// TestRolledBackIsWiped fails an Update by an error and by a panic.
func TestRolledBackIsWiped(t *testing.T) {
	m := keystore.NewMemory()
	put(t, m, erased, "key", "the old")
	_, old := m.RawRecord(erased, []byte("key"))
	for _, panics := range []bool{false, true} {
		var added, value, newer []byte
		func() {
			defer func() { recover() }()
			m.Update(t.Context(), func(tx keystore.WriteTx) error {
				tx.Store(erased, []byte("added"), []byte("a secret"))
				tx.Store(erased, []byte("key"), []byte("a secret"))
				added, value = keystore.RawRecordIn(tx, erased, []byte("added"))
				_, newer = keystore.RawRecordIn(tx, erased, []byte("key"))
				if panics {
					panic(errOwn)
				}
				return errOwn
			})
		}()
		if !wiped(added) || !wiped(value) || !wiped(newer) {
			t.Errorf("panics %v: what was not committed is still there: %q, %q, %q", panics, added, value, newer)
		}
		if string(old) != "the old" || load(t, m, erased, "key") != "the old" {
			t.Errorf("panics %v: what was committed before is %q", panics, old)
		}
	}
}

// TestWipedAfterTheLastView has Views of three versions end out of order.
func TestWipedAfterTheLastView(t *testing.T) {
	m := keystore.NewMemory()
	put(t, m, erased, "key", "first")
	_, first := m.RawRecord(erased, []byte("key"))
	var second []byte
	err := m.View(t.Context(), func(older keystore.Tx) error {
		put(t, m, erased, "key", "second")
		_, second = m.RawRecord(erased, []byte("key"))
		err := m.View(t.Context(), func(newer keystore.Tx) error {
			remove(t, m, erased, "key")
			value, err := newer.Load(erased, []byte("key"))
			if string(value) != "second" {
				t.Errorf("the newer view sees %q", value)
			}
			return err
		})
		if string(first) != "first" {
			t.Errorf("wiped under a view: %q", first)
		}
		if value, _ := older.Load(erased, []byte("key")); string(value) != "first" {
			t.Errorf("the older view sees %q", value)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if !wiped(first) || !wiped(second) {
		t.Errorf("still there after the last view: %q, %q", first, second)
	}
	if n := m.Versions(); n != 1 {
		t.Errorf("the store holds %d versions, want 1", n)
	}
}

func TestWipedOnClose(t *testing.T) {
	m := keystore.NewMemory()
	var raw [][]byte
	for _, b := range []keystore.Bucket{plain, erased} {
		put(t, m, b, "key", "a secret")
		key, value := m.RawRecord(b, []byte("key"))
		raw = append(raw, key, value)
	}
	clone := m.Clone()
	m.Close()
	for i, secret := range raw {
		if !wiped(secret) {
			t.Errorf("secret %d is still there: %q", i, secret)
		}
	}
	if got := load(t, clone, erased, "key"); got != "a secret" {
		t.Errorf("the clone has %q", got)
	}
}
