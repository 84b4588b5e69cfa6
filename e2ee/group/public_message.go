package group

// applyMessage takes in a Message that is valid at its place.
func (p *Public) applyMessage(frame []byte, known *checked) (outcome, error) {
	m, err := known.parseMessage(frame)
	if err != nil {
		return outcome{}, err
	}
	if p.joining {
		return outcome{}, nil
	}
	if err := p.judgeMessage(m, known); err != nil {
		return outcome{events: p.forkEvent(m.epoch, m.transcript, m.sender, signMessage, m.signed, m.sig)}, err
	}
	from := p.person(m.sender)
	events := p.compareEnd(from, m.end)
	if len(events) == 0 {
		events = p.compare(from, m.seen)
	}
	events = append(events, p.skipped(from, m)...)
	p.senders[m.sender] = sender{generation: m.generation, at: p.position, previous: m.hash, baseline: true}
	p.seenAt = append(p.seenAt, p.seen().next(m.hash).hash)
	p.touch(senderRecord(m.sender), seenRecord(uint64(len(p.seenAt)-1)))
	return outcome{message: m, events: append(events, Accepted{from, m.generation, len(m.token)})}, nil
}

// judgeMessage is the public rule for Messages, cheapest check first.
func (p *Public) judgeMessage(m *message, known *checked) error {
	if err := p.current(m.epoch, m.transcript); err != nil {
		return err
	}
	seat, last := p.seats[m.sender], p.senders[m.sender].generation
	switch {
	case seat == nil:
		return ErrNotMember
	case m.generation <= last:
		return ErrReplay
	case m.generation-last > MaxSkip:
		return ErrTooFar
	case !known.verify(seat.leaf.signing, m):
		return ErrSignature
	}
	return nil
}

// skipped reports what is missing before m of its sender's own Messages.
func (p *Public) skipped(from Person, m *message) []Event {
	last := p.senders[m.sender]
	gap := Gap{
		From:        from,
		Generations: m.generation - last.generation - 1,
		Previous:    last.baseline && last.previous != m.previous,
	}
	if gap.Generations == 0 && !gap.Previous {
		return nil
	}
	return []Event{gap}
}

// compare holds what the sender of a valid Message or Commit has read against
// this log: the rolling hash at its count.
func (p *Public) compare(from Person, theirs seen) []Event {
	mine := p.seen()
	switch {
	case p.joining:
		return nil
	case theirs.count > mine.count:
		return []Event{Gap{From: from, Ahead: theirs.count - mine.count}}
	case p.seenAt[theirs.count] != theirs.hash:
		return []Event{Forked{from}}
	}
	return nil
}

// compareEnd holds the end of the epoch before, as a Message has it, against
// this log. Whoever came into this epoch need not know it.
func (p *Public) compareEnd(from Person, end Hash) []Event {
	if !p.endKnown || end == p.end || p.seats[from.Index].since == p.epoch {
		return nil
	}
	return []Event{Forked{from}}
}

// forkEvent says who speaks of another history: a Message or Commit rightly
// signed by a leaf key of the roster, with another M for its epoch than this
// log's, or of an epoch that this log has not reached.
func (p *Public) forkEvent(epoch uint64, transcript Hash, index uint8, l label, signed, sig []byte) []Event {
	m, known := p.transcriptAt(epoch)
	other := known && m != transcript || epoch > p.epoch && l != signJoinReplaced
	seat := p.seats[index]
	if !other || seat == nil || !verify(seat.leaf.signing, l, signed, sig) {
		return nil
	}
	return []Event{Forked{p.person(index)}}
}
