package e2ee_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-e2ee/parley/e2ee"
	"github.com/parley-e2ee/parley/e2ee/group"
	"github.com/parley-e2ee/parley/keystore"
	"github.com/parley-e2ee/parley/transport"
)

const passphrase = "correct horse battery staple"

func exportOf(t testing.TB, p *person) []byte {
	t.Helper()
	out, err := p.Export(t.Context(), []byte(passphrase))
	must(t, err)
	return out
}

// newDevice imports into a new store and opens that, without being told a name.
func newDevice(t testing.TB, exported []byte, cfg e2ee.Config) *person {
	t.Helper()
	p := &person{t: t, cfg: cfg, store: keystore.NewMemory()}
	p.cfg.Store, p.cfg.Name = p.store, ""
	_, err := e2ee.Import(t.Context(), p.store, exported, []byte(passphrase))
	must(t, err)
	p.open()
	t.Cleanup(func() { _ = p.Close() })
	return p
}

// named is the person's room of that name.
func (p *person) named(name string) *e2ee.Room {
	p.t.Helper()
	rooms, err := p.Rooms()
	must(p.t, err)
	for _, r := range rooms {
		if r.Name() == name {
			return r
		}
	}
	p.t.Fatalf("%s has no room %s", p.Name(), name)
	return nil
}

// back rejoins, as an application does that is told of lost keys, and gives
// the events up to Entered.
func back(t testing.TB, r *e2ee.Room) (seen []e2ee.Event) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for ev, err := range r.Events(ctx) {
		if err != nil {
			t.Fatalf("%v, after %+v", err, seen)
		}
		seen = append(seen, ev)
		switch ev := ev.(type) {
		case e2ee.Warning:
			if errors.Is(ev.Reason, e2ee.ErrConfirmation) {
				must(t, r.Rejoin(ctx))
			}
		case e2ee.Entered:
			return seen
		}
	}
	panic("events ended without an error")
}

func warns(events []e2ee.Event, reason error) bool {
	return slices.ContainsFunc(all[e2ee.Warning](events), func(w e2ee.Warning) bool { return errors.Is(w.Reason, reason) })
}

// chat sends both ways.
func chat(t testing.TB, a, b *e2ee.Room, about string) {
	t.Helper()
	send(t, a, "one on "+about)
	untilText(t, b, "one on "+about)
	send(t, b, "two on "+about)
	untilText(t, a, "two on "+about)
}

// pair is alice with an Open and an Invite room, bob in both.
type pair struct {
	relay      *transport.Memory
	alice, bob *person
	hers, his  map[string]*e2ee.Room
}

var pairRooms = map[string]group.Admission{"Lobby": e2ee.Open, "Secure": e2ee.Invite}

func newPair(t testing.TB) *pair {
	t.Helper()
	p := &pair{relay: transport.NewMemory(nil), hers: make(map[string]*e2ee.Room), his: make(map[string]*e2ee.Room)}
	p.alice, p.bob = newPerson(t, "alice", p.relay, p.relay), newPerson(t, "bob", p.relay, p.relay)
	for name, mode := range pairRooms {
		r, err := p.alice.Create(t.Context(), name, &e2ee.RoomOptions{Admission: mode})
		must(t, err)
		p.hers[name] = r
		p.his[name], err = p.bob.JoinLink(t.Context(), linkOf(t, r), nil)
		must(t, err)
		until[e2ee.Entered](t, p.his[name], nil)
		waitFor(t, func() bool { return len(r.Members()) == 2 })
	}
	return p
}

// verify has both compare safety numbers.
func (p *pair) verify(t testing.TB) {
	t.Helper()
	number, err := p.alice.SafetyNumber(t.Context(), "bob")
	must(t, err)
	must(t, p.alice.Verify("bob", number))
	_, err = p.bob.SafetyNumber(t.Context(), "alice")
	must(t, err)
	must(t, p.bob.Verify("alice", number))
}

// TestNewDevice throws a device away: the next has identity, pins and rooms
// from the export, and its own keys.
func TestNewDevice(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		p := newPair(t)
		p.verify(t)
		for name := range pairRooms {
			chat(t, p.hers[name], p.his[name], "old times")
		}
		fingerprint, exported := p.alice.Identity().Fingerprint(), exportOf(t, p.alice)
		for name := range pairRooms {
			chat(t, p.hers[name], p.his[name], "what came after")
		}
		_ = p.alice.Close()

		cfg := p.alice.cfg
		cfg.Relay = hung{p.relay} // the list needs no relay
		alice := newDevice(t, exported, cfg)
		if alice.Name() != "alice" || alice.Identity().Fingerprint() != fingerprint || !alice.Verified("bob") {
			t.Fatalf("the new device is %v, bob verified: %v", alice, alice.Verified("bob"))
		}
		rooms, err := alice.Rooms()
		must(t, err)
		if len(rooms) != 2 || rooms[0].Name() != "Lobby" || rooms[1].Name() != "Secure" {
			t.Fatalf("rooms are %v", rooms)
		}
		for _, r := range rooms {
			if r.ID() != p.hers[r.Name()].ID() || r.Status() != group.NoKeys {
				t.Errorf("%s is %v, %v", r.Name(), r.ID(), r.Status())
			}
		}
		alice.cfg.Relay = p.relay
		alice.restart()
		for name := range pairRooms {
			r := alice.named(name)
			if _, err := r.Authenticator(); !errors.Is(err, e2ee.ErrConfirmation) {
				t.Errorf("Authenticator: %v, want ErrConfirmation", err)
			}
			queued := send(t, r, "queued before "+name)
			seen := back(t, r)
			if m := all[e2ee.Message](seen); len(m) != 0 || len(all[e2ee.Undecryptable](seen)) != 0 {
				t.Errorf("the new device reads %q of before", texts(m))
			}
			if len(all[e2ee.Warning](seen)) != 1 || seen[0] != (e2ee.Warning{Reason: e2ee.ErrConfirmation}) {
				t.Errorf("the new device hears %+v", seen)
			}
			untilText(t, p.his[name], "queued before "+name)
			until(t, r, func(s e2ee.Sent) bool { return s.ID == queued })
			if linkOf(t, r) != linkOf(t, p.his[name]) {
				t.Error("the new device has another link")
			}
			chat(t, r, p.his[name], "new times")
			a, err := r.Authenticator()
			must(t, err)
			if b, err := p.his[name].Authenticator(); a != b || err != nil {
				t.Errorf("authenticators differ in %s, %v", name, err)
			}
		}
		if _, err := p.bob.Lookup(t.Context(), "alice"); err != nil || !p.bob.Verified("alice") {
			t.Errorf("bob looks up: %v, verified: %v", err, p.bob.Verified("alice"))
		}
		if _, err := alice.Lookup(t.Context(), "bob"); err != nil {
			t.Errorf("the new device looks up: %v", err)
		}
		alice.crash()
		for name := range pairRooms {
			if s := alice.named(name).Status(); s != group.Active {
				t.Errorf("after a restart %v", s)
			}
			chat(t, alice.named(name), p.his[name], "after a restart")
		}
	})
}

