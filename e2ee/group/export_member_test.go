package group

import (
	"slices"
)

// Plaintexts, for their properties.
var (
	Padme  = padme
	Pack   = pack
	Unpack = unpack
)

// MaxPlaintext is the largest padded list.
const MaxPlaintext = maxPlaintext

// Dump encodes every record of a member afresh, touched or not.
func Dump(m *Member) (public, secret Records) {
	public, secret = make(Records), make(Records)
	for _, name := range m.public.names() {
		if v := m.public.encode(name); len(v) > 0 {
			public[name] = v
		}
	}
	for _, name := range m.names() {
		if v := m.encode(name); v != nil {
			secret[name] = v
		}
	}
	return public, secret
}

// Secrets lists the secret bytes that a member holds.
func Secrets(m *Member) (out [][]byte) {
	s := m.s
	if s.keys.signing != nil {
		kem, _ := s.keys.kem.Bytes()
		out = append(out, s.keys.signing.Seed(), kem[:64])
	}
	if s.epoch != nil {
		out = append(out, s.epoch.init, s.epoch.authenticator)
		for _, r := range s.epoch.ratchets {
			out = append(out, r.key)
		}
	}
	if s.invite != nil {
		out = append(out, s.invite.secret[:])
	}
	if s.request != nil {
		init, _ := s.request.keys.init.Bytes()
		out = append(out, s.request.keys.leaf.signing.Seed(), init[:64])
	}
	if s.proposal != nil {
		out = append(out, s.proposal.next.init, s.proposal.next.authenticator)
	}
	return slices.DeleteFunc(out, func(b []byte) bool { return len(b) == 0 })
}

// InlineJoins lists the Joins that a commit serves.
func InlineJoins(frame []byte) [][]byte {
	c, err := parseCommit(frame)
	if err != nil {
		return nil
	}
	return c.ops.adds
}

// LeaveOf makes a Leave with m's leaf key that m does not know of.
func LeaveOf(m *Member) []byte { return marshalLeave(m.public.room, m.s.membership, m.s.keys.signing) }

// RemoveOf makes a Remove with m's leaf key that m does not know of.
func RemoveOf(m *Member, target Membership, ban bool) []byte {
	return marshalRemove(m.public.room, m.s.membership, target, ban, m.s.keys.signing)
}

// Accuse lets strangers accuse m of a fork.
func Accuse(m *Member, by IdentityKey) bool { return m.accuse(by) }

// Waiting counts the Joins that m keeps.
func Waiting(m *Member) int { return len(m.s.waiting) }

// InitOf is the init of the epoch that m is in.
func InitOf(m *Member) []byte { return slices.Clone(m.s.epoch.init) }

// TokenOf splits a Message frame.
func TokenOf(frame []byte) (sender uint8, generation uint64, header, token []byte) {
	m, err := parseMessage(frame)
	if err != nil {
		panic(err)
	}
	return m.sender, m.generation, m.header, m.token
}

// EntryOf is a commit's entry for an index: ciphertext and box.
func EntryOf(frame []byte, index uint8) [2][]byte {
	c, err := parseCommit(frame)
	if err != nil {
		panic(err)
	}
	for _, e := range c.entries {
		if e.index == index {
			return [2][]byte{e.ct, e.box}
		}
	}
	panic("no entry")
}

// CreateAgain is another Create under the header of the one that m sent.
func CreateAgain(m *Member) []byte {
	r := reader{s: m.s.created[headerSize:]}
	l, keys, err := newLeafFor(m.id, m.public.room)
	if err != nil {
		panic(err)
	}
	return marshalCreate(m.public.room, r.vec16(), l, keys)
}

// WipedBy reports whether the bytes of m's ratchet for sender are overwritten
// by what do does.
func WipedBy(m *Member, sender uint8, do func()) bool {
	key := m.s.epoch.ratchets[sender].key
	do()
	return slices.Max(key) == 0
}

// EndOf is the end of the epoch before, as a Message states it.
func EndOf(frame []byte) Hash {
	m, err := parseMessage(frame)
	if err != nil {
		panic(err)
	}
	return m.end
}

// SpoilCommit makes m's own Commit one that its readers refuse.
func SpoilCommit(m *Member) { m.s.proposal.frame[len(m.s.proposal.frame)-1] ^= 1 }

// Refuse notes that an own removal came back void.
func Refuse(m *Member, h Hash) { m.refuse(h) }

// SigningKey is m's leaf key, where it lies.
func SigningKey(m *Member) []byte { return m.s.keys.signing }
