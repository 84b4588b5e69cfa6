package group_test

import (
	"bytes"
	"maps"
	"testing"
	"time"

	"github.com/parley-e2ee/parley/e2ee/group"
)

// Property 38 at the state machine: a device that stops at any moment goes
// on from its store with the very same frames, and nothing comes twice.
func TestProperty38_RestartAtEveryMoment(t *testing.T) {
	w := newWorld(t)
	id := identity(t, "alice")
	m, err := group.Create(id, "room", group.Invite)
	must(t, err)
	alice := w.enter(id, m)
	again := func(r *reader) {
		t.Helper()
		r.save()
		before := r.Unechoed()
		w.restart(r)
		after := r.Unechoed()
		if len(before) != len(after) {
			t.Fatalf("%v sends %d frames, and %d after a restart", r, len(before), len(after))
		}
		for i := range before {
			if !bytes.Equal(before[i], after[i]) {
				t.Fatalf("%v repeats a frame otherwise", r)
			}
		}
	}
	carry := func(r *reader) {
		t.Helper()
		again(r)
		w.log = append(w.log, r.Unechoed()...)
		w.log = append(w.log, r.Unechoed()...) // the first answer of the relay was lost
		for _, each := range w.members {
			for each.at < len(w.log) {
				w.step(each)
				again(each)
			}
		}
	}
	carry(alice)
	bob := w.newcomer("bob", must2(alice.Invitation()))
	again(bob)
	must(t, bob.Join(w.now.Add(time.Hour)))
	carry(bob)
	must(t, alice.Commit(group.Changes{NewKeys: true}, w.now, nil))
	carry(alice)
	sameEpoch(t, alice, bob)
	must2(bob.Seal([]group.AppMessage{{ID: messageID(), Text: []byte("hello")}}, w.now))
	carry(bob)
	wantTexts(t, alice, "hello")
	must(t, bob.Leave())
	carry(bob)
	must(t, alice.Commit(group.Changes{}, w.now, nil))
	carry(alice)
	if bob.Status() != group.Gone || len(eventsOf[group.Delivered](bob)) != 1 {
		t.Fatalf("bob is %v", bob.Status())
	}
}

func TestProperty39_OldStore(t *testing.T) {
	type backup = [2]group.Records
	for name, later := range map[string]func(w *world, alice, bob *reader){
		"a Message": func(w *world, alice, bob *reader) { w.send(alice, "later") },
		"a Commit":  func(w *world, alice, bob *reader) { w.commit(alice, group.Changes{Rekey: true}) },
		"new keys":  func(w *world, alice, bob *reader) { w.commit(alice, group.Changes{NewKeys: true}) },
		"a Remove": func(w *world, alice, bob *reader) {
			must(w.t, alice.Remove(first(bob.Self()).Membership, false))
			w.flush(alice)
			w.read()
		},
	} {
		t.Run(name, func(t *testing.T) {
			w, all := invited(t, "alice", "bob", "carol")
			alice, bob, carol := all[0], all[1], all[2]
			w.send(alice, "before")
			var old backup = alice.copyStore()
			later(w, alice, bob)
			w.rollBack(alice, old)
			w.readOne(alice)
			lastOf[group.RolledBack](t, alice)
			lastOf[group.Keyless](t, alice)
			_, err := alice.Seal([]group.AppMessage{{}}, w.now)
			wantErr(t, err, group.ErrConfirmation)
			wantErr(t, alice.Commit(group.Changes{Rekey: true}, w.now, nil), group.ErrConfirmation)
			if len(alice.Unechoed()) != 0 || !samePublic(alice.Public(), carol.Public()) {
				t.Fatal("alice sends, or lost sight of the room")
			}
			w.restart(alice)
			w.rejoin(alice, carol)
			if got := lastOf[group.Committed](t, carol).Rejoined; len(got) != 1 || got[0].NewDevice != (name == "new keys") {
				t.Fatalf("the room saw %+v", got)
			}
			w.send(alice, "after")
			if got := carol.texts(); got[len(got)-1] != "after" {
				t.Fatalf("carol read %q", got)
			}
		})
	}
}

