package group_test

import (
	"bytes"
	"reflect"
	"slices"
	"testing"

	"github.com/parley-e2ee/parley/e2ee/group"
)

func TestProperty15_RemovedReadsNothingMore(t *testing.T) {
	w, all := invited(t, "alice", "bob", "carol")
	alice, bob, carol := all[0], all[1], all[2]
	self, _ := bob.Self()
	must(t, alice.Remove(self.Membership, false))
	must2(carol.Seal([]group.AppMessage{{ID: group.MessageID{7}, Text: []byte("overtaken")}}, w.now))
	held := carol.Unechoed()[0]
	w.flush(alice)
	w.readOne(alice)
	must(t, alice.Commit(group.Changes{}, w.now, nil))
	w.flush(alice)
	w.log = append(w.log, held) // of the old epoch, after the commit
	w.read()
	for _, r := range []*reader{alice, bob} {
		wantErr(t, lastErr(r), group.ErrEpoch)
		none[group.Received](t, r)
	}
	lost := lastOf[group.Unsent](t, carol)
	if !slices.Equal(lost.IDs, []group.MessageID{{7}}) {
		t.Fatalf("unsent: %v", lost.IDs)
	}
	must2(carol.Seal([]group.AppMessage{{ID: lost.IDs[0], Text: []byte("overtaken")}}, w.now))
	w.flush(carol)
	w.read()
	wantTexts(t, alice, "overtaken")
	wantTexts(t, bob)
	if bob.Status() != group.Gone {
		t.Fatalf("bob is %v", bob.Status())
	}
}

// unchanged holds that a frame is void for r, why, and that it changed nothing
// but the position.
func unchanged(t testing.TB, w *world, r *reader, frame []byte, want error) {
	t.Helper()
	r.save()
	pub, secret := group.Dump(r.Member)
	at := r.at
	w.log = append(w.log, frame)
	r.at = len(w.log) - 1
	w.step(r)
	w.log, r.at = w.log[:len(w.log)-1], at
	wantErr(t, lastErr(r), want)
	pub2, secret2 := group.Dump(r.Member)
	delete(pub, "public") // holds the position
	delete(pub2, "public")
	if !reflect.DeepEqual(pub, pub2) || !reflect.DeepEqual(secret, secret2) {
		t.Fatal("a void frame changed the state")
	}
	must(t, r.reload())
}

// reload takes back the position that a frame off the log used up.
func (r *reader) reload() (err error) {
	r.Member, err = group.RestoreMember(r.id, r.stored[0], r.stored[1])
	return err
}

func TestProperty19_NobodyForgesAnothersMessage(t *testing.T) {
	w, all := invited(t, "alice", "bob", "carol")
	w.send(all[1], "genuine")
	bob, _ := all[1].Self()
	forged := group.ForgeMessage(all[0].Member, func(f *group.ForgedMessage) {
		f.Sender, f.KeyOf, f.Generation, f.KeyAt = bob.Index, bob.Index, 2, 2
	}, w.now)
	unchanged(t, w, all[2], forged, group.ErrSignature)
	unchanged(t, w, all[1], forged, group.ErrSignature)
	wantTexts(t, all[2], "genuine")
}

func TestProperty20_SecretsDoNotMoveBetweenEpochsAndRooms(t *testing.T) {
	w, all := invited(t, "alice", "bob", "carol")
	alice, bob := all[0], all[1]
	self, _ := bob.Self()
	w.commit(alice, group.Changes{Rekey: true})
	old := group.EntryOf(w.log[len(w.log)-1], self.Index)

	// Bob's entry of the epoch before, byte for byte.
	w.put(group.ForgeCommit(alice.Member, group.Changes{}, w.now, group.Forged{Entry: func(index uint8, ct, box []byte) {
		if index == self.Index {
			copy(ct, old[0])
			copy(box, old[1])
		}
	}}))
	lastOf[group.Keyless](t, bob)
	none[group.Keyless](t, all[2])
	w.rejoin(bob, all[2])
	w.rejoin(alice, all[2])

	// The secret of another room, wrapped for bob in this one.
	other, there := invited(t, "alice", "bob")
	other.commit(there[0], group.Changes{Rekey: true})
	thief := newThief(t, there[1].Public().RoomID(), other.log, there[1].stored[1])
	steps := thief.steps
	secrets := steps[len(steps)-1].Open(thief.kems[0], nil, nil)
	if len(secrets) != 1 {
		t.Fatalf("opened %d secrets of the other room", len(secrets))
	}
	bob.events = nil
	w.put(group.ForgeCommit(alice.Member, group.Changes{}, w.now, group.Forged{Secret: func(index uint8, secret []byte) []byte {
		if index == self.Index {
			return secrets[0]
		}
		return secret
	}}))
	lastOf[group.Keyless](t, bob)
	unchanged(t, w, all[2], other.log[len(other.log)-1], group.ErrWrongRoom)
}

