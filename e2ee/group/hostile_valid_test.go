package group_test

import (
	"crypto/rand"
	"testing"
	"time"

	"github.com/parley-e2ee/parley/e2ee/group"
)

// validAct is a frame that keeps the public rules, so that it counts, and in
// which mallory lies about what only its readers can see.
type validAct struct {
	name    string
	make    func(h *hostile) []byte
	keyless []string // who loses the keys, or comes in without
	lost    bool     // everybody does: the room has ended
	then    func(h *hostile)
}

// wrapAct is a commit of mallory's with wrong secrets.
func wrapAct(name string, keyless []string, forged func(h *hostile) group.Forged) validAct {
	return validAct{name: name, keyless: keyless, make: func(h *hostile) []byte {
		return group.ForgeCommit(h.mallory, group.Changes{}, h.now, forged(h))
	}}
}

func (a validAct) and(then func(h *hostile)) validAct { a.then = then; return a }

// sayAct is a Message of mallory's.
func sayAct(name string, change func(h *hostile, f *group.ForgedMessage), then func(h *hostile)) validAct {
	return validAct{name: name, then: then, make: func(h *hostile) []byte {
		return group.ForgeMessage(h.mallory, func(f *group.ForgedMessage) { change(h, f) }, h.now)
	}}
}

// forIndex changes the secret of one entry.
func forIndex(index uint8, secret []byte) func(uint8, []byte) []byte {
	return func(i uint8, honest []byte) []byte {
		if i == index {
			return secret
		}
		return honest
	}
}

// joesIndex is the lowest free one.
const joesIndex = 4

// keyed are those who read Messages when the act comes.
func (h *hostile) keyed() []*reader { return []*reader{h.alice, h.bob} }

// undecryptable holds that all who have keys are told why mallory's Message
// does not open, and see nothing of it.
func undecryptable(want error) func(*hostile) {
	return func(h *hostile) {
		for _, r := range h.keyed() {
			if got := lastOf[group.Undecryptable](h.t, r); got.Reason != want || got.From.Name != "mallory" {
				h.t.Fatalf("%v was told %+v", r, got)
			}
			none[group.Received](h.t, r)
		}
	}
}

// gap holds that all are told of it: keyless members and observers count too.
func gap(want group.Gap) func(*hostile) {
	return func(h *hostile) {
		for _, r := range []*reader{h.alice, h.bob, h.kate} {
			got := lastOf[group.Gap](h.t, r)
			if got.From.Name != "mallory" || got.Generations != want.Generations || got.Previous != want.Previous || got.Ahead != want.Ahead {
				h.t.Fatalf("%v was told %+v, want %+v", r, got, want)
			}
			none[group.Forked](h.t, r)
		}
	}
}

// forked holds that all are told that mallory saw another history, and that
// their Messages wait.
func forked(h *hostile) {
	for _, r := range []*reader{h.alice, h.bob, h.kate} {
		if got := lastOf[group.Forked](h.t, r); got.From.Name != "mallory" || !r.Forked() {
			h.t.Fatalf("%v was told %+v", r, got)
		}
	}
	_, err := h.alice.Seal([]group.AppMessage{{Text: []byte("x")}}, h.now)
	wantErr(h.t, err, group.ErrForked)
}

// noLinks holds that joe, or all, know that they lack the invite seed.
func noLinks(who ...string) func(*hostile) {
	return func(h *hostile) {
		for _, name := range who {
			lastOf[group.InviteMismatch](h.t, h.members[name])
			_, err := h.members[name].Invitation()
			wantErr(h.t, err, group.ErrInviteSeed)
		}
	}
}

