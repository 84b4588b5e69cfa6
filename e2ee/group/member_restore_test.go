package group_test

import (
	"bytes"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/parley-e2ee/parley/e2ee/group"
)

// stores gives members in every state, with something of everything on its way.
func stores(t testing.TB) []*reader {
	w := newWorld(t)
	id := identity(t, "founder")
	m, err := group.Create(id, "room", group.Open)
	must(t, err)
	founder := &reader{Member: m, id: id, stored: [2]group.Records{{}, {}}}
	founder.save()

	alice := w.create("alice", group.Invite)
	link := must2(alice.Invitation())
	bob := w.join("bob", alice, link)
	carol := w.join("carol", bob, link)
	gone := w.join("gone", bob, link)
	waiting := w.newcomer("waiting", link)
	must(t, gone.Leave())
	w.flush(gone)
	w.read()
	w.commit(bob, group.Changes{})
	must(t, waiting.Join(w.now.Add(time.Hour)))
	w.flush(waiting)
	w.read()
	w.send(carol, "one")
	w.send(alice, "two")
	w.put(group.ForgeCommit(bob.Member, group.Changes{}, w.now, garble(carol)))
	must(t, carol.Join(w.now.Add(time.Hour)))
	must2(alice.Seal([]group.AppMessage{{ID: messageID()}}, w.now))
	must(t, alice.Commit(group.Changes{NewKeys: true, Rotate: true}, w.now, nil))
	must(t, alice.Remove(first(bob.Self()).Membership, true))
	all := []*reader{founder, alice, bob, carol, gone, waiting}
	for _, r := range all {
		r.save()
	}
	return all
}

func TestRestoreRefusesOtherRecords(t *testing.T) {
	all := stores(t)
	for _, r := range all {
		if _, err := group.RestoreMember(r.id, r.stored[0], r.stored[1]); err != nil {
			t.Fatalf("%v, %v: %v", r, r.Status(), err)
		}
		refuse := func(what string, stored [2]group.Records) {
			t.Helper()
			m, err := group.RestoreMember(r.id, stored[0], stored[1])
			if err == nil {
				exercise(m)
				t.Errorf("%v, %v: restored with %s", r, r.Status(), what)
				return
			}
			wantErr(t, err, group.ErrState)
		}
		optional := []string{"request", "proposal", "removals", "created", "sealed", "epoch", "keys"}
		for _, name := range slices.Sorted(maps.Keys(r.stored[1])) {
			without := r.copyStore()
			delete(without[1], name)
			keep := name[:min(len(name), 8)] == "waiting/" || slices.Contains(optional, name)
			if !keep {
				refuse("no "+name, without)
			}
			for _, damage := range []func([]byte) []byte{
				func(b []byte) []byte { return b[:len(b)-1] },
				func(b []byte) []byte { return append(b, 0) },
				func(b []byte) []byte { return b[:0] },
			} {
				damaged := r.copyStore()
				damaged[1][name] = damage(bytes.Clone(damaged[1][name]))
				if len(damaged[1][name]) == 0 && name == "removals" {
					continue // none
				}
				refuse("a damaged "+name, damaged)
			}
		}
	}
	if _, err := group.RestoreMember(all[2].id, all[1].stored[0], all[1].stored[1]); err == nil {
		t.Error("bob restored alice's store")
	}
	wantErr(t, second(group.RestoreMember(all[0].id, nil, nil)), group.ErrState)
}

// Records of two moments, together: a ratchet that was used, a Message that is
// already over, leaf keys of before.
func TestRestoreRefusesMixedMoments(t *testing.T) {
	w, all := invited(t, "alice", "bob")
	alice := all[0]
	old := alice.copyStore()
	w.send(alice, "one")
	w.send(all[1], "two")
	must2(alice.Seal([]group.AppMessage{{}}, w.now))
	alice.save()
	mix := func(name string, from [2]group.Records) {
		t.Helper()
		stored := alice.copyStore()
		for i := range stored {
			if value, ok := from[i][name]; ok {
				stored[i][name] = value
			} else {
				delete(stored[i], name)
			}
		}
		if _, err := group.RestoreMember(alice.id, stored[0], stored[1]); err == nil {
			t.Errorf("restored with %q of another moment", name)
		}
	}
	mix("ratchet/00", old)
	mix("ratchet/01", old)
	mix("sealed", old)
	mix("sender/00", old)
	w.flush(alice)
	w.read()
	w.commit(alice, group.Changes{NewKeys: true})
	mix("keys", old)
	mix("seat/00", old)
	must2(alice.Seal([]group.AppMessage{{}}, w.now))
	alice.save()
	sealed := alice.copyStore()
	w.flush(alice)
	w.read()
	w.commit(alice, group.Changes{Rekey: true})
	must2(alice.Seal([]group.AppMessage{{}}, w.now))
	alice.save()
	mix("sealed", sealed)
	w.flush(alice)
	w.read()
	must(t, alice.Commit(group.Changes{NewKeys: true}, w.now, nil))
	alice.save()
	proposed := alice.copyStore()
	w.flush(alice)
	w.read()
	must(t, alice.Commit(group.Changes{NewKeys: true}, w.now, nil))
	alice.save()
	mix("proposal", proposed)
}

