package group_test

import (
	"bytes"
	"crypto/rand"
	"testing"
	"time"

	"github.com/parley-e2ee/parley/e2ee/group"
)

// garble spoils the victim's entry.
func garble(victim *reader) group.Forged {
	self, _ := victim.Self()
	return group.Forged{Entry: func(index uint8, _, box []byte) {
		if index == self.Index {
			box[20] ^= 1
		}
	}}
}

// hostileCommits are those that keep victim from the epoch's secrets.
func hostileCommits(victim *reader) map[string]group.Forged {
	self, _ := victim.Self()
	only := func(change func(ct, box []byte)) group.Forged {
		return group.Forged{Entry: func(index uint8, ct, box []byte) {
			if index == self.Index {
				change(ct, box)
			}
		}}
	}
	return map[string]group.Forged{
		"nonce":       only(func(_, box []byte) { box[0] ^= 1 }),
		"box":         only(func(_, box []byte) { box[20] ^= 1 }),
		"tag":         only(func(_, box []byte) { box[59] ^= 1 }),
		"ML-KEM half": only(func(ct, _ []byte) { ct[5] ^= 1 }),
		"RSA half":    only(func(ct, _ []byte) { ct[1200] ^= 1 }),
		"RSA too big": only(func(ct, _ []byte) { copy(ct[1088:], bytes.Repeat([]byte{0xff}, 256)) }),
		"noise":       only(func(ct, box []byte) { rand.Read(ct); rand.Read(box) }),
		"other secret": {Secret: func(index uint8, secret []byte) []byte {
			if index == self.Index {
				return make([]byte, 32)
			}
			return secret
		}},
		"other role": {Role: func(index uint8) uint8 {
			if index == self.Index {
				return 2
			}
			return 1
		}},
	}
}

func TestProperty29_VictimOfAGarbledEntry(t *testing.T) {
	w, all := invited(t, "alice", "bob", "carol")
	alice, bob, carol := all[0], all[1], all[2]
	for name, forged := range hostileCommits(bob) {
		w.put(group.ForgeCommit(alice.Member, group.Changes{}, w.now, forged))
		lastOf[group.RolledBack](t, alice) // the forger's own store does not know the frame
		if got := lastOf[group.Keyless](t, bob); got.Epoch != carol.Public().Epoch() || bob.Status() != group.NoKeys {
			t.Fatalf("%s: bob is %v: %+v", name, bob.Status(), got)
		}
		_, err := bob.Authenticator()
		wantErr(t, err, group.ErrConfirmation)
		_, err = bob.Seal([]group.AppMessage{{}}, w.now)
		wantErr(t, err, group.ErrConfirmation)
		wantErr(t, bob.Commit(group.Changes{Rekey: true}, w.now, nil), group.ErrConfirmation)
		if _, serve := bob.Backoff(w.now); serve || bob.RekeyDue(w.now, 0, 0) || bob.KeysDue(w.now, 0) {
			t.Fatal("a member without keys would commit")
		}
		if !samePublic(bob.Public(), carol.Public()) {
			t.Fatalf("%s: the victim's public state is another", name)
		}
		w.send(carol, "unreadable")
		if got := lastOf[group.Undecryptable](t, bob); got.Reason != group.ErrConfirmation || got.From.Name != "carol" {
			t.Fatalf("%s: %+v", name, got)
		}
		w.restart(bob)
		w.rejoin(bob, carol)
		w.rejoin(alice, carol)
		if again := lastOf[group.Committed](t, carol).Rejoined[0]; again.NewDevice || again.Who.Name != "alice" {
			t.Fatalf("%s: %+v", name, again)
		}
		sameEpoch(t, all...)
		bob.events = nil
		w.send(carol, "readable")
		wantTexts(t, bob, "readable")
		for _, r := range all {
			r.events = nil
			none[group.Gap](t, r)
		}
		w.send(bob, "and back")
		wantTexts(t, carol, "and back")
		none[group.Gap](t, carol)
		carol.events = nil
	}
}

func TestProperty29_WrongTagAndHostileWelcome(t *testing.T) {
	w, all := invited(t, "alice", "bob", "carol")
	alice, bob, carol := all[0], all[1], all[2]
	dave := w.newcomer("dave", must2(alice.Invitation()))
	must(t, dave.Join(w.now.Add(time.Hour)))
	w.flush(dave)
	w.read()
	w.put(group.ForgeCommit(alice.Member, group.Changes{}, w.now, group.Forged{Secret: func(index uint8, secret []byte) []byte {
		if index == 3 {
			return make([]byte, 32)
		}
		return secret
	}}))
	lastOf[group.Admitted](t, dave)
	lastOf[group.Keyless](t, dave)
	if dave.Status() != group.NoKeys {
		t.Fatalf("dave is %v", dave.Status())
	}
	w.restart(dave)
	w.rejoin(dave, bob)
	sameEpoch(t, bob, carol, dave)
	w.send(dave, "in")

	w.put(group.ForgeCommit(bob.Member, group.Changes{}, w.now, group.Forged{Tag: func(tag []byte) { tag[0] ^= 1 }}))
	for _, r := range []*reader{carol, dave} {
		lastOf[group.Keyless](t, r)
		if r.Public().Epoch() != bob.Public().Epoch() {
			t.Fatalf("%v is in another epoch", r)
		}
	}
}

