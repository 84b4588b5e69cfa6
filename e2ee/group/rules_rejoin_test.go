package group_test

import (
	"slices"
	"testing"

	"github.com/parley-e2ee/parley/e2ee/group"
)

// serve has somebody commit these Joins.
func (s *stage) serve(by string, joins ...joinSpec) []byte {
	s.t.Helper()
	c := s.commit(by)
	for _, j := range joins {
		c.adds = append(c.adds, j.frame())
	}
	return s.addressed(c).frame()
}

// committed is the one event of a commit that won.
func committed(t testing.TB, events []group.Event) group.Committed {
	t.Helper()
	for _, ev := range events {
		if c, ok := ev.(group.Committed); ok {
			return c
		}
	}
	t.Fatalf("no Committed among %v", events)
	return group.Committed{}
}

// A rejoin keeps index and membership, in every mode and by any member's
// commit, and its Message chain starts anew.
func TestRejoinKeepsSeat(t *testing.T) {
	for _, mode := range []group.Admission{group.Invite, group.Open, group.Admins} {
		s := newStage(t, mode)
		s.add("bob", "carol")
		s.ok(s.message("bob").frame())
		was, _ := s.Lookup("bob")
		j := s.join("bob")
		j.proof = nil
		ev := committed(t, s.ok(s.serve("carol", j)))
		s.settle("bob", j)
		if is, _ := s.Lookup("bob"); is != was {
			t.Fatalf("%v became %v", was, is)
		}
		if len(ev.Rejoined) != 1 || ev.Rejoined[0].NewDevice || len(ev.Added) != 0 {
			t.Fatalf("event %v", ev)
		}
		if generation, previous := group.Sender(s.Public, was.Index); generation != 0 || previous != (group.Hash{}) {
			t.Fatal("the Message chain went on")
		}
		s.ok(s.message("bob").frame())
	}
}

// Nobody serves its own rejoin.
func TestOwnRejoinIsNotServed(t *testing.T) {
	s := newStage(t, group.Open)
	s.add("bob")
	s.refuse(s.serve("bob", s.join("bob")), group.ErrOperation)
	s.ok(s.serve("alice", s.join("bob")))
}

// Without the replaced leaf key's signature it is a new device, and no admin
// any more, unless it is the last.
func TestNewDeviceLosesAdmin(t *testing.T) {
	for name, c := range map[string]struct {
		admins    []string
		sign      bool
		newDevice bool
		admin     bool
	}{
		"same device":             {[]string{"alice", "bob"}, true, false, true},
		"new device":              {[]string{"alice", "bob"}, false, true, false},
		"new device of the last":  {[]string{"bob"}, false, true, true},
		"same device of the last": {[]string{"bob"}, true, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, group.Open)
			s.add("bob", "carol")
			s.admins(c.admins...)
			j := s.join("bob")
			if !c.sign {
				j.replaced = nil
			}
			ev := committed(t, s.ok(s.serve("carol", j)))
			bob, _ := s.Lookup("bob")
			if ev.Rejoined[0].NewDevice != c.newDevice || bob.Admin != c.admin || ev.Rejoined[0].Who != bob {
				t.Fatalf("%v, %+v", bob.Admin, ev.Rejoined)
			}
		})
	}
	t.Run("signed by another key", func(t *testing.T) {
		s := newStage(t, group.Open)
		s.add("bob", "carol")
		s.admins("alice", "bob")
		j := s.join("bob")
		j.replaced = s.actor("carol").leaf
		if ev := committed(t, s.ok(s.serve("carol", j))); !ev.Rejoined[0].NewDevice {
			t.Fatal("the wrong leaf key vouched for it")
		}
	})
	t.Run("both at once", func(t *testing.T) {
		s := newStage(t, group.Open)
		s.add("bob", "carol", "dave")
		s.admins("carol", "bob")
		bob, carol := s.join("bob"), s.join("carol")
		bob.replaced, carol.replaced = nil, nil
		s.ok(s.serve("dave", bob, carol))
		first, _ := s.Lookup("bob")
		last, _ := s.Lookup("carol")
		if first.Admin || !last.Admin {
			t.Fatalf("admins: bob %v, carol %v", first.Admin, last.Admin)
		}
	})
}

// A Join beside the removal of its identity is no rejoin: it needs a proof,
// gets the lowest free seat, and a ban keeps it out.
func TestJoinAfterRemovalIsNoRejoin(t *testing.T) {
	s := newStage(t, group.Open)
	s.add("bob", "carol")
	was, _ := s.Lookup("carol")
	s.ok(s.leave("bob").frame())
	s.ok(s.leave("carol").frame())
	j := s.join("carol")
	j.proof = nil
	ev := committed(t, s.ok(s.serve("alice", j)))
	is, _ := s.Lookup("carol")
	if is.Membership == was.Membership || is.Index != 1 || len(ev.Rejoined) != 0 || len(ev.Added) != 1 {
		t.Fatalf("%v became %v", was, is)
	}

	s = newStage(t, group.Invite)
	s.add("bob")
	s.ok(s.leave("bob").frame())
	j = s.join("bob")
	j.proof = nil
	s.refuse(s.serve("alice", j), group.ErrInviteNeeded)
	s.ok(s.serve("alice", s.join("bob")))

	s = newStage(t, group.Open)
	s.add("bob")
	s.ok(s.remove("alice", "bob", true).frame())
	j = s.join("bob")
	j.proof = nil
	s.refuse(s.serve("alice", j), group.ErrBanned)
}

// A rejoin with a proof rests on it: the welcome is salted with its seed.
func TestRejoinProofHasToHold(t *testing.T) {
	s := newStage(t, group.Invite)
	s.add("bob")
	j := s.join("bob")
	c := s.rotating(s.commit("alice"))
	c.adds = [][]byte{j.frame()}
	s.refuse(s.addressed(c).frame(), group.ErrInviteExpired)
	j.proof = nil
	c.adds = [][]byte{j.frame()}
	s.ok(s.addressed(c).frame())
}

// A rejoin signed by the leaf key in the roster, of another history, tells of
// a fork.
func TestRejoinTellsOfFork(t *testing.T) {
	s := newStage(t, group.Open)
	s.add("bob")
	j := s.join("bob")
	j.transcript[0] ^= 1
	events := s.refuse(j.frame(), group.ErrTranscript)
	bob, _ := s.Lookup("bob")
	if !slices.Equal(events, []group.Event{group.Forked{From: bob}}) {
		t.Fatalf("events %v", events)
	}
	for name, change := range map[string]func(*joinSpec){
		"not signed by the leaf key": func(j *joinSpec) { j.replaced = nil },
		"epoch not known":            func(j *joinSpec) { j.epoch = 1 << 40 },
	} {
		k := j
		change(&k)
		if events, _ := s.apply(k.frame()); len(events) != 0 {
			t.Errorf("%s: events %v", name, events)
		}
	}
}
