package group_test

import (
	"slices"
	"testing"

	"github.com/parley-e2ee/parley/e2ee/group"
)

// voidAct is a frame that breaks a public rule, rightly signed by mallory.
type voidAct struct {
	name string
	make func(h *hostile) []byte
	want error
	fork bool // who reads it learns that mallory speaks of another history
}

// commitAct is a commit of mallory's with one thing wrong.
func commitAct(name string, want error, change func(h *hostile, c *commitSpec)) voidAct {
	return voidAct{name: name, want: want, make: func(h *hostile) []byte {
		c := h.stage.commit("mallory")
		change(h, &c)
		return h.stage.addressed(c).frame()
	}}
}

// addAct is a commit of mallory's that adds whom it must not.
func addAct(name string, want error, joins func(h *hostile) [][]byte) voidAct {
	return commitAct(name, want, func(h *hostile, c *commitSpec) { c.adds = joins(h) })
}

// leafAct is a commit with which mallory takes a leaf that it must not.
func leafAct(name string, want error, change func(h *hostile, l *leafSpec)) voidAct {
	return commitAct(name, want, func(h *hostile, c *commitSpec) {
		l := newLeafSpec(h.t, h.stage.RoomID(), "mallory", h.stage.actor("mallory").id)
		change(h, &l)
		c.newLeaf = l.bytes()
	})
}

func messageAct(name string, want error, change func(h *hostile, f *group.ForgedMessage)) voidAct {
	return voidAct{name: name, want: want, make: func(h *hostile) []byte {
		return group.ForgeMessage(h.mallory, func(f *group.ForgedMessage) { change(h, f) }, h.now)
	}}
}

func (a voidAct) forking() voidAct { a.fork = true; return a }

// to is the recipients of c, changed, whatever addressed would say.
func (h *hostile) to(c *commitSpec, change func([]uint8) []uint8) {
	c.to(change(slices.Clone(c.recipients)))
}

// expelBob has alice remove bob, and everybody know.
func (h *hostile) expelBob() {
	h.before(h.ask(h.alice, h.alice.Remove(first(h.bob.Self()).Membership, false))...)
}

// removeBob is a Remove of bob, whoever it says signed it.
func (h *hostile) removeBob(signer string) []byte {
	f := h.stage.remove(signer, "bob", false)
	f.by = group.LeafKey(h.mallory)
	return f.frame()
}

func (h *hostile) leaveOf(who string) []byte {
	f := h.stage.leave(who)
	f.by = group.LeafKey(h.mallory)
	return f.frame()
}

// joinsOf is what mallory's friend asks for, with one thing wrong.
func (h *hostile) joinOf(name string, change func(j *joinSpec)) [][]byte {
	j := h.stage.join(name)
	change(&j)
	return [][]byte{j.frame()}
}

// joesJoin is the one that waits.
func (h *hostile) joesJoin() []byte { return first3(h.joe.Requested()) }

func first3[A, B, C any](a A, _ B, _ C) A { return a }

