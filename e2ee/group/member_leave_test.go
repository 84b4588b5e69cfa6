package group_test

import (
	"testing"
	"time"

	"github.com/parley-e2ee/parley/e2ee/group"
)

func TestLastAdminHandsOver(t *testing.T) {
	w, all := invited(t, "alice", "bob", "carol")
	alice, bob, carol := all[0], all[1], all[2]
	wantErr(t, alice.Leave(), group.ErrLastAdmin)
	self, _ := alice.Self()
	wantErr(t, bob.Remove(self.Membership, false), group.ErrNotAdmin)
	other, _ := bob.Self()
	wantErr(t, bob.Commit(group.Changes{Admins: []group.Membership{other.Membership}}, w.now, nil), group.ErrNotAdmin)
	w.commit(alice, group.Changes{Admins: []group.Membership{other.Membership}})
	must(t, alice.Leave())
	wantErr(t, alice.Leave(), group.ErrInFlight)
	w.flush(alice)
	w.read()
	wantErr(t, alice.Leave(), group.ErrPending)
	must(t, bob.Remove(self.Membership, true))
	w.flush(bob)
	w.read()
	w.commit(carol, group.Changes{})
	gone := lastOf[group.Expelled](t, alice)
	if !gone.Ban || !gone.Remove || len(gone.By) != 2 || alice.Status() != group.Gone {
		t.Fatalf("alice is %v: %+v", alice.Status(), gone)
	}
	sameEpoch(t, bob, carol)
}

// Whoever leaves, is removed or banned holds nothing and reads nothing more.
func TestGone(t *testing.T) {
	for name, ban := range map[string]*bool{"leave": nil, "remove": ptr(false), "ban": ptr(true)} {
		t.Run(name, func(t *testing.T) {
			w, all := invited(t, "alice", "bob", "carol")
			alice, bob := all[0], all[1]
			self, _ := bob.Self()
			if ban == nil {
				must(t, bob.Leave())
				w.flush(bob)
			} else {
				must(t, alice.Remove(self.Membership, *ban))
				w.flush(alice)
			}
			w.read()
			w.commit(all[2], group.Changes{})
			w.send(alice, "without bob")
			gone := lastOf[group.Expelled](t, bob)
			if bob.Status() != group.Gone || gone.Who.Name != "bob" || gone.Remove != (ban != nil) || gone.Ban != (ban != nil && *ban) {
				t.Fatalf("bob is %v: %+v", bob.Status(), gone)
			}
			none[group.Received](t, bob)
			wantErr(t, bob.Join(w.now.Add(time.Hour)), group.ErrOperation)
			wantErr(t, bob.Leave(), group.ErrNotMember)
			wantErr(t, bob.Remove(self.Membership, false), group.ErrNotMember)
			_, err := bob.Seal([]group.AppMessage{{}}, w.now)
			wantErr(t, err, group.ErrNotMember)
			wantErr(t, bob.Commit(group.Changes{Rekey: true}, w.now, nil), group.ErrNotMember)
			if _, ok := bob.Self(); ok || len(group.Secrets(bob.Member)) != 0 || len(bob.Unechoed()) != 0 {
				t.Fatal("bob still holds secrets of the room, or sends")
			}
			w.restart(bob)
			if ban != nil {
				if rotated := bob.Public().InviteKey() == all[0].Public().InviteKey(); !rotated {
					t.Fatal("a member who is gone lost sight of the room")
				}
			}
			sameEpoch(t, alice, all[2])
		})
	}
}

func ptr[T any](v T) *T { return &v }

// A Leave or Remove that slips in voids the commits that do not serve it, and
// their senders learn it at once: nobody waits for a commit that cannot win.
func TestRemovalVoidsCommitsOnTheirWay(t *testing.T) {
	w, all := invited(t, "alice", "bob")
	alice, bob := all[0], all[1]
	must(t, alice.Commit(group.Changes{NewKeys: true}, w.now, nil))
	must(t, bob.Leave())
	w.flush(bob)
	w.read()
	lastOf[group.CommitLost](t, alice)
	if len(alice.Unechoed()) != 0 {
		t.Fatal("alice repeats a commit that cannot win")
	}
	w.commit(alice, group.Changes{})
	if bob.Status() != group.Gone || alice.Status() != group.Active {
		t.Fatalf("bob is %v, alice %v", bob.Status(), alice.Status())
	}

	w, all = invited(t, "alice", "bob")
	alice, bob = all[0], all[1]
	must(t, alice.Commit(group.Changes{Rekey: true}, w.now, nil))
	w.log = append(w.log, group.LeaveOf(bob.Member))
	w.flush(alice)
	w.read()
	wantErr(t, lastErr(alice), group.ErrUnserved)
	w.restart(alice)
	w.commit(alice, group.Changes{})
	w.send(alice, "alone")
	lastOf[group.Delivered](t, alice)
}

