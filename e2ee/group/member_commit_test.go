package group_test

import (
	"testing"
	"time"

	"github.com/parley-e2ee/parley/e2ee/group"
)

// Who commits first: the senders of the epoch, the latest first; then an order
// that nobody chooses; and nobody at the same time as another.
func TestBackoffRanks(t *testing.T) {
	w, all := invited(t, "alice", "bob", "carol", "dave", "erin")
	w.send(all[3], "first")
	w.send(all[1], "second")
	w.send(all[3], "third")
	w.send(all[2], "fourth")
	for _, r := range all {
		if _, serve := r.Backoff(w.now); serve {
			t.Fatalf("%v would commit for nothing", r)
		}
	}
	must(t, all[2].Leave())
	w.flush(all[2])
	w.read()
	if _, serve := all[2].Backoff(w.now); serve {
		t.Fatal("a member would commit its own removal")
	}
	step := 250*time.Millisecond + 5*4*time.Millisecond
	waits := make(map[time.Duration]string)
	for _, r := range []*reader{all[0], all[1], all[3], all[4]} {
		wait, serve := r.Backoff(w.now)
		if !serve || wait%step != 0 || wait > 3*step {
			t.Fatalf("%v waits %v, %v", r, wait, serve)
		}
		if other := waits[wait]; other != "" {
			t.Fatalf("%v and %s wait equally long", r, other)
		}
		waits[wait] = r.id.Name()
	}
	// carol, the latest sender, is about to go: she is not counted.
	if waits[0] != "dave" || waits[step] != "bob" {
		t.Fatalf("the order is %v", waits)
	}
	must(t, all[3].Commit(group.Changes{}, w.now, nil))
	if _, serve := all[3].Backoff(w.now); serve {
		t.Fatal("dave would commit twice")
	}
	w.flush(all[3])
	w.read()
	sameEpoch(t, all[0], all[1], all[3], all[4])
}

func TestBackoffForJoins(t *testing.T) {
	w := newWorld(t)
	alice := w.create("alice", group.Admins)
	bob := w.join("bob", alice, nil)
	dave := w.newcomer("dave", nil)
	must(t, dave.Join(w.now.Add(time.Hour)))
	w.flush(dave)
	w.read()
	if _, serve := alice.Backoff(w.now); !serve {
		t.Fatal("the admin does not see the Join")
	}
	if _, serve := bob.Backoff(w.now); serve {
		t.Fatal("bob would serve what only admins may")
	}
	if _, serve := alice.Backoff(w.now.Add(2 * time.Hour)); serve {
		t.Fatal("alice would serve an expired Join")
	}
	var asked []group.JoinRequest
	wantErr(t, alice.Commit(group.Changes{}, w.now, func(r group.JoinRequest) error {
		asked = append(asked, r)
		return group.ErrOperation
	}), group.ErrNothing)
	if len(asked) != 1 || asked[0].Name != "dave" || asked[0].Proof {
		t.Fatalf("admit was asked about %+v", asked)
	}
}

func TestRekeyDue(t *testing.T) {
	const week = 7 * 24 * time.Hour
	if alone := newWorld(t).create("alice", group.Open); alone.RekeyDue(epochStart.Add(2*week), 3, week) {
		t.Fatal("epoch 0 is due")
	}
	w, all := invited(t, "alice", "bob")
	alice := all[0]
	due := func(want bool) {
		t.Helper()
		if got := alice.RekeyDue(w.now, 3, week); got != want {
			t.Fatalf("due %v, want %v", got, want)
		}
	}
	due(false)
	w.send(alice, "1")
	w.send(all[1], "2", "2")
	due(false)
	w.send(alice, "3")
	due(true)
	must(t, alice.Commit(group.Changes{Rekey: true}, w.now, nil))
	due(false)
	w.flush(alice)
	w.read()
	due(false)
	if then := w.now.Add(-2 * week); !alice.RekeyDue(then, 3, week) || !alice.KeysDue(then, week) {
		t.Fatal("a clock that was weeks ahead puts new keys off")
	}
	w.now = w.now.Add(week - time.Second)
	w.restart(alice)
	due(false)
	if alice.KeysDue(w.now, week+time.Second) || !alice.KeysDue(w.now, week-time.Second) {
		t.Fatal("the age of the leaf keys is wrong")
	}
	w.now = w.now.Add(time.Second)
	due(true)
	w.commit(alice, group.Changes{NewKeys: true})
	due(false)
	if alice.KeysDue(w.now, time.Second) || !alice.KeysDue(w.now.Add(time.Second), time.Second) {
		t.Fatal("new leaf keys are old")
	}
	w.now = w.now.Add(time.Hour)
	w.commit(alice, group.Changes{Rekey: true})
	if !alice.KeysDue(w.now, time.Hour) {
		t.Fatal("a commit without new keys made them new")
	}
}