var voidCommits = []voidAct{
	commitAct("leaves bob out", group.ErrRecipientSet, func(h *hostile, c *commitSpec) {
		h.to(c, func(to []uint8) []uint8 {
			return slices.DeleteFunc(to, func(i uint8) bool { return i == h.stage.index("bob") })
		})
	}),
	commitAct("addresses somebody who is not in", group.ErrRecipientSet, func(h *hostile, c *commitSpec) {
		h.to(c, func(to []uint8) []uint8 { return append(to, 77) })
	}),
	commitAct("addresses itself", group.ErrRecipientSet, func(h *hostile, c *commitSpec) {
		h.to(c, func(to []uint8) []uint8 { return slices.Sorted(slices.Values(append(to, c.committer))) })
	}),
	commitAct("addresses bob twice", group.ErrRecipientSet, func(h *hostile, c *commitSpec) {
		h.to(c, func(to []uint8) []uint8 { return slices.Sorted(slices.Values(append(to, h.stage.index("bob")))) })
	}),
	commitAct("entries in another order", group.ErrRecipientSet, func(h *hostile, c *commitSpec) {
		h.to(c, func(to []uint8) []uint8 { slices.Reverse(to); return to })
	}),
	commitAct("addresses joe, and does not add him", group.ErrRecipientSet, func(h *hostile, c *commitSpec) {
		h.to(c, func(to []uint8) []uint8 { return append(to, 4) })
	}),
	{"adds joe, and does not address him", func(h *hostile) []byte {
		c := h.stage.commit("mallory")
		c.adds, c.fixed = [][]byte{h.joesJoin()}, true
		return c.frame()
	}, group.ErrRecipientSet, false},
	commitAct("entries other than the signed ones", group.ErrEntries, func(_ *hostile, c *commitSpec) { c.tailHash = new(group.Hash) }),
	commitAct("in alice's name", group.ErrSignature, func(h *hostile, c *commitSpec) {
		c.committer = h.stage.index("alice")
	}),
	{"another's, as its own", func(h *hostile) []byte {
		frame := slices.Clone(h.ask(h.bob, h.bob.Commit(group.Changes{}, h.now, nil))[0])
		frame[frameHeader+8+32] = h.stage.index("mallory")
		return group.SignAgain(frame, h.stage.RoomID(), group.LeafKey(h.mallory))
	}, group.ErrRecipientSet, false},
	{"one that won before", func(h *hostile) []byte {
		return h.log[slices.IndexFunc(h.log, func(f []byte) bool { return f[3] == kindCommit })]
	}, group.ErrEpoch, false},
	commitAct("of the next epoch", group.ErrEpoch, func(_ *hostile, c *commitSpec) { c.epoch++ }).forking(),
	commitAct("of another history", group.ErrTranscript, func(_ *hostile, c *commitSpec) { c.transcript[0] ^= 1 }).forking(),
}

var voidPolicies = []voidAct{
	commitAct("makes itself admin", group.ErrNotAdmin, func(h *hostile, c *commitSpec) { c.admins = h.stage.memberships("mallory") }),
	commitAct("takes alice's right", group.ErrNotAdmin, func(h *hostile, c *commitSpec) { c.admins = h.stage.memberships("bob") }),
	commitAct("opens the room", group.ErrNotAdmin, func(_ *hostile, c *commitSpec) { c.admission = uint8(group.Open) }),
	commitAct("unbans dave", group.ErrNotAdmin, func(h *hostile, c *commitSpec) { c.unban = h.stage.Bans() }),
	commitAct("rotates the invite", group.ErrRotation, func(h *hostile, c *commitSpec) { *c = h.stage.rotating(*c) }),
	commitAct("does not serve a Remove", group.ErrUnserved, func(h *hostile, c *commitSpec) {
		h.expelBob()
	}),
	commitAct("serves a Remove and keeps the invite", group.ErrRotation, func(h *hostile, c *commitSpec) {
		h.expelBob()
		*c = h.stage.commit("mallory")
		c.rotate = false
	}),
	commitAct("rotates to the key of before", group.ErrKey, func(h *hostile, c *commitSpec) {
		h.expelBob()
		*c = h.stage.commit("mallory")
		c.invite = h.stage.InviteKey()
	}),
	commitAct("rotates to a key that anybody can sign for", group.ErrKey, func(h *hostile, c *commitSpec) {
		h.expelBob()
		*c = h.stage.commit("mallory")
		c.invite = weakKeys()[6]
	}),
}

