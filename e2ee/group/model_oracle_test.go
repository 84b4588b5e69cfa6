package group_test

import (
	"bytes"
	"maps"
	"slices"

	"github.com/parley-e2ee/parley/e2ee/group"
)

// oracle is the public rules a second time, over what frames say instead of
// their bytes, and written for its brevity: it says only whether.
type oracle struct {
	room      group.RoomID
	epoch     uint64
	m         map[uint64]group.Hash // of every epoch
	seats     map[uint8]oracleSeat
	admins    map[group.Membership]bool
	bans      map[[32]byte]bool
	admission group.Admission
	invite    [32]byte
	pending   []removalSpec
	used      map[group.Hash]bool
	gone      map[[32]byte][]uint64 // the epochs in which identities departed
	last      map[uint8]uint64      // generations
	served    bool                  // a Remove, by the commit under way
	arrived   map[[32]byte]bool
}

type oracleSeat struct {
	name       string
	identity   [32]byte
	leaf       [32]byte
	kem        string
	membership group.Membership
	since      uint64
}

// tale is what a frame says.
type tale struct {
	frame   []byte
	void    bool // garbled, or not signed as it should be
	join    *joinSpec
	removal *removalSpec
	message *messageSpec
	commit  *commitSpec
	removes [][]*tale
	adds    []*tale
	leaf    *leafSpec
}

func (o *oracle) clone() *oracle {
	c := *o
	c.m, c.seats, c.admins = maps.Clone(o.m), maps.Clone(o.seats), maps.Clone(o.admins)
	c.bans, c.used, c.last = maps.Clone(o.bans), maps.Clone(o.used), maps.Clone(o.last)
	c.pending, c.gone = slices.Clone(o.pending), maps.Clone(o.gone)
	c.served, c.arrived = false, make(map[[32]byte]bool)
	return &c
}

func (o *oracle) seat(m group.Membership) (uint8, bool) {
	for i, s := range o.seats {
		if s.membership == m {
			return i, true
		}
	}
	return 0, false
}

func (o *oracle) isPending(m group.Membership) bool {
	return slices.ContainsFunc(o.pending, func(f removalSpec) bool { return f.against() == m })
}

func (f removalSpec) against() group.Membership {
	if f.remove {
		return f.target
	}
	return f.signer
}

// judge gives the state after a frame, nil where it is void.
func (o *oracle) judge(t *tale) *oracle {
	if t.void {
		return nil
	}
	switch {
	case t.join != nil:
		all := o.clone()
		for len(all.pending) > 0 {
			all.finish(all.pending[0].against())
		}
		if !all.admit(t, nil, all.served) {
			return nil
		}
		return o
	case t.removal != nil:
		if !o.removable(*t.removal) {
			return nil
		}
		next := o.clone()
		next.pending = append(next.pending, *t.removal)
		return next
	case t.message != nil:
		return o.judgeMessage(t.message)
	}
	return o.judgeCommit(t)
}

func (o *oracle) removable(f removalSpec) bool {
	signer, in := o.seat(f.signer)
	target, there := o.seat(f.against())
	if !in || !there || f.room != o.room || f.by == nil || public(f.by) != o.seats[signer].leaf {
		return false
	}
	if o.isPending(f.signer) || f.remove && !o.admins[f.signer] {
		return false
	}
	bans, stay := maps.Clone(o.bans), 0
	for _, g := range o.pending {
		if g.against() == f.against() && g.remove == f.remove && g.ban == f.ban {
			return false
		}
		if i, ok := o.seat(g.against()); ok && g.ban {
			bans[o.seats[i].identity] = true
		}
	}
	if f.ban {
		bans[o.seats[target].identity] = true
	}
	for a := range o.admins {
		if a != f.against() && !o.isPending(a) {
			stay++
		}
	}
	return stay > 0 && len(bans) <= group.MaxBans
}

// finish takes a membership out.
func (o *oracle) finish(m group.Membership) {
	i, _ := o.seat(m)
	for _, f := range o.pending {
		if f.against() == m {
			o.served = o.served || f.remove
			if f.ban {
				o.bans[o.seats[i].identity] = true
			}
		}
	}
	o.pending = slices.DeleteFunc(o.pending, func(f removalSpec) bool { return f.against() == m })
	if o.gone == nil {
		o.gone = make(map[[32]byte][]uint64)
	}
	o.gone[o.seats[i].identity] = append(slices.Clone(o.gone[o.seats[i].identity]), o.epoch)
	delete(o.seats, i)
	delete(o.admins, m)
}

