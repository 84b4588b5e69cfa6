package group

import (
	"maps"
	"slices"
	"time"

	"github.com/parley-e2ee/parley/envelope/compositekem"
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

// Forged is what a hostile committer does that Commit does not.
type Forged struct {
	Secret func(index uint8, secret []byte) []byte // what the entry carries
	Role   func(index uint8) uint8                 // 1 commit, 2 welcome
	Entry  func(index uint8, ct, box []byte)       // changes what was encrypted
	Seed   []byte                                  // what newcomers take for the invite seed
	Tag    func(tag []byte)
}

// ForgeCommit makes a commit with m's own keys, publicly valid as far as
// changes are. m stays as it was.
func ForgeCommit(m *Member, changes Changes, now time.Time, f Forged) []byte {
	init, commitSecret := m.s.epoch.init, random32()
	joiner := joinerSecret(init, commitSecret)
	p := &proposal{}
	ops := operations{policy: policyChange{admission: changes.Admission, admins: changes.Admins, rotate: changes.Rotate}}
	s := m.succession()
	for len(s.pending) > 0 {
		ops.removes = append(ops.removes, s.pendingAgainst(s.pending[0].target))
		s.finishRemoval(s.pending[0].target)
	}
	ops.policy.rotate = ops.policy.rotate || s.served
	if s.rotating = ops.policy.rotate; s.rotating {
		p.invite = rotatedInvite(joiner, m.public.room)
		ops.policy.invite = p.invite.public()
	}
	ops.adds = m.serveJoins(s, now, nil)
	s = m.succession()
	if err := s.perform(ops, nil); err != nil {
		panic(err)
	}
	c := &commit{epoch: m.public.epoch, transcript: m.public.transcript, committer: m.s.index, ops: ops, seen: m.public.seen()}
	s.commit = c
	seed := f.Seed
	if seed == nil {
		seed = m.s.invite.bytesOrZero()
		if p.invite != nil {
			seed = p.invite.secret[:]
		}
	}
	c.tail = marshalTail(s.forge(m, f, commitSecret, joiner), sealBox(welcomeKey(joiner, m.public.room, c.epoch+1), seed))
	c.tailHash = digest(labelEntries, c.tail)
	c.body = c.marshalBody(m.public.room)
	s.transcript = nextTranscript(m.public.transcript, c.body)
	_, c.tag = s.expand(joiner)
	if f.Tag != nil {
		f.Tag(c.tag)
	}
	return c.finish(m.s.keys.signing)
}

func (s *succession) forge(m *Member, f Forged, commitSecret, joiner []byte) (out []entry) {
	for _, i := range s.others() {
		at := slices.IndexFunc(s.arrivals, func(a arrival) bool { return a.index == i })
		to := s.seats[i].leaf
		kem, r, secret := to.kem, roleCommit, commitSecret
		if at >= 0 {
			kem, r, secret = s.arrivals[at].join.init, roleWelcome, joiner
		}
		key, _ := parseKEMKey(kem)
		shared, ct := key.Encapsulate()
		if at >= 0 {
			shared = welcomeShared(shared, s.arrivals[at].join, m.s.invite)
		}
		if f.Role != nil {
			r = role(f.Role(i))
		}
		if f.Secret != nil {
			secret = f.Secret(i, secret)
		}
		box := sealBox(s.wrapKey(shared, r, to, kem, ct), secret)
		if f.Entry != nil {
			f.Entry(i, ct, box)
		}
		out = append(out, entry{i, ct, box})
	}
	return out
}

// ForgedMessage is a Message frame before it is sealed and signed.
type ForgedMessage struct {
	Epoch      uint64
	Transcript Hash
	Sender     uint8
	Generation uint64
	Previous   Hash
	SeenCount  uint64
	SeenHash   Hash
	End        Hash
	KeyOf      uint8  // whose ratchet the key comes from
	KeyAt      uint64 // and its generation
	Plaintext  []byte
	Token      []byte // instead of one that is made
}

// ForgeMessage makes a Message with m's leaf key and what m knows of
// everybody's ratchets. m stays as it was.
func ForgeMessage(m *Member, change func(*ForgedMessage), now time.Time) []byte {
	p, own := m.public, m.s.index
	seen := p.seen()
	f := &ForgedMessage{
		Epoch: p.epoch, Transcript: p.transcript, Sender: own, Generation: m.s.epoch.ratchets[own].generation + 1,
		Previous: p.senders[own].previous, SeenCount: seen.count, SeenHash: seen.hash, KeyOf: own,
	}
	if p.endKnown && p.seats[own].since != p.epoch {
		f.End = p.end
	}
	f.Plaintext, _ = pack([]AppMessage{{Text: []byte("forged")}})
	f.KeyAt = f.Generation
	change(f)
	msg := &message{
		epoch: f.Epoch, transcript: f.Transcript, sender: f.Sender, generation: f.Generation, previous: f.Previous,
		end: f.End,
	}
	msg.seen.count, msg.seen.hash = f.SeenCount, f.SeenHash
	frame := msg.marshalHeader(p.room, 0)
	token := f.Token
	if token == nil {
		key, err := tokenKey(MessageKey(m, f.KeyOf, f.KeyAt), frame)
		if err != nil {
			panic(err)
		}
		if token, err = key.AppendSeal(nil, f.Plaintext, now); err != nil {
			panic(err)
		}
	}
	frame = append(frame, byte(len(token)>>16), byte(len(token)>>8), byte(len(token)))
	frame = append(frame, token...)
	return append(frame, sign(m.s.keys.signing, signMessage, frame)...)
}

// MessageKey is mk of a later generation, as any member of the epoch knows it.
func MessageKey(m *Member, sender uint8, generation uint64) []byte {
	chain := *m.s.epoch.ratchets[sender]
	chain.key = slices.Clone(chain.key)
	for chain.generation+1 < generation {
		chain.step()
	}
	return chain.step()
}

// Resign changes bytes of a Message or Commit and signs it with m's leaf key.
func Resign(m *Member, frame []byte) []byte {
	if frame[3] == byte(typeCommit) {
		c, err := parseCommit(frame)
		if err != nil {
			panic(err)
		}
		return c.finish(m.s.keys.signing)
	}
	body := frame[:len(frame)-sigSize]
	return append(slices.Clone(body), sign(m.s.keys.signing, signMessage, body)...)
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

// A Step is a commit that won, for a thief to work on.
type Step struct{ s *succession }

// Steps replays a log.
func Steps(room RoomID, log [][]byte) (steps []Step) {
	p := NewPublic(room)
	for _, frame := range log {
		if out, err := p.apply(frame, nil); err == nil && out.commit != nil {
			steps = append(steps, Step{out.commit})
		}
	}
	return steps
}

// Epoch is the one that the commit starts.
func (st Step) Epoch() uint64 { return st.s.commit.epoch + 1 }

// Open tries a decapsulation key and a salt on every entry.
func (st Step) Open(dk *compositekem.DecapsulationKey, salts [][]byte) (secrets [][]byte) {
	kem := dk.EncapsulationKey().Bytes()
	for _, e := range st.s.commit.entries {
		shared, err := dk.Decapsulate(e.ct)
		if err != nil {
			continue
		}
		candidates := [][]byte{shared}
		for _, salt := range salts {
			candidates = append(candidates, extract(salt, shared))
		}
		for _, c := range candidates {
			for _, r := range []role{roleCommit, roleWelcome} {
				if secret, err := openBox(st.s.wrapKey(c, r, st.s.seats[e.index].leaf, kem, e.ct), e.box); err == nil {
					secrets = append(secrets, secret)
				}
			}
		}
	}
	return secrets
}

// Expand checks a joiner secret and gives init and ratchets of the epoch.
func (st Step) Expand(joiner []byte) (init []byte, ratchets map[uint8][]byte, ok bool) {
	next, err := st.s.follow(joiner)
	if err != nil {
		return nil, nil, false
	}
	ratchets = make(map[uint8][]byte)
	for i, r := range maps.All(next.ratchets) {
		ratchets[i] = r.key
	}
	return next.init, ratchets, true
}

// Joiner is HKDF-Extract(init, commit secret).
func Joiner(init, commitSecret []byte) []byte { return joinerSecret(init, commitSecret) }

// WelcomeSalt is that of an invite seed.
func WelcomeSalt(seed []byte) []byte { return newInviteSeed(seed).welcomeSalt() }

// HandOut is the raw seed of the invite that a member holds, or nil.
func HandOut(m *Member) []byte {
	if m.s.invite == nil {
		return nil
	}
	return slices.Clone(m.s.invite.secret[:])
}

// TokenOf splits a Message frame.
func TokenOf(frame []byte) (sender uint8, generation uint64, header, token []byte) {
	m, err := parseMessage(frame)
	if err != nil {
		panic(err)
	}
	return m.sender, m.generation, m.header, m.token
}

// FernetKeyOf derives a token's key: KDF(message key, "fernet", header).
func FernetKeyOf(messageKey, header []byte) []byte { return kdf(messageKey, labelFernet, header) }

// Ratchet makes message keys from r on.
func Ratchet(r []byte) func() []byte {
	chain := &ratchet{key: slices.Clone(r)}
	return chain.step
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
