package group

import (
	"slices"
	"time"
)

// unwrapCommit gets the joiner secret by this member's leaf key.
func (m *Member) unwrapCommit(s *succession) ([]byte, error) {
	secret, err := m.unwrap(s, roleCommit, m.s.index, nil)
	if err != nil {
		return nil, err
	}
	defer wipe(secret)
	return joinerSecret(m.s.epoch.init, secret), nil
}

// unwrap opens the own entry: its KEM key is the leaf's, or the Join's init.
func (m *Member) unwrap(s *succession, r role, index uint8, request *ownJoin) ([]byte, error) {
	at := slices.IndexFunc(s.commit.entries, func(e entry) bool { return e.index == index })
	if at < 0 {
		return nil, ErrConfirmation
	}
	e, to := s.commit.entries[at], s.seats[index].leaf
	kem, dk := to.kem, m.s.keys.kem
	if request != nil {
		kem, dk = request.join.init, request.keys.init
	}
	shared, err := dk.Decapsulate(e.ct)
	if err != nil {
		return nil, ErrConfirmation
	}
	defer wipe(shared)
	if request != nil {
		salted := welcomeShared(shared, request.join, request.seed)
		defer wipe(salted)
		shared = salted
	}
	kek := s.wrapKey(shared, r, to, kem, e.ct)
	defer wipe(kek)
	return openBox(kek, e.box)
}

// welcome takes this member into the room, or back into it.
func (m *Member) welcome(s *succession, a *arrival, now time.Time) []Event {
	r := m.s.request
	m.s.request = nil
	m.touch(recordRequest)
	m.s.membership, m.s.index = s.seats[a.index].membership, a.index
	if m.public.joining {
		m.public.joining = false
		m.public.forgetOthers(s)
	}
	m.takeKeys(r.keys.leaf, now)
	events := []Event{Admitted{m.public.epoch}}
	joiner, err := m.unwrap(s, roleWelcome, a.index, r)
	if err != nil {
		return append(events, m.lose())
	}
	seed, err := openBox(welcomeKey(joiner, m.public.room, m.public.epoch), s.commit.sealed)
	if err != nil {
		seed = make([]byte, 32) // matches no key, as what a committer without the seed sends
	}
	return append(events, m.enterWith(s, joiner, nil, newInviteSeed(seed), now)...)
}

// forgetOthers marks what a joiner cannot know: the Messages before its epoch.
func (p *Public) forgetOthers(s *succession) {
	for i := range p.seats {
		came := slices.ContainsFunc(s.arrivals, func(a arrival) bool { return a.index == uint8(i) })
		if p.seats[i] != nil && !came {
			p.senders[i].baseline = false
			p.touch(senderRecord(uint8(i)))
		}
	}
}

// enterWith goes on from the joiner secret, or without keys.
func (m *Member) enterWith(s *succession, joiner []byte, err error, invite *inviteSeed, now time.Time) []Event {
	if err != nil {
		return []Event{m.lose()}
	}
	defer wipe(joiner)
	next, err := s.follow(joiner)
	if err != nil {
		return []Event{m.lose()}
	}
	if s.change.rotate {
		invite = rotatedInvite(joiner, m.public.room)
	}
	return m.enter(next, invite, now)
}

// win is for the member whose own commit started the epoch. One that lost its
// keys meanwhile stays without: it may not be the only one to hold these.
func (m *Member) win(s *succession, now time.Time) []Event {
	p := m.s.proposal
	m.s.proposal = nil
	m.touch(recordProposal)
	if s.newLeaf != nil {
		m.takeKeys(p.keys, now)
		p.keys = leafKeys{}
	}
	if m.s.status == NoKeys {
		p.wipe()
		return nil
	}
	return m.enter(p.next, p.invite, now)
}

// takeKeys makes leaf keys this member's, once they are in the roster.
func (m *Member) takeKeys(keys leafKeys, now time.Time) {
	wipe(m.s.keys.signing)
	m.s.keys, m.s.keysSince = keys, now.Unix()
	m.touch(recordKeys, recordMember)
}

// enter makes the epoch's secrets this member's, and erases the last ones.
// invite is nil where the commit did not change it.
func (m *Member) enter(next *epochSecrets, invite *inviteSeed, now time.Time) (events []Event) {
	m.forget()
	m.s.status, m.s.epoch, m.s.since = Active, next, now.Unix()
	if invite == nil {
		invite = m.s.invite
	}
	m.s.invite = invite
	if invite != nil && !invite.matches(m.public.policy.invite) {
		m.s.invite = nil
		events = append(events, InviteMismatch{})
	}
	m.touch(recordMember, recordEpoch)
	for i := range next.ratchets {
		m.touch(ratchetRecord(i))
	}
	return events
}

// forget erases the secrets of the epoch.
func (m *Member) forget() {
	if m.s.epoch == nil {
		return
	}
	for i := range m.s.epoch.ratchets {
		m.touch(ratchetRecord(i))
	}
	m.s.epoch.wipe()
	m.s.epoch = nil
	m.touch(recordEpoch)
}

// lose is for a member whose entry does not open to the epoch's secrets.
func (m *Member) lose() Event {
	m.forget()
	m.s.status = NoKeys
	m.touch(recordMember)
	return Keyless{m.public.epoch}
}

// lock erases every secret.
func (m *Member) lock(status Status) {
	m.forget()
	wipe(m.s.keys.signing)
	m.Abandon()
	m.unwait(func(*join) bool { return true })
	m.s.status, m.s.keys, m.s.invite, m.s.removals = status, leafKeys{}, nil, nil
	m.touch(recordMember, recordKeys, recordEpoch, recordRemovals)
}
