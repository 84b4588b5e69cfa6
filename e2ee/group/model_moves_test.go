package group_test

import (
	"bytes"
	"slices"

	"github.com/parley-e2ee/parley/e2ee/group"
)

var cast = []string{"alice", "bob", "carol", "dave", "erin", "frank", "grace"}

// chance is true once in n times.
func (w *theatre) chance(n int) bool { return w.IntN(n) == 0 }

func (w *theatre) anybody() string { return cast[w.IntN(len(cast))] }

// somebody has a seat.
func (w *theatre) somebody() string {
	roster := w.Roster()
	return roster[w.IntN(len(roster))].Name
}

// either is anybody, but mostly somebody.
func (w *theatre) either() string {
	if w.chance(5) {
		return w.anybody()
	}
	return w.somebody()
}

// said is one of the tales, mostly of the latest.
func (w *theatre) said() *tale {
	if n := len(w.tales); !w.chance(4) && n > 12 {
		return w.tales[n-1-w.IntN(12)]
	}
	return w.tales[w.IntN(len(w.tales))]
}

// aJoin is mostly one that can be served.
func (w *theatre) aJoin() *tale {
	name, void := cast[1+w.IntN(len(cast)-1)], false
	j := w.join(name)
	if w.Admission() != group.Invite && w.chance(2) {
		j.proof = nil
	}
	if w.chance(3) {
		switch w.IntN(9) {
		case 0:
			j.proof = nil
		case 1:
			j.proof = signingKey(w.t)
		case 2:
			for _, key := range w.invites { // of a rotation before, maybe
				j.proof = key
			}
		case 3:
			j.replaced = nil
		case 4:
			j.transcript[0] ^= 1
		case 5:
			j.epoch -= min(j.epoch, uint64(w.IntN(3)))
			j.transcript = w.oracle.m[j.epoch]
		case 6:
			j.leaf.name = w.anybody()
		case 7:
			if a := w.actor(w.anybody()); a.leaf != nil {
				j.byKey, j.leaf.byKey, j.leaf.signing = a.leaf, a.leaf, public(a.leaf)
			}
		case 8:
			j.byIdentity, void = nil, true
		}
	}
	return &tale{join: &j, frame: j.frame(), void: void}
}

func (w *theatre) aLeave() *tale {
	f := w.leave(w.either())
	if w.chance(8) {
		f.by = w.actor(w.somebody()).leaf
	}
	return &tale{removal: &f, frame: f.frame()}
}

func (w *theatre) aRemove() *tale {
	by := w.somebody()
	for _, who := range w.Roster() {
		if who.Admin && !w.chance(4) {
			by = who.Name
		}
	}
	f := w.remove(by, w.either(), w.chance(4))
	if w.chance(8) {
		f.by = w.actor(w.somebody()).leaf
	}
	return &tale{removal: &f, frame: f.frame()}
}

func (w *theatre) aMessage() *tale {
	m := w.message(w.somebody())
	if w.chance(2) {
		switch w.IntN(9) {
		case 0:
			m.generation--
		case 1:
			m.generation += uint64(900 + w.IntN(200))
		case 2:
			m.epoch -= min(m.epoch, 1)
			m.transcript = w.oracle.m[m.epoch]
		case 3:
			m.transcript[1] ^= 1
		case 4:
			m.sender = uint8(w.IntN(len(cast)))
		case 5:
			m.seenCount += uint64(w.IntN(3))
		case 6:
			m.previous[0] ^= 1
		case 7:
			m.generation += 1 << 63
		case 8:
			m.end[0] ^= 1
		}
	}
	return &tale{message: &m, frame: m.frame(), void: m.epoch == 0 || m.generation == 0}
}