// Records that are sound, each for itself, and do not belong here.
func TestRestoreRefusesForeignRecords(t *testing.T) {
	w, all := invited(t, "alice", "bob")
	alice, bob := all[0], all[1]
	dave, erin := w.newcomer("dave", must2(alice.Invitation())), w.newcomer("erin", must2(alice.Invitation()))
	must(t, dave.Join(w.now.Add(time.Hour)))
	must(t, erin.Join(w.now.Add(time.Hour)))
	w.flush(dave)
	w.read()
	for _, r := range []*reader{alice, bob} {
		must(t, r.Commit(group.Changes{}, w.now, nil))
	}
	for _, r := range w.members {
		r.save()
	}
	refuse := func(what string, r *reader, change func(secret group.Records)) {
		t.Helper()
		stored := r.copyStore()
		change(stored[1])
		_, err := group.RestoreMember(r.id, stored[0], stored[1])
		if err == nil {
			t.Errorf("restored with %s", what)
		}
	}
	refuse("another's Join", dave, func(s group.Records) { s["request"] = erin.stored[1]["request"] })
	refuse("another's Commit", alice, func(s group.Records) { s["proposal"] = bob.stored[1]["proposal"] })
	refuse("a ratchet too many", alice, func(s group.Records) { s["ratchet/09"] = s["ratchet/01"] })
	refuse("a ratchet in other letters", alice, func(s group.Records) { s["ratchet/0A"] = s["ratchet/01"] })
	refuse("a ratchet too few", alice, func(s group.Records) { delete(s, "ratchet/01") })
	refuse("ratchets without keys", dave, func(s group.Records) { s["ratchet/01"] = alice.stored[1]["ratchet/01"] })
	refuse("a short init", alice, func(s group.Records) {
		s["epoch"] = append([]byte{31}, s["epoch"][2:]...)
	})
	refuse("a renamed Join", alice, func(s group.Records) {
		for name, value := range s {
			if name[0] == 'w' {
				delete(s, name)
				s["waiting/00"] = value
			}
		}
	})
	refuse("a Commit without all ratchets", alice, func(s group.Records) {
		r := &cut{t, s["proposal"]}
		frame, next := r.take(-3), r.take(-3)
		next = next[:len(next)-33]
		s["proposal"] = bytes.Join([][]byte{u24(len(frame)), frame, u24(len(next)), next, r.s}, nil)
	})
}

// What a member hands out is not what it keeps.
func TestHandedOutBytesAreCopies(t *testing.T) {
	for _, r := range stores(t) {
		spoil := func() {
			for _, frame := range r.Unechoed() {
				clear(frame)
			}
			frame, _, _ := r.Requested()
			clear(frame)
			public, secret := r.Changes()
			for _, records := range []group.Records{public, secret} {
				for _, value := range records {
					clear(value)
				}
			}
		}
		before := r.Unechoed()
		spoil()
		r.Member.AcknowledgeFork()
		spoil()
		for i, frame := range r.Unechoed() {
			if !bytes.Equal(frame, before[i]) {
				t.Fatalf("%v sends a frame that its caller spoiled", r)
			}
		}
		complete(t, r)
	}
	m := must2(group.Create(identity(t, "alice"), "room", group.Open))
	before := m.Unechoed()[0]
	clear(second(m.Changes())["created"])
	if !bytes.Equal(m.Unechoed()[0], before) {
		t.Fatal("the Create is its caller's")
	}
}

// exercise asks a member for all that it does; nothing of it may panic.
func exercise(m *group.Member) {
	now := epochStart
	m.Unechoed()
	m.Requested()
	m.Self()
	m.Invitation()
	m.Authenticator()
	m.Backoff(now)
	m.RekeyDue(now, 10, time.Hour)
	m.Seal([]group.AppMessage{{Text: []byte("text")}}, now)
	m.Commit(group.Changes{Rekey: true, NewKeys: true}, now, nil)
	m.Leave()
	m.Join(now.Add(time.Hour))
	m.Changes()
}