var wrongSecrets = []validAct{
	wrapAct("another secret for bob", []string{"bob"}, func(h *hostile) group.Forged {
		return group.Forged{Secret: forIndex(h.stage.index("bob"), make([]byte, 32))}
	}),
	wrapAct("another joiner secret for joe", []string{"joe"}, func(*hostile) group.Forged {
		return group.Forged{Secret: forIndex(joesIndex, make([]byte, 32))}
	}),
	wrapAct("a member's role for joe", []string{"joe"}, func(*hostile) group.Forged {
		return group.Forged{Role: func(i uint8) uint8 { return 1 }}
	}),
	wrapAct("a joiner's role for the members", []string{"alice", "bob"}, func(*hostile) group.Forged {
		return group.Forged{Role: func(i uint8) uint8 { return 2 }}
	}),
	wrapAct("alice's entry and bob's swapped", []string{"alice", "bob"}, func(h *hostile) group.Forged {
		a, b := h.stage.index("alice"), h.stage.index("bob")
		return group.Forged{Entries: func(ct, box map[uint8][]byte) {
			ct[a], ct[b], box[a], box[b] = ct[b], ct[a], box[b], box[a]
		}}
	}),
	wrapAct("alice's entry for bob too", []string{"bob"}, func(h *hostile) group.Forged {
		a, b := h.stage.index("alice"), h.stage.index("bob")
		return group.Forged{Entries: func(ct, box map[uint8][]byte) { ct[b], box[b] = ct[a], box[a] }}
	}),
	wrapAct("bob's entry of the epoch before", []string{"bob"}, func(h *hostile) group.Forged {
		b := h.stage.index("bob")
		var old [2][]byte
		for _, frame := range h.log {
			if frame[3] == kindCommit && group.HasEntry(frame, b) {
				old = group.EntryOf(frame, b)
			}
		}
		return group.Forged{Entries: func(ct, box map[uint8][]byte) { ct[b], box[b] = old[0], old[1] }}
	}),
	wrapAct("noise for joe and bob", []string{"joe", "bob"}, func(h *hostile) group.Forged {
		return group.Forged{Entry: func(i uint8, ct, box []byte) {
			if i == joesIndex || i == h.stage.index("bob") {
				rand.Read(ct)
				rand.Read(box)
			}
		}}
	}),
	wrapAct("a secret that everybody knows", nil, func(*hostile) group.Forged {
		return group.Forged{CommitSecret: make([]byte, 32)} // init keeps the epoch secret
	}),
	wrapAct("another invite seed for joe", nil, func(*hostile) group.Forged {
		return group.Forged{Seed: make([]byte, 32)}
	}).and(noLinks("joe")),
	wrapAct("a box with no seed in it", nil, func(*hostile) group.Forged {
		return group.Forged{Sealed: func(sealed []byte) { rand.Read(sealed) }}
	}).and(noLinks("joe")),
	{name: "an invite key that nobody else has", make: func(h *hostile) []byte {
		h.before(h.ask(h.alice, h.alice.Remove(first(h.kate.Self()).Membership, false))...)
		own := public(signingKey(h.t))
		return group.ForgeCommit(h.mallory, group.Changes{}, h.now, group.Forged{Invite: &own})
	}, then: func(h *hostile) {
		noLinks("alice", "bob")(h)
		if got := lastOf[group.JoinRefused](h.t, h.joe); got.Reason != group.ErrInviteExpired {
			h.t.Fatalf("joe was told %v", got.Reason)
		}
	}},
	{name: "a tag for other secrets", lost: true, make: func(h *hostile) []byte {
		return group.ForgeCommit(h.mallory, group.Changes{}, h.now, group.Forged{Tag: func(tag []byte) { tag[31] ^= 1 }})
	}},
	{name: "a tag for no secrets", lost: true, make: func(h *hostile) []byte {
		return group.ForgeCommit(h.mallory, group.Changes{}, h.now, group.Forged{Tag: func(tag []byte) { clear(tag) }})
	}},
}

