package e2ee

// tellLost adds to b that the room is lost, once that is so by the log as it is
// now. r.mu is held.
func (r *Room) tellLost(b *batch) {
	lost := r.caughtUp && r.member.Lost()
	if lost && !r.lost {
		b.events = append(b.events, Warning{Reason: ErrRoomLost})
	}
	r.lost = lost
}

// alone reports a lost room that nobody else is in: there is nobody to ask.
// r.mu is held.
func (r *Room) alone() bool { return r.member.Lost() && len(r.member.Public().Roster()) == 1 }
