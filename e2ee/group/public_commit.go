package group

import (
	"slices"
)

// applyCommit makes the first valid commit of the epoch win.
func (p *Public) applyCommit(frame []byte) (outcome, error) {
	c, err := parseCommit(frame)
	if err != nil {
		return outcome{}, err
	}
	s, err := p.judgeCommit(c)
	if err != nil {
		return outcome{events: p.forkEvent(c.epoch, c.transcript, c.committer, signCommit, c.signed, c.sig)}, err
	}
	events := p.adopt(s)
	return outcome{commit: s, events: events}, nil
}

// judgeCommit holds a commit against the state and returns the one it leads
// to. It changes nothing.
func (p *Public) judgeCommit(c *commit) (*succession, error) {
	if err := p.current(c.epoch, c.transcript); err != nil {
		return nil, err
	}
	committer := p.seats[c.committer]
	switch {
	case committer == nil:
		return nil, ErrNotMember
	case !verify(committer.leaf.signing, signCommit, c.signed, c.sig):
		return nil, ErrSignature
	case isPending(p.pending, committer.membership):
		return nil, ErrPending
	case digest(labelEntries, c.tail) != c.tailHash:
		return nil, ErrEntries
	}
	s := p.succession(committer)
	s.index = c.committer
	if err := s.perform(c.ops, c.newLeaf); err != nil {
		return nil, err
	}
	if err := s.recipients(c.entries); err != nil {
		return nil, err
	}
	s.commit, s.seen = c, c.seen
	s.transcript = nextTranscript(p.transcript, c.body)
	return s, nil
}

// current reports whether a frame names this epoch and this history.
func (p *Public) current(epoch uint64, transcript Hash) error {
	m, known := p.transcriptAt(epoch)
	switch {
	case known && m != transcript:
		return ErrTranscript
	case epoch != p.epoch:
		return ErrEpoch
	}
	return nil
}

// perform runs the operations in their order.
func (s *succession) perform(ops operations, newLeaf []byte) error {
	s.rotating = ops.policy.rotate
	for _, frames := range ops.removes {
		if err := s.remove(frames); err != nil {
			return err
		}
	}
	if len(s.pending) > 0 {
		return ErrUnserved
	}
	adds, void := s.public.parseInline(ops.adds)
	for i, j := range adds {
		if void[i] != nil {
			return void[i]
		}
		if err := s.add(j); err != nil {
			return err
		}
	}
	if s.seats[s.index] != s.committer {
		return ErrPending
	}
	if err := s.changePolicy(ops.policy); err != nil {
		return err
	}
	if len(newLeaf) > 0 {
		return s.replaceLeaf(newLeaf)
	}
	return nil
}

// recipients holds that the entries are for roster_{e+1} without the
// committer, in index order.
func (s *succession) recipients(entries []entry) error {
	want := s.others()
	if !slices.EqualFunc(want, entries, func(i uint8, e entry) bool { return e.index == i }) {
		return ErrRecipientSet
	}
	return nil
}

// others are the indexes of the next roster without the committer's.
func (s *succession) others() (out []uint8) {
	for i, seat := range s.seats {
		if seat != nil && uint8(i) != s.index {
			out = append(out, uint8(i))
		}
	}
	return out
}

// adopt makes the succession the state.
func (p *Public) adopt(s *succession) []Event {
	by := p.person(s.index)
	events := p.compare(by, s.seen)
	p.remember(s)
	p.end, p.endKnown = p.seenAt[len(p.seenAt)-1], !p.joining
	for i := range p.seenAt {
		p.touch(seenRecord(uint64(i)))
	}
	p.past = append(p.past, p.transcript)
	if len(p.past) > JoinWindow {
		p.past = p.past[1:]
	}
	p.epoch, p.transcript = p.epoch+1, s.transcript
	p.seenAt = []Hash{seenStart(p.transcript).hash}
	p.replaceSeats(s)
	p.policy, p.pending = s.policy, nil
	p.touch(recordPast, recordPolicy, recordPending, seenRecord(0))
	return append(events, s.event(by))
}

// remember keeps the Joins served, and who departed, for as long as a Join of
// before could be served.
func (p *Public) remember(s *succession) {
	for _, a := range s.arrivals {
		p.use(a.join.hash)
	}
	for _, gone := range s.removed {
		p.use(departure(gone.Who.Identity))
	}
	for h, epoch := range p.used {
		if p.epoch+1-epoch > JoinWindow {
			delete(p.used, h)
			p.touch(usedRecord(epoch))
		}
	}
}

// replaceSeats takes over the next roster and what hangs on its seats.
func (p *Public) replaceSeats(s *succession) {
	for i := range p.seats {
		index := uint8(i)
		if p.seats[i] != s.seats[i] {
			p.touch(seatRecord(index))
		}
		if p.senders[i].generation != 0 || p.seats[i] != s.seats[i] {
			p.touch(senderRecord(index))
		}
		p.senders[i].generation, p.senders[i].at = 0, 0
		if s.seats[i] == nil {
			p.senders[i] = sender{}
		}
	}
	for _, a := range s.arrivals {
		p.senders[a.index] = sender{baseline: true}
	}
	p.seats = s.seats
}

// event tells what the commit did.
func (s *succession) event(by Person) Committed {
	ev := Committed{
		Epoch:        s.public.epoch,
		By:           by,
		Removed:      s.removed,
		Policy:       s.change.byAdmin(),
		Rotated:      s.change.rotate,
		KeysReplaced: s.newLeaf != nil,
	}
	for _, a := range s.arrivals {
		who := personAt(s.seats, s.policy, a.index)
		if a.rejoin {
			ev.Rejoined = append(ev.Rejoined, Rejoined{who, a.newDevice})
		} else {
			ev.Added = append(ev.Added, who)
		}
	}
	return ev
}

// rank orders the members who could commit: senders of this epoch first, the
// latest first, then by a hash that nobody chooses alone.
func (p *Public) rank(index uint8) int {
	mine, rank := p.rankKey(index), 0
	for i, s := range p.seats {
		if s == nil || uint8(i) == index || isPending(p.pending, s.membership) {
			continue
		}
		if p.rankKey(uint8(i)).before(mine) {
			rank++
		}
	}
	return rank
}

type rankKey struct {
	at   uint64
	hash Hash
}

func (p *Public) rankKey(index uint8) rankKey {
	return rankKey{p.senders[index].at, digest(labelRank, append(p.transcript[:], index))}
}

func (k rankKey) before(other rankKey) bool {
	if k.at != other.at {
		return k.at > other.at
	}
	return slices.Compare(k.hash[:], other.hash[:]) < 0
}

// use notes a hash under the epoch that ends; a second departure replaces the
// first.
func (p *Public) use(h Hash) {
	if before, ok := p.used[h]; ok {
		p.touch(usedRecord(before))
	}
	p.used[h] = p.epoch
	p.touch(usedRecord(p.epoch))
}

// departure stands among the used Joins for all of an identity's Joins made
// before it left or was removed: nobody holds their keys any more.
func departure(k IdentityKey) Hash { return digest(labelDeparture, k[:]) }