var voidRemovals = []voidAct{
	{"Remove, without the right", func(h *hostile) []byte { return h.removeBob("mallory") }, group.ErrNotAdmin, false},
	{"Remove in alice's name", func(h *hostile) []byte { return h.removeBob("alice") }, group.ErrSignature, false},
	{"Leave in bob's name", func(h *hostile) []byte { return h.leaveOf("bob") }, group.ErrSignature, false},
	{"Leave of a member of before", func(h *hostile) []byte {
		h.stage.actor("dave").membership = group.Membership{1}
		return h.leaveOf("dave")
	}, group.ErrNotMember, false},
	{"Leave, twice", func(h *hostile) []byte {
		h.before(h.leaveOf("mallory"))
		return h.leaveOf("mallory")
	}, group.ErrPending, false},
	{"commits while it is leaving", func(h *hostile) []byte {
		h.before(h.leaveOf("mallory"))
		c := h.stage.commit("bob")
		c.committer, c.by = h.stage.index("mallory"), group.LeafKey(h.mallory)
		return c.frame()
	}, group.ErrPending, false},
	commitAct("serves its own Leave", group.ErrPending, func(h *hostile, c *commitSpec) {
		c.removes = [][][]byte{{h.leaveOf("mallory")}}
	}),
	{"commits while it is being removed", func(h *hostile) []byte {
		who, _ := h.stage.Lookup("mallory")
		h.before(h.ask(h.alice, h.alice.Remove(who.Membership, true))...)
		c := h.stage.commit("bob")
		c.committer, c.by = h.stage.index("mallory"), group.LeafKey(h.mallory)
		return c.frame()
	}, group.ErrPending, false},
	commitAct("removes bob inline, without the right", group.ErrNotAdmin, func(h *hostile, c *commitSpec) {
		c.removes = [][][]byte{{h.removeBob("mallory")}}
	}),
	commitAct("removes bob inline, in alice's name", group.ErrSignature, func(h *hostile, c *commitSpec) {
		c.removes = [][][]byte{{h.removeBob("alice")}}
	}),
	commitAct("has bob leave inline", group.ErrSignature, func(h *hostile, c *commitSpec) {
		c.removes = [][][]byte{{h.leaveOf("bob")}}
	}),
	commitAct("puts kate's removal into bob's", group.ErrOperation, func(h *hostile, c *commitSpec) {
		h.expelBob()
		h.before(h.ask(h.alice, h.alice.Remove(first(h.kate.Self()).Membership, false))...)
		*c = h.stage.commit("mallory")
		c.removes = [][][]byte{slices.Concat(c.removes...)}
	}),
	commitAct("serves a removal twice", group.ErrNotMember, func(h *hostile, c *commitSpec) {
		h.expelBob()
		*c = h.stage.commit("mallory")
		c.removes = append(c.removes, c.removes[0])
	}),
	commitAct("a removal that is no Leave or Remove", group.ErrType, func(h *hostile, c *commitSpec) {
		c.removes = [][][]byte{{h.joesJoin()}}
	}),
}