// aCommit serves what is pending and some of the Joins said, unless it is
// dishonest.
func (w *theatre) aCommit() *tale {
	by := w.somebody()
	c := w.commit(by)
	t := &tale{commit: &c}
	t.removes = w.pendingTales(c.removes)
	if w.chance(6) { // a Leave that nobody has seen yet
		if f := w.leave(w.somebody()); !group.IsPending(w.Public, f.signer) {
			t.removes = append(t.removes, []*tale{{removal: &f, frame: f.frame()}})
		}
	}
	w.policy(&c)
	for range w.IntN(8) {
		if j := w.said(); j.join != nil && (w.chance(30) || w.addable(t, j)) {
			t.adds = append(t.adds, j)
		}
	}
	if w.chance(6) {
		l := newLeafSpec(w.t, w.RoomID(), by, w.actor(by).id)
		t.leaf = &l
	}
	if w.chance(4) {
		w.spoil(t)
	}
	c.removes, c.adds = nil, nil
	for _, frames := range t.removes {
		c.removes = append(c.removes, framesOf(frames))
	}
	c.adds = framesOf(t.adds)
	if t.leaf != nil {
		c.newLeaf = t.leaf.bytes()
	}
	c = w.addressed(c)
	t.frame = c.frame()
	return t
}

// addable reports a Join that t could add, which adds nobody of the name yet.
func (w *theatre) addable(t, j *tale) bool {
	for _, other := range t.adds {
		if other.join.leaf.name == j.join.leaf.name {
			return false
		}
	}
	mayAdd := w.oracle.clone()
	me := mayAdd.seats[t.commit.committer].membership
	return w.oracle.judge(j) != nil && mayAdd.admit(j, &me, t.commit.rotate)
}

func framesOf(tales []*tale) (out [][]byte) {
	for _, t := range tales {
		out = append(out, t.frame)
	}
	return out
}

// pendingTales finds who said what is pending.
func (w *theatre) pendingTales(groups [][][]byte) (out [][]*tale) {
	for _, frames := range groups {
		var tales []*tale
		for _, f := range w.oracle.pending {
			if frame := f.frame(); slices.ContainsFunc(frames, func(g []byte) bool { return bytes.Equal(g, frame) }) {
				tales = append(tales, &tale{removal: &f, frame: frame})
			}
		}
		out = append(out, tales)
	}
	return out
}

// policy changes some, mostly where the committer may.
func (w *theatre) policy(c *commitSpec) {
	me, _ := w.Lookup(w.nameOf(c.committer))
	if !me.Admin && !w.chance(10) {
		return
	}
	if w.chance(6) {
		c.admission = uint8(1 + w.IntN(3))
	}
	if w.chance(5) {
		c.admins = w.memberships(w.somebody(), w.somebody())
		c.admins = slices.Compact(c.admins)
	}
	if w.chance(3) && len(w.Bans()) > 0 {
		c.unban = w.Bans()[:1]
	}
	if w.chance(6) {
		*c = w.rotating(*c)
	}
}

func (w *theatre) nameOf(index uint8) string {
	for _, who := range w.Roster() {
		if who.Index == index {
			return who.Name
		}
	}
	return ""
}

// spoil does to a commit what its committer must not.
func (w *theatre) spoil(t *tale) {
	c := t.commit
	switch w.IntN(12) {
	case 0:
		t.removes = nil
	case 1:
		c.rotate = false
	case 2:
		*c = w.rotating(*c)
	case 3:
		c.epoch -= min(c.epoch, 1)
		c.transcript = w.oracle.m[c.epoch]
	case 4:
		c.transcript[0] ^= 1
	case 5:
		c.by = w.actor(w.somebody()).leaf
	case 6:
		c.tailHash = new(group.Hash)
	case 7:
		if len(c.recipients) > 0 {
			c.to(c.recipients[1:])
		}
	case 8:
		c.to(append(slices.Clone(c.recipients), uint8(200)))
	case 9:
		if len(t.adds) > 0 {
			t.adds = append(t.adds, t.adds[0])
		}
	case 10:
		if j := w.join(w.nameOf(c.committer)); true {
			t.adds = append(t.adds, &tale{join: &j, frame: j.frame()})
		}
	case 11:
		if len(t.removes) > 0 {
			t.removes = append(t.removes, t.removes[0])
		}
	}
}
