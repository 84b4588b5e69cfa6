package e2ee_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-e2ee/parley/e2ee"
	"github.com/parley-e2ee/parley/e2ee/group"
	"github.com/parley-e2ee/parley/envelope"
	"github.com/parley-e2ee/parley/keystore"
	"github.com/parley-e2ee/parley/transport"
)

// TestExportedRooms lists the rooms that have a place for the identity.
func TestExportedRooms(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		p := newPair(t)
		alone, err := p.bob.Create(t.Context(), "Alone", &e2ee.RoomOptions{Admission: e2ee.Admins})
		must(t, err)
		carol := newPerson(t, "carol", p.relay, p.relay)
		closed, err := carol.Create(t.Context(), "Closed", &e2ee.RoomOptions{Admission: e2ee.Admins})
		must(t, err)
		link := linkOf(t, closed)
		_ = carol.Close()
		_, err = p.bob.JoinLink(t.Context(), link, nil) // waits to be served
		must(t, err)
		must(t, p.his["Lobby"].Leave(t.Context()))
		until(t, p.his["Lobby"], func(e e2ee.Left) bool { return e.You })

		ids := func(d *person) (out []group.RoomID) {
			rooms, err := d.Rooms()
			must(t, err)
			for _, r := range rooms {
				out = append(out, r.ID())
			}
			return out
		}
		want := []group.RoomID{alone.ID(), p.his["Secure"].ID()}
		device := newDevice(t, exportOf(t, p.bob), p.bob.cfg)
		if got := ids(device); !slices.Equal(got, want) {
			t.Errorf("rooms are %v, want %v", got, want)
		}
		next := newDevice(t, exportOf(t, device), p.bob.cfg)
		if got := ids(next); !slices.Equal(got, want) || next.named("Alone").Status() != group.NoKeys {
			t.Errorf("exported again, rooms are %v, want %v", got, want)
		}
		must(t, next.Forget(t.Context(), next.named("Alone")))
		if got := ids(next); !slices.Equal(got, want[1:]) {
			t.Errorf("then rooms are %v", got)
		}
	})
}

// TestExportKeepsPins carries every kind of pin over.
func TestExportKeepsPins(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		relay := transport.NewMemory(nil)
		alice := newPerson(t, "alice", relay, relay)
		people := map[string]*person{}
		for _, name := range []string{"verified", "seen", "accepted", "mistaken"} {
			people[name] = newPerson(t, name, relay, relay)
		}
		old, err := relay.Lookup(t.Context(), "id:seen")
		must(t, err)
		people["seen"].restartLater(t, 300*24*time.Hour) // its bundle is signed anew
		for _, name := range []string{"alice", "verified", "seen"} {
			_, err := alice.Lookup(t.Context(), name)
			must(t, err)
		}
		number, err := alice.SafetyNumber(t.Context(), "verified")
		must(t, err)
		must(t, alice.Verify("verified", number))
		must(t, alice.AcceptIdentity("accepted", people["accepted"].Identity().Fingerprint()))
		must(t, alice.AcceptIdentity("mistaken", group.Fingerprint{1}))

		device := newDevice(t, exportOf(t, alice), alice.cfg)
		if !device.Verified("verified") || device.Verified("seen") || device.Verified("accepted") {
			t.Error("what was verified is not what is")
		}
		if got, err := device.SafetyNumber(t.Context(), "verified"); got != number || err != nil {
			t.Errorf("SafetyNumber: %q, %v, want %q", got, err, number)
		}
		if err := device.Verify("accepted", number); !errors.Is(err, e2ee.ErrNotPinned) {
			t.Errorf("Verify of a key not seen: %v, want ErrNotPinned", err)
		}
		for _, name := range []string{"alice", "verified", "seen", "accepted"} {
			if _, err := device.Lookup(t.Context(), name); err != nil {
				t.Errorf("Lookup of %s: %v", name, err)
			}
		}
		if _, err := device.Lookup(t.Context(), "mistaken"); !errors.Is(err, e2ee.ErrIdentityChanged) {
			t.Errorf("Lookup of another identity: %v, want ErrIdentityChanged", err)
		}
		must(t, relay.Publish(t.Context(), "id:seen", old))
		if _, err := device.Lookup(t.Context(), "seen"); !errors.Is(err, e2ee.ErrBundleRollback) {
			t.Errorf("Lookup of an older bundle: %v, want ErrBundleRollback", err)
		}
		must(t, alice.Close())
	})
}