// An own Commit that comes back void is lost, too.
func TestVoidEchoOfACommit(t *testing.T) {
	w, all := invited(t, "alice", "bob")
	alice, bob := all[0], all[1]
	must(t, alice.Commit(group.Changes{Rekey: true}, w.now, nil))
	must(t, bob.Commit(group.Changes{Rekey: true}, w.now, nil))
	w.flush(bob)
	w.flush(alice)
	w.read()
	lastOf[group.CommitLost](t, alice)
	none[group.CommitLost](t, bob)
	sameEpoch(t, alice, bob)
	w.send(alice, "both go on")
	wantTexts(t, bob, "both go on")
}

func TestRemovalRefused(t *testing.T) {
	w, all := invited(t, "alice", "bob", "carol")
	alice, bob, carol := all[0], all[1], all[2]
	target, _ := carol.Self()
	must(t, alice.Remove(target.Membership, true))
	must(t, carol.Leave())
	w.flush(carol)
	w.read()
	w.commit(bob, group.Changes{})
	refused := lastOf[group.RemovalRefused](t, alice)
	if refused.Who.Name != "carol" || refused.Reason != group.ErrNotMember || len(alice.Unechoed()) != 0 {
		t.Fatalf("alice was told %+v", refused)
	}
	must(t, alice.Commit(group.Changes{Admins: []group.Membership{first(bob.Self()).Membership}}, w.now, nil))
	must(t, alice.Remove(first(bob.Self()).Membership, false))
	frames := alice.Unechoed()
	w.put(frames[1], frames[0])
	if refused = lastOf[group.RemovalRefused](t, alice); refused.Who.Name != "bob" || refused.Reason != group.ErrNotAdmin {
		t.Fatalf("alice was told %+v", refused)
	}
	w.restart(alice)
}

func first[A, B any](a A, _ B) A { return a }

// Who wanted to leave and is removed is not told that leaving failed.
func TestRemovedWhileLeaving(t *testing.T) {
	w, all := invited(t, "alice", "bob")
	must(t, all[1].Leave())
	must(t, all[0].Remove(first(all[1].Self()).Membership, false))
	w.flush(all[0])
	w.read()
	w.commit(all[0], group.Changes{})
	lastOf[group.Expelled](t, all[1])
	none[group.RemovalRefused](t, all[1])
}

func TestRefusedRemovalsAreBounded(t *testing.T) {
	w, all := invited(t, "alice", "bob")
	for i := range 200 {
		group.Refuse(all[0].Member, group.Hash{byte(i), 1})
		group.Refuse(all[0].Member, group.Hash{byte(i), 1})
	}
	all[0].save()
	if n := len(all[0].stored[1]["member"]); n > 64*32+200 {
		t.Fatalf("the record has %d bytes", n)
	}
	w.restart(all[0])
}

// A Remove that the relay held back is done once a commit serves it inline.
func TestHeldBackRemoveIsServedInline(t *testing.T) {
	w, all := invited(t, "alice", "bob", "carol")
	alice, bob, carol := all[0], all[1], all[2]
	target, _ := carol.Self()
	must(t, alice.Remove(target.Membership, false))
	frame := alice.Unechoed()[0]
	shadow := w.fork(bob)
	shadow.put(frame)
	must(t, bob.Commit(group.Changes{}, w.now, nil))
	commit := bob.Unechoed()[0]
	w.put(commit)
	if len(alice.Unechoed()) != 0 || carol.Status() != group.Gone {
		t.Fatalf("carol is %v, alice sends %d frames", carol.Status(), len(alice.Unechoed()))
	}
	none[group.RemovalRefused](t, alice)
	none[group.RolledBack](t, alice)
}

// fork is another log, as a lying relay shows it to one member.
func (w *world) fork(r *reader) *world {
	delete(w.members, r.id.Name())
	return &world{t: w.t, now: w.now, log: append([][]byte(nil), w.log...), members: map[string]*reader{r.id.Name(): r}}
}