var otherLies = []validAct{
	wrapAct("a leaf to which nobody has the key", nil, func(h *hostile) group.Forged {
		l := newLeafSpec(h.t, h.stage.RoomID(), "mallory", h.stage.actor("mallory").id)
		withModulus(2048, 1, 65537)(&l)
		return group.Forged{Leaf: l.bytes()}
	}),
	wrapAct("another hash of what it has read", nil, func(*hostile) group.Forged {
		return group.Forged{Seen: func(_ *uint64, hash *group.Hash) { hash[0] ^= 1 }}
	}).and(forked),
	wrapAct("more read than there is", nil, func(*hostile) group.Forged {
		return group.Forged{Seen: func(count *uint64, _ *group.Hash) { *count += 7 }}
	}).and(gap(group.Gap{Ahead: 7})),
	wrapAct("as much read as can be written", nil, func(h *hostile) group.Forged {
		return group.Forged{Seen: func(count *uint64, _ *group.Hash) { *count = 1<<64 - 1 }}
	}),
	{name: "joe's Join, which has expired", make: func(h *hostile) []byte {
		frame := group.ForgeCommit(h.mallory, group.Changes{}, h.now, group.Forged{})
		h.now = h.now.Add(2 * time.Hour)
		return frame
	}, then: func(h *hostile) { lastOf[group.Admitted](h.t, h.joe) }},
	{name: "its Leave, once more in time", make: func(h *hostile) []byte { return h.leaveOf("mallory") }},
	{name: "a second device of its own", make: func(h *hostile) []byte {
		return h.joinOf("mallory", func(j *joinSpec) { j.replaced, j.proof = nil, nil })[0]
	}},
}

var lyingMessages = []validAct{
	sayAct("1000 generations ahead", func(_ *hostile, f *group.ForgedMessage) {
		f.Generation += group.MaxSkip - 1
		f.KeyAt = f.Generation
	}, func(h *hostile) {
		gap(group.Gap{Generations: group.MaxSkip - 1})(h)
		wantTexts(h.t, h.bob, "forged")
	}),
	sayAct("another previous Message", func(_ *hostile, f *group.ForgedMessage) { f.Previous[5] ^= 1 }, gap(group.Gap{Previous: true})),
	sayAct("more read than there is", func(_ *hostile, f *group.ForgedMessage) { f.SeenCount += 3 }, gap(group.Gap{Ahead: 3})),
	sayAct("another hash of what it has read", func(_ *hostile, f *group.ForgedMessage) { f.SeenHash[0] ^= 1 }, forked),
	sayAct("another end of the epoch before", func(_ *hostile, f *group.ForgedMessage) { f.End[0] ^= 1 }, forked),
	sayAct("bob's token", func(h *hostile, f *group.ForgedMessage) {
		for _, frame := range h.log {
			if frame[3] == kindMessage {
				_, _, _, f.Token = group.TokenOf(frame)
			}
		}
	}, undecryptable(group.ErrDecrypt)),
	sayAct("under alice's key", func(h *hostile, f *group.ForgedMessage) { f.KeyOf = h.stage.index("alice") }, undecryptable(group.ErrDecrypt)),
	sayAct("under the next generation's key", func(_ *hostile, f *group.ForgedMessage) { f.KeyAt++ }, undecryptable(group.ErrDecrypt)),
	sayAct("no token", func(_ *hostile, f *group.ForgedMessage) { f.Token = []byte{} }, undecryptable(group.ErrDecrypt)),
	{name: "a token with another HMAC", make: func(h *hostile) []byte {
		frame := group.ForgeMessage(h.mallory, func(*group.ForgedMessage) {}, h.now)
		frame[len(frame)-64-1] ^= 1
		return group.Resign(h.mallory, frame)
	}, then: undecryptable(group.ErrDecrypt)},
	sayAct("1025 messages in one", func(_ *hostile, f *group.ForgedMessage) {
		f.Plaintext = group.PackAll(make([]group.AppMessage, group.MaxMessages+1))
	}, undecryptable(group.ErrPlaintext)),
	sayAct("no message", func(_ *hostile, f *group.ForgedMessage) { f.Plaintext = make([]byte, 64) }, undecryptable(group.ErrPlaintext)),
	sayAct("padding that is not zero", func(_ *hostile, f *group.ForgedMessage) { f.Plaintext[63] = 1 }, undecryptable(group.ErrPlaintext)),
	sayAct("padding of another size", func(_ *hostile, f *group.ForgedMessage) {
		f.Plaintext = append(f.Plaintext, make([]byte, 64)...)
	}, undecryptable(group.ErrPlaintext)),
	sayAct("one ID twice", func(_ *hostile, f *group.ForgedMessage) {
		f.Plaintext = group.PackAll([]group.AppMessage{{Text: []byte("a")}, {Text: []byte("b")}})
	}, func(h *hostile) {
		for _, ev := range eventsOf[group.Received](h.bob) { // an ID is unique for its sender alone
			if ev.From.Name != "mallory" {
				h.t.Fatalf("shown under the name of %v", ev.From)
			}
		}
		wantTexts(h.t, h.bob, "a", "b")
	}),
}