// restartLater restarts after d.
func (p *person) restartLater(t testing.TB, d time.Duration) {
	t.Helper()
	time.Sleep(d)
	p.restart()
}

// TestExportOpensSealedFiles keeps the key to what was sealed to the bundle.
func TestExportOpensSealedFiles(t *testing.T) {
	relay := transport.NewMemory(nil)
	alice := newPerson(t, "alice", relay, relay)
	to, err := envelope.CompositeRecipient(alice.Identity().DecapsulationKey().EncapsulationKey())
	must(t, err)
	sealed, err := envelope.Seal([]byte("a file"), nil, to)
	must(t, err)
	exported := exportOf(t, alice)
	id, err := e2ee.Import(t.Context(), newStore(), exported, []byte(passphrase))
	must(t, err)
	key, err := envelope.CompositeIdentity(id.DecapsulationKey())
	must(t, err)
	if got, err := envelope.Open(sealed, nil, key); string(got) != "a file" || err != nil {
		t.Errorf("opens to %q, %v", got, err)
	}
	if id.Fingerprint() != alice.Identity().Fingerprint() || fmt.Sprintf("%#v", id) != "e2ee.Identity(alice)" {
		t.Errorf("imported %#v", id)
	}
	if len(exported) > e2ee.MaxExport || bytes.Contains(exported, []byte("alice")) {
		t.Error("the export shows whose it is")
	}
}

// openedExport is what an export's envelope holds.
func openedExport(t testing.TB, exported []byte) []byte {
	t.Helper()
	key, err := envelope.PassphraseIdentity([]byte(passphrase))
	must(t, err)
	raw, err := envelope.Open(exported, nil, key)
	must(t, err)
	return raw
}

// TestExportHoldsNoRoomKeys looks for every secret of rooms, outbox and events
// that the store holds.
func TestExportHoldsNoRoomKeys(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		p := newPair(t)
		chat(t, p.hers["Secure"], p.his["Secure"], "secrets")
		m := &meter{Relay: p.relay}
		p.alice.cfg.Relay = m
		p.alice.restart()
		synctest.Wait()
		m.set(true, false)
		send(t, p.alice.named("Secure"), "a message that waits to be sent")
		raw := openedExport(t, exportOf(t, p.alice))
		records := 0
		must(t, p.alice.store.View(t.Context(), func(tx keystore.Tx) error {
			for _, b := range []keystore.Bucket{{Name: "room.secret", Erasable: true}, {Name: "outbox", Erasable: true}} {
				for rec, err := range tx.Scan(b, nil) {
					must(t, err)
					records++
					for i := range max(len(rec.Value)-15, 0) {
						if w := rec.Value[i : i+16]; bytes.Contains(raw, w) && !bytes.Equal(w, make([]byte, 16)) && !public(p, w) {
							t.Fatalf("the export holds bytes of %s", rec.Key[32:])
						}
					}
				}
			}
			return nil
		}))
		if records < 8 {
			t.Errorf("looked at %d records", records)
		}
		link, err := e2ee.ParseLink(linkOf(t, p.his["Secure"]))
		must(t, err)
		if seed := link.Reveal(); bytes.Contains(raw, seed[:]) {
			t.Error("the export holds an invite")
		}
	})
}

// public are bytes of room IDs, which frames of the outbox begin with.
func public(p *pair, w []byte) bool {
	for _, r := range p.hers {
		id := r.ID()
		if bytes.Contains(id[:], w) {
			return true
		}
	}
	return false
}

// TestExportWhileBusy exports in the middle of everything.
func TestExportWhileBusy(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		p := newPair(t)
		done := make(chan struct{})
		go func() {
			defer close(done)
			for i := range 20 {
				_, _ = p.alice.Lookup(t.Context(), "bob")
				_, _ = p.hers["Lobby"].Send(t.Context(), []byte{byte(i)})
				_, _ = p.alice.Create(t.Context(), fmt.Sprint(i), nil)
			}
		}()
		for range 3 {
			raw := openedExport(t, exportOf(t, p.alice))
			if again, err := e2ee.RewriteExport(raw); err != nil || !bytes.Equal(again, raw) {
				t.Errorf("is written differently, %v", err)
			}
		}
		<-done
	})
}
