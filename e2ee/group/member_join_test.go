package group_test

import (
	"testing"
	"time"

	"github.com/parley-e2ee/parley/e2ee/group"
)

func TestJoinRefusals(t *testing.T) {
	w, all := invited(t, "alice", "bob", "carol")
	alice, bob := all[0], all[1]
	hour := w.now.Add(time.Hour)
	link := must2(alice.Invitation())
	wantErr(t, w.newcomer("noLink", nil).Join(hour), group.ErrInviteNeeded)
	wantErr(t, w.newcomer("late", link).Join(time.Time{}), group.ErrJoinExpired)
	wantErr(t, bob.Join(hour), group.ErrOperation)
	taken, err := group.Enter(identity(t, "bob"), link.Room, link)
	must(t, err)
	impostor := w.enter(identity(t, "impostor"), taken)
	w.readOne(impostor)
	wantErr(t, impostor.Join(hour), group.ErrNameTaken)

	waiting := w.newcomer("dave", link)
	must(t, waiting.Join(hour))
	wantErr(t, waiting.Join(hour), group.ErrInFlight)
	self, _ := bob.Self()
	must(t, alice.Remove(self.Membership, true))
	w.flush(alice)
	w.flush(waiting)
	w.read()
	w.commit(all[2], group.Changes{})
	if got := lastOf[group.JoinRefused](t, waiting); got.Reason != group.ErrInviteExpired {
		t.Fatalf("dave was told %v", got.Reason)
	}
	wantErr(t, w.newcomer("holder", link).Join(hour), group.ErrInviteExpired)
	fresh := must2(alice.Invitation())
	again, err := group.Enter(bob.id, link.Room, fresh)
	must(t, err)
	banned := &reader{Member: again, id: bob.id}
	banned.stored = [2]group.Records{{}, {}}
	w.readOne(banned)
	wantErr(t, banned.Join(hour), group.ErrBanned)
	w.commit(alice, group.Changes{Unban: []group.IdentityKey{bob.id.Public()}})
	w.readOne(banned)
	must(t, banned.Join(hour))
}

// A Join that a commit overtakes is refused by the log, with the reason.
func TestWaitingJoinIsRefused(t *testing.T) {
	for _, test := range []struct {
		name string
		mode group.Admission
		do   func(w *world, alice *reader, link *group.Invitation)
		want error
	}{
		{"rotated while waiting", group.Invite, func(w *world, alice *reader, _ *group.Invitation) {
			w.commit(alice, group.Changes{Rotate: true})
		}, group.ErrInviteExpired},
		{"mode changed", group.Open, func(w *world, alice *reader, _ *group.Invitation) {
			must(w.t, alice.Commit(group.Changes{Admission: group.Invite}, w.now, refuseAll))
			w.flush(alice)
			w.read()
		}, group.ErrInviteNeeded},
		{"name taken", group.Open, func(w *world, alice *reader, _ *group.Invitation) {
			other, err := group.Enter(identity(w.t, "dave"), alice.Public().RoomID(), nil)
			must(w.t, err)
			r := &reader{Member: other, stored: [2]group.Records{{}, {}}}
			w.readOne(r)
			must(w.t, r.Join(w.now.Add(time.Hour)))
			must(w.t, alice.Commit(group.Changes{}, w.now, nil))
			w.log = append(w.log, r.Unechoed()...)
			w.readOne(r)
			w.flush(alice)
			w.read()
			w.readOne(r)
			if got := lastOf[group.JoinRefused](w.t, r); got.Reason != group.ErrNameTaken {
				w.t.Fatalf("the second dave was told %v", got.Reason)
			}
			w.commit(alice, group.Changes{Rekey: true})
		}, nil},
		{"too many epochs", group.Open, func(w *world, alice *reader, _ *group.Invitation) {
			for range group.JoinWindow + 1 {
				must(w.t, alice.Commit(group.Changes{Rekey: true}, w.now, refuseAll))
				w.flush(alice)
				w.read()
			}
		}, group.ErrJoinExpired},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			alice := w.create("alice", test.mode)
			link := must2(alice.Invitation())
			if test.mode != group.Invite {
				link = nil
			}
			dave := w.newcomer("dave", link)
			must(t, dave.Join(w.now.Add(time.Hour)))
			w.flush(dave)
			w.read()
			test.do(w, alice, link)
			if test.want == nil {
				none[group.JoinRefused](t, dave)
				return
			}
			if got := lastOf[group.JoinRefused](t, dave); got.Reason != test.want {
				t.Fatalf("told %v, want %v", got.Reason, test.want)
			}
			if waiting, _ := dave.Asked(); waiting || group.Waiting(alice.Member) != 0 {
				t.Fatal("a refused Join still waits")
			}
			w.restart(dave)
			w.restart(alice)
		})
	}
}

