package e2ee_test

import (
	"errors"
	"testing"
	"testing/synctest"

	"github.com/parley-e2ee/parley/e2ee"
	"github.com/parley-e2ee/parley/e2ee/group"
	"github.com/parley-e2ee/parley/keystore"
)

// TestRecover: of a store that lost a record of its room a new one is made, which
// goes on as the same person and rejoins.
func TestRecover(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newCast(t, 3, e2ee.Open)
		bob := c.people[1]
		number, err := bob.SafetyNumber(t.Context(), "alice")
		must(t, err)
		must(t, bob.Verify("alice", number))
		c.talk(t, "before")
		synctest.Wait()
		was := bob.Identity()
		_ = bob.Close()

		damaged := bob.store.Clone()
		lose(t, damaged, keystore.Bucket{Name: "room.public"})
		bob.cfg.Store = damaged
		if _, err := e2ee.NewClient(t.Context(), bob.cfg); !errors.Is(err, e2ee.ErrState) {
			t.Fatalf("NewClient on a damaged store: %v", err)
		}
		into := keystore.NewMemory()
		id, err := e2ee.Recover(t.Context(), damaged, into)
		must(t, err)
		if id.Fingerprint() != was.Fingerprint() || id.Name() != "bob" {
			t.Error("another identity")
		}
		if _, err := e2ee.Recover(t.Context(), damaged, into); !errors.Is(err, e2ee.ErrStoreUsed) {
			t.Errorf("into a store that is in use: %v", err)
		}
		bob.store, bob.cfg.Store = into, into
		bob.open()
		if !bob.Verified("alice") {
			t.Error("alice is not verified any more")
		}
		r := bob.room()
		c.rooms[1] = r
		if r.Status() != group.NoKeys {
			t.Errorf("bob is %v", r.Status())
		}
		must(t, r.Rejoin(t.Context()))
		until[e2ee.Entered](t, r, nil)
		c.talk(t, "after")
		c.agree(t)
	})
}

// lose deletes the first record of a bucket.
func lose(t *testing.T, store keystore.Store, b keystore.Bucket) {
	t.Helper()
	must(t, store.Update(t.Context(), func(tx keystore.WriteTx) error {
		for rec, err := range tx.Scan(b, nil) {
			if err != nil {
				return err
			}
			return tx.Delete(b, rec.Key)
		}
		return errors.New("nothing to lose")
	}))
}

func TestRecoverRefuses(t *testing.T) {
	from, into := keystore.NewMemory(), keystore.NewMemory()
	if _, err := e2ee.Recover(t.Context(), from, into); !errors.Is(err, keystore.ErrNotFound) {
		t.Errorf("nobody's store: %v", err)
	}
	must(t, from.Update(t.Context(), func(tx keystore.WriteTx) error {
		return tx.Store(keystore.Bucket{Name: "identity"}, []byte("self"), []byte("garbage"))
	}))
	if _, err := e2ee.Recover(t.Context(), from, into); !errors.Is(err, e2ee.ErrState) {
		t.Errorf("a damaged identity: %v", err)
	}
}
