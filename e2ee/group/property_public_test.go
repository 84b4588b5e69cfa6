package group_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/parley-e2ee/parley/e2ee/group"
)

// Old Joins and commits after a removal, a leaf of another room, and a removed
// member with the invite of before are void.
func TestProperty10_ReplayedMembership(t *testing.T) {
	s := commitStage(t, group.Invite)
	join := s.join("erin")
	s.ok(join.frame())
	added := s.serve("bob", join)
	s.ok(added)
	s.settle("erin", join)
	oldInvite := s.join("frank")
	s.expel("erin", false)
	s.refuse(join.frame(), group.ErrJoinUsed)
	s.refuse(added, group.ErrEpoch)
	s.refuse(s.serve("bob", join), group.ErrJoinUsed)
	oldInvite.epoch, oldInvite.transcript = s.Epoch(), s.Transcript()
	s.refuse(oldInvite.frame(), group.ErrInvite)
	back := s.join("erin")
	back.proof = oldInvite.proof
	s.refuse(back.frame(), group.ErrInvite)
	s.refuse(s.serve("alice", back), group.ErrInvite)

	other := commitStage(t, group.Invite)
	moved := other.join("erin")
	moved.leaf = newLeafSpec(t, s.RoomID(), "erin", other.actor("erin").id)
	moved.byKey = moved.leaf.byKey
	other.refuse(moved.frame(), group.ErrWrongRoom)

	s = commitStage(t, group.Open)
	s.expel("dave", true)
	s.refuse(s.join("dave").frame(), group.ErrBanned)
}

// Whoever is wrongly addressed, or not, the commit is void for everyone.
func TestProperty12_RecipientSet(t *testing.T) {
	s := commitStage(t, group.Open)
	good := s.commit("bob")
	for _, wrong := range [][]uint8{
		nil, {0}, {0, 2}, {2, 3}, {0, 1, 2, 3}, {0, 2, 3, 4}, {3, 2, 0}, {0, 2, 2, 3}, {0, 2, 3, 255},
	} {
		c := good
		c.to(wrong)
		s.refuse(c.frame(), group.ErrRecipientSet)
	}
	many := good
	many.to(slices.Repeat([]uint8{0}, group.MaxMembers+1))
	s.refuse(many.frame(), group.ErrMalformed)
	s.ok(good.frame())
}

// Of concurrent commits the first valid one wins, whatever the loser served
// is still to be served, and who spams commits does not outrun a Remove.
func TestProperty13_OneWinner(t *testing.T) {
	s := commitStage(t, group.Open)
	reader, err := group.ParsePublic(state(t, s.Public))
	must(t, err)
	joining := s.join("erin")
	first, second := s.commit("bob").frame(), s.serve("carol", joining)
	leave := s.leave("dave").frame()
	start := len(s.log)
	s.ok(leave)
	s.refuse(first, group.ErrUnserved)
	s.refuse(second, group.ErrUnserved)
	winner, loser := s.serve("carol", joining), s.commit("bob").frame()
	s.ok(winner)
	s.refuse(loser, group.ErrEpoch)
	s.refuse(winner, group.ErrEpoch)
	if _, in := s.Lookup("erin"); !in || s.Pending() {
		t.Fatal("the winner served nothing")
	}
	for _, frame := range s.log[start:] {
		_, _ = reader.Apply(frame)
	}
	if !slices.Equal(state(t, reader), state(t, s.Public)) {
		t.Fatal("a second reader sees another winner")
	}

	s.ok(s.remove("alice", "bob", true).frame())
	for range 20 {
		s.refuse(s.commit("bob").frame(), group.ErrPending)
	}
	s.ok(s.commit("carol").frame())
	if _, in := s.Lookup("bob"); in {
		t.Fatal("bob outran his removal")
	}
}

