package group

import "slices"

// listed reports that this member's identity is in the roster, be it this
// device's membership or one that it has to rejoin.
func (m *Member) listed() bool { return m.seatOf(m.id.Public()) != nil }

func (m *Member) seatOf(who IdentityKey) *seat {
	i := slices.IndexFunc(m.public.seats, func(s *seat) bool { return s != nil && s.leaf.identity == who })
	if i < 0 {
		return nil
	}
	return m.public.seats[i]
}

// Lost reports that the room is: this member is in the roster without keys, and
// of the others there is none who could serve a rejoin. Each has asked for new
// keys itself, or is about to be out, or there are no others. Nobody can go on
// then; the application makes another room. It is what the log says: a device
// that is gone without a word counts as alive, and who asks from a new device
// as having lost the old one. A Commit shows that a room is not lost.
func (m *Member) Lost() bool {
	if m.s.status == Active || !m.listed() {
		return false
	}
	self := m.id.Public()
	return !slices.ContainsFunc(m.public.seats, func(s *seat) bool {
		return s != nil && s.leaf.identity != self && !isPending(m.public.pending, s.membership) && !m.asks(s.leaf.identity)
	})
}

// asks reports a Join of that identity that waits: as a rule, whoever is in the
// roster and asks has no keys.
func (m *Member) asks(who IdentityKey) bool {
	return slices.ContainsFunc(m.s.waiting, func(j waitingJoin) bool { return j.leaf.identity == who })
}
