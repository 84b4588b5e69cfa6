package group

import (
	"slices"
)

// ParsePublic reads what MarshalBinary wrote. The state is trusted as far as
// where it was kept: its form is checked, its signatures are not verified
// again. It returns ErrState for bytes that are no state.
func ParsePublic(data []byte) (*Public, error) {
	all, err := parseRecords(data)
	if err != nil {
		return nil, err
	}
	p, err := RestorePublic(all)
	if err != nil {
		return nil, err
	}
	if again, _ := p.MarshalBinary(); !slices.Equal(again, data) {
		return nil, ErrState
	}
	return p, nil
}

// RestorePublic takes all records of a state from a store; records of other
// owners are passed over. It returns ErrState where one is missing or damaged.
func RestorePublic(all Records) (*Public, error) {
	p := NewPublic(RoomID{})
	p.changed = make(map[string]struct{})
	hashes, counts, err := p.decodeCore(all[recordPublic])
	if err != nil {
		return nil, err
	}
	if !p.created {
		return p, nil
	}
	if p.policy, err = parsePolicy(all[recordPolicy]); err != nil {
		return nil, ErrState
	}
	if err := p.decodePending(all[recordPending]); err != nil {
		return nil, err
	}
	for name, value := range all {
		if err := p.decode(name, value); err != nil {
			return nil, ErrState
		}
	}
	if err := p.decodeHashes(all, hashes); err != nil {
		return nil, err
	}
	if p.counts() != counts || !p.coherent() {
		return nil, ErrState
	}
	return p, nil
}

// decodeHashes reads M of the epochs before and the rolling hashes.
func (p *Public) decodeHashes(all Records, n uint64) error {
	past, ok := readHashes(all[recordPast])
	if !ok || uint64(len(past)) != min(p.epoch, JoinWindow) {
		return ErrState
	}
	p.past = past
	for i := range n {
		v := all[seenRecord(i)]
		if len(v) != 32 {
			return ErrState
		}
		p.seenAt = append(p.seenAt, Hash(v))
	}
	return nil
}

// coherent holds that whoever policy and pending frames name has a seat.
func (p *Public) coherent() bool {
	seated := func(m Membership) bool { _, ok := indexOf(p.seats, m); return ok }
	for _, f := range p.pending {
		if !seated(f.signer) || !seated(f.target) {
			return false
		}
	}
	for i, s := range p.seats {
		if s == nil && p.senders[i] != (sender{}) || s != nil && s.since > p.epoch {
			return false
		}
	}
	return !slices.ContainsFunc(p.policy.admins, func(m Membership) bool { return !seated(m) })
}

// decode reads the records of which there are many.
func (p *Public) decode(name string, value []byte) error {
	prefix, n, _ := numbered(name)
	switch prefix {
	case prefixSeat:
		return p.decodeSeat(uint8(n), value)
	case prefixSender:
		r := reader{s: value}
		p.senders[n] = sender{r.u64(), r.u64(), r.hash(), r.flag()}
		return r.done()
	case prefixUsed:
		hashes, ok := readHashes(value)
		if !ok || n >= p.epoch {
			return ErrState
		}
		for _, h := range hashes {
			p.used[h] = n
		}
	}
	return nil
}

// decodeCore returns how many rolling hashes there are, and the counts.
func (p *Public) decodeCore(raw []byte) (n uint64, counts [4]uint16, err error) {
	r := reader{s: raw}
	r.check(r.u8() == Version)
	p.room, p.created, p.name = RoomID(r.hash()), r.flag(), string(r.vec8())
	p.position, p.epoch, p.transcript = r.u64(), r.u64(), r.hash()
	n = r.u64()
	p.end, p.endKnown, p.joining = r.hash(), r.flag(), r.flag()
	for i := range counts {
		counts[i] = r.u16()
	}
	r.check(p.created == (n > 0) && p.created == ValidName(p.name) && (p.created || p.name == "" && p.epoch == 0))
	if r.done() != nil {
		return 0, counts, ErrState
	}
	return n, counts, nil
}

func (p *Public) decodePending(raw []byte) error {
	r := reader{s: raw}
	for !r.bad && !r.s.Empty() {
		f, err := parseRemoval(r.vec16(), p.room)
		if err != nil {
			return ErrState
		}
		p.pending = append(p.pending, f)
	}
	if r.bad {
		return ErrState
	}
	return nil
}

func (p *Public) decodeSeat(i uint8, raw []byte) error {
	r := reader{s: raw}
	s := &seat{membership: Membership(r.hash()), since: r.u64()}
	rawLeaf := r.vec16()
	if err := r.done(); err != nil {
		return err
	}
	l, err := decodeLeaf(rawLeaf, p.room)
	if err != nil {
		return err
	}
	s.leaf = l
	p.seats[i] = s
	return nil
}

func readHashes(raw []byte) ([]Hash, bool) {
	if len(raw)%32 != 0 {
		return nil, false
	}
	var out []Hash
	for ; len(raw) > 0; raw = raw[32:] {
		out = append(out, Hash(raw[:32]))
	}
	return out, true
}