// Members, one without keys, a joiner and an observer hold the same public
// state; a joiner lacks what precedes its epoch.
func TestProperty18_ReadersAgree(t *testing.T) {
	w := newWorld(t)
	alice := w.create("alice", group.Open)
	bob := w.join("bob", alice, nil)
	w.send(alice, "one")
	carol := w.join("carol", bob, nil)
	w.send(bob, "two", "three")
	dave := w.newcomer("dave", nil)
	observe(t, w, alice, bob, carol, dave)

	// bob commits and gives nobody the secrets.
	count, hash := group.Seen(bob.Public())
	self, _ := bob.Self()
	w.log = append(w.log, commitSpec{
		room: bob.Public().RoomID(), epoch: bob.Public().Epoch(), transcript: bob.Public().Transcript(), committer: self.Index,
		seenCount: count, seenHash: hash, recipients: []uint8{0, 2}, by: group.LeafKey(bob.Member),
	}.frame())
	w.read()
	for _, r := range []*reader{alice, carol} {
		if r.Status() != group.NoKeys {
			t.Fatalf("%v is %v", r.Member, r.Status())
		}
	}
	operator := observe(t, w, alice, bob, carol, dave)
	if operator.Epoch() != 3 || fmt.Sprint(operator.Roster()) != "[alice bob carol]" {
		t.Fatalf("epoch %d, roster %v", operator.Epoch(), operator.Roster())
	}
}

// observe reads the log with no keys, and holds every member against that.
func observe(t testing.TB, w *world, readers ...*reader) *group.Public {
	t.Helper()
	operator := group.NewPublic(readers[0].Public().RoomID())
	for _, frame := range w.log {
		_, _ = operator.Apply(slices.Clone(frame))
	}
	for _, r := range readers {
		if !group.Agree(operator, r.Public()) {
			t.Errorf("%v and an observer differ", r.Member)
		}
	}
	return operator
}

// A generation far ahead costs no more than any other void frame, and the
// sender's next Message is valid.
func TestProperty32_GenerationFarAhead(t *testing.T) {
	s := commitStage(t, group.Open)
	s.ok(s.message("bob").frame())
	for _, generation := range []uint64{1002, 1 << 31, 1 << 32, 1<<63 - 1, 1 << 63, 1<<64 - 1} {
		m := s.message("bob")
		m.generation = generation
		s.refuse(m.frame(), group.ErrTooFar)
		wantErr(t, bounded(t, s.Public, m.frame()), group.ErrTooFar)
	}
	s.ok(s.message("bob").frame())
}

// Epochs that are over stay refused, and no leaf that is malformed, or has a
// key of another member's, enters the roster.
func TestProperty37_OldEpochsAndPoisonLeaves(t *testing.T) {
	s := commitStage(t, group.Open)
	old := map[string][]byte{"message": s.message("bob").frame(), "commit": s.commit("bob").frame()}
	for e := range 300 {
		s.quick = e > 3
		s.ok(s.commit("alice").frame())
		if e > 3 && e < 250 {
			continue
		}
		for _, frame := range old {
			s.refuse(frame, group.ErrEpoch)
		}
	}
	poison := map[string]func(*leafSpec){
		"kem of another":      func(l *leafSpec) { l.kem = slices.Clone(s.join("carol").leaf.kem); l.kem[0], l.kem[1] = 0xff, 0x0f },
		"even modulus":        withModulus(2048, 0, 65537),
		"small modulus":       withModulus(1024, 1, 65537),
		"key of another":      func(l *leafSpec) { l.byKey = s.actor("carol").leaf; l.signing = public(l.byKey) },
		"identity of another": func(l *leafSpec) { l.byKey = s.actor("carol").id; l.signing = public(l.byKey) },
		"point of order 8":    func(l *leafSpec) { l.signing = weakKeys()[6] },
	}
	for name, change := range poison {
		t.Run(name, func(t *testing.T) {
			s.t = t
			j := s.join("erin")
			change(&j.leaf)
			j.byKey = j.leaf.byKey
			s.refuse(j.frame(), group.ErrKey)
			s.refuse(s.serve("alice", j), group.ErrKey)
			l := newLeafSpec(t, s.RoomID(), "bob", s.actor("bob").id)
			change(&l)
			c := s.commit("bob")
			c.newLeaf = l.bytes()
			s.refuse(c.frame(), group.ErrKey)
		})
	}
	must(t, group.Unique(s.Public))
	if got := fmt.Sprint(s.Roster()); got != "[alice bob carol dave]" {
		t.Fatalf("roster %s", got)
	}
}