func TestNewKeys(t *testing.T) {
	w, all := invited(t, "alice", "bob")
	alice, bob := all[0], all[1]
	before := group.Secrets(alice.Member)[0]
	self, _ := alice.Self()
	must(t, alice.Commit(group.Changes{NewKeys: true}, w.now, nil))
	alice.save()
	w.restart(alice)
	w.flush(alice)
	w.read()
	if ev := lastOf[group.Committed](t, bob); !ev.KeysReplaced || ev.By.Membership != self.Membership {
		t.Fatalf("bob saw %+v", ev)
	}
	if after := group.Secrets(alice.Member)[0]; string(after) == string(before) {
		t.Fatal("the leaf key is the old one")
	}
	w.restart(alice)
	w.commit(bob, group.Changes{NewKeys: true})
	w.send(alice, "under the new key")
	w.send(bob, "too")
	wantTexts(t, bob, "under the new key")
	wantTexts(t, alice, "too")
	w.commit(alice, group.Changes{NewKeys: true})
	w.commit(bob, group.Changes{Rekey: true})
	sameEpoch(t, alice, bob)
}

func TestChangesThatNoReaderAccepts(t *testing.T) {
	w, all := invited(t, "alice", "bob")
	alice, bob := all[0], all[1]
	for _, test := range []struct {
		by      *reader
		changes group.Changes
		want    error
	}{
		{alice, group.Changes{Admission: 77}, group.ErrOperation},
		{alice, group.Changes{Admins: []group.Membership{{1}}}, group.ErrOperation},
		{alice, group.Changes{Admins: make([]group.Membership, 5000)}, group.ErrOperation},
		{alice, group.Changes{Unban: []group.IdentityKey{{1}}}, group.ErrOperation},
		{alice, group.Changes{}, group.ErrNothing},
		{bob, group.Changes{Rotate: true}, group.ErrNotAdmin},
		{bob, group.Changes{Admission: group.Open}, group.ErrNotAdmin},
		{bob, group.Changes{Unban: []group.IdentityKey{{1}}}, group.ErrNotAdmin},
	} {
		wantErr(t, test.by.Commit(test.changes, w.now, nil), test.want)
		if secret := second(test.by.Changes()); len(secret) != 0 || len(test.by.Unechoed()) != 0 {
			t.Fatalf("%+v: a refusal changed %v", test.changes, secret)
		}
	}
	changes := group.Changes{Admins: []group.Membership{first(bob.Self()).Membership, first(alice.Self()).Membership}}
	given := changes.Admins[0]
	w.commit(alice, changes)
	if changes.Admins[0] != given {
		t.Fatal("the caller's list was sorted")
	}
}

// Property 13, the members' part: of two commits one wins everywhere, and
// what the other wanted is still there to be done.
func TestConcurrentCommits(t *testing.T) {
	w, all := invited(t, "alice", "bob", "carol")
	dave := w.newcomer("dave", must2(all[0].Invitation()))
	must(t, dave.Join(w.now.Add(time.Hour)))
	w.flush(dave)
	w.read()
	for _, r := range all {
		must(t, r.Commit(group.Changes{NewKeys: true}, w.now, nil))
	}
	for _, r := range all {
		w.flush(r)
	}
	for _, r := range all {
		r.save()
		w.restart(r)
	}
	w.read()
	sameEpoch(t, all[0], all[1], all[2], dave)
	none[group.CommitLost](t, all[0])
	lastOf[group.CommitLost](t, all[1])
	lastOf[group.CommitLost](t, all[2])
	w.commit(all[1], group.Changes{NewKeys: true})
	for _, r := range append(all, dave) {
		w.send(r, "hello")
	}
}

// A Message that a commit overtakes is void for everybody, and sealed anew.
func TestMessagesAndCommitCross(t *testing.T) {
	w, all := invited(t, "alice", "bob")
	alice, bob := all[0], all[1]
	must2(alice.Seal([]group.AppMessage{{ID: messageID(), Text: []byte("crossing")}}, w.now))
	must(t, alice.Commit(group.Changes{Rekey: true}, w.now, nil))
	frames := alice.Unechoed()
	alice.save()
	w.restart(alice)
	w.put(frames[1], frames[0])
	wantErr(t, lastErr(alice), group.ErrEpoch)
	lost := lastOf[group.Unsent](t, alice)
	none[group.Received](t, bob)
	must2(alice.Seal([]group.AppMessage{{ID: lost.IDs[0], Text: []byte("crossing")}}, w.now))
	w.flush(alice)
	w.read()
	wantTexts(t, bob, "crossing")
	if got := lastOf[group.Received](t, bob); got.ID != lost.IDs[0] {
		t.Fatal("another ID")
	}
}
