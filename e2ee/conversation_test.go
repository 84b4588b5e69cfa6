package e2ee_test

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/parley-e2ee/parley/e2ee"
	"github.com/parley-e2ee/parley/e2ee/group"
	"github.com/parley-e2ee/parley/transport"
)

func TestTwoPeopleTalk(t *testing.T) {
	relay := transport.NewMemory(nil)
	alice, bob := newPerson(t, "alice", relay, relay), newPerson(t, "bob", relay, relay)
	a, err := alice.Create(t.Context(), "Secure", &e2ee.RoomOptions{Admission: e2ee.Open})
	must(t, err)
	b, err := bob.Join(t.Context(), "Secure", nil)
	must(t, err)
	until[e2ee.Entered](t, b, nil)
	id := send(t, a, "Test message")
	got := untilText(t, b, "Test message")
	if got.From.Name != "alice" || got.ID != id || got.From.Fingerprint != alice.Identity().Fingerprint() {
		t.Errorf("bob has %+v, want message %x of alice's", got, id)
	}
	until(t, a, func(s e2ee.Sent) bool { return s.ID == id })
	send(t, b, "Reply received")
	untilText(t, a, "Reply received")
}

func TestRoomsOfEverySize(t *testing.T) {
	for _, mode := range []group.Admission{e2ee.Open, e2ee.Invite, e2ee.Admins} {
		for n := 2; n <= 6; n++ {
			if testing.Short() && n%2 == 1 {
				continue
			}
			bubble(t, fmt.Sprintf("%v/%d", mode, n), func(t *testing.T) {
				c := newCast(t, n, mode)
				c.talk(t, "cats")
				c.agree(t)
				for i := range c.people {
					c.reopen(i, (*person).restart)
				}
				c.talk(t, "dogs")
				c.agree(t)
			})
		}
	}
}

// TestModesRefuse asks to enter by bare name where that is not enough.
func TestModesRefuse(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		relay := transport.NewMemory(nil)
		alice, bob := newPerson(t, "alice", relay, relay), newPerson(t, "bob", relay, relay)
		a, err := alice.Create(t.Context(), "Secure", nil)
		must(t, err)
		if _, err := bob.Join(t.Context(), "Secure", nil); !errors.Is(err, e2ee.ErrInviteNeeded) {
			t.Errorf("by bare name: %v, want ErrInviteNeeded", err)
		}
		if rooms, err := bob.Rooms(); err != nil || len(rooms) != 0 {
			t.Errorf("bob keeps rooms he did not get into: %v %v", rooms, err)
		}
		must(t, a.SetAdmission(t.Context(), e2ee.Open))
		if a.Admission() != e2ee.Open {
			t.Errorf("admission is %v", a.Admission())
		}
		b, err := bob.Join(t.Context(), "Secure", nil)
		must(t, err)
		if w := until[e2ee.Warning](t, b, nil); !errors.Is(w.Reason, e2ee.ErrBareName) {
			t.Errorf("the first warning is %v, want ErrBareName", w.Reason)
		}
		until[e2ee.Entered](t, b, nil)
		if _, err := bob.Join(t.Context(), "Secure", nil); !errors.Is(err, e2ee.ErrInRoom) {
			t.Errorf("joining twice: %v, want ErrInRoom", err)
		}
		if err := b.SetAdmission(t.Context(), e2ee.Invite); !errors.Is(err, e2ee.ErrNotAdmin) {
			t.Errorf("bob sets admission: %v, want ErrNotAdmin", err)
		}
	})
}

func TestLeave(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newCast(t, 3, e2ee.Open)
		a, b := c.rooms[0], c.rooms[1]
		if err := a.Leave(t.Context()); !errors.Is(err, e2ee.ErrLastAdmin) {
			t.Errorf("the last admin leaves: %v, want ErrLastAdmin", err)
		}
		before := a.Epoch()
		must(t, b.Leave(t.Context()))
		if err := b.Leave(t.Context()); err != nil && !errors.Is(err, e2ee.ErrNotMember) {
			t.Errorf("bob leaves twice: %v", err)
		}
		if left := until[e2ee.Left](t, b, nil); !left.You || left.Who.Name != "bob" {
			t.Errorf("bob hears %+v", left)
		}
		if left := until[e2ee.Left](t, a, nil); left.You || left.Who.Name != "bob" {
			t.Errorf("alice hears %+v", left)
		}
		if a.Epoch() != before+1 {
			t.Errorf("epoch %d after %d: the keys have to change", a.Epoch(), before)
		}
		if _, err := b.Send(t.Context(), []byte("still here")); !errors.Is(err, e2ee.ErrNotMember) {
			t.Errorf("bob sends: %v, want ErrNotMember", err)
		}
		if _, err := c.people[1].JoinLink(t.Context(), linkOf(t, a), nil); err != nil {
			t.Errorf("bob comes back: %v", err)
		}
		c.rooms[1] = c.people[1].room()
		until[e2ee.Entered](t, c.rooms[1], nil)
		c.talk(t, "old times")
		c.agree(t)
	})
}