var voidAdds = []voidAct{
	addAct("somebody banned", group.ErrBanned, func(h *hostile) [][]byte { return h.joinOf("dave", func(*joinSpec) {}) }),
	addAct("joe, twice", group.ErrJoinUsed, func(h *hostile) [][]byte { return [][]byte{h.joesJoin(), h.joesJoin()} }),
	addAct("a friend, by two Joins", group.ErrJoinUsed, func(h *hostile) [][]byte {
		h.stage.actor("friend").id = signingKey(h.t)
		return slices.Concat(h.joinOf("friend", func(*joinSpec) {}), h.joinOf("friend", func(*joinSpec) {}))
	}),
	addAct("kate, by the Join that she came with", group.ErrJoinUsed, func(h *hostile) [][]byte {
		return [][]byte{h.log[slices.IndexFunc(h.log, func(f []byte) bool { return f[3] == kindJoin && joinerOf(f) == "kate" })]}
	}),
	addAct("dave, by the Join that he came with", group.ErrJoinUsed, func(h *hostile) [][]byte {
		return [][]byte{h.log[slices.IndexFunc(h.log, func(f []byte) bool { return f[3] == kindJoin && joinerOf(f) == "dave" })]}
	}),
	addAct("somebody who asked another room", group.ErrWrongRoom, func(h *hostile) [][]byte {
		return [][]byte{newStage(h.t, group.Open).join("friend").frame()}
	}),
	addAct("somebody with a proof of its own making", group.ErrInvite, func(h *hostile) [][]byte {
		return h.joinOf("friend", func(j *joinSpec) { j.proof = signingKey(h.t) })
	}),
	addAct("somebody without a proof", group.ErrInviteNeeded, func(h *hostile) [][]byte {
		return h.joinOf("friend", func(j *joinSpec) { j.proof = nil })
	}),
	addAct("somebody of another history", group.ErrTranscript, func(h *hostile) [][]byte {
		return h.joinOf("friend", func(j *joinSpec) { j.transcript[0] ^= 1 })
	}),
	addAct("somebody of a later epoch", group.ErrEpoch, func(h *hostile) [][]byte {
		return h.joinOf("friend", func(j *joinSpec) { j.epoch++ })
	}),
	addAct("itself again", group.ErrOperation, func(h *hostile) [][]byte { return h.joinOf("mallory", func(*joinSpec) {}) }),
	addAct("a friend under bob's name", group.ErrNameTaken, func(h *hostile) [][]byte {
		return h.joinOf("friend", func(j *joinSpec) { j.leaf.name = "bob" })
	}),
	addAct("itself under a second name", group.ErrNameTaken, func(h *hostile) [][]byte {
		return h.joinOf("mallory", func(j *joinSpec) { j.leaf.name = "mallory2" })
	}),
	addAct("bob, of whom it has no key", group.ErrSignature, func(h *hostile) [][]byte {
		return h.joinOf("mallory", func(j *joinSpec) {
			j.leaf.name, j.leaf.identity = "bob", [32]byte(first(h.bob.Self()).Identity)
		})
	}),
	addAct("a friend with bob's KEM key", group.ErrKey, func(h *hostile) [][]byte {
		return h.joinOf("friend", func(j *joinSpec) { j.leaf.kem = group.KEMKeyOf(h.bob.Member) })
	}),
	addAct("a friend whose init key is bob's", group.ErrKey, func(h *hostile) [][]byte {
		return h.joinOf("friend", func(j *joinSpec) { j.init = group.KEMKeyOf(h.bob.Member) })
	}),
	addAct("joe, with his proof taken off", group.ErrSignature, func(h *hostile) [][]byte {
		frame := h.joesJoin()
		at := len(frame) - 2*64 - 1 - 64 - 1
		return [][]byte{slices.Concat(frame[:at], []byte{0}, frame[at+1+64:])}
	}),
	addAct("a Message", group.ErrType, func(h *hostile) [][]byte { return [][]byte{h.log[len(h.log)-2]} }),
}

var voidLeaves = []voidAct{
	leafAct("named bob", group.ErrNameTaken, func(_ *hostile, l *leafSpec) { l.name = "bob" }),
	leafAct("of dave's identity", group.ErrNameTaken, func(h *hostile, l *leafSpec) {
		id := h.stage.actor("dave").id
		l.identity, l.byIdentity = public(id), id
	}),
	leafAct("with bob's KEM key", group.ErrKey, func(h *hostile, l *leafSpec) { l.kem = group.KEMKeyOf(h.bob.Member) }),
	leafAct("with bob's signing key", group.ErrSignature, func(h *hostile, l *leafSpec) { l.signing = public(group.LeafKey(h.bob.Member)) }),
	leafAct("with its signing key of before", group.ErrKey, func(h *hostile, l *leafSpec) {
		l.byKey = group.LeafKey(h.mallory)
		l.signing = public(l.byKey)
	}),
	leafAct("with its KEM key of before", group.ErrKey, func(h *hostile, l *leafSpec) { l.kem = group.KEMKeyOf(h.mallory) }),
	leafAct("of another room", group.ErrWrongRoom, func(_ *hostile, l *leafSpec) { l.room[0] ^= 1 }),
	leafAct("that its identity did not sign", group.ErrSignature, func(_ *hostile, l *leafSpec) { l.byIdentity = l.byKey }),
	leafAct("with a key that anybody can sign for", group.ErrKey, func(_ *hostile, l *leafSpec) { l.signing = weakKeys()[6] }),
	leafAct("with an even modulus", group.ErrKey, func(_ *hostile, l *leafSpec) { withModulus(2048, 0, 65537)(l) }),
}

