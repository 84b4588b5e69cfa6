package group_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/parley-e2ee/parley/e2ee/group"
)

// A Leave or Remove is judged alike in the log and inline in a commit.
func TestRemovalRules(t *testing.T) {
	type frames func(s *stage) []byte
	remove := func(by, target string, ban bool) frames {
		return func(s *stage) []byte { return s.remove(by, target, ban).frame() }
	}
	leave := func(by string) frames { return func(s *stage) []byte { return s.leave(by).frame() } }
	for name, c := range map[string]struct {
		before []frames // stand in the log before it
		frame  frames
		want   error
		inline error // where a commit of carol's, an admin, carries it
	}{
		"leave":                  {nil, leave("bob"), nil, nil},
		"leave of an admin":      {nil, leave("alice"), nil, nil},
		"leave of a stranger":    {nil, leave("mallory"), group.ErrNotMember, group.ErrNotMember},
		"leave twice":            {[]frames{leave("bob")}, leave("bob"), group.ErrPending, nil},
		"leave when removed":     {[]frames{remove("alice", "bob", false)}, leave("bob"), group.ErrPending, group.ErrPending},
		"remove":                 {nil, remove("alice", "bob", false), nil, nil},
		"remove and ban":         {nil, remove("alice", "bob", true), nil, nil},
		"remove itself":          {nil, remove("alice", "alice", false), nil, nil},
		"remove by no admin":     {nil, remove("bob", "dave", false), group.ErrNotAdmin, group.ErrNotAdmin},
		"remove by a stranger":   {nil, remove("mallory", "bob", false), group.ErrNotMember, group.ErrNotMember},
		"remove of a stranger":   {nil, remove("alice", "mallory", false), group.ErrNotMember, group.ErrNotMember},
		"remove when leaving":    {[]frames{leave("bob")}, remove("alice", "bob", false), nil, group.ErrUnserved},
		"remove by one who goes": {[]frames{leave("alice")}, remove("alice", "bob", false), group.ErrPending, group.ErrPending},
		"remove twice":           {[]frames{remove("alice", "bob", false)}, remove("carol", "bob", false), group.ErrRepeated, group.ErrRepeated},
		"remove, then ban":       {[]frames{remove("alice", "bob", false)}, remove("alice", "bob", true), nil, group.ErrUnserved},
		"ban, then remove":       {[]frames{remove("alice", "bob", true)}, remove("alice", "bob", false), nil, group.ErrUnserved},
		"ban twice":              {[]frames{remove("alice", "bob", true)}, remove("carol", "bob", true), group.ErrRepeated, group.ErrRepeated},
		"leave, not signed":      {nil, func(s *stage) []byte { return forgedLeave(s, "carol") }, group.ErrSignature, group.ErrSignature},
		"remove, not signed":     {nil, func(s *stage) []byte { return forgedRemove(s, "bob") }, group.ErrSignature, group.ErrSignature},
	} {
		setup := func(t *testing.T) *stage {
			s := newStage(t, group.Open)
			s.add("bob", "carol", "dave")
			s.admins("alice", "carol")
			for _, f := range c.before {
				s.ok(f(s))
			}
			return s
		}
		t.Run(name, func(t *testing.T) {
			s := setup(t)
			events, err := s.apply(c.frame(s))
			wantErr(t, err, c.want)
			if err == nil && len(events) != 1 {
				t.Fatalf("events %v", events)
			}
			if s.Pending() != (c.want == nil || len(c.before) > 0) {
				t.Fatal("pending is wrong")
			}
		})
		t.Run(name+", inline", func(t *testing.T) {
			s := setup(t)
			frame, commit := c.frame(s), s.commit("carol")
			commit.removes = [][][]byte{{frame}}
			if frame[3] == kindRemove {
				commit = s.rotating(commit)
			}
			_, err := s.apply(s.addressed(commit).frame())
			wantErr(t, err, c.inline)
		})
	}
}

func forgedLeave(s *stage, by string) []byte {
	f := s.leave("bob")
	f.by = s.actor(by).leaf
	return f.frame()
}

func forgedRemove(s *stage, by string) []byte {
	f := s.remove("alice", "dave", false)
	f.by = s.actor(by).leaf
	return f.frame()
}

