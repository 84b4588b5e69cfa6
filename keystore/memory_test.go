package keystore_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-e2ee/parley/keystore"
)

var (
	plain  = keystore.Bucket{Name: "plain"}
	erased = keystore.Bucket{Name: "erased", Erasable: true}
	errOwn = errors.New("the function's own")
)

func put(t testing.TB, m *keystore.Memory, b keystore.Bucket, key, value string) {
	t.Helper()
	err := m.Update(t.Context(), func(tx keystore.WriteTx) error {
		return tx.Store(b, []byte(key), []byte(value))
	})
	if err != nil {
		t.Fatal(err)
	}
}

func load(t testing.TB, m *keystore.Memory, b keystore.Bucket, key string) (value string) {
	t.Helper()
	err := m.View(t.Context(), func(tx keystore.Tx) error {
		v, err := tx.Load(b, []byte(key))
		value = string(v)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return value
}

func TestCloneIsApart(t *testing.T) {
	m := keystore.NewMemory()
	put(t, m, erased, "key", "at the clone")
	if _, err := m.Claim(); err != nil {
		t.Fatal(err)
	}
	clone := m.Clone()
	if _, err := clone.Claim(); err != nil {
		t.Errorf("claim of a clone: %v", err)
	}
	put(t, m, erased, "key", "in the original")
	put(t, clone, erased, "key2", "in the clone")
	second := m.Clone()
	m.Close()
	for _, c := range []struct {
		store *keystore.Memory
		want  string
	}{{clone, "at the clone"}, {second, "in the original"}} {
		if got := load(t, c.store, erased, "key"); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
	err := second.View(t.Context(), func(tx keystore.Tx) error {
		_, err := tx.Load(erased, []byte("key2"))
		return err
	})
	if !errors.Is(err, keystore.ErrNotFound) {
		t.Errorf("a clone's record in another: got %v, want ErrNotFound", err)
	}
}

func TestCloneOfClosedIsClosed(t *testing.T) {
	m := keystore.NewMemory()
	m.Close()
	if err := m.Clone().View(t.Context(), func(keystore.Tx) error { return nil }); err != keystore.ErrClosed {
		t.Errorf("got %v, want ErrClosed", err)
	}
}

func TestNested(t *testing.T) {
	m := keystore.NewMemory()
	put(t, m, plain, "key", "old")
	err := m.View(t.Context(), func(outer keystore.Tx) error {
		put(t, m, plain, "key", "new")
		if got := load(t, m, plain, "key"); got != "new" {
			t.Errorf("inner view: got %q, want the new value", got)
		}
		got, err := outer.Load(plain, []byte("key"))
		if string(got) != "old" {
			t.Errorf("outer view: got %q, want the old value", got)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestUpdateInUpdateWaitsForItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := keystore.NewMemory()
		began := time.Now()
		err := m.Update(t.Context(), func(keystore.WriteTx) error {
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			defer cancel()
			return m.Update(ctx, func(keystore.WriteTx) error { return errOwn })
		})
		if err != context.DeadlineExceeded || time.Since(began) != time.Hour {
			t.Errorf("got %v after %v, want %v after an hour", err, time.Since(began), context.DeadlineExceeded)
		}
		put(t, m, plain, "key", "value")
	})
}

// TestDepth fills a store in key order, which a tree without balance takes
// worst, and empties most of it.
func TestDepth(t *testing.T) {
	const records, limit = 1 << 13, 50
	m := keystore.NewMemory()
	err := m.Update(t.Context(), func(tx keystore.WriteTx) error {
		for i := range records {
			if err := tx.Store(plain, fmt.Appendf(nil, "%06d", i), nil); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if depth := m.Depth(); depth > limit {
		t.Errorf("%d records are %d deep, want at most %d", records, depth, limit)
	}
}

func FuzzBucket(f *testing.F) {
	for _, name := range []string{"", "outbox", "room/1.2_3-4", "a b", "é", "\x00", "\xff", "Z9", "a:b"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		got := keystore.Bucket{Name: name}.Check()
		if want := bucketName.MatchString(name); (got == nil) != want {
			t.Fatalf("got %v, want a good name: %v", got, want)
		}
	})
}
