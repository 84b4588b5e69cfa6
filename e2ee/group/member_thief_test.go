package group_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/cryptobyte"

	"github.com/parley-e2ee/parley/e2ee/group"
	"github.com/parley-e2ee/parley/envelope/compositekem"
	"github.com/parley-e2ee/parley/envelope/fernet"
)

// thief has everything that a device stores, and the whole log. It really
// tries: any 32 bytes of the dump as any secret of the key schedule, any
// private key on any entry, and on from whatever that yields.
type thief struct {
	t      testing.TB
	log    [][]byte
	steps  []group.Step
	kems   []*compositekem.DecapsulationKey
	loot   map[string]bool // 32-byte secrets of unknown use
	chains map[string]bool // first ratchet keys of epochs it got into
}

func newThief(t testing.TB, room group.RoomID, log [][]byte, dumps ...group.Records) *thief {
	th := &thief{t: t, log: log, steps: group.Steps(room, log), loot: make(map[string]bool), chains: make(map[string]bool)}
	for _, dump := range dumps {
		for name, value := range dump {
			th.take(name, value)
		}
	}
	return th
}

func (th *thief) take(name string, value []byte) {
	r := cryptobyte.String(value)
	var leaf, init, frame, next, seed cryptobyte.String
	switch {
	case name == "keys":
		th.takeLeafKey(value)
		value = value[:32+2+64] // then come RSA numbers, which are in no key schedule
	case name == "request" && r.ReadUint16LengthPrefixed(&frame) && r.ReadUint16LengthPrefixed(&leaf) && r.ReadUint16LengthPrefixed(&init):
		th.takeLeafKey(leaf)
		th.takeKEM(init)
		value = value[2+len(frame):] // the frame is public
	case name == "proposal" && r.ReadUint24LengthPrefixed(&frame) && r.ReadUint24LengthPrefixed(&next) &&
		r.ReadUint8LengthPrefixed(&seed) && r.ReadUint16LengthPrefixed(&leaf) && len(leaf) > 0:
		th.takeLeafKey(leaf)
		value = value[3+len(frame) : 3+len(frame)+3+len(next)+1+len(seed)]
	}
	for i := 0; i+32 <= len(value); i++ {
		th.loot[string(value[i:i+32])] = true
	}
}

func (th *thief) takeLeafKey(raw cryptobyte.String) {
	var kem cryptobyte.String
	if !raw.Skip(32) || !raw.ReadUint16LengthPrefixed(&kem) {
		th.t.Fatal("the thief does not understand the keys record")
	}
	th.takeKEM(kem)
}

func (th *thief) takeKEM(raw []byte) {
	dk, err := compositekem.NewDecapsulationKey(raw)
	must(th.t, err)
	th.kems = append(th.kems, dk)
}

// epochs gets into as many epochs as it can.
func (th *thief) epochs() (entered []uint64) {
	var salts [][]byte
	for s := range th.loot {
		salts = append(salts, group.WelcomeSalt([]byte(s)))
	}
	opened := make([][][]byte, len(th.steps))
	for i, step := range th.steps {
		for _, dk := range th.kems {
			opened[i] = append(opened[i], step.Open(dk, append(salts, make([]byte, 32)))...)
		}
	}
	done := make([]bool, len(th.steps))
	for progress := true; progress; {
		progress = false
		for i, step := range th.steps {
			if !done[i] && th.enter(step, opened[i]) {
				done[i], progress = true, true
				entered = append(entered, step.Epoch())
			}
		}
	}
	slices.Sort(entered)
	return entered
}

func (th *thief) enter(step group.Step, opened [][]byte) bool {
	try := func(joiner []byte) bool {
		init, chains, ok := step.Expand(joiner)
		if !ok {
			return false
		}
		th.loot[string(init)] = true
		for _, r := range chains {
			th.chains[string(r)] = true
		}
		return true
	}
	for _, secret := range opened {
		if try(secret) {
			return true
		}
		for s := range th.loot {
			if try(group.Joiner([]byte(s), secret)) {
				return true
			}
		}
	}
	for s := range th.loot {
		if try([]byte(s)) {
			return true
		}
	}
	return false
}

// read gives the texts it can read, in the order of the log.
func (th *thief) read() (texts []string) {
	for _, frame := range th.log {
		if frame[3] != kindOfMessage {
			continue
		}
		if plaintext := th.open(frame); plaintext != nil {
			messages, err := group.Unpack(plaintext)
			must(th.t, err)
			texts = append(texts, string(messages[0].Text))
		}
	}
	return texts
}

const kindOfMessage = 6

func (th *thief) open(frame []byte) []byte {
	_, _, header, token := group.TokenOf(frame)
	try := func(key []byte) []byte {
		k, err := fernet.NewKey(key)
		must(th.t, err)
		plaintext, err := k.AppendOpen(nil, token, time.Time{})
		if err != nil {
			return nil
		}
		return plaintext
	}
	chain := func(r []byte, steps int) []byte {
		next := group.Ratchet(r)
		for range steps {
			if out := try(group.FernetKeyOf(next(), header)); out != nil {
				return out
			}
		}
		return nil
	}
	for r := range th.chains {
		if out := chain([]byte(r), 12); out != nil {
			return out
		}
	}
	for s := range th.loot {
		secret := []byte(s)
		if out := try(secret); out != nil {
			return out
		}
		if out := try(group.FernetKeyOf(secret, header)); out != nil {
			return out
		}
		if out := chain(secret, 3); out != nil {
			return out
		}
	}
	return nil
}

// robbed lets a thief try, and says what it read.
func (w *world) robbed(r *reader, dumps ...group.Records) []string {
	th := newThief(w.t, r.Public().RoomID(), w.log, dumps...)
	th.epochs()
	return th.read()
}

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