// admit adds whom a Join is for. by is the committer, where there is one.
func (o *oracle) admit(t *tale, by *group.Membership, rotating bool) bool {
	j := t.join
	id := group.Hash(group.Digest("frame", t.frame))
	at, known := o.m[j.epoch]
	if t.void || j.room != o.room || !known || at != j.transcript || o.epoch-j.epoch > group.JoinWindow || o.used[id] || o.arrived[j.leaf.identity] {
		return false
	}
	if j.proof != nil && (rotating || public(j.proof) != o.invite) {
		return false
	}
	for _, gone := range o.gone[j.leaf.identity] {
		if gone < o.epoch && j.epoch <= gone {
			return false
		}
	}
	index, held := o.lowest(), false
	for i, s := range o.seats {
		if s.leaf == j.leaf.signing || s.kem == string(j.leaf.kem) || s.kem == string(j.init) {
			return false
		}
		if (s.name == j.leaf.name) != (s.identity == j.leaf.identity) {
			return false
		}
		if s.name == j.leaf.name {
			index, held = int(i), true
		}
	}
	seat := oracleSeat{j.leaf.name, j.leaf.identity, j.leaf.signing, string(j.leaf.kem), group.Membership(id), o.epoch + 1}
	if held {
		seat.membership = o.seats[uint8(index)].membership
		if j.epoch < o.seats[uint8(index)].since {
			return false
		}
		if by != nil && *by == seat.membership {
			return false
		}
		vouched := j.replaced != nil && public(j.replaced) == o.seats[uint8(index)].leaf
		if !vouched && len(o.admins) > 1 {
			delete(o.admins, seat.membership)
		}
	} else if index == group.MaxMembers || o.bans[j.leaf.identity] ||
		o.admission == group.Invite && j.proof == nil ||
		o.admission == group.Admins && by != nil && !o.admins[*by] {
		return false
	}
	o.seats[uint8(index)] = seat
	delete(o.last, uint8(index))
	o.used[id], o.arrived[j.leaf.identity] = true, true
	return true
}

// lowest is the lowest free index, MaxMembers where there is none.
func (o *oracle) lowest() int {
	for i := range group.MaxMembers {
		if _, taken := o.seats[uint8(i)]; !taken {
			return i
		}
	}
	return group.MaxMembers
}

func (o *oracle) judgeMessage(m *messageSpec) *oracle {
	s, in := o.seats[m.sender]
	if !in || m.room != o.room || m.epoch < 1 || m.epoch != o.epoch || m.transcript != o.m[o.epoch] || m.by == nil || public(m.by) != s.leaf {
		return nil
	}
	if last := o.last[m.sender]; m.generation <= last || m.generation-last > group.MaxSkip {
		return nil
	}
	next := o.clone()
	next.last[m.sender] = m.generation
	return next
}

func (o *oracle) judgeCommit(t *tale) *oracle {
	c, next := t.commit, o.clone()
	s, in := o.seats[c.committer]
	if !in || c.room != o.room || c.epoch != o.epoch || c.transcript != o.m[o.epoch] || c.by == nil || public(c.by) != s.leaf || o.isPending(s.membership) || c.tailHash != nil {
		return nil
	}
	for _, group := range t.removes {
		if !next.remove(group) {
			return nil
		}
	}
	if len(next.pending) > 0 {
		return nil
	}
	for _, j := range t.adds {
		if !next.admit(j, &s.membership, c.rotate) {
			return nil
		}
	}
	if next.seats[c.committer] != s || len(t.adds) > group.MaxAdds || !next.change(c, s.membership) || !next.replace(t.leaf, c.committer) {
		return nil
	}
	var recipients []uint8
	for _, i := range slices.Sorted(maps.Keys(next.seats)) {
		if i != c.committer {
			recipients = append(recipients, i)
		}
	}
	if !slices.Equal(recipients, c.recipients) {
		return nil
	}
	next.epoch++
	next.last = make(map[uint8]uint64)
	return next
}

// remove serves the frames of one group: all pending against one membership.
func (o *oracle) remove(frames []*tale) bool {
	target, inline := frames[0].removal.against(), make(map[string]bool)
	for _, f := range frames {
		isPending := slices.ContainsFunc(o.pending, func(g removalSpec) bool { return bytes.Equal(g.frame(), f.frame) })
		if f.void || f.removal.against() != target || inline[string(f.frame)] || !isPending && !o.removable(*f.removal) {
			return false
		}
		if inline[string(f.frame)] = true; !isPending {
			o.pending = append(o.pending, *f.removal)
		}
	}
	for _, g := range o.pending {
		if g.against() == target && !inline[string(g.frame())] {
			return false
		}
	}
	o.finish(target)
	return true
}

func (o *oracle) change(c *commitSpec, by group.Membership) bool {
	admin := o.admins[by]
	if !admin && (c.admission != 0 || len(c.admins) > 0 || len(c.unban) > 0 || c.rotate && !o.served) || o.served && !c.rotate {
		return false
	}
	if c.admission > 3 || c.rotate && c.invite == o.invite {
		return false
	}
	if len(c.admins) > 0 {
		o.admins = make(map[group.Membership]bool)
	}
	for _, a := range c.admins {
		if _, in := o.seat(a); !in {
			return false
		}
		o.admins[a] = true
	}
	for _, k := range c.unban {
		if !o.bans[k] {
			return false
		}
		delete(o.bans, k)
	}
	if c.admission != 0 {
		o.admission = group.Admission(c.admission)
	}
	if c.rotate {
		o.invite = c.invite
	}
	return true
}

// replace gives the committer its new leaf.
func (o *oracle) replace(l *leafSpec, index uint8) bool {
	if l == nil {
		return true
	}
	old := o.seats[index]
	for _, s := range o.seats {
		if s.leaf == l.signing || s.kem == string(l.kem) {
			return false
		}
	}
	if l.name != old.name || l.identity != old.identity {
		return false
	}
	o.seats[index] = oracleSeat{l.name, l.identity, l.signing, string(l.kem), old.membership, old.since}
	return true
}