func linkOf(t testing.TB, r *e2ee.Room) string {
	t.Helper()
	link, err := r.InviteLink()
	must(t, err)
	return link
}

func TestHandOverThenLeave(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newCast(t, 2, e2ee.Invite)
		a, b := c.rooms[0], c.rooms[1]
		if err := a.SetAdmins(t.Context()); !errors.Is(err, e2ee.ErrLastAdmin) {
			t.Errorf("no admins: %v, want ErrLastAdmin", err)
		}
		if err := a.SetAdmins(t.Context(), "nobody"); !errors.Is(err, e2ee.ErrNotMember) {
			t.Errorf("a stranger as admin: %v, want ErrNotMember", err)
		}
		must(t, a.SetAdmins(t.Context(), "bob"))
		until[e2ee.PolicyChanged](t, b, nil)
		if err := a.SetAdmins(t.Context(), "alice"); !errors.Is(err, e2ee.ErrNotAdmin) {
			t.Errorf("alice takes it back: %v, want ErrNotAdmin", err)
		}
		must(t, a.Leave(t.Context()))
		until(t, b, func(l e2ee.Left) bool { return l.Who.Name == "alice" })
		must(t, c.people[0].Forget(t.Context(), a))
		if rooms, err := c.people[0].Rooms(); err != nil || len(rooms) != 0 {
			t.Errorf("alice has %v, %v after Forget", rooms, err)
		}
		// A sole member ends the room by forgetting it.
		if err := b.Leave(t.Context()); !errors.Is(err, e2ee.ErrLastAdmin) {
			t.Errorf("the sole member leaves: %v, want ErrLastAdmin", err)
		}
		must(t, c.people[1].Forget(t.Context(), b))
		if _, err := b.Send(t.Context(), []byte("?")); !errors.Is(err, e2ee.ErrClosed) {
			t.Errorf("a forgotten room sends: %v, want ErrClosed", err)
		}
		must(t, c.people[1].Forget(t.Context(), b))
	})
}

// TestHandOverToWhoLeaves names an admin who is on the way out.
func TestHandOverToWhoLeaves(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newCast(t, 2, e2ee.Invite)
		must(t, c.rooms[1].Leave(t.Context()))
		if err := c.rooms[0].SetAdmins(t.Context(), "bob"); !errors.Is(err, e2ee.ErrNotMember) {
			t.Errorf("SetAdmins: %v, want ErrNotMember", err)
		}
	})
}

func TestRemoveBanUnban(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newCast(t, 3, e2ee.Invite)
		a, b, bob := c.rooms[0], c.rooms[1], c.people[1]
		dead := linkOf(t, b)
		if err := b.Remove(t.Context(), "carol", false); !errors.Is(err, e2ee.ErrNotAdmin) {
			t.Errorf("bob removes: %v, want ErrNotAdmin", err)
		}
		must(t, a.Remove(t.Context(), "bob", true))
		gone := until[e2ee.Removed](t, b, nil)
		if !gone.You || !gone.Banned || gone.By.Name != "alice" {
			t.Errorf("bob hears %+v", gone)
		}
		until(t, c.rooms[2], func(r e2ee.Removed) bool { return r.Who.Name == "bob" && r.Banned && r.By.Name == "alice" })
		synctest.Wait() // for alice's own room, which may hear of it last
		if err := a.Remove(t.Context(), "bob", false); !errors.Is(err, e2ee.ErrNotMember) {
			t.Errorf("bob is removed again: %v, want ErrNotMember", err)
		}
		if _, err := bob.JoinLink(t.Context(), dead, nil); !errors.Is(err, e2ee.ErrInviteExpired) {
			t.Errorf("the old link: %v, want ErrInviteExpired", err)
		}
		if _, err := bob.JoinLink(t.Context(), linkOf(t, a), nil); !errors.Is(err, e2ee.ErrBanned) {
			t.Errorf("the new link: %v, want ErrBanned", err)
		}
		if bans := a.Bans(); len(bans) != 1 || bans[0] != bob.Identity().Public() {
			t.Errorf("bans are %v", bans)
		}
		must(t, a.Unban(t.Context(), a.Bans()...))
		back, err := bob.JoinLink(t.Context(), linkOf(t, a), nil)
		must(t, err)
		until[e2ee.Entered](t, back, nil)
		c.rooms[1] = back
		c.talk(t, "forgiveness")
		c.agree(t)
	})
}