// At least one admin with nothing pending against it remains: the last one
// hands over first, and a sole member does not leave.
func TestLastAdminStays(t *testing.T) {
	s := newStage(t, group.Open)
	s.refuse(s.leave("alice").frame(), group.ErrLastAdmin)
	s.add("bob", "carol")
	s.refuse(s.leave("alice").frame(), group.ErrLastAdmin)
	s.refuse(s.remove("alice", "alice", false).frame(), group.ErrLastAdmin)
	s.admins("alice", "bob")
	s.ok(s.remove("bob", "alice", false).frame())
	s.refuse(s.leave("bob").frame(), group.ErrLastAdmin)
	s.refuse(s.remove("bob", "bob", true).frame(), group.ErrLastAdmin)
	s.refuse(s.remove("alice", "bob", false).frame(), group.ErrPending)
	c := s.commit("carol")
	inline := c
	inline.removes = append(slices.Clone(c.removes), [][]byte{s.leave("bob").frame()})
	s.refuse(s.addressed(inline).frame(), group.ErrLastAdmin)
	s.ok(c.frame())
	if roster := s.Roster(); len(roster) != 2 || !roster[0].Admin {
		t.Fatalf("roster %v", roster)
	}
}

// A Leave or Remove is of one membership: after it, and under replaced keys,
// an old one is void.
func TestOldRemovalIsVoid(t *testing.T) {
	s := newStage(t, group.Open)
	s.add("bob", "carol")
	leave, remove := s.leave("bob").frame(), s.remove("alice", "bob", false).frame()
	s.ok(leave)
	s.ok(s.commit("alice").frame())
	s.refuse(leave, group.ErrNotMember)
	s.refuse(remove, group.ErrNotMember)
	s.add("bob")
	s.refuse(leave, group.ErrNotMember)
	s.refuse(remove, group.ErrNotMember)

	leave = s.leave("carol").frame()
	j := s.join("carol")
	s.ok(s.serve("alice", j))
	s.refuse(leave, group.ErrSignature)
	s.settle("carol", j)
	s.ok(s.leave("carol").frame())
}

// With 256 bans, pending ones counted, there is no 257th; the room lives on.
func TestBanLimit(t *testing.T) {
	s := newStage(t, group.Open)
	s.add("bob", "carol", "dave")
	var banned []group.IdentityKey
	for range group.MaxBans - 1 {
		banned = append(banned, public(signingKey(t)))
	}
	group.Ban(s.Public, banned)
	s.ok(s.remove("alice", "bob", true).frame())
	s.refuse(s.remove("alice", "carol", true).frame(), group.ErrFull)
	c := s.commit("alice")
	c.removes = append(c.removes, [][]byte{s.remove("alice", "carol", true).frame()})
	s.refuse(s.addressed(c).frame(), group.ErrFull)
	s.ok(s.remove("alice", "bob", false).frame())
	s.ok(s.remove("alice", "carol", false).frame())
	s.ok(s.commit("alice").frame())
	if n := len(s.Bans()); n != group.MaxBans {
		t.Fatalf("%d bans", n)
	}
	s.refuse(s.remove("alice", "dave", true).frame(), group.ErrFull)

	s.ok(s.policyBy("alice", func(c *commitSpec) { c.unban = s.Bans() }))
	if n := len(s.Bans()); n != 0 {
		t.Fatalf("%d bans after all were lifted", n)
	}
	s.ok(s.remove("alice", "dave", true).frame())
	s.ok(s.commit("alice").frame())
}

// Removing a membership serves all that is pending against it, in whatever
// order the commit has it, and is a ban if one of them says so.
func TestRemovalServesAll(t *testing.T) {
	s := newStage(t, group.Open)
	s.add("bob", "carol")
	frames := [][]byte{
		s.leave("bob").frame(), s.remove("alice", "bob", false).frame(), s.remove("alice", "bob", true).frame(),
	}
	for _, f := range frames {
		s.ok(f)
	}
	good := s.commit("carol")
	for i, bad := range [][][]byte{
		{frames[0]}, frames[:2], frames[1:], {frames[0], frames[2]},
	} {
		c := good
		c.removes = [][][]byte{bad}
		s.t.Logf("subset %d", i)
		s.refuse(s.addressed(c).frame(), group.ErrUnserved)
	}
	c := good
	c.removes = [][][]byte{{frames[2], frames[0], frames[1]}}
	ev := committed(t, s.ok(s.addressed(c).frame()))
	if gone := ev.Removed[0]; !gone.Ban || !gone.Remove || gone.Who.Name != "bob" || fmt.Sprint(gone.By) != "[bob alice alice]" {
		t.Fatalf("event %+v", ev)
	}
	if len(s.Bans()) != 1 || s.Bans()[0] != group.IdentityKey(public(s.actor("bob").id)) {
		t.Fatal("no ban")
	}
}

// A Leave alone needs no rotation, and bans nobody.
func TestLeaveIsNoRemove(t *testing.T) {
	s := newStage(t, group.Open)
	s.add("bob", "carol")
	s.ok(s.leave("bob").frame())
	c := s.commit("carol")
	s.refuse(s.rotating(c).frame(), group.ErrRotation)
	ev := committed(t, s.ok(c.frame()))
	if gone := ev.Removed[0]; gone.Remove || gone.Ban || ev.Rotated || len(s.Bans()) != 0 {
		t.Fatalf("event %+v", ev)
	}
}