func TestProperty21_SenderIsBound(t *testing.T) {
	w, all := invited(t, "alice", "bob", "carol")
	alice, bob, carol := all[0], all[1], all[2]
	must2(bob.Seal([]group.AppMessage{{Text: []byte("mine")}}, w.now))
	frame := bob.Unechoed()[0]
	_, _, head, token := group.TokenOf(frame)
	sender := len(head) - 32 - 8 - 32 - 32 - 8 - 1
	if frame[sender] != 1 {
		t.Fatalf("no sender at offset %d", sender)
	}
	relabelled := bytes.Clone(frame)
	relabelled[sender] = 0
	unchanged(t, w, carol, relabelled, group.ErrSignature)
	// Alice signs for it that bob's token is her own.
	delete(w.members, "alice")
	w.put(group.ForgeMessage(alice.Member, func(f *group.ForgedMessage) { f.Token = token }, w.now))
	if got := lastOf[group.Undecryptable](t, carol); got.Reason != group.ErrDecrypt || got.From.Name != "alice" {
		t.Fatalf("carol was told %+v", got)
	}
	w.put(frame)
	wantTexts(t, carol, "mine")
}

func TestProperty24_ReplaysAreDeliveredOnce(t *testing.T) {
	w, all := invited(t, "alice", "bob")
	alice, bob := all[0], all[1]
	w.send(alice, "once")
	frame := w.log[len(w.log)-1]
	for _, r := range all {
		w.restart(r)
	}
	w.put(frame, frame)
	wantErr(t, lastErr(bob), group.ErrReplay)
	w.send(alice, "more")
	w.put(frame)
	w.commit(bob, group.Changes{Rekey: true})
	w.put(frame)
	wantErr(t, lastErr(bob), group.ErrEpoch)
	w.put(w.log[:len(w.log)-1]...) // the whole history once more
	wantTexts(t, bob, "once", "more")
	if n := len(eventsOf[group.Delivered](alice)); n != 2 {
		t.Fatalf("alice was told of %d deliveries", n)
	}
	none[group.RolledBack](t, alice)
	none[group.RolledBack](t, bob)
	sameEpoch(t, alice, bob)
}

func TestProperty25_SignedContentHasOneGeneration(t *testing.T) {
	w, all := invited(t, "alice", "bob", "carol")
	alice, carol := all[0], all[2]
	w.send(all[1], "bob's words")
	bob, _ := all[1].Self()
	// Alice knows bob's chain: the words anew, one generation on.
	words, _ := group.Pack([]group.AppMessage{{Text: []byte("bob's words")}})
	again := group.ForgeMessage(alice.Member, func(f *group.ForgedMessage) {
		f.Sender, f.KeyOf, f.Generation, f.KeyAt, f.Plaintext = bob.Index, bob.Index, 2, 2, words
	}, w.now)
	genuine := w.log[len(w.log)-1]
	copy(again[len(again)-64:], genuine[len(genuine)-64:])
	unchanged(t, w, carol, again, group.ErrSignature)
	wantTexts(t, carol, "bob's words")
}