// A backup whose own frames are all in it is no rollback.
func TestOldStoreWithoutNews(t *testing.T) {
	w, all := invited(t, "alice", "bob")
	alice, bob := all[0], all[1]
	must2(alice.Seal([]group.AppMessage{{Text: []byte("one")}}, w.now))
	must(t, alice.Commit(group.Changes{Rekey: true}, w.now, nil))
	alice.save()
	old := alice.copyStore()
	w.flush(alice)
	w.read()
	w.send(bob, "two")
	w.rollBack(alice, old)
	w.readOne(alice)
	none[group.RolledBack](t, alice)
	wantTexts(t, alice, "two")
	sameEpoch(t, alice, bob)
	w.send(alice, "three")
	wantTexts(t, bob, "one", "three")
}

// An own Remove that came back void, and that the relay repeats when it has
// become valid, is no rollback: the member did ask for it.
func TestVoidRemovalRepeatedByTheRelay(t *testing.T) {
	w, all := invited(t, "alice", "bob", "carol")
	alice, bob := all[0], all[1]
	a, b := first(alice.Self()).Membership, first(bob.Self()).Membership
	w.commit(alice, group.Changes{Admins: []group.Membership{a, b}})
	must(t, bob.Leave())
	leave := bob.Unechoed()[0]
	must(t, alice.Remove(first(all[2].Self()).Membership, false))
	remove := alice.Unechoed()[0]
	must(t, bob.Commit(group.Changes{Admins: []group.Membership{b}}, w.now, nil))
	w.put(bob.Unechoed()[1], remove, leave)
	if got := lastOf[group.RemovalRefused](t, alice); got.Reason != group.ErrNotAdmin || got.Who.Name != "carol" {
		t.Fatalf("alice was told %+v", got)
	}
	if got := lastOf[group.RemovalRefused](t, bob); got.Reason != group.ErrLastAdmin {
		t.Fatalf("bob was told %+v", got)
	}
	w.commit(bob, group.Changes{Admins: []group.Membership{a, b}})
	w.restart(alice)
	w.put(remove)
	none[group.RolledBack](t, alice)
	lastOf[group.Pending](t, alice)
	if alice.Status() != group.Active {
		t.Fatalf("alice is %v", alice.Status())
	}
}

// A store that fails: the Member is dropped, and one restored from what was
// stored before reads the same log to the same end.
func TestFailedStore(t *testing.T) {
	w, all := invited(t, "alice", "bob")
	alice, bob := all[0], all[1]
	old := alice.copyStore()
	at := alice.at

	// Reading, where nothing was stored.
	w.send(bob, "one", "two")
	w.commit(bob, group.Changes{NewKeys: true})
	w.send(bob, "three")
	want, wantSecret := group.Dump(alice.Member)
	w.rollBack(alice, [2]group.Records{maps.Clone(old[0]), maps.Clone(old[1])})
	if alice.at != at {
		t.Fatalf("the restored member is at %d, not %d", alice.at, at)
	}
	w.readOne(alice)
	wantTexts(t, alice, "one", "two", "three")
	got, gotSecret := group.Dump(alice.Member)
	for name, value := range want {
		if !bytes.Equal(got[name], value) {
			t.Fatalf("record %q differs", name)
		}
	}
	for name, value := range wantSecret {
		if !bytes.Equal(gotSecret[name], value) {
			t.Fatalf("secret record %q differs", name)
		}
	}

	// Sealing, where nothing was stored and nothing left: the generation is
	// free, and used once.
	must2(alice.Seal([]group.AppMessage{{Text: []byte("never left")}}, w.now))
	w.rollBack(alice, alice.copyStore())
	if len(alice.Unechoed()) != 0 {
		t.Fatal("a frame that was not stored is sent")
	}
	w.send(alice, "left")
	wantTexts(t, bob, "left")
	none[group.Gap](t, bob)

	// Sealing, where nothing was stored and the frame left all the same, which
	// a caller must not let happen: it is found out.
	must2(alice.Seal([]group.AppMessage{{Text: []byte("left too early")}}, w.now))
	early := alice.Unechoed()[0]
	w.rollBack(alice, alice.copyStore())
	must2(alice.Seal([]group.AppMessage{{Text: []byte("same generation")}}, w.now))
	w.log = append(w.log, early)
	w.read()
	lastOf[group.RolledBack](t, alice)
	lastOf[group.Unsent](t, alice)
	if len(alice.Unechoed()) != 0 {
		t.Fatal("alice sends a second frame of the generation")
	}
}

