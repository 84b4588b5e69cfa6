package group

import (
	"bytes"
	"slices"
)

// Leave makes the frame with which this member goes. It returns ErrLastAdmin
// for the last admin, who hands over first, ErrPending where the member is
// about to be removed already, and ErrNotMember.
func (m *Member) Leave() error {
	if !m.rostered() {
		return ErrNotMember
	}
	return m.request(marshalLeave(m.public.room, m.s.membership, m.s.keys.signing))
}

// Remove makes the frame with which an admin removes a member, for good if
// ban. Errors are those of Leave, ErrNotAdmin, ErrRepeated, ErrInFlight and
// ErrFull for too many bans.
func (m *Member) Remove(target Membership, ban bool) error {
	if !m.rostered() {
		return ErrNotMember
	}
	return m.request(marshalRemove(m.public.room, m.s.membership, target, ban, m.s.keys.signing))
}

func (m *Member) request(frame []byte) error {
	f, err := parseRemoval(frame, m.public.room)
	if err != nil {
		return err
	}
	if err := m.public.succession(nil).judge(f); err != nil {
		return err
	}
	if slices.ContainsFunc(m.s.removals, f.repeats) {
		return ErrInFlight
	}
	m.s.removals = append(m.s.removals, f)
	m.touch(recordRemovals)
	return nil
}

// echoRemoval ticks off an own Leave or Remove, and reports whether the frame
// is one. A void one is remembered: the relay may repeat it when it is valid.
func (m *Member) echoRemoval(frame []byte, void error) (own bool, events []Event) {
	at := slices.IndexFunc(m.s.removals, func(f *removal) bool { return bytes.Equal(f.raw, frame) })
	if at < 0 {
		return false, nil
	}
	f := m.s.removals[at]
	m.s.removals = slices.Delete(m.s.removals, at, at+1)
	m.touch(recordRemovals)
	if void != nil {
		events = append(events, RemovalRefused{m.whoever(f.target), void})
		m.refuse(f.hash)
	}
	return true, events
}

func (m *Member) refuse(h Hash) {
	if slices.Contains(m.s.refused, h) {
		return
	}
	m.s.refused = append(m.s.refused, h)
	m.s.refused = m.s.refused[max(0, len(m.s.refused)-maxRefused):]
	m.touch(recordMember)
}

// whoever names a membership, as far as the roster still knows it.
func (m *Member) whoever(target Membership) Person {
	who := m.public.personOf(target)
	who.Membership = target
	return who
}

// meetRemoval sees that an own commit is lost, which does not serve what is
// pending from now on, and that an own removal is one that the store knows.
func (m *Member) meetRemoval(f *removal, own bool) []Event {
	events := m.dropProposal()
	known := own || slices.Contains(m.s.refused, f.hash)
	if m.s.status == Active && f.signer == m.s.membership && !known {
		events = append(events, m.rolledBack()...)
	}
	return events
}

// settleRemovals gives up the own removals whose target is gone: served by the
// commit, which may hold frames that the log hides, or refused. Whoever wanted
// to leave has left, whichever frame did it.
func (m *Member) settleRemovals(s *succession) (events []Event) {
	m.s.removals = slices.DeleteFunc(m.s.removals, func(f *removal) bool {
		at := slices.IndexFunc(s.removed, func(d Departed) bool { return d.Who.Membership == f.target })
		if at < 0 {
			return false
		}
		if f.remove && !s.commit.serves(f) {
			events = append(events, RemovalRefused{s.removed[at].Who, ErrNotMember})
		}
		m.touch(recordRemovals)
		return true
	})
	return events
}

// serves reports that the commit holds f inline.
func (c *commit) serves(f *removal) bool {
	return slices.ContainsFunc(c.ops.removes, func(frames [][]byte) bool {
		return slices.ContainsFunc(frames, func(raw []byte) bool { return bytes.Equal(raw, f.raw) })
	})
}
