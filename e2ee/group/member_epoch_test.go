package group_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/parley-e2ee/parley/e2ee/group"
)

// Keys are overwritten when they are used: each ratchet by its step, all of
// them by the next epoch, by the loss of the keys and by leaving.
func TestUsedKeysAreOverwritten(t *testing.T) {
	w, all := invited(t, "alice", "bob", "carol")
	alice, bob := all[0], all[1]
	for name, wiped := range map[string]bool{
		"send":    group.WipedBy(alice.Member, 0, func() { w.send(alice, "one") }),
		"receive": group.WipedBy(bob.Member, 0, func() { w.send(alice, "two") }),
	} {
		if !wiped {
			t.Errorf("%s leaves the ratchet key", name)
		}
	}
	for name, do := range map[string]func(){
		"commit":  func() { w.commit(bob, group.Changes{Rekey: true}) },
		"follow":  func() { w.commit(alice, group.Changes{Rekey: true}) },
		"keyless": func() { w.put(group.ForgeCommit(alice.Member, group.Changes{}, w.now, garble(bob))) },
	} {
		old := group.EpochOf(bob.Member)
		if !group.WipedBy(bob.Member, 2, do) {
			t.Errorf("%s leaves the ratchet key", name)
		}
		if slices.Max(old[0]) != 0 || slices.Max(old[1]) != 0 {
			t.Errorf("%s leaves init or authenticator", name)
		}
		if bob.Status() == group.NoKeys {
			w.rejoin(bob, all[2])
		}
		if alice.Status() == group.NoKeys {
			w.rejoin(alice, all[2])
		}
	}
	leaf := group.SigningKey(bob.Member)
	w.commit(bob, group.Changes{NewKeys: true})
	if slices.Max(leaf) != 0 {
		t.Error("new keys leave the old one")
	}
	must(t, bob.Commit(group.Changes{NewKeys: true}, w.now, nil))
	lost := group.ProposalOf(bob.Member)
	w.commit(alice, group.Changes{Rekey: true})
	for _, secret := range lost {
		if slices.Max(secret) != 0 {
			t.Error("a commit that lost leaves its secrets")
		}
	}
	dave := w.newcomer("dave", must2(alice.Invitation()))
	must(t, dave.Join(w.now.Add(time.Hour)))
	leaf = group.RequestKey(dave.Member)
	dave.Abandon()
	if slices.Max(leaf) != 0 {
		t.Error("a Join that is given up leaves its key")
	}
	must(t, bob.Leave())
	w.flush(bob)
	w.read()
	leaf = group.SigningKey(bob.Member)
	if !group.WipedBy(bob.Member, 2, func() { w.commit(alice, group.Changes{}) }) || slices.Max(leaf) != 0 {
		t.Error("leaving leaves keys")
	}
}

// Whoever came into this epoch states no end of the one before, even where it
// knows it.
func TestEndOfTheEpochBefore(t *testing.T) {
	w, all := invited(t, "alice", "bob", "carol")
	alice, bob := all[0], all[1]
	w.put(group.ForgeCommit(alice.Member, group.Changes{}, w.now, garble(bob)))
	w.rejoin(bob, all[2])
	w.send(bob, "back")
	if end := group.EndOf(w.log[len(w.log)-1]); end != (group.Hash{}) {
		t.Fatal("a rejoined member states an end")
	}
	w.send(all[2], "stayed")
	if end := group.EndOf(w.log[len(w.log)-1]); end == (group.Hash{}) {
		t.Fatal("a member who stayed states no end")
	}
	w.commit(all[2], group.Changes{Rekey: true})
	w.send(bob, "one epoch on")
	if end := group.EndOf(w.log[len(w.log)-1]); end == (group.Hash{}) {
		t.Fatal("bob states no end of an epoch that he was in")
	}
	none[group.Forked](t, all[2])
}

// A joiner does not know the Messages before its epoch, and reports no gap.
func TestJoinerHasNoBaseline(t *testing.T) {
	w, all := invited(t, "alice", "bob")
	w.send(all[0], "before carol")
	carol := w.join("carol", all[1], must2(all[0].Invitation()))
	w.send(all[0], "with carol")
	none[group.Gap](t, carol)
	wantTexts(t, carol, "with carol")
	w.commit(all[0], group.Changes{Rekey: true})
	w.send(all[0], "one epoch on")
	none[group.Gap](t, carol)
	none[group.Forked](t, carol)
}