func refuseAll(group.JoinRequest) error { return group.ErrOperation }

// In a void Join's own echo stands why.
func TestJoinVoidAtItsPlace(t *testing.T) {
	w := newWorld(t)
	alice := w.create("alice", group.Open)
	dave := w.newcomer("dave", nil)
	must(t, dave.Join(w.now.Add(time.Hour)))
	w.commit(alice, group.Changes{Admission: group.Invite})
	if waiting, logged := dave.Asked(); waiting || logged {
		t.Fatal("a Join that cannot be served is not given up")
	}
	w.commit(alice, group.Changes{Admission: group.Open})
	must(t, dave.Join(w.now.Add(time.Hour)))
	must(t, alice.Commit(group.Changes{Admission: group.Invite}, w.now, nil))
	w.log = append(w.log, alice.Unechoed()...)
	w.readOne(alice)
	w.log = append(w.log, dave.Unechoed()...)
	w.read()
	lastOf[group.JoinRefused](t, dave)
}

// A Remove that slips in kills the link before any commit does.
func TestJoinBehindARemove(t *testing.T) {
	w, all := invited(t, "alice", "bob")
	dave := w.newcomer("dave", must2(all[0].Invitation()))
	must(t, dave.Join(w.now.Add(time.Hour)))
	must(t, all[0].Remove(first(all[1].Self()).Membership, false))
	w.flush(all[0])
	w.read()
	w.flush(dave)
	w.read()
	wantErr(t, lastErr(dave), group.ErrInviteExpired)
	if got := lastOf[group.JoinRefused](t, dave); got.Reason != group.ErrInviteExpired {
		t.Fatalf("dave was told %v", got.Reason)
	}
	w.restart(dave)
}

// Joins are served in the order of the log, MaxAdds at a time, before and
// after a restart; expired ones make room.
func TestWaitingJoins(t *testing.T) {
	w := newWorld(t)
	alice := w.create("alice", group.Open)
	names := []string{"q", "a", "z", "m", "b", "y", "c", "x", "d", "w", "e", "v", "f", "u", "g", "t", "h", "s"}
	for _, name := range names {
		r := w.newcomer(name, nil)
		must(t, r.Join(w.now.Add(time.Hour)))
		w.flush(r)
	}
	w.read()
	w.put(w.log[1]) // asked again, and not put behind the others
	w.restart(alice)
	w.commit(alice, group.Changes{})
	for i, name := range names {
		_, in := alice.Public().Lookup(name)
		if in != (i < group.MaxAdds) {
			t.Fatalf("%s, who asked as number %d: in the room %v", name, i, in)
		}
	}
	w.now = w.now.Add(2 * time.Hour)
	if _, serve := alice.Backoff(w.now); serve {
		t.Fatal("alice would serve expired Joins")
	}
	wantErr(t, alice.Commit(group.Changes{}, w.now, nil), group.ErrNothing)
	late := w.newcomer("late", nil)
	must(t, late.Join(w.now))
	before := group.Waiting(alice.Member)
	w.flush(late)
	w.read()
	if group.Waiting(alice.Member) != before {
		t.Fatal("alice keeps a Join that came expired")
	}
}

// A newer Join of the same person takes the older one's place.
func TestNewerJoinReplacesOlder(t *testing.T) {
	w := newWorld(t)
	alice := w.create("alice", group.Open)
	dave := w.newcomer("dave", nil)
	must(t, dave.Join(w.now.Add(time.Hour)))
	w.flush(dave)
	old := dave.Unechoed()[0]
	w.read()
	dave.Abandon()
	dave.Abandon()
	must(t, dave.Join(w.now.Add(2*time.Hour)))
	w.flush(dave)
	w.read()
	w.put(old)
	if n := group.Waiting(alice.Member); n != 1 {
		t.Fatalf("%d Joins wait", n)
	}
	w.restart(alice)
	w.commit(alice, group.Changes{})
	sameEpoch(t, alice, dave)
}

