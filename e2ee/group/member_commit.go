package group

import (
	"errors"
	"slices"
	"time"

	"golang.org/x/crypto/cryptobyte"
)

// Changes of the room that an application wants. Admission, Admins, Unban and
// Rotate need an admin (ErrNotAdmin).
type Changes struct {
	// Admission is the new mode, or 0.
	Admission Admission
	// Admins is the whole new list of admins, or empty.
	Admins []Membership
	// Unban lists identities that may ask again.
	Unban []IdentityKey
	// Rotate makes every link of before useless. Serving a Remove does too.
	Rotate bool
	// NewKeys replaces this member's own leaf keys.
	NewKeys bool
	// Rekey starts a new epoch even where nothing else is to be done.
	Rekey bool
}

// proposal is a Commit that this member sent, with what it becomes if it wins.
type proposal struct {
	frame  []byte
	next   *epochSecrets
	invite *inviteSeed // nil where the commit does not rotate
	keys   leafKeys    // zero where it does not replace them
}

// Commit makes the frame that starts a new epoch: it serves every pending
// Leave and Remove, up to MaxAdds waiting Joins that admit (if not nil) accepts
// and that have not expired at now, and changes. It returns ErrNothing where
// there is nothing to do, ErrInFlight, ErrConfirmation, ErrPending, ErrNotAdmin
// and, for changes that no reader would accept, why. The caller stores Changes
// before the frame leaves.
func (m *Member) Commit(changes Changes, now time.Time, admit func(JoinRequest) error) error {
	switch {
	case m.s.status == NoKeys:
		return ErrConfirmation
	case m.s.status != Active:
		return ErrNotMember
	case m.s.proposal != nil:
		return ErrInFlight
	case isPending(m.public.pending, m.s.membership):
		return ErrPending
	}
	p := &proposal{}
	if err := m.propose(p, changes, now, admit); err != nil {
		p.wipe()
		return err
	}
	m.s.proposal = p
	m.touch(recordProposal)
	return nil
}

// propose chooses the operations.
func (m *Member) propose(p *proposal, changes Changes, now time.Time, admit func(JoinRequest) error) error {
	commitSecret := random32()
	joiner := joinerSecret(m.s.epoch.init, commitSecret)
	defer wipe(commitSecret, joiner)

	s := m.succession()
	ops := operations{policy: policyChange{
		admission: changes.Admission,
		admins:    sortedSet(slices.Clone(changes.Admins)),
		unban:     sortedSet(slices.Clone(changes.Unban)),
	}}
	for len(s.pending) > 0 {
		ops.removes = append(ops.removes, s.pendingAgainst(s.pending[0].target))
		s.finishRemoval(s.pending[0].target)
	}
	if changes.Rotate && !s.served && !s.policy.isAdmin(m.s.membership) {
		return ErrNotAdmin
	}
	if ops.policy.rotate = changes.Rotate || s.served; ops.policy.rotate {
		p.invite = rotatedInvite(joiner, m.public.room)
		ops.policy.invite = p.invite.public()
		s.rotating = true
	}
	ops.adds = m.serveJoins(s, now, admit)
	var newLeaf []byte
	if changes.NewKeys {
		l, keys, err := newLeafFor(m.id, m.public.room)
		if err != nil {
			return err
		}
		newLeaf, p.keys = l.raw, keys
	}
	if len(ops.removes)+len(ops.adds) == 0 && ops.policy.empty() && newLeaf == nil && !changes.Rekey {
		return ErrNothing
	}
	return m.finishProposal(p, ops, newLeaf, commitSecret, joiner)
}

// succession is what a commit of this member leads to.
func (m *Member) succession() *succession {
	s := m.public.succession(m.public.seats[m.s.index])
	s.index = m.s.index
	return s
}

// finishProposal runs the operations as every reader will, and writes the
// frame around their result.
func (m *Member) finishProposal(p *proposal, ops operations, newLeaf, commitSecret, joiner []byte) error {
	s := m.succession()
	if err := s.perform(ops, newLeaf); err != nil {
		return err
	}
	c := &commit{
		epoch:      m.public.epoch,
		transcript: m.public.transcript,
		committer:  m.s.index,
		ops:        ops,
		newLeaf:    newLeaf,
		seen:       m.public.seen(),
	}
	s.commit = c
	entries, err := m.entries(s, commitSecret, joiner)
	if err != nil {
		return err
	}
	invite := p.invite
	if invite == nil {
		invite = m.s.invite
	}
	c.tail = marshalTail(entries, sealBox(welcomeKey(joiner, m.public.room, c.epoch+1), invite.bytesOrZero()))
	c.tailHash = digest(labelEntries, c.tail)
	c.body = c.marshalBody(m.public.room)
	s.transcript = nextTranscript(m.public.transcript, c.body)
	p.next, c.tag = s.expand(joiner)
	p.frame = c.finish(m.s.keys.signing)
	if len(p.frame) > MaxFrameSize {
		return ErrTooLarge
	}
	return nil
}

// bytesOrZero is the seed, or zeros where this member does not know it: then
// joiners learn that they do not, too.
func (s *inviteSeed) bytesOrZero() []byte {
	if s == nil {
		return make([]byte, 32)
	}
	return s.secret[:]
}

