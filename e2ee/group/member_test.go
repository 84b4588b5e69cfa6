package group_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/parley-e2ee/parley/e2ee/group"
)

func TestTwoMembersTalk(t *testing.T) {
	w := newWorld(t)
	alice := w.create("alice", group.Open)
	bob := w.join("bob", alice, nil)
	w.send(alice, "Test message")
	w.send(bob, "Reply received")
	wantTexts(t, bob, "Test message")
	wantTexts(t, alice, "Reply received")
	sameEpoch(t, alice, bob)
	w.restart(alice)
	w.restart(bob)
	w.send(bob, "one", "two")
	w.send(alice, "three")
	wantTexts(t, alice, "Reply received", "one", "two")
	sent := lastOf[group.Received](t, bob)
	if sent.From.Name != "alice" || sent.Kind != 1 || !sent.SentAt.Equal(w.now) {
		t.Fatalf("bob got %#v", sent)
	}
}

// invited is a room in which each of names came by the link of the one before.
func invited(t testing.TB, names ...string) (*world, []*reader) {
	t.Helper()
	w := newWorld(t)
	all := []*reader{w.create(names[0], group.Invite)}
	for _, name := range names[1:] {
		host := all[len(all)-1]
		link, err := host.Invitation()
		must(t, err)
		all = append(all, w.join(name, host, link))
	}
	return w, all
}

func TestLinksOfJoinersAdmit(t *testing.T) {
	w, all := invited(t, "alice", "bob", "carol", "dave")
	sameEpoch(t, all...)
	first, err := all[0].Invitation()
	must(t, err)
	last, err := all[3].Invitation()
	must(t, err)
	if first.Reveal() != last.Reveal() || first.Room != last.Room {
		t.Fatal("the link of a joiner is another than the creator's")
	}
	again := group.NewInvitation(last.Room, last.Reveal())
	w.join("erin", all[1], again)
	w.commit(all[0], group.Changes{Rotate: true})
	for _, r := range all {
		fresh, err := r.Invitation()
		must(t, err)
		if fresh.Reveal() == first.Reveal() {
			t.Fatalf("%v hands out the old link", r)
		}
	}
	w.join("frank", all[3], must2(all[2].Invitation()))
	_, err = group.Enter(identity(t, "x"), group.RoomID{1}, first)
	wantErr(t, err, group.ErrWrongRoom)
}

