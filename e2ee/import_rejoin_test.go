package e2ee_test

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-e2ee/parley/e2ee"
	"github.com/parley-e2ee/parley/e2ee/group"
	"github.com/parley-e2ee/parley/transport"
)

// TestRejoinWithOldExport comes back after what made every link of before
// useless.
func TestRejoinWithOldExport(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		p := newPair(t)
		exported := exportOf(t, p.alice)
		must(t, p.hers["Secure"].RotateInvite(t.Context()))
		must(t, p.hers["Secure"].ReplaceKeys(t.Context()))
		must(t, p.hers["Secure"].SetAdmins(t.Context(), "alice", "bob"))
		chat(t, p.hers["Secure"], p.his["Secure"], "new links")
		_ = p.alice.Close()
		alice := newDevice(t, exported, p.alice.cfg)
		back(t, alice.named("Secure"))
		chat(t, alice.named("Secure"), p.his["Secure"], "old export")
		if err := alice.named("Secure").RotateInvite(t.Context()); !errors.Is(err, e2ee.ErrNotAdmin) {
			t.Errorf("RotateInvite: %v, want ErrNotAdmin: bob is admin", err)
		}
		must(t, p.his["Secure"].RotateInvite(t.Context()))
	})
}

// TestRejoinIsServedLate has nobody there: the request expires, the place in
// the room does not.
func TestRejoinIsServedLate(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		p := newPair(t)
		exported := exportOf(t, p.alice)
		_, _ = p.alice.Close(), p.bob.Close()
		alice := newDevice(t, exported, p.alice.cfg)
		r := alice.named("Secure")
		must(t, r.Rejoin(t.Context()))
		until[e2ee.Waiting](t, r, nil)
		if s := r.Status(); s != group.NoKeys {
			t.Errorf("while it waits the new device is %v", s)
		}
		alice.crash()
		time.Sleep(25 * time.Hour)
		r = alice.named("Secure")
		if f := all[e2ee.JoinFailed](pending(t, r)); len(f) != 1 || !errors.Is(f[0].Reason, e2ee.ErrJoinExpired) {
			t.Errorf("the new device hears %+v", f)
		}
		if s := r.Status(); s != group.NoKeys {
			t.Errorf("then it is %v", s)
		}
		must(t, r.Rejoin(t.Context()))
		p.bob.open()
		until[e2ee.Entered](t, r, nil)
		chat(t, r, p.bob.named("Secure"), "patience")
	})
}

// TestRejoinIsRefused asks again where the room went on so far that a request
// is void.
func TestRejoinIsRefused(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		p := newPair(t)
		exported := exportOf(t, p.alice)
		_ = p.alice.Close()
		alice := newDevice(t, exported, p.alice.cfg)
		r := alice.named("Lobby")
		p.bob.cfg.Admit = func(group.RoomID, group.JoinRequest) bool { return false }
		p.bob.restart()
		must(t, r.Rejoin(t.Context()))
		for range 300 {
			must(t, p.bob.named("Lobby").ReplaceKeys(t.Context()))
		}
		synctest.Wait()
		if f := all[e2ee.JoinFailed](pending(t, r)); len(f) != 1 {
			t.Fatalf("the new device hears %+v", f)
		}
		p.bob.cfg.Admit = nil
		p.bob.restart()
		must(t, r.Rejoin(t.Context()))
		until[e2ee.Entered](t, r, nil)
		chat(t, r, p.bob.named("Lobby"), "another try")
	})
}

// TestRemovedBeforeRejoin is in the room no longer: a new device does not come
// back as a newcomer, unless it is told to.
func TestRemovedBeforeRejoin(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		p := newPair(t)
		for name, r := range p.hers {
			must(t, r.SetAdmins(t.Context(), "alice", "bob"))
			waitFor(t, func() bool {
				return slices.ContainsFunc(p.his[name].Members(), func(p e2ee.Person) bool { return p.Name == "bob" && p.Admin })
			})
		}
		exported := exportOf(t, p.alice)
		for _, r := range p.his {
			must(t, r.Remove(t.Context(), "alice", false))
		}
		for _, r := range p.hers {
			until(t, r, func(e e2ee.Removed) bool { return e.You })
		}
		_ = p.alice.Close()
		alice := newDevice(t, exported, p.alice.cfg)
		for name, his := range p.his {
			r := alice.named(name)
			if err := r.Rejoin(t.Context()); !errors.Is(err, e2ee.ErrNotMember) {
				t.Errorf("Rejoin: %v, want ErrNotMember", err)
			}
			time.Sleep(time.Hour)
			if n := len(his.Members()); n != 1 {
				t.Errorf("%d members", n)
			}
			r, err := alice.JoinLink(t.Context(), linkOf(t, his), nil)
			must(t, err)
			until[e2ee.Entered](t, r, nil)
			chat(t, r, his, "a newcomer")
		}
	})
}