func (s *succession) pendingAgainst(target Membership) (frames [][]byte) {
	for _, f := range s.pending {
		if f.target == target {
			frames = append(frames, f.raw)
		}
	}
	return frames
}

// serveJoins adds the waiting Joins that can be served now.
func (m *Member) serveJoins(s *succession, now time.Time, admit func(JoinRequest) error) (adds [][]byte) {
	for _, j := range m.s.waiting {
		if len(adds) == MaxAdds {
			break
		}
		if !m.serves(s, j.join, now) || admit != nil && admit(j.request()) != nil {
			continue
		}
		if s.add(j.join) == nil {
			adds = append(adds, j.raw)
		}
	}
	return adds
}

// serves reports whether this member could add j at now.
func (m *Member) serves(s *succession, j *join, now time.Time) bool {
	if j.expired(now) {
		return false
	}
	if len(j.proof) > 0 && !m.s.invite.matches(m.public.policy.invite) {
		return false
	}
	_, err := s.admit(j)
	return err == nil
}

// entries encapsulates to everyone in the next roster but the committer.
func (m *Member) entries(s *succession, commitSecret, joiner []byte) ([]entry, error) {
	arrivals := make(map[uint8]*join)
	for _, a := range s.arrivals {
		arrivals[a.index] = a.join
	}
	to := s.others()
	out, failed := make([]entry, len(to)), make([]error, len(to))
	inParallel(len(to), func(n int) {
		if j := arrivals[to[n]]; j != nil {
			out[n], failed[n] = s.wrapWelcome(to[n], j, m.s.invite, joiner)
		} else {
			out[n], failed[n] = s.wrapCommit(to[n], commitSecret)
		}
	})
	return out, errors.Join(failed...)
}

// wrapCommit is the entry of a member: commit_secret, to its leaf key.
func (s *succession) wrapCommit(index uint8, commitSecret []byte) (entry, error) {
	to := s.seats[index].leaf
	key, err := to.encapsulator()
	if err != nil {
		return entry{}, err
	}
	shared, ct := key.Encapsulate()
	kek := s.wrapKey(shared, roleCommit, to, to.kem, ct)
	defer wipe(shared, kek)
	return entry{index, ct, sealBox(kek, commitSecret)}, nil
}

// wrapWelcome is the entry of an arrival: joiner_secret, to its init key.
func (s *succession) wrapWelcome(index uint8, j *join, seed *inviteSeed, joiner []byte) (entry, error) {
	key, err := parseKEMKey(j.init)
	if err != nil {
		return entry{}, err
	}
	shared, ct := key.Encapsulate()
	salted := welcomeShared(shared, j, seed)
	kek := s.wrapKey(salted, roleWelcome, s.seats[index].leaf, j.init, ct)
	defer wipe(shared, salted, kek)
	return entry{index, ct, sealBox(kek, joiner)}, nil
}

// Backoff says how long to wait before Commit, where there is something to
// serve that this member could serve: rank × (250 ms + 4 ms × members), so
// that usually one member commits and the others need not.
func (m *Member) Backoff(now time.Time) (time.Duration, bool) {
	if m.s.status != Active || m.s.proposal != nil || isPending(m.public.pending, m.s.membership) {
		return 0, false
	}
	if len(m.public.pending) == 0 && !m.servable(now) {
		return 0, false
	}
	members := len(m.public.Roster())
	step := 250*time.Millisecond + time.Duration(members)*4*time.Millisecond
	return time.Duration(m.public.rank(m.s.index)) * step, true
}

func (m *Member) servable(now time.Time) bool {
	if len(m.s.waiting) == 0 {
		return false
	}
	s := m.succession()
	for _, j := range m.s.waiting {
		if m.serves(s, j.join, now) {
			return true
		}
	}
	return false
}

// RekeyDue reports that a new epoch should start, after this many Messages or
// this long since the last: Commit with Rekey.
func (m *Member) RekeyDue(now time.Time, messages uint64, age time.Duration) bool {
	if m.s.status != Active || m.s.proposal != nil {
		return false
	}
	return m.public.Messages() >= messages ||
		m.public.epoch > 0 && apart(now, m.s.since) >= age
}

// apart is the time between now and some seconds, whichever is later: a clock
// that was ahead does not put new keys off until it is right again.
func apart(now time.Time, sec int64) time.Duration { return now.Sub(time.Unix(sec, 0)).Abs() }

// KeysDue reports that this member's leaf keys have been in the roster for this
// long: Commit with NewKeys.
func (m *Member) KeysDue(now time.Time, age time.Duration) bool {
	return m.s.status == Active && m.s.proposal == nil && apart(now, m.s.keysSince) >= age
}

func (p *proposal) marshal() []byte {
	next, keys := p.next.marshal(), p.keys.marshal()
	defer wipe(next, keys)
	return build(func(b *cryptobyte.Builder) {
		put24(b, p.frame)
		put24(b, next)
		if p.invite != nil {
			put8(b, p.invite.secret[:])
		} else {
			put8(b, nil)
		}
		put16(b, keys)
	})
}

func (p *proposal) wipe() {
	p.next.wipe()
	if p.invite != nil {
		clear(p.invite.secret[:])
	}
	wipe(p.keys.signing)
}