// Whoever goes forgets the Joins of others, too.
func TestGoneForgetsWaitingJoins(t *testing.T) {
	w := newWorld(t)
	alice := w.create("alice", group.Open)
	bob := w.join("bob", alice, nil)
	dave := w.newcomer("dave", nil)
	must(t, dave.Join(w.now.Add(time.Hour)))
	w.flush(dave)
	w.read()
	must(t, bob.Leave())
	w.flush(bob)
	w.read()
	must(t, alice.Commit(group.Changes{}, w.now, refuseAll))
	w.flush(alice)
	w.read()
	if group.Waiting(bob.Member) != 0 || group.Waiting(alice.Member) != 1 {
		t.Fatalf("bob keeps %d, alice %d", group.Waiting(bob.Member), group.Waiting(alice.Member))
	}
	w.restart(bob)
	w.restart(alice)
}

// A rejoin that waits does not bring back whom a commit removed meanwhile.
func TestRemovedIsNotReaddedByItsOldJoin(t *testing.T) {
	w := newWorld(t)
	alice := w.create("alice", group.Open)
	bob := w.join("bob", alice, nil)
	carol := w.join("carol", alice, nil)
	w.put(group.ForgeCommit(alice.Member, group.Changes{}, w.now, garble(bob)))
	must(t, bob.Join(w.now.Add(time.Hour)))
	w.flush(bob)
	w.read()
	must(t, bob.Leave())
	w.flush(bob)
	w.read()
	must(t, carol.Commit(group.Changes{}, w.now, refuseAll))
	w.flush(carol)
	w.read()
	if bob.Status() != group.Gone || group.Waiting(carol.Member) != 0 {
		t.Fatalf("bob is %v, %d Joins wait", bob.Status(), group.Waiting(carol.Member))
	}
}

// A Commit that its readers refuse does not stand in its author's way.
func TestOwnCommitRefused(t *testing.T) {
	w, all := invited(t, "alice", "bob")
	alice := all[0]
	must(t, alice.Commit(group.Changes{Rekey: true}, w.now, nil))
	group.SpoilCommit(alice.Member)
	w.flush(alice)
	w.read()
	wantErr(t, lastErr(alice), group.ErrEntries)
	lastOf[group.CommitLost](t, alice)
	w.commit(alice, group.Changes{Rekey: true})
	sameEpoch(t, all...)
}

func TestWaitingJoinsAreBounded(t *testing.T) {
	w := newWorld(t)
	alice := w.create("alice", group.Open)
	late := w.newcomer("late", nil)
	must(t, late.Join(w.now.Add(2*time.Hour)))
	w.flood(group.MaxWaiting+3, alice)
	w.readOne(alice)
	if n := group.Waiting(alice.Member); n != group.MaxWaiting {
		t.Fatalf("%d Joins wait", n)
	}
	w.now = w.now.Add(time.Hour)
	w.flush(late)
	w.readOne(alice)
	if n := group.Waiting(alice.Member); n != 1 {
		t.Fatalf("%d Joins wait once the others have expired", n)
	}
	w.restart(alice)
}

// flood appends the Joins of n strangers, good for an hour.
func (w *world) flood(n int, in *reader) {
	w.t.Helper()
	for i := range n {
		m := must2(group.Enter(identity(w.t, fmt.Sprint("x", i)), in.Public().RoomID(), nil))
		must2(m.Apply(w.log[0], w.now))
		must(w.t, m.Join(w.now.Add(time.Hour)))
		w.log = append(w.log, m.Unechoed()...)
	}
}

// TestStrangersPutOffNobody floods a member with Joins that it does not serve:
// a member's rejoin from before stays, and who comes after finds a place.
func TestStrangersPutOffNobody(t *testing.T) {
	w := newWorld(t)
	alice := w.create("alice", group.Open)
	bob := w.join("bob", alice, nil)
	device := must2(group.Enter(bob.id, alice.Public().RoomID(), nil))
	for _, frame := range w.log {
		must2(device.Apply(frame, w.now))
	}
	must(t, device.Join(w.now.Add(time.Hour)))
	w.log = append(w.log, device.Unechoed()...)
	w.flood(group.MaxWaiting, alice)
	late := w.newcomer("late", nil)
	must(t, late.Join(w.now.Add(time.Hour)))
	w.flush(late)
	w.readOne(alice)
	must(t, alice.Commit(group.Changes{}, w.now, func(who group.JoinRequest) error {
		if who.Name != "bob" && who.Name != "late" {
			return group.ErrNotMember
		}
		return nil
	}))
	w.flush(alice)
	w.read()
	for _, frame := range w.log[3:] {
		_, _ = device.Apply(frame, w.now)
	}
	if device.Status() != group.Active || late.Status() != group.Active {
		t.Fatalf("bob's device is %v, late is %v", device.Status(), late.Status())
	}
}
