package group_test

import (
	"testing"
	"time"

	"github.com/parley-e2ee/parley/e2ee/group"
)

// keyless rolls a member back to before its last message, which it then meets.
func (w *world) keyless(r *reader) {
	w.t.Helper()
	r.save()
	old := r.copyStore()
	w.send(r, "unknown to its old store")
	w.rollBack(r, old)
	w.read()
	if r.Status() != group.NoKeys {
		w.t.Fatalf("%v is %v", r, r.Status())
	}
}

func wantLost(t *testing.T, want bool, readers ...*reader) {
	t.Helper()
	for _, r := range readers {
		if got := r.Lost(); got != want {
			t.Errorf("%v: Lost is %v, want %v", r, got, want)
		}
	}
}

// TestLost: a room is lost to those without keys when all others have none
// either, and say so, or are about to be out.
func TestLost(t *testing.T) {
	w := newWorld(t)
	alice := w.create("alice", group.Open)
	w.commit(alice, group.Changes{Rekey: true})
	bob, carol := w.join("bob", alice, nil), w.join("carol", alice, nil)
	w.newcomer("nobody", nil)
	self := func(r *reader) group.Membership { return must2(personOf(r)).Membership }
	w.commit(alice, group.Changes{Admins: []group.Membership{self(alice), self(bob)}})
	wantLost(t, false, alice, bob, carol, w.members["nobody"])

	w.keyless(bob)
	w.keyless(carol)
	device := w.enter(carol.id, must2(group.Enter(carol.id, alice.Public().RoomID(), nil)))
	delete(w.members, "carol")
	w.members["device"], w.members["carol"] = device, carol
	w.readOne(device)
	wantLost(t, false, alice, bob, carol, device)
	must(t, bob.Join(w.now.Add(time.Hour)))
	w.flush(bob)
	w.read()
	wantLost(t, false, alice, bob, carol, device)
	must(t, alice.Leave()) // who leaves serves nobody
	w.flush(alice)
	w.read()
	wantLost(t, false, alice, bob)
	wantLost(t, true, carol, device)
	w.restart(device)
	w.restart(carol)
	wantLost(t, true, carol, device)
	must(t, device.Join(w.now.Add(time.Hour)))
	w.flush(device)
	w.read()
	wantLost(t, true, bob, carol, device)
	wantLost(t, false, alice, w.members["nobody"])
}

// TestNotLostWhenServed forgets who asked when that one was served.
func TestNotLostWhenServed(t *testing.T) {
	w := newWorld(t)
	alice := w.create("alice", group.Open)
	bob, carol := w.join("bob", alice, nil), w.join("carol", alice, nil)
	w.keyless(bob)
	w.rejoin(bob, alice)
	w.keyless(carol)
	w.keyless(alice)
	wantLost(t, false, alice, bob, carol)
	must(t, alice.Join(w.now.Add(time.Hour)))
	w.flush(alice)
	w.read()
	wantLost(t, false, alice, bob, carol)
	w.commit(bob, group.Changes{})
	wantLost(t, false, alice, bob, carol)
	sameEpoch(t, alice, bob)
}
