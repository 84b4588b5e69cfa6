package group

import "slices"

// Crosses is whoever, of p's roster, signed a Message or Commit that speaks of
// another history than p's: nil if nobody did.
func Crosses(p *Public, frame []byte) *Person {
	t, err := parseHeader(frame, p.room)
	if err != nil || !p.created {
		return nil
	}
	var epoch uint64
	var m Hash
	var index uint8
	var l label
	var signed, sig []byte
	switch t {
	case typeCommit:
		c, err := parseCommit(frame)
		if err != nil {
			return nil
		}
		epoch, m, index, l, signed, sig = c.epoch, c.transcript, c.committer, signCommit, c.signed, c.sig
	case typeMessage:
		c, err := parseMessage(frame)
		if err != nil {
			return nil
		}
		epoch, m, index, l, signed, sig = c.epoch, c.transcript, c.sender, signMessage, c.signed, c.sig
	default:
		return nil
	}
	mine, known := p.transcriptAt(epoch)
	if seat := p.seats[index]; seat == nil || known && mine == m || !known && epoch < p.epoch || !verify(seat.leaf.signing, l, signed, sig) {
		return nil
	}
	who := p.person(index)
	return &who
}

// PreviousOf is what a Message says came before it from its sender.
func PreviousOf(frame []byte) Hash {
	m, err := parseMessage(frame)
	if err != nil {
		panic(err)
	}
	return m.previous
}

// AllSecrets are Secrets, and what a Commit on its way leads to.
func AllSecrets(m *Member) (out [][]byte) {
	for _, s := range Secrets(m) {
		out = append(out, slices.Clone(s))
	}
	if p := m.s.proposal; p != nil {
		for _, r := range p.next.ratchets {
			out = append(out, slices.Clone(r.key))
		}
		if p.invite != nil {
			out = append(out, slices.Clone(p.invite.secret[:]))
		}
	}
	return out
}

// Generations are those that m's chains have got to.
func Generations(m *Member) map[uint8]uint64 {
	out := make(map[uint8]uint64)
	for i, r := range m.s.epoch.ratchets {
		out[i] = r.generation
	}
	return out
}