// TestNewDeviceIsNoNewIdentity is what bob sees of alice's new device.
func TestNewDeviceIsNoNewIdentity(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		p := newPair(t)
		p.verify(t)
		synctest.Wait()
		for name := range pairRooms {
			pending(t, p.his[name])
		}
		exported := exportOf(t, p.alice)
		_ = p.alice.Close()
		alice := newDevice(t, exported, p.alice.cfg)
		for name, his := range p.his {
			back(t, alice.named(name))
			synctest.Wait()
			seen := pending(t, his)
			if !warns(seen, e2ee.ErrNewDevice) || warns(seen, e2ee.ErrIdentityChanged) || len(all[e2ee.Removed](seen))+len(all[e2ee.Left](seen)) > 0 {
				t.Errorf("bob sees %+v", seen)
			}
			if who := his.Members(); len(who) != 2 || !slices.ContainsFunc(who, func(p e2ee.Person) bool { return p.Identity == alice.Identity().Public() }) {
				t.Errorf("members are %v", who)
			}
		}
	})
}

// TestOldDeviceStillRuns has two devices at once: the later one wins, the
// other is told, and each can take the place back.
func TestOldDeviceStillRuns(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		p := newPair(t)
		his, hers := p.his["Secure"], p.hers["Secure"]
		exported := exportOf(t, p.alice)
		device := newDevice(t, exported, p.alice.cfg)
		chat(t, hers, his, "a device that was opened took nothing")
		_, err := p.bob.Lookup(t.Context(), "alice")
		must(t, err)

		r := device.named("Secure")
		back(t, r)
		until(t, hers, func(w e2ee.Warning) bool { return errors.Is(w.Reason, e2ee.ErrReplaced) })
		if _, err := hers.Send(t.Context(), []byte("?")); !errors.Is(err, e2ee.ErrNotMember) {
			t.Errorf("the old device sends: %v, want ErrNotMember", err)
		}
		chat(t, p.hers["Lobby"], p.his["Lobby"], "a room that was not taken yet")
		chat(t, r, his, "the new device")
		_, err = p.bob.Lookup(t.Context(), "alice")
		must(t, err)

		again, err := p.alice.JoinLink(t.Context(), linkOf(t, his), nil)
		must(t, err)
		until[e2ee.Entered](t, again, nil)
		until(t, r, func(w e2ee.Warning) bool { return errors.Is(w.Reason, e2ee.ErrReplaced) })
		if err := r.Rejoin(t.Context()); !errors.Is(err, e2ee.ErrNotMember) {
			t.Errorf("the displaced device rejoins: %v, want ErrNotMember", err)
		}
		chat(t, again, his, "the old device is back")

		// Bundles of both devices go on from the one serial; nobody who looks
		// up either is stuck with a rollback.
		for range 2 {
			for _, d := range []*person{p.alice, device} {
				d.restart()
				_, err := p.bob.Lookup(t.Context(), "alice")
				must(t, err)
			}
		}
		// What was displaced can be exported, and be the one again.
		third := newDevice(t, exportOf(t, device), p.alice.cfg)
		back(t, third.named("Secure"))
		back(t, third.named("Lobby"))
		chat(t, third.named("Secure"), his, "a third device")
		chat(t, third.named("Lobby"), p.his["Lobby"], "a third device")
	})
}

// TestTwoNewDevices rejoin at the same time: one has the place, the other is
// told.
func TestTwoNewDevices(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		p := newPair(t)
		exported := exportOf(t, p.alice)
		_ = p.alice.Close()
		devices := []*person{newDevice(t, exported, p.alice.cfg), newDevice(t, exported, p.alice.cfg)}
		for _, d := range devices {
			must(t, d.named("Secure").Rejoin(t.Context()))
		}
		time.Sleep(25 * time.Hour)
		active := 0
		for _, d := range devices {
			r := d.named("Secure")
			switch r.Status() {
			case group.Active:
				active++
				chat(t, r, p.his["Secure"], "the one")
			case group.NoKeys: // was displaced before it was in, and asks again
				must(t, r.Rejoin(t.Context()))
				until[e2ee.Entered](t, r, nil)
				chat(t, r, p.his["Secure"], "the later one")
				return
			}
		}
		if active != 1 {
			t.Errorf("%d devices are active", active)
		}
	})
}