// A member that lost its keys while its own commit was on its way keeps it to
// itself; where it wins all the same, it takes its new leaf key and no more.
func TestOwnCommitWinsWithoutKeys(t *testing.T) {
	w, all := invited(t, "alice", "bob", "carol")
	alice, bob := all[0], all[1]
	must(t, alice.Commit(group.Changes{NewKeys: true}, w.now, nil))
	alice.save()
	commit := alice.Unechoed()[0]
	clone := must2(group.RestoreMember(alice.id, alice.stored[0], alice.stored[1]))
	w.put(group.ForgeMessage(clone, func(*group.ForgedMessage) {}, w.now))
	lastOf[group.RolledBack](t, alice)
	if len(alice.Unechoed()) != 0 {
		t.Fatal("alice sends")
	}
	w.restart(alice)
	w.put(commit)
	if alice.Status() != group.NoKeys || bob.Status() != group.Active || !samePublic(alice.Public(), bob.Public()) {
		t.Fatalf("alice is %v, bob %v", alice.Status(), bob.Status())
	}
	w.restart(alice)
	w.rejoin(alice, bob)
	if got := lastOf[group.Committed](t, bob).Rejoined; got[0].NewDevice {
		t.Fatal("alice has lost her leaf key")
	}
	sameEpoch(t, all...)
}

func TestForkStopsMessagesOnce(t *testing.T) {
	w, all := invited(t, "alice", "bob", "carol")
	alice, bob, carol := all[0], all[1], all[2]
	delete(w.members, "bob")
	w.put(group.ForgeMessage(bob.Member, func(f *group.ForgedMessage) { f.SeenHash = group.Hash{1} }, w.now))
	if got := eventsOf[group.Forked](alice); len(got) != 1 || got[0].From.Name != "bob" || !alice.Forked() {
		t.Fatalf("alice saw %+v", got)
	}
	_, err := alice.Seal([]group.AppMessage{{}}, w.now)
	wantErr(t, err, group.ErrForked)
	w.restart(alice)
	if !alice.Forked() {
		t.Fatal("a restart forgets the accusation")
	}
	w.commit(carol, group.Changes{Rekey: true})
	w.commit(alice, group.Changes{Rekey: true})
	_, err = alice.Seal([]group.AppMessage{{}}, w.now)
	wantErr(t, err, group.ErrForked)
	alice.AcknowledgeFork()
	alice.save()
	w.restart(alice)
	w.put(group.ForgeMessage(bob.Member, func(f *group.ForgedMessage) { f.Transcript = group.Hash{1} }, w.now))
	wantErr(t, lastErr(alice), group.ErrTranscript)
	if got := eventsOf[group.Forked](alice); len(got) != 1 || alice.Forked() {
		t.Fatalf("bob accuses again: %+v", got)
	}
	w.send(alice, "goes out")
	wantTexts(t, carol, "forged", "goes out")
}

// Strangers who come, accuse and go do not fill the memory.
func TestAccusersAreBounded(t *testing.T) {
	w, all := invited(t, "alice", "bob")
	alice, bob := all[0], all[1]
	if !group.Accuse(alice.Member, bob.id.Public()) || group.Accuse(alice.Member, bob.id.Public()) {
		t.Fatal("an accusation is heard once")
	}
	for i := range 5000 {
		group.Accuse(alice.Member, group.IdentityKey{1, byte(i), byte(i >> 8)})
	}
	alice.save()
	if n := len(alice.stored[1]["member"]); n > 40_000 {
		t.Fatalf("the record has %d bytes", n)
	}
	w.restart(alice)
	if group.Accuse(alice.Member, bob.id.Public()) || !alice.Forked() {
		t.Fatal("a member's accusation is forgotten")
	}
}