// TestRejoinUnderTakenName finds somebody else under the name.
func TestRejoinUnderTakenName(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		p := newPair(t)
		must(t, p.hers["Lobby"].SetAdmins(t.Context(), "alice", "bob"))
		exported := exportOf(t, p.alice)
		his := p.his["Lobby"]
		must(t, his.Remove(t.Context(), "alice", false))
		until(t, p.hers["Lobby"], func(e e2ee.Removed) bool { return e.You })
		_ = p.alice.Close()
		other := takeOver(t, "alice", p.relay)
		theirs, err := other.JoinLink(t.Context(), linkOf(t, his), nil)
		must(t, err)
		until[e2ee.Entered](t, theirs, nil)
		if err := newDevice(t, exported, p.alice.cfg).named("Lobby").Rejoin(t.Context()); !errors.Is(err, e2ee.ErrNotMember) {
			t.Errorf("Rejoin: %v, want ErrNotMember", err)
		}
		chat(t, theirs, his, "another alice")
	})
}

// TestRemovedWhileRejoining is removed with the request in the log: it is not
// repeated, and opens no Open room.
func TestRemovedWhileRejoining(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		p := newPair(t)
		must(t, p.hers["Lobby"].SetAdmins(t.Context(), "alice", "bob"))
		exported := exportOf(t, p.alice)
		_ = p.alice.Close()
		p.bob.cfg.Admit = func(group.RoomID, group.JoinRequest) bool { return false }
		p.bob.restart()
		alice := newDevice(t, exported, p.alice.cfg)
		r, his := alice.named("Lobby"), p.bob.named("Lobby")
		must(t, r.Rejoin(t.Context()))
		id := send(t, r, "unheard")
		until[e2ee.Waiting](t, r, nil)
		must(t, his.Remove(t.Context(), "alice", false))
		waitFor(t, func() bool { return len(his.Members()) == 1 })
		p.bob.cfg.Admit = nil
		p.bob.restart()
		time.Sleep(time.Hour)
		if n := len(p.bob.named("Lobby").Members()); n != 1 {
			t.Errorf("%d members", n)
		}
		seen := pending(t, r)
		if f := all[e2ee.JoinFailed](seen); len(f) != 1 {
			t.Errorf("the new device hears %+v", seen)
		}
		if n := all[e2ee.NotSent](seen); len(n) != 1 || n[0].ID != id {
			t.Errorf("not sent are %+v", n)
		}
		if err := r.Rejoin(t.Context()); !errors.Is(err, e2ee.ErrNotMember) {
			t.Errorf("Rejoin: %v, want ErrNotMember", err)
		}
	})
}

// TestImportOnAnotherRelay finds nothing of the rooms, and loses nothing.
func TestImportOnAnotherRelay(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		p := newPair(t)
		exported := exportOf(t, p.alice)
		_ = p.alice.Close()
		cfg := p.alice.cfg
		cfg.Relay = transport.NewMemory(nil)
		alice := newDevice(t, exported, cfg)
		if err := alice.named("Secure").Rejoin(t.Context()); !errors.Is(err, group.ErrNotCreated) {
			t.Errorf("Rejoin: %v, want ErrNotCreated", err)
		}
		if _, err := alice.JoinLink(t.Context(), linkOf(t, p.his["Secure"]), nil); !errors.Is(err, e2ee.ErrInRoom) {
			t.Errorf("JoinLink: %v, want ErrInRoom", err)
		}
		alice.cfg.Relay = p.relay
		alice.restart()
		back(t, alice.named("Secure"))
		chat(t, alice.named("Secure"), p.his["Secure"], "the right relay")
	})
}
