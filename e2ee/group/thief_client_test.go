package group_test

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parley-e2ee/parley/e2ee"
	"github.com/parley-e2ee/parley/e2ee/group"
	"github.com/parley-e2ee/parley/keystore"
	"github.com/parley-e2ee/parley/transport"
)

// A client's whole store, every bucket of it, opens to a thief only what comes
// until the client replaces its keys, and holds no text that was shown.
func TestProperty35_36_StoreOfAClient(t *testing.T) {
	t.Parallel()
	relay := transport.NewMemory(nil)
	aliceStore, bobStore := keystore.NewMemory(), keystore.NewMemory()
	alice, bob := newClient(t, "alice", relay, aliceStore), newClient(t, "bob", relay, bobStore)
	a := must2(alice.Create(t.Context(), "Secure", &e2ee.RoomOptions{Admission: e2ee.Open}))
	b := must2(bob.Join(t.Context(), "Secure", nil))
	shown(t, b, func(e2ee.Entered) bool { return true })
	say := func(from, to *e2ee.Room, text string) {
		t.Helper()
		must2(from.Send(t.Context(), []byte(text)))
		shown(t, to, func(m e2ee.Message) bool { return string(m.Text) == text })
	}
	start := dumpStore(t, bobStore)
	say(a, b, "early one")
	say(b, a, "early two")
	must(t, a.ReplaceKeys(t.Context()))
	say(a, b, "early three")
	say(b, a, "early four")
	must2(b.Authenticator())
	shown(t, b, func(s e2ee.Sent) bool { return true })
	middle := dumpStore(t, bobStore)
	say(a, b, "late one")
	must(t, b.ReplaceKeys(t.Context()))
	say(b, a, "safe one")
	say(a, b, "safe two")
	end := dumpStore(t, bobStore)

	log := wholeLog(t, relay, a.ID())
	for _, test := range []struct {
		name string
		dump group.Records
		want string
	}{
		{"start", start, "early one,early two,early three,early four,late one"},
		{"middle", middle, "late one"},
		{"end", end, ""},
	} {
		th := newThief(t, a.ID(), log, test.dump)
		th.epochs()
		if got := strings.Join(th.read(), ","); got != test.want {
			t.Errorf("with the store of the %s the thief read %q, want %q", test.name, got, test.want)
		}
		for name, value := range test.dump {
			for _, text := range []string{"early one", "early three", "late one"} {
				if bytes.Contains(value, []byte(text)) {
					t.Errorf("record %q of the %s holds a text that was shown", name, test.name)
				}
			}
		}
	}
}

func newClient(t testing.TB, name string, relay *transport.Memory, store keystore.Store) *e2ee.Client {
	t.Helper()
	c, err := e2ee.NewClient(t.Context(), e2ee.Config{Name: name, Store: store, Relay: relay, Directory: relay})
	must(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// shown reads events up to one that want accepts.
func shown[E e2ee.Event](t testing.TB, r *e2ee.Room, want func(E) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for ev, err := range r.Events(ctx) {
		must(t, err)
		if got, ok := ev.(E); ok && want(got) {
			return
		}
	}
}

// dumpStore is every record of a client, under the names that group gives them
// where they are a room's.
func dumpStore(t testing.TB, store keystore.Store) group.Records {
	t.Helper()
	dump := make(group.Records)
	for _, bucket := range []keystore.Bucket{
		{Name: "identity"}, {Name: "pins"}, {Name: "rooms"}, {Name: "room.public"},
		{Name: "room.secret", Erasable: true}, {Name: "outbox", Erasable: true}, {Name: "events", Erasable: true},
	} {
		err := store.View(t.Context(), func(tx keystore.Tx) error {
			for rec, err := range tx.Scan(bucket, nil) {
				must(t, err)
				name := bucket.Name + "/" + string(rec.Key)
				if bucket.Name == "room.secret" {
					name = string(rec.Key[32:])
				}
				dump[name] = slices.Clone(rec.Value)
			}
			return nil
		})
		must(t, err)
	}
	for _, name := range []string{"keys", "epoch", "ratchet/00", "ratchet/01"} {
		if dump[name] == nil {
			t.Fatalf("the store has no record %q: the dump is not what this test takes it for", name)
		}
	}
	return dump
}

func wholeLog(t testing.TB, relay transport.Relay, room group.RoomID) (log [][]byte) {
	t.Helper()
	head := must2(relay.Head(t.Context(), room.String()))
	for f, err := range relay.Subscribe(t.Context(), room.String(), 0) {
		must(t, err)
		if log = append(log, f.Payload); f.Seq == head {
			break
		}
	}
	return log
}