func TestRejoinAfterAnAbandonedOne(t *testing.T) {
	w, all := invited(t, "alice", "bob", "carol")
	alice, bob, carol := all[0], all[1], all[2]
	w.put(group.ForgeCommit(alice.Member, group.Changes{}, w.now, garble(bob)))
	must(t, bob.Join(w.now.Add(time.Hour)))
	w.flush(bob)
	w.read()
	bob.Abandon()
	bob.save()
	w.restart(bob)
	w.commit(carol, group.Changes{})
	none[group.Replaced](t, bob)
	if bob.Status() != group.NoKeys {
		t.Fatalf("bob is %v after a commit served the Join that he gave up", bob.Status())
	}
	w.rejoin(bob, carol)
	sameEpoch(t, bob, carol)
}

func TestNewDeviceDisplacesTheOld(t *testing.T) {
	for _, admission := range []group.Admission{group.Open, group.Invite, group.Admins} {
		w := newWorld(t)
		alice := w.create("alice", admission)
		bob := w.join("bob", alice, must2(alice.Invitation()))
		self, _ := bob.Self()
		w.commit(alice, group.Changes{Admins: []group.Membership{self.Membership, first(alice.Self()).Membership}})
		member, err := group.Enter(bob.id, alice.Public().RoomID(), nil)
		must(t, err)
		second := &reader{Member: member, id: bob.id, stored: [2]group.Records{{}, {}}}
		w.members["bob's second"] = second
		w.readOne(second)
		must(t, second.Join(w.now.Add(time.Hour)))
		w.flush(second)
		w.read()
		wantErr(t, bob.Commit(group.Changes{}, w.now, nil), group.ErrNothing)
		w.commit(alice, group.Changes{})
		lastOf[group.Replaced](t, bob)
		lastOf[group.Admitted](t, second)
		got := lastOf[group.Committed](t, alice).Rejoined
		if len(got) != 1 || !got[0].NewDevice || got[0].Who.Admin || got[0].Who.Membership != self.Membership {
			t.Fatalf("the room saw %+v", got)
		}
		if bob.Status() != group.Displaced || len(group.Secrets(bob.Member)) != 0 {
			t.Fatalf("the old device is %v", bob.Status())
		}
		wantErr(t, bob.Join(w.now.Add(time.Hour)), group.ErrOperation)
		w.restart(bob)
		w.restart(second)
		w.send(alice, "for the new one")
		wantTexts(t, second, "for the new one")
		none[group.Received](t, bob)
		sameEpoch(t, alice, second)
	}
}

func TestInvitationWithoutASeed(t *testing.T) {
	w, all := invited(t, "alice", "erin")
	alice := all[0]
	link := must2(alice.Invitation())
	bob := w.newcomer("bob", link)
	if _, err := bob.Invitation(); err != group.ErrInviteSeed {
		t.Fatalf("a newcomer's link: %v", err)
	}
	must(t, bob.Join(w.now.Add(time.Hour)))
	bob.save()
	w.restart(bob)
	w.flush(bob)
	w.read()
	w.put(group.ForgeCommit(alice.Member, group.Changes{}, w.now, group.Forged{Seed: make([]byte, 32)}))
	lastOf[group.InviteMismatch](t, bob)
	_, err := bob.Invitation()
	wantErr(t, err, group.ErrInviteSeed)
	w.rejoin(alice, all[1])
	carol := w.newcomer("carol", link)
	must(t, carol.Join(w.now.Add(time.Hour)))
	w.flush(carol)
	w.read()
	if _, serve := bob.Backoff(w.now); serve {
		t.Fatal("bob would serve a proof that he cannot salt")
	}
	wantErr(t, bob.Commit(group.Changes{}, w.now, nil), group.ErrNothing)
	w.commit(bob, group.Changes{Rekey: true})
	if len(eventsOf[group.InviteMismatch](bob)) != 1 {
		t.Fatal("bob was told twice")
	}
	w.commit(alice, group.Changes{Rotate: true})
	if must2(bob.Invitation()).Reveal() != must2(alice.Invitation()).Reveal() {
		t.Fatal("a rotation does not repair the seed")
	}
}

func TestJoinerRestartsAtEveryStep(t *testing.T) {
	w := newWorld(t)
	alice := w.create("alice", group.Invite)
	bob := w.newcomer("bob", must2(alice.Invitation()))
	w.restart(bob)
	must(t, bob.Join(w.now.Add(time.Hour)))
	w.flush(bob)
	w.read()
	w.restart(bob)
	w.commit(alice, group.Changes{})
	sameEpoch(t, alice, bob)
}
