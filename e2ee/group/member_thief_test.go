package group_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parley-e2ee/parley/e2ee/group"
)

func TestProperty35_DumpOpensNothingEarlier(t *testing.T) {
	w, all := invited(t, "alice", "bob", "carol")
	alice, bob := all[0], all[1]
	beforeAll := bob.copyStore()[1]
	w.send(alice, "early 1")
	w.send(bob, "early 2")
	w.commit(alice, group.Changes{NewKeys: true})
	w.send(bob, "early 3")
	w.commit(all[2], group.Changes{Rotate: false, Rekey: true})
	w.send(alice, "early 4")
	w.send(bob, "early 5")
	w.send(all[2], "early 6")
	complete(t, bob)
	dump := bob.copyStore()[1]
	if got := w.robbed(bob, dump); len(got) != 0 {
		t.Fatalf("with all that bob stores the thief read %q", got)
	}
	// The thief is no fool: it reads on from the dump, and all from an old one.
	w.send(alice, "late 1")
	w.commit(alice, group.Changes{Rekey: true})
	w.send(all[2], "late 2")
	if got := w.robbed(bob, dump); !slices.Equal(got, []string{"late 1", "late 2"}) {
		t.Fatalf("the thief read on: %q", got)
	}
	want := "early 1,early 2,early 3,early 4,early 5,early 6,late 1,late 2"
	if got := strings.Join(w.robbed(bob, beforeAll), ","); got != want {
		t.Fatalf("with the dump of before, the thief read %q", got)
	}
}

// What waits on a device is part of its dump: a Join, a Commit, a Message.
func TestProperty35_WithFramesOnTheirWay(t *testing.T) {
	w, all := invited(t, "alice", "bob")
	alice, bob := all[0], all[1]
	w.send(alice, "early 1")
	w.send(bob, "early 2")
	must2(bob.Seal([]group.AppMessage{{Text: []byte("early 3")}}, w.now))
	must(t, bob.Commit(group.Changes{NewKeys: true}, w.now, nil))
	bob.save()
	complete(t, bob)
	dump := bob.copyStore()[1]
	w.log = append(w.log, bob.Unechoed()[1])
	w.read()
	w.log = slices.Insert(w.log, len(w.log)-1, bob.Unechoed()...)
	if got := w.robbed(bob, dump); len(got) != 0 {
		t.Fatalf("the thief read %q", got)
	}
}

func TestProperty36_NewKeysCloseTheRoomAgain(t *testing.T) {
	for _, heal := range []bool{true, false} {
		w, all := invited(t, "alice", "bob", "carol")
		alice, bob := all[0], all[1]
		dump := bob.copyStore()[1]
		w.send(alice, "stolen 1")
		w.commit(alice, group.Changes{Rekey: true})
		w.send(bob, "stolen 2")
		w.commit(bob, group.Changes{NewKeys: heal, Rekey: true})
		w.send(bob, "safe 1")
		w.send(alice, "safe 2")
		w.commit(all[2], group.Changes{Rekey: true})
		w.send(alice, "safe 3")
		got := strings.Join(w.robbed(bob, dump), ",")
		// His own commit hides one epoch even without new keys, for it has no
		// entry for him, and ends the thief's knowledge of init with it.
		if got != "stolen 1,stolen 2" {
			t.Fatalf("new keys %v: the thief read %q", heal, got)
		}
	}
}

func TestProperty16_JoinerReadsNothingOlder(t *testing.T) {
	w, all := invited(t, "alice", "bob")
	alice := all[0]
	w.send(alice, "early 1")
	carol := w.newcomer("carol", must2(alice.Invitation()))
	must(t, carol.Join(w.now.Add(time.Hour)))
	w.flush(carol)
	asking := carol.copyStore()[1]
	w.read()
	w.send(all[1], "early 2")
	w.commit(alice, group.Changes{})
	dump := carol.copyStore()[1]
	w.send(alice, "late")
	if got := w.robbed(carol, asking, dump); !slices.Equal(got, []string{"late"}) {
		t.Fatalf("the joiner read %q", got)
	}
	wantTexts(t, carol, "late")
}

func TestProperty14_LeaveAndRejoinChangeTheKeys(t *testing.T) {
	w := newWorld(t)
	alice := w.create("alice", group.Open)
	bob := w.join("bob", alice, nil)
	w.send(alice, "one")
	before := must2(bob.Authenticator())
	dump := bob.copyStore()[1]
	must(t, bob.Leave())
	w.flush(bob)
	w.read()
	member, err := group.Enter(bob.id, alice.Public().RoomID(), nil)
	must(t, err)
	again := w.enter(bob.id, member)
	w.readOne(again)
	must(t, again.Join(w.now.Add(time.Hour)))
	w.flush(again)
	w.read()
	w.commit(alice, group.Changes{}) // removes and adds in one
	ev := lastOf[group.Committed](t, alice)
	if len(ev.Removed) != 1 || len(ev.Added) != 1 || len(ev.Rejoined) != 0 {
		t.Fatalf("alice saw %+v", ev)
	}
	w.readOne(bob)
	if bob.Status() != group.Gone || must2(again.Authenticator()) == before {
		t.Fatalf("the bob of before is %v", bob.Status())
	}
	w.send(alice, "two")
	wantTexts(t, again, "two")
	if got := w.robbed(alice, dump); len(got) != 0 {
		t.Fatalf("the keys of before read %q", got)
	}
}

func TestProperty17_SomeoneWhoStaysRekeys(t *testing.T) {
	w, all := invited(t, "alice", "bob", "carol")
	bob := all[1]
	must(t, bob.Leave())
	w.flush(bob)
	w.read()
	dump := bob.copyStore()[1]
	first := all[0]
	if wait, _ := first.Backoff(w.now); wait != 0 {
		first = all[2]
	}
	wait, serve := first.Backoff(w.now)
	if !serve || wait != 0 {
		t.Fatalf("nobody feels called: %v", wait)
	}
	must(t, first.Commit(group.Changes{}, w.now, nil))
	w.flush(first)
	w.read()
	w.send(all[0], "without bob")
	if got := w.robbed(bob, dump, bob.stored[1]); len(got) != 0 {
		t.Fatalf("bob read %q", got)
	}
	if !bytes.Equal([]byte(must2(all[0].Authenticator())), []byte(must2(all[2].Authenticator()))) {
		t.Fatal("those who stay disagree")
	}
}
