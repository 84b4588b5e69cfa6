package group

import (
	"slices"
	"time"
)

// InFlight lists the messages of the own Message that has not come back.
func (m *Member) InFlight() []MessageID {
	if m.s.sealed == nil {
		return nil
	}
	return slices.Clone(m.s.sealed.ids)
}

// Asked reports an own Join that waits to be served, and whether it stands in
// the log.
func (m *Member) Asked() (waiting, logged bool) {
	return m.s.request != nil, m.s.request != nil && m.s.request.echoed
}

// Turn is how long this member leaves to those who rank before it, before it
// commits: rank × (250 ms + 4 ms × members).
func (m *Member) Turn() time.Duration {
	step := 250*time.Millisecond + time.Duration(len(m.public.Roster()))*4*time.Millisecond
	return time.Duration(m.public.rank(m.s.index)) * step
}

// PendingAgainst reports a Leave or Remove against a member that waits for a
// commit.
func (p *Public) PendingAgainst(m Membership) bool { return isPending(p.pending, m) }

// Has reports whether the roster holds a membership.
func (p *Public) Has(m Membership) bool {
	_, ok := indexOf(p.seats, m)
	return ok
}

// Servable lists the waiting Joins that this member could serve at now, in the
// order in which Commit would.
func (m *Member) Servable(now time.Time) (out []JoinRequest) {
	if m.s.status != Active || len(m.s.waiting) == 0 {
		return nil
	}
	s := m.succession()
	for _, j := range m.s.waiting {
		if m.serves(s, j.join, now) {
			out = append(out, j.request())
		}
	}
	return out
}
