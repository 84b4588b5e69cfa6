package group

import (
	"bytes"
	"slices"
	"time"
)

// Join makes the frame that asks to be added, good until expiry, or, from a
// member without keys, to get new ones. The log must have been read to its
// head. It returns ErrNotCreated before the Create, ErrInviteNeeded,
// ErrInviteExpired, ErrBanned, ErrNameTaken and other reasons for which no
// commit could serve it now; ErrJoinExpired for an expiry before 1970,
// ErrInFlight while one waits, and ErrOperation for a member that has keys, or
// that is Gone or Displaced: that one Enters anew.
func (m *Member) Join(expiry time.Time) error {
	switch {
	case !m.public.created:
		return ErrNotCreated
	case m.s.status != Joining && m.s.status != NoKeys:
		return ErrOperation
	case m.s.request != nil:
		return ErrInFlight
	case expiry.Unix() <= 0:
		return ErrJoinExpired
	}
	req := joinRequest{room: m.public.room, epoch: m.public.epoch, transcript: m.public.transcript, expiry: expiry}
	switch {
	case m.s.status == NoKeys:
		// A rejoin needs no proof, and one would keep it from rotating commits.
		req.replaced = m.s.keys.signing
	case m.s.invite == nil:
	case !m.s.invite.matches(m.public.policy.invite):
		return ErrInviteExpired
	default:
		req.seed = m.s.invite
	}
	return m.ask(req)
}

func (m *Member) ask(req joinRequest) error {
	frame, keys, err := marshalJoin(m.id, req)
	if err != nil {
		return err
	}
	j, err := parseJoin(frame, m.public.room)
	if err != nil {
		return err
	}
	if _, err := m.public.afterPending().admit(j); err != nil {
		return err
	}
	m.s.request = &ownJoin{join: j, keys: keys, seed: req.seed}
	m.touch(recordRequest)
	return nil
}

// Abandon gives up an own Join that nobody served. A commit made before it
// expires may still admit its leaf; this member then holds no keys.
func (m *Member) Abandon() {
	if m.s.request == nil {
		return
	}
	m.s.abandoned = m.s.request.join.hash
	wipe(m.s.request.keys.leaf.signing)
	m.s.request = nil
	m.touch(recordRequest, recordMember)
}

// Requested returns the own Join that waits to be served, to append again.
func (m *Member) Requested() (frame []byte, expiry time.Time, ok bool) {
	if m.s.request == nil {
		return nil, time.Time{}, false
	}
	return bytes.Clone(m.s.request.join.raw), unixTime(m.s.request.join.expiry), true
}

// refuseJoin gives up an own Join that no commit can serve.
func (m *Member) refuseJoin(reason error) Event {
	seed := m.s.request.seed
	if seed != nil && !seed.matches(m.public.policy.invite) {
		reason = ErrInviteExpired
	}
	m.Abandon()
	return JoinRefused{reason}
}

// await keeps a servable Join of somebody else until a commit serves it. Of an
// identity's Joins it keeps the one that is good for longest: the others were
// given up.
func (m *Member) await(j *join, now time.Time) {
	own := m.s.request != nil && m.s.request.join.hash == j.hash
	if own || !m.listed() || j.expired(now) {
		return
	}
	before := slices.IndexFunc(m.s.waiting, func(k waitingJoin) bool { return k.leaf.identity == j.leaf.identity })
	if before >= 0 {
		if k := m.s.waiting[before]; k.hash == j.hash || k.expiry > j.expiry {
			return
		}
		m.unwait(func(k *join) bool { return k.leaf.identity == j.leaf.identity })
	}
	if len(m.s.waiting) >= MaxWaiting {
		m.unwait(func(k *join) bool { return k.expired(now) })
	}
	m.evict()
	m.s.waiting = append(m.s.waiting, waitingJoin{j, m.public.position})
	m.touch(waitingRecord(j.hash))
}

// evict makes room for one more Join: the oldest admission goes. Members who
// come back, one Join each, are not put off by strangers.
func (m *Member) evict() {
	if len(m.s.waiting) < MaxWaiting {
		return
	}
	for _, oldest := range m.s.waiting {
		if held, err := m.public.succession(nil).holder(oldest.leaf); held == nil || err != nil {
			m.unwait(func(k *join) bool { return k.hash == oldest.hash })
			return
		}
	}
}

// expired judges by the clock of whoever would serve the Join.
func (j *join) expired(now time.Time) bool { return !unixTime(j.expiry).After(now) }

// unwait forgets the waiting Joins that are useless.
func (m *Member) unwait(useless func(*join) bool) {
	m.s.waiting = slices.DeleteFunc(m.s.waiting, func(j waitingJoin) bool {
		if !useless(j.join) {
			return false
		}
		m.touch(waitingRecord(j.hash))
		return true
	})
}

// pruneWaiting forgets the Joins that no commit can serve any more, and those
// of whom this one removed: they ask again if they want to return.
func (m *Member) pruneWaiting(s *succession) {
	now, listed := m.public.succession(nil), m.listed()
	m.unwait(func(j *join) bool {
		if !listed {
			return true
		}
		gone := slices.ContainsFunc(s.removed, func(d Departed) bool { return d.Who.Identity == j.leaf.identity })
		if gone {
			return true
		}
		_, err := now.admit(j)
		return err != nil
	})
}