func TestProperty26_OwnFramesReflected(t *testing.T) {
	w, all := invited(t, "alice", "bob")
	alice, bob := all[0], all[1]
	w.send(alice, "mine")
	unchanged(t, w, alice, w.log[len(w.log)-1], group.ErrReplay)
	self, _ := alice.Self()
	forged := group.ForgeMessage(bob.Member, func(f *group.ForgedMessage) {
		f.Sender, f.KeyOf, f.Generation, f.KeyAt = self.Index, self.Index, 2, 2
	}, w.now)
	unchanged(t, w, alice, forged, group.ErrSignature)
	none[group.Received](t, alice)
	// One that only alice's key can have made is not news: it is an alarm.
	must2(alice.Seal([]group.AppMessage{{ID: group.MessageID{9}, Text: []byte("waiting")}}, w.now))
	w.put(group.ForgeMessage(alice.Member, func(f *group.ForgedMessage) { f.KeyAt, f.Generation = 3, 3 }, w.now))
	none[group.Received](t, alice)
	lastOf[group.RolledBack](t, alice)
	if lost := lastOf[group.Unsent](t, alice); lost.IDs[0] != (group.MessageID{9}) {
		t.Fatalf("unsent: %v", lost)
	}
	if len(alice.Unechoed()) != 0 || alice.Status() != group.NoKeys {
		t.Fatalf("alice is %v and sends", alice.Status())
	}
}

// One frame, two readings, would need two epoch secrets under one tag.
func TestProperty30_OneTagOneKey(t *testing.T) {
	for name, split := range map[string]group.Forged{
		"bob's":   {Secret: func(i uint8, s []byte) []byte { return differ(s, i == 1) }},
		"carol's": {Secret: func(i uint8, s []byte) []byte { return differ(s, i == 2) }},
		"both":    {Secret: func(_ uint8, s []byte) []byte { return differ(s, true) }},
	} {
		w, all := invited(t, "alice", "bob", "carol")
		delete(w.members, "alice")
		w.put(group.ForgeCommit(all[0].Member, group.Changes{}, w.now, split))
		in := 0
		for _, r := range all[1:] {
			if r.Status() == group.Active {
				in++
			} else {
				lastOf[group.Keyless](t, r)
			}
		}
		if in == 2 || name == "both" && in == 1 {
			t.Fatalf("%s: members with other secrets went on", name)
		}
	}
}

func differ(secret []byte, yes bool) []byte {
	out := bytes.Clone(secret)
	if yes {
		out[0] ^= 1
	}
	return out
}

// Whatever is wrong with an entry, nobody can tell from outside.
func TestProperty33_UnwrapFailuresLookAlike(t *testing.T) {
	var want []string
	for name := range hostileCommits(world33(t)) {
		w, all := invited(t, "alice", "bob", "carol")
		bob := all[1]
		delete(w.members, "alice")
		bob.events, bob.errs = nil, nil
		w.log = append(w.log, group.ForgeCommit(all[0].Member, group.Changes{}, w.now, hostileCommits(bob)[name]))
		w.step(bob)
		pub, secret := bob.Changes()
		if len(bob.Unechoed()) != 0 {
			t.Fatalf("%s: bob answers", name)
		}
		var got []string
		for _, ev := range bob.events {
			got = append(got, reflect.TypeOf(ev).Name())
		}
		for _, records := range []group.Records{pub, secret} {
			for record, value := range records {
				got = append(got, record, string(rune(len(value))))
			}
		}
		slices.Sort(got)
		if bob.errs[0] != nil || want != nil && !slices.Equal(got, want) {
			t.Fatalf("%s: %v, %q; before %q", name, bob.errs[0], got, want)
		}
		want = got
	}
}

func world33(t testing.TB) *reader {
	_, all := invited(t, "alice", "bob", "carol")
	return all[1]
}

func TestWithheldFramesAreGaps(t *testing.T) {
	w, all := invited(t, "alice", "bob", "carol")
	alice, bob, carol := all[0], all[1], all[2]
	shadow := w.fork(alice)
	shadow.send(alice, "withheld 1")
	shadow.send(alice, "withheld 2")
	shadow.send(alice, "let through")
	w.put(shadow.log[len(shadow.log)-1])
	gaps := eventsOf[group.Gap](bob)
	if len(gaps) != 2 || gaps[0].Ahead != 2 || gaps[1].Generations != 2 || gaps[1].From.Name != "alice" {
		t.Fatalf("bob saw %+v", gaps)
	}
	wantTexts(t, bob, "let through")
	w.send(carol, "after the gap")
	wantTexts(t, bob, "let through", "after the gap")
}