// A hostile member's Message: rightly signed, valid in the log, and what is in
// it does not open, or is no list. The ratchet moves on all the same.
func TestProperty44_HostileMessages(t *testing.T) {
	list := func(n int) []byte { return append([]byte{byte(n >> 16), byte(n >> 8), byte(n)}, make([]byte, n)...) }
	pad := func(b []byte, n int) []byte { return append(b, make([]byte, n-len(b))...) }
	good, _ := group.Pack([]group.AppMessage{{Text: []byte("x")}})
	big, _ := group.Pack([]group.AppMessage{{Text: make([]byte, group.MaxTextSize)}})
	over := append([]byte(nil), big...)
	over[2], over[22] = over[2]+1, over[22]+1 // one byte more than a text may have
	for name, test := range map[string]struct {
		change func(*group.ForgedMessage)
		want   error
	}{
		"garbage token":       {func(f *group.ForgedMessage) { f.Token = bytes.Repeat([]byte{0x80}, 200) }, group.ErrDecrypt},
		"empty token":         {func(f *group.ForgedMessage) { f.Token = []byte{} }, group.ErrDecrypt},
		"huge token":          {func(f *group.ForgedMessage) { f.Token = make([]byte, group.MaxFrameSize-400) }, group.ErrDecrypt},
		"another generation":  {func(f *group.ForgedMessage) { f.KeyAt++ }, group.ErrDecrypt},
		"another's key":       {func(f *group.ForgedMessage) { f.KeyOf = 1 }, group.ErrDecrypt},
		"no plaintext":        {func(f *group.ForgedMessage) { f.Plaintext = nil }, group.ErrPlaintext},
		"empty list":          {func(f *group.ForgedMessage) { f.Plaintext = pad(list(0), 64) }, group.ErrPlaintext},
		"two lists":           {func(f *group.ForgedMessage) { copy(f.Plaintext[27:], good) }, group.ErrPlaintext},
		"list too long":       {func(f *group.ForgedMessage) { f.Plaintext[0] = 0xff }, group.ErrPlaintext},
		"message cut":         {func(f *group.ForgedMessage) { f.Plaintext = pad(list(10), 64) }, group.ErrPlaintext},
		"wrong padding":       {func(f *group.ForgedMessage) { f.Plaintext = append(f.Plaintext, make([]byte, 8)...) }, group.ErrPlaintext},
		"padding not zero":    {func(f *group.ForgedMessage) { f.Plaintext[63] = 1 }, group.ErrPlaintext},
		"text over the limit": {func(f *group.ForgedMessage) { f.Plaintext = over }, group.ErrPlaintext},
	} {
		t.Run(name, func(t *testing.T) {
			w, all := invited(t, "alice", "bob", "carol")
			mallory, carol := all[0], all[2]
			delete(w.members, "alice")
			w.put(group.ForgeMessage(mallory.Member, test.change, w.now))
			if err := lastErr(carol); err != nil {
				t.Fatalf("the frame is not even valid: %v", err)
			}
			got := lastOf[group.Undecryptable](t, carol)
			if got.Reason != test.want || got.From.Name != "alice" {
				t.Fatalf("carol was told %+v, want %v", got, test.want)
			}
			none[group.Received](t, carol)
			w.restart(carol)
			w.put(group.ForgeMessage(mallory.Member, func(*group.ForgedMessage) {}, w.now))
			wantErr(t, lastErr(carol), group.ErrReplay)
			w.put(group.ForgeMessage(mallory.Member, func(f *group.ForgedMessage) { f.Generation, f.KeyAt = 2, 2 }, w.now))
			wantTexts(t, carol, "forged")
		})
	}
}

// A frame holds MaxMessages messages, however small: no more become events.
func TestManyMessagesInAFrame(t *testing.T) {
	w, all := invited(t, "alice", "bob")
	queue := make([]group.AppMessage, 60_000)
	n := must2(all[0].Seal(queue, w.now))
	w.flush(all[0])
	w.read()
	if got := len(eventsOf[group.Received](all[1])); got != n || n != group.MaxMessages {
		t.Fatalf("%d of %d", got, n)
	}
}