func must2[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func TestEpochZeroNeedsACommit(t *testing.T) {
	w := newWorld(t)
	alice := w.create("alice", group.Open)
	queue := []group.AppMessage{{Text: []byte("hello")}}
	_, err := alice.Seal(queue, w.now)
	wantErr(t, err, group.ErrCommitFirst)
	_, err = alice.Authenticator()
	wantErr(t, err, group.ErrCommitFirst)
	wantErr(t, alice.Commit(group.Changes{}, w.now, nil), group.ErrNothing)
	w.commit(alice, group.Changes{Rekey: true})
	w.send(alice, "hello")
	lastOf[group.Delivered](t, alice)
}

// Of Creates under one header, which only one identity can make, the first in
// the log wins; the device whose leaf is not in it may join like another.
func TestCreateOfAnotherDeviceCameFirst(t *testing.T) {
	w := newWorld(t)
	id := identity(t, "alice")
	m := must2(group.Create(id, "room", group.Open))
	alice := w.enter(id, m)
	alice.save()
	w.put(group.CreateAgain(m))
	w.put(alice.Unechoed()...)
	if alice.Status() != group.Joining || len(alice.Unechoed()) != 0 || len(group.Secrets(m)) != 0 {
		t.Fatalf("alice is %v", alice.Status())
	}
	w.restart(alice)
	must(t, alice.Join(w.now.Add(time.Hour)))
}

func TestCreate(t *testing.T) {
	id := identity(t, "alice")
	_, err := group.Create(id, "", group.Open)
	wantErr(t, err, group.ErrName)
	_, err = group.Create(id, "room", 9)
	wantErr(t, err, group.ErrOperation)
	w := newWorld(t)
	m, err := group.Create(id, "room", group.Open)
	must(t, err)
	alice := w.enter(id, m)
	wantErr(t, alice.Join(w.now), group.ErrNotCreated)
	wantErr(t, alice.Leave(), group.ErrNotMember)
	wantErr(t, alice.Commit(group.Changes{Rekey: true}, w.now, nil), group.ErrNotMember)
	_, err = alice.Seal([]group.AppMessage{{}}, w.now)
	wantErr(t, err, group.ErrNotMember)
	alice.save()
	w.restart(alice)
	w.flush(alice)
	w.read()
	if self, ok := alice.Self(); !ok || !self.Admin || self.Name != "alice" || alice.Status() != group.Active {
		t.Fatalf("the creator is %v, %+v", alice.Status(), self)
	}
	if len(alice.Unechoed()) != 0 {
		t.Fatal("the Create is still on its way")
	}
	w.put(w.log[0])
	wantErr(t, lastErr(alice), group.ErrCreated)
}

func TestSealRefuses(t *testing.T) {
	w, all := invited(t, "alice", "bob")
	alice, bob := all[0], all[1]
	_, err := alice.Seal(nil, w.now)
	wantErr(t, err, group.ErrNothing)
	_, err = alice.Seal([]group.AppMessage{{}, {Text: make([]byte, group.MaxTextSize+1)}}, w.now)
	wantErr(t, err, group.ErrTooLarge)
	if secret := second(alice.Changes()); len(secret) != 0 {
		t.Fatalf("refusals changed %v", secret)
	}
	w.send(alice, string(make([]byte, group.MaxTextSize)))
	if got := bob.texts(); len(got) != 1 || len(got[0]) != group.MaxTextSize {
		t.Fatal("the largest text did not arrive")
	}
	must2(alice.Seal([]group.AppMessage{{}}, w.now))
	_, err = alice.Seal([]group.AppMessage{{}}, w.now)
	wantErr(t, err, group.ErrInFlight)
	w.flush(alice)
	w.read()

	must(t, bob.Leave())
	w.flush(bob)
	w.read()
	_, err = bob.Seal([]group.AppMessage{{}}, w.now)
	wantErr(t, err, group.ErrPending)
	wantErr(t, bob.Commit(group.Changes{Rekey: true}, w.now, nil), group.ErrPending)
	_, err = alice.Seal([]group.AppMessage{{}}, w.now)
	wantErr(t, err, group.ErrCommitFirst)
	must(t, alice.Commit(group.Changes{}, w.now, nil))
	_, err = alice.Seal([]group.AppMessage{{}}, w.now)
	wantErr(t, err, group.ErrInFlight)
	wantErr(t, alice.Commit(group.Changes{}, w.now, nil), group.ErrInFlight)
}

func second[A, B any](_ A, b B) B { return b }

func TestSealBeforeTheClockIsSet(t *testing.T) {
	w, all := invited(t, "alice", "bob")
	w.now = time.Unix(-5, 0)
	w.send(all[0], "hello")
	if got := lastOf[group.Received](t, all[1]); !got.SentAt.Equal(time.Unix(0, 0)) {
		t.Fatalf("sent at %v", got.SentAt)
	}
}

// Sends that queue up while one is in flight share one frame.
func TestQueueSharesAFrame(t *testing.T) {
	w, all := invited(t, "alice", "bob")
	frames := len(w.log)
	var queue []group.AppMessage
	for i := range 300 {
		queue = append(queue, group.AppMessage{ID: messageID(), Kind: uint8(i), Text: make([]byte, 10_000)})
	}
	for rest := queue; len(rest) > 0; {
		n := must2(all[0].Seal(rest, w.now))
		if ids := all[0].InFlight(); len(ids) != n || ids[0] != rest[0].ID {
			t.Fatal("the wrong messages are in flight")
		}
		rest = rest[n:]
		w.flush(all[0])
		w.read()
	}
	got := eventsOf[group.Received](all[1])
	if len(got) != len(queue) || len(w.log)-frames > 4 {
		t.Fatalf("%d messages in %d frames", len(got), len(w.log)-frames)
	}
	for i := range queue {
		if got[i].ID != queue[i].ID || got[i].Kind != queue[i].Kind {
			t.Fatalf("message %d came out of order", i)
		}
	}
	for i := range got[:len(got)-1] {
		grown := append(got[i].Text, bytes.Repeat([]byte{0xff}, 100)...)
		if _, want := grown, queue[i+1].Text; !bytes.Equal(got[i+1].Text, want) {
			t.Fatal("texts share memory")
		}
	}
}

func TestDigits(t *testing.T) {
	got := group.Digits(make([]byte, 32))
	if len(got) != 71 || got == group.Digits(append(make([]byte, 31), 1)) {
		t.Fatalf("digits %q", got)
	}
	for i, c := range got {
		if want := i%6 == 5; want != (c == ' ') || !want && (c < '0' || c > '9') {
			t.Fatalf("digits %q", got)
		}
	}
}

func TestStatusNames(t *testing.T) {
	seen := make(map[string]bool)
	for s := range group.Displaced + 2 {
		seen[s.String()] = true
	}
	if len(seen) != 6 {
		t.Fatalf("%d names of states: %v", len(seen), seen)
	}
}