var voidMessages = []voidAct{
	messageAct("as bob, under bob's key", group.ErrSignature, func(h *hostile, f *group.ForgedMessage) {
		bob := h.stage.index("bob")
		f.Sender, f.KeyOf, f.Generation, f.KeyAt = bob, bob, 2, 2
	}),
	{"bob's own, signed by mallory", func(h *hostile) []byte {
		must2(h.bob.Seal([]group.AppMessage{{Text: []byte("bob's")}}, h.now))
		return group.Resign(h.mallory, h.bob.Unechoed()[0])
	}, group.ErrSignature, false},
	messageAct("its last generation again", group.ErrReplay, func(_ *hostile, f *group.ForgedMessage) { f.Generation, f.KeyAt = 1, 2 }),
	messageAct("generation 0", group.ErrMalformed, func(_ *hostile, f *group.ForgedMessage) { f.Generation, f.KeyAt = 0, 2 }),
	messageAct("1001 generations ahead", group.ErrTooFar, func(_ *hostile, f *group.ForgedMessage) { f.Generation = 1 + group.MaxSkip + 1 }),
	messageAct("as far ahead as there is", group.ErrTooFar, func(_ *hostile, f *group.ForgedMessage) { f.Generation = 1<<64 - 1 }),
	messageAct("from an empty seat", group.ErrNotMember, func(_ *hostile, f *group.ForgedMessage) { f.Sender = 200 }),
	messageAct("of the epoch before", group.ErrEpoch, func(h *hostile, f *group.ForgedMessage) {
		f.Epoch--
		f.Transcript = first(group.TranscriptAt(h.observer, f.Epoch))
	}),
	messageAct("of the next epoch", group.ErrEpoch, func(_ *hostile, f *group.ForgedMessage) { f.Epoch++ }).forking(),
	messageAct("of another history", group.ErrTranscript, func(_ *hostile, f *group.ForgedMessage) { f.Transcript[0] ^= 1 }).forking(),
}

var voidOthers = []voidAct{
	{"a second Create", func(h *hostile) []byte { return h.log[0] }, group.ErrCreated, false},
	{"a Join in bob's name", func(h *hostile) []byte {
		return h.joinOf("friend", func(j *joinSpec) { j.leaf.name = "bob" })[0]
	}, group.ErrNameTaken, false},
	{"a Join of somebody banned", func(h *hostile) []byte { return h.joinOf("dave", func(*joinSpec) {})[0] }, group.ErrBanned, false},
	{"a rejoin of another history", func(h *hostile) []byte {
		return h.joinOf("mallory", func(j *joinSpec) { j.transcript[0] ^= 1 })[0]
	}, group.ErrTranscript, true},
}

// What a hostile member makes against the public rules is void for every
// member, keyless member, joiner and observer alike, for one reason, changes
// nothing, and keeps nobody from going on.
func TestHostileFramesAreVoid(t *testing.T) {
	t.Parallel()
	for kind, acts := range map[string][]voidAct{
		"commit": voidCommits, "policy": voidPolicies, "removal": voidRemovals, "add": voidAdds,
		"leaf": voidLeaves, "message": voidMessages, "other": voidOthers,
	} {
		for _, act := range acts {
			t.Run(kind+"/"+act.name, func(t *testing.T) {
				h := newHostile(t)
				h.show(act.make(h), act.want)
				for _, r := range []*reader{h.alice, h.bob, h.kate} {
					if accused := len(eventsOf[group.Forked](r)) > 0; accused != act.fork {
						t.Fatalf("%v was told of a fork: %v", r, accused)
					}
				}
				h.goOn()
			})
		}
	}
}