// What only those who can read it find wrong harms those it is wrong for, and
// nobody's view of the room: they say so and come back, and all go on.
func TestHostileSecretsHarmOnlyTheirReaders(t *testing.T) {
	t.Parallel()
	for kind, acts := range map[string][]validAct{"secrets": wrongSecrets, "lies": otherLies, "message": lyingMessages} {
		for _, act := range acts {
			t.Run(kind+"/"+act.name, func(t *testing.T) {
				h := newHostile(t)
				h.show(act.make(h), nil)
				h.holdKeyless(act)
				if act.then != nil {
					act.then(h)
				}
				if !act.lost {
					h.goOn()
				}
			})
		}
	}
}

// holdKeyless holds that exactly the act's victims lost their keys, with the
// word that they did, and can do nothing that needs them.
func (h *hostile) holdKeyless(act validAct) {
	h.t.Helper()
	victims := map[*reader]bool{h.kate: true}
	for _, name := range act.keyless {
		victims[h.members[name]] = true
	}
	for name, r := range h.members {
		victim := victims[r] || act.lost
		if r.Status() == group.Gone {
			continue
		}
		if (r.Status() == group.NoKeys) != victim {
			h.t.Fatalf("%s is %v", name, r.Status())
		}
		if !victim {
			none[group.Keyless](h.t, r)
			continue
		}
		if r != h.kate {
			lastOf[group.Keyless](h.t, r)
		}
		if r == h.joe {
			lastOf[group.Admitted](h.t, r)
		}
		_, err := r.Authenticator()
		wantErr(h.t, err, group.ErrConfirmation)
		_, err = r.Seal([]group.AppMessage{{}}, h.now)
		wantErr(h.t, err, group.ErrConfirmation)
		wantErr(h.t, r.Commit(group.Changes{Rekey: true}, h.now, nil), group.ErrConfirmation)
		h.restart(r)
	}
}

// Two Messages of one generation, each shown to some: the first frame that
// crosses tells. In one log the second is a replay.
func TestHostileEquivocation(t *testing.T) {
	say := func(h *hostile, text string) []byte {
		return group.ForgeMessage(h.mallory, func(f *group.ForgedMessage) {
			f.Plaintext = group.PackAll([]group.AppMessage{{Text: []byte(text)}})
		}, h.now)
	}
	h := newHostile(t)
	h.show(say(h, "yes"), nil)
	h.show(say(h, "no"), group.ErrReplay)
	wantTexts(t, h.bob)
	h.goOn()

	h = newHostile(t)
	there := h.fork(h.bob)
	h.bob.events, h.alice.events = nil, nil
	there.put(say(h, "no"))
	h.put(say(h, "yes"))
	wantTexts(t, h.alice, "yes")
	wantTexts(t, h.bob, "no")
	must2(h.alice.Seal([]group.AppMessage{{Text: []byte("what did you hear?")}}, h.now))
	there.put(h.alice.Unechoed()...)
	if got := lastOf[group.Forked](t, h.bob); got.From.Name != "alice" {
		t.Fatalf("bob was told %+v", got)
	}

	// Two commits: everybody is in an epoch, and the authenticators differ.
	h = newHostile(t)
	there = h.fork(h.bob)
	h.bob.events = nil
	there.put(group.ForgeCommit(h.mallory, group.Changes{}, h.now, group.Forged{}))
	h.put(group.ForgeCommit(h.mallory, group.Changes{}, h.now, group.Forged{}))
	if must2(h.alice.Authenticator()) == must2(h.bob.Authenticator()) {
		t.Fatal("two histories, one authenticator")
	}
	must2(h.alice.Seal([]group.AppMessage{{Text: []byte("which epoch is yours?")}}, h.now))
	there.put(h.alice.Unechoed()...)
	wantErr(t, lastErr(h.bob), group.ErrTranscript)
	if got := lastOf[group.Forked](t, h.bob); got.From.Name != "alice" {
		t.Fatalf("bob was told %+v", got)
	}
}
