package group

import (
	"bytes"
	"slices"
	"time"
)

// Apply takes the frame at the next position of the log, read at now. An error
// says why the frame is void: then it has changed nothing but the position,
// save that what this member sent is known to have arrived. Store Changes
// before the events are shown. The frame may be reused once Apply is back.
func (m *Member) Apply(frame []byte, now time.Time) ([]Event, error) {
	return m.apply(frame, nil, now)
}

func (m *Member) apply(frame []byte, known *checked, now time.Time) ([]Event, error) {
	out, err := m.public.apply(frame, known)
	own, echoed := m.echo(frame, err)
	events := append(m.forks(out.events), echoed...)
	switch {
	case err != nil:
		return events, err
	case out.created:
		m.enterCreated(now)
	case out.join != nil:
		m.await(out.join, now)
	case out.removal != nil:
		events = append(events, m.meetRemoval(out.removal, own)...)
	case out.commit != nil:
		events = append(events, m.follow(out.commit, frame, now)...)
	case out.message != nil:
		events = append(events, m.receive(out.message, frame)...)
	}
	return events, nil
}

// echo ticks off what this member asked for; an own frame that is void tells
// why. own reports a Leave or Remove that this member knows it sent.
func (m *Member) echo(frame []byte, void error) (own bool, events []Event) {
	if r := m.s.request; r != nil && !r.echoed && bytes.Equal(frame, r.join.raw) {
		r.echoed = true
		m.touch(recordRequest)
		if void != nil {
			events = append(events, m.refuseJoin(void))
		}
	}
	// Validity within an epoch never returns, so a void commit is a lost one.
	if p := m.s.proposal; void != nil && p != nil && bytes.Equal(frame, p.frame) {
		events = append(events, m.dropProposal()...)
	}
	own, refused := m.echoRemoval(frame, void)
	return own, append(events, refused...)
}

// enterCreated puts the creator into its room.
func (m *Member) enterCreated(now time.Time) {
	if m.s.created == nil {
		return
	}
	m.s.created = nil
	m.touch(recordMember, recordCreated)
	i, ok := indexOf(m.public.seats, m.s.membership)
	if !ok {
		// Another Create under this header, by this identity, came first.
		m.public.joining = true
		m.lock(Joining)
		return
	}
	m.s.status, m.s.index, m.s.since, m.s.keysSince = Active, i, now.Unix(), now.Unix()
}

// forks lets each identity accuse once.
func (m *Member) forks(events []Event) []Event {
	return slices.DeleteFunc(events, func(ev Event) bool {
		f, ok := ev.(Forked)
		return ok && !m.accuse(f.From.Identity)
	})
}

func (m *Member) accuse(by IdentityKey) (first bool) {
	if _, before := m.s.accusers[by]; before {
		return false
	}
	if len(m.s.accusers) >= maxAccusers {
		m.forgetAccusers()
	}
	m.s.accusers[by], m.s.forked = struct{}{}, true
	m.touch(recordMember)
	return true
}

// forgetAccusers makes room: those who are no members cannot accuse.
func (m *Member) forgetAccusers() {
	for k := range m.s.accusers {
		in := slices.ContainsFunc(m.public.seats, func(s *seat) bool { return s != nil && s.leaf.identity == k })
		if !in {
			delete(m.s.accusers, k)
		}
	}
}

// Forked reports an accusation that the application has not acknowledged.
func (m *Member) Forked() bool { return m.s.forked }

// AcknowledgeFork lets Messages go out again.
func (m *Member) AcknowledgeFork() {
	m.s.forked = false
	m.touch(recordMember)
}

// follow goes into the epoch that a commit started.
func (m *Member) follow(s *succession, frame []byte, now time.Time) []Event {
	events := append(m.dropSealed(), m.settleRemovals(s)...)
	m.pruneWaiting(s)
	if p := m.s.proposal; p != nil && bytes.Equal(p.frame, frame) {
		return append(events, m.win(s, now)...)
	}
	events = append(events, m.dropProposal()...)
	if a := m.served(s); a != nil {
		return append(events, m.welcome(s, a, now)...)
	}
	if m.s.request != nil {
		if _, err := m.public.afterPending().admit(m.s.request.join); err != nil {
			events = append(events, m.refuseJoin(err))
		}
	}
	if !m.rostered() {
		return events
	}
	return append(events, m.stay(s, now)...)
}

// stay is for a member that the commit found in the room.
func (m *Member) stay(s *succession, now time.Time) []Event {
	seat := s.seats[m.s.index]
	switch {
	case seat == nil || seat.membership != m.s.membership:
		return []Event{m.expelled(s)}
	case m.displaced(s):
		return []Event{m.replaced(s)}
	case m.s.status == NoKeys:
		return nil
	case s.index == m.s.index:
		return m.rolledBack()
	}
	joiner, err := m.unwrapCommit(s)
	return m.enterWith(s, joiner, err, nil, now)
}

// served finds the own Join among those that the commit serves.
func (m *Member) served(s *succession) *arrival {
	for i, a := range s.arrivals {
		if m.s.request != nil && a.join.hash == m.s.request.join.hash {
			return &s.arrivals[i]
		}
	}
	return nil
}

// displaced reports that a Join other than the awaited one took this member's
// seat.
func (m *Member) displaced(s *succession) bool {
	return slices.ContainsFunc(s.arrivals, func(a arrival) bool { return a.rejoin && a.index == m.s.index })
}

// replaced is the end of this device's time in the room, unless it was itself
// that asked, and gave up.
func (m *Member) replaced(s *succession) Event {
	if slices.ContainsFunc(s.arrivals, func(a arrival) bool { return a.join.hash == m.s.abandoned }) {
		return m.lose()
	}
	m.lock(Displaced)
	return Replaced{}
}

// expelled is the end of this member's time in the room.
func (m *Member) expelled(s *succession) Event {
	ev := Expelled{}
	for _, gone := range s.removed {
		if gone.Who.Membership == m.s.membership {
			ev.Departed = gone
		}
	}
	m.lock(Gone)
	return ev
}

// rolledBack is for a member that meets, valid in the log, what its store does
// not know it sent: keys it holds may have been used.
func (m *Member) rolledBack() []Event {
	events := append([]Event{RolledBack{}}, m.dropSealed()...)
	return append(events, m.lose())
}

// dropSealed gives up an own Message that can never become valid.
func (m *Member) dropSealed() []Event {
	if m.s.sealed == nil {
		return nil
	}
	ids := m.s.sealed.ids
	m.s.sealed = nil
	m.touch(recordSealed)
	return []Event{Unsent{ids}}
}

// dropProposal gives up an own Commit that can never become valid.
func (m *Member) dropProposal() []Event {
	if m.s.proposal == nil {
		return nil
	}
	m.s.proposal.wipe()
	m.s.proposal = nil
	m.touch(recordProposal)
	return []Event{CommitLost{}}
}
