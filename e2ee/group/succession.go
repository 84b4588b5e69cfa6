package group

import (
	"slices"

	"github.com/parley-e2ee/parley/internal/edwards"
	"golang.org/x/crypto/cryptobyte"
)

// succession is the state a commit leads to, built operation by operation on
// a copy. seats and pending are cloned before the first change.
type succession struct {
	public    *Public
	committer *seat // nil where any member might commit
	seats     []*seat
	policy    policy
	pending   []*removal
	rotating  bool

	served   bool // a Remove was served
	removed  []Departed
	arrivals []arrival
	newLeaf  *leaf
	change   policyChange

	index      uint8
	commit     *commit
	before     Hash // M_e
	transcript Hash // M_{e+1}
	seen       seen
}

// arrival is a Join that the commit serves.
type arrival struct {
	index     uint8
	join      *join
	rejoin    bool
	newDevice bool
}

func (p *Public) succession(committer *seat) *succession {
	return &succession{
		public:    p,
		before:    p.transcript,
		committer: committer,
		seats:     slices.Clone(p.seats),
		policy:    p.policy.clone(),
		pending:   slices.Clone(p.pending),
	}
}

// afterPending is the state with everything pending done: what the adds of any
// next commit are judged on.
func (p *Public) afterPending() *succession {
	s := p.succession(nil)
	for len(s.pending) > 0 {
		s.finishRemoval(s.pending[0].target)
	}
	s.rotating = s.served
	return s
}

// judge holds a Leave or Remove against the state, as if all pending ones were
// done. It changes nothing.
func (s *succession) judge(f *removal) error {
	signer, ok := indexOf(s.seats, f.signer)
	if !ok {
		return ErrNotMember
	}
	target, ok := indexOf(s.seats, f.target)
	switch {
	case !ok:
		return ErrNotMember
	case f.remove && !s.policy.isAdmin(f.signer):
		return ErrNotAdmin
	case isPending(s.pending, f.signer):
		return ErrPending
	case slices.ContainsFunc(s.pending, f.repeats):
		return ErrRepeated
	case s.adminsWithout(f.target) == 0:
		return ErrLastAdmin
	case f.ban && s.bansWith(s.seats[target].leaf.identity) > MaxBans:
		return ErrFull
	case !f.verify(s.seats[signer].leaf.signing):
		return ErrSignature
	}
	return nil
}

// repeats reports that a membership has this kind of removal against it.
func (f *removal) repeats(g *removal) bool {
	return f.target == g.target && f.remove == g.remove && f.ban == g.ban
}

// adminsWithout counts the admins with nothing pending against them, but m.
func (s *succession) adminsWithout(m Membership) (n int) {
	for _, a := range s.policy.admins {
		if a != m && !isPending(s.pending, a) {
			n++
		}
	}
	return n
}

// bansWith counts the bans there would be with k and all pending ones.
func (s *succession) bansWith(k IdentityKey) int {
	bans := append(slices.Clone(s.policy.bans), k)
	for _, f := range s.pending {
		if i, ok := indexOf(s.seats, f.target); ok && f.ban {
			bans = append(bans, s.seats[i].leaf.identity)
		}
	}
	return len(sortedSet(bans))
}

// remove serves the Leave and Remove frames against one membership: all that
// are pending, in any order, and others that are valid here.
func (s *succession) remove(frames [][]byte) error {
	var target Membership
	var inline []Hash
	for i, raw := range frames {
		f, err := parseRemoval(raw, s.public.room)
		if err != nil {
			return err
		}
		if i == 0 {
			target = f.target
		}
		if f.target != target || slices.Contains(inline, f.hash) {
			return ErrOperation
		}
		inline = append(inline, f.hash)
		if slices.ContainsFunc(s.pending, func(g *removal) bool { return g.hash == f.hash }) {
			continue
		}
		if err := s.judge(f); err != nil {
			return err
		}
		s.pending = append(s.pending, f)
	}
	for _, f := range s.pending {
		if f.target == target && !slices.Contains(inline, f.hash) {
			return ErrUnserved
		}
	}
	s.finishRemoval(target)
	return nil
}

// finishRemoval takes a membership out and serves all that is pending against
// it: it is a ban if one says so.
func (s *succession) finishRemoval(m Membership) {
	i, _ := indexOf(s.seats, m)
	gone := Departed{Who: personAt(s.seats, s.policy, i)}
	for _, f := range s.pending {
		if f.target == m {
			gone.Remove, gone.Ban = gone.Remove || f.remove, gone.Ban || f.ban
			gone.By = append(gone.By, s.whoever(f.signer))
		}
	}
	if gone.Ban {
		s.policy.ban(s.seats[i].leaf.identity)
	}
	s.pending = slices.DeleteFunc(s.pending, func(f *removal) bool { return f.target == m })
	s.policy.dropAdmin(m)
	s.seats[i] = nil
	s.served = s.served || gone.Remove
	s.removed = append(s.removed, gone)
}

// whoever names a member of the epoch before, who may be gone by now.
func (s *succession) whoever(m Membership) Person { return s.public.personOf(m) }

// changePolicy is the third kind of operation.
func (s *succession) changePolicy(c policyChange) error {
	admin := s.policy.isAdmin(s.committer.membership)
	switch {
	case c.byAdmin() && !admin:
		return ErrNotAdmin
	case c.admission != 0 && !c.admission.valid():
		return ErrOperation
	case c.rotate != s.served && !(c.rotate && admin):
		return ErrRotation
	case c.rotate && (!edwards.Sound(c.invite[:]) || c.invite == s.policy.invite):
		return ErrKey
	}
	for _, a := range c.admins {
		if _, ok := indexOf(s.seats, a); !ok {
			return ErrOperation
		}
	}
	for _, k := range c.unban {
		if !s.policy.banned(k) {
			return ErrOperation
		}
	}
	if c.admission != 0 {
		s.policy.admission = c.admission
	}
	if len(c.admins) > 0 {
		s.policy.admins = slices.Clone(c.admins)
	}
	if c.rotate {
		s.policy.invite = c.invite
	}
	s.policy.bans = slices.DeleteFunc(s.policy.bans, func(k IdentityKey) bool { return slices.Contains(c.unban, k) })
	s.change = c
	return nil
}

// replaceLeaf is the last: new leaf keys for the committer.
func (s *succession) replaceLeaf(raw []byte) error {
	l, err := parseLeaf(raw, s.public.room)
	if err != nil {
		return err
	}
	old := s.seats[s.index]
	if l.name != old.leaf.name || l.identity != old.leaf.identity {
		return ErrNameTaken
	}
	if err := s.freshKeys(l, nil); err != nil {
		return err
	}
	s.newLeaf = l
	s.seats[s.index] = &seat{leaf: l, membership: old.membership, since: old.since}
	return nil
}

// rosterHash is H(roster) of the state reached.
func (s *succession) rosterHash() Hash {
	roster := make([]byte, 0, len(s.seats)*(1+32+32))
	for i, seat := range s.seats {
		if seat != nil {
			roster = append(append(append(roster, uint8(i)), seat.membership[:]...), seat.leaf.hash[:]...)
		}
	}
	return digest(labelRoster, roster)
}

// nextTranscript is M_{e+1} from M_e and the commit's body, and M_0 from 32
// zero bytes and the Create frame.
func nextTranscript(m Hash, body []byte) Hash {
	return digest(labelTranscript, build(func(b *cryptobyte.Builder) {
		b.AddBytes(m[:])
		put24(b, body)
	}))
}