func TestRotateInvite(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newCast(t, 2, e2ee.Invite)
		carol := newPerson(t, "carol", c.relay, c.relay)
		dead := linkOf(t, c.rooms[0])
		must(t, c.rooms[0].RotateInvite(t.Context()))
		if p := until[e2ee.PolicyChanged](t, c.rooms[1], nil); !p.Rotated {
			t.Errorf("bob hears %+v", p)
		}
		if _, err := carol.JoinLink(t.Context(), dead, nil); !errors.Is(err, e2ee.ErrInviteExpired) {
			t.Errorf("the old link: %v, want ErrInviteExpired", err)
		}
		r, err := carol.JoinLink(t.Context(), linkOf(t, c.rooms[1]), nil)
		must(t, err)
		until[e2ee.Entered](t, r, nil)
	})
}

func TestReplaceKeys(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newCast(t, 3, e2ee.Open)
		before := c.rooms[1].Epoch()
		must(t, c.rooms[1].ReplaceKeys(t.Context()))
		if after := c.rooms[1].Epoch(); after <= before {
			t.Errorf("epoch %d after %d", after, before)
		}
		c.reopen(1, (*person).crash)
		c.talk(t, "locks")
		c.agree(t)
	})
}

// TestChangesAtOnce has everybody change the keys at the same time: each
// commit overtakes the others, and every caller still gets what it wants.
func TestChangesAtOnce(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newCast(t, 4, e2ee.Open)
		must(t, c.rooms[0].SetAdmins(t.Context(), castNames[:4]...))
		for _, r := range c.rooms {
			waitFor(t, func() bool { return r.Members()[3].Admin })
		}
		done := make(chan error)
		for _, r := range c.rooms {
			go func() { done <- r.RotateInvite(t.Context()) }()
			go func() { done <- r.ReplaceKeys(t.Context()) }()
			send(t, r, "meanwhile")
		}
		for range 2 * len(c.rooms) {
			must(t, <-done)
		}
		c.talk(t, "order")
		c.agree(t)
		link := linkOf(t, c.rooms[0])
		for _, r := range c.rooms[1:] {
			if linkOf(t, r) != link {
				t.Error("links differ")
			}
		}
	})
}

func TestRoomsAfterRestart(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		relay := transport.NewMemory(nil)
		alice := newPerson(t, "alice", relay, relay)
		for _, name := range []string{"b", "a", "c"} {
			_, err := alice.Create(t.Context(), name, nil)
			must(t, err)
		}
		alice.cfg.Name = ""
		alice.restart()
		rooms, err := alice.Rooms()
		must(t, err)
		var names string
		for _, r := range rooms {
			names += r.Name()
			if got, err := alice.Room(r.ID()); err != nil || got != r {
				t.Errorf("Room finds %v, %v", got, err)
			}
		}
		if names != "abc" || alice.Name() != "alice" {
			t.Errorf("%s has rooms %q, want alice and abc", alice.Name(), names)
		}
		alice.cfg.Name = "mallory"
		_ = alice.Close()
		if _, err := e2ee.NewClient(t.Context(), alice.cfg); !errors.Is(err, e2ee.ErrName) {
			t.Errorf("another name for the store: %v, want ErrName", err)
		}
		if _, err := alice.Rooms(); !errors.Is(err, e2ee.ErrClosed) {
			t.Errorf("Rooms after Close: %v, want ErrClosed", err)
		}
	})
}
