package group

import "bytes"

// admit judges a Join on the state reached so far and says where it would sit.
func (s *succession) admit(j *join) (arrival, error) {
	p := s.public
	m, known := p.transcriptAt(j.epoch)
	switch {
	case !known && j.epoch < p.epoch:
		return arrival{}, ErrJoinExpired
	case !known:
		return arrival{}, ErrEpoch
	case m != j.transcript:
		return arrival{}, ErrTranscript
	}
	if _, used := p.used[j.hash]; used || s.arrived(j) {
		return arrival{}, ErrJoinUsed
	}
	if gone, ok := p.used[departure(j.leaf.identity)]; ok && j.epoch <= gone {
		return arrival{}, ErrJoinExpired
	}
	a := arrival{join: j}
	held, err := s.holder(j.leaf)
	if err != nil {
		return arrival{}, err
	}
	if err := s.freshKeys(j.leaf, j.init); err != nil {
		return arrival{}, err
	}
	if err := s.proven(j); err != nil {
		return arrival{}, err
	}
	if held != nil {
		return s.rejoins(a, held)
	}
	return s.joins(a)
}

// arrived reports that the commit serves this Join, or this identity, already.
func (s *succession) arrived(j *join) bool {
	for _, a := range s.arrivals {
		if a.join.hash == j.hash || a.join.leaf.identity == j.leaf.identity {
			return true
		}
	}
	return false
}

// holder finds the seat with this name and identity: nil if neither is held,
// an error if only one is.
func (s *succession) holder(l *leaf) (*seat, error) {
	for _, seat := range s.seats {
		if seat == nil {
			continue
		}
		name, identity := seat.leaf.name == l.name, seat.leaf.identity == l.identity
		if name != identity {
			return nil, ErrNameTaken
		}
		if name {
			return seat, nil
		}
	}
	return nil, nil
}

// freshKeys holds that no key of a new leaf, nor the init key, is in the
// roster. The identity is, in the seat that it holds and in no other: holder.
func (s *succession) freshKeys(l *leaf, init []byte) error {
	for _, seat := range s.seats {
		if seat == nil {
			continue
		}
		old := seat.leaf
		switch {
		case l.signing == old.signing, l.signing == signingKey(old.identity),
			signingKey(l.identity) == old.signing,
			bytes.Equal(l.kem, old.kem), bytes.Equal(init, old.kem):
			return ErrKey
		}
	}
	return nil
}

// proven checks the invite proof, where there is one. Nothing rests on a proof
// in a commit that replaces the key it was made with.
func (s *succession) proven(j *join) error {
	switch {
	case len(j.proof) == 0:
		return nil
	case s.rotating:
		return ErrInviteExpired
	case !s.public.sound.proves(j, s.policy.invite):
		return ErrInvite
	}
	return nil
}

// rejoins needs no admission; any member but itself serves it.
func (s *succession) rejoins(a arrival, held *seat) (arrival, error) {
	if s.committer != nil && s.committer.membership == held.membership {
		return arrival{}, ErrOperation
	}
	if a.join.epoch < held.since { // asked for before the seat was taken: given up since
		return arrival{}, ErrJoinExpired
	}
	a.index, _ = indexOf(s.seats, held.membership)
	a.rejoin = true
	a.newDevice = !verify(held.leaf.signing, signJoinReplaced, a.join.replacedOf, a.join.replaced)
	return a, nil
}

// joins applies the admission mode and finds the lowest free index.
func (s *succession) joins(a arrival) (arrival, error) {
	switch {
	case s.policy.banned(a.join.leaf.identity):
		return arrival{}, ErrBanned
	case s.policy.admission == Invite && len(a.join.proof) == 0:
		return arrival{}, ErrInviteNeeded
	case s.policy.admission == Admins && s.committer != nil && !s.policy.isAdmin(s.committer.membership):
		return arrival{}, ErrNotAdmin
	}
	for i, seat := range s.seats {
		if seat == nil {
			a.index = uint8(i)
			return a, nil
		}
	}
	return arrival{}, ErrFull
}

// add serves a Join.
func (s *succession) add(j *join) error {
	a, err := s.admit(j)
	if err != nil {
		return err
	}
	m := Membership(j.hash)
	if a.rejoin {
		m = s.seats[a.index].membership
		if a.newDevice && len(s.policy.admins) > 1 {
			s.policy.dropAdmin(m)
		}
	}
	s.seats[a.index] = &seat{leaf: j.leaf, membership: m, since: s.public.epoch + 1}
	s.arrivals = append(s.arrivals, a)
	return nil
}
