package group

import (
	"crypto/ed25519"
	"slices"
	"time"

	"golang.org/x/crypto/cryptobyte"
)

// Forged is what a hostile committer does that Commit does not. Each hook
// changes what an honest commit would hold.
type Forged struct {
	CommitSecret []byte                                  // chosen, not random
	Secret       func(index uint8, secret []byte) []byte // what the entry carries
	Role         func(index uint8) uint8                 // 1 commit, 2 welcome
	Entry        func(index uint8, ct, box []byte)       // changes what was encrypted
	Entries      func(ct, box map[uint8][]byte)          // likewise, of all at once
	Seed         []byte                                  // what newcomers take for the invite seed
	Sealed       func(sealed []byte)                     // changes the box around it
	Invite       *[32]byte                               // the key it rotates to, where it rotates
	Leaf         []byte                                  // a new leaf, whoever has its keys
	Seen         func(count *uint64, hash *Hash)         // what it says it has read
	Tag          func(tag []byte)
}

// ForgeCommit makes a commit with m's own keys, publicly valid as far as
// changes are. m stays as it was.
func ForgeCommit(m *Member, changes Changes, now time.Time, f Forged) []byte {
	commitSecret := f.CommitSecret
	if commitSecret == nil {
		commitSecret = random32()
	}
	joiner := joinerSecret(m.s.epoch.init, commitSecret)
	ops, seed := m.forgeOperations(changes, now, f, joiner)
	s := m.succession()
	if err := s.perform(ops, f.Leaf); err != nil {
		panic(err)
	}
	c := &commit{
		epoch: m.public.epoch, transcript: m.public.transcript, committer: m.s.index,
		ops: ops, newLeaf: f.Leaf, seen: m.public.seen(),
	}
	if f.Seen != nil {
		f.Seen(&c.seen.count, &c.seen.hash)
	}
	s.commit = c
	sealed := sealBox(welcomeKey(joiner, m.public.room, c.epoch+1), seed)
	if f.Sealed != nil {
		f.Sealed(sealed)
	}
	c.tail = marshalTail(s.forge(m, f, commitSecret, joiner), sealed)
	c.tailHash = digest(labelEntries, c.tail)
	c.body = c.marshalBody(m.public.room)
	s.transcript = nextTranscript(m.public.transcript, c.body)
	_, c.tag = s.expand(joiner)
	if f.Tag != nil {
		f.Tag(c.tag)
	}
	return c.finish(m.s.keys.signing)
}

// forgeOperations chooses as propose does; seed is what newcomers shall get.
func (m *Member) forgeOperations(changes Changes, now time.Time, f Forged, joiner []byte) (ops operations, seed []byte) {
	ops.policy = policyChange{admission: changes.Admission, admins: changes.Admins, rotate: changes.Rotate}
	seed = m.s.invite.bytesOrZero()
	s := m.succession()
	for len(s.pending) > 0 {
		ops.removes = append(ops.removes, s.pendingAgainst(s.pending[0].target))
		s.finishRemoval(s.pending[0].target)
	}
	if s.rotating = changes.Rotate || s.served; s.rotating {
		invite := rotatedInvite(joiner, m.public.room)
		ops.policy.rotate, ops.policy.invite, seed = true, invite.public(), invite.secret[:]
		if f.Invite != nil {
			ops.policy.invite = *f.Invite
		}
	}
	ops.adds = m.serveJoins(s, now, nil)
	if f.Seed != nil {
		seed = f.Seed
	}
	return ops, seed
}

func (s *succession) forge(m *Member, f Forged, commitSecret, joiner []byte) (out []entry) {
	cts, boxes := make(map[uint8][]byte), make(map[uint8][]byte)
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
		cts[i], boxes[i] = ct, box
	}
	if f.Entries != nil {
		f.Entries(cts, boxes)
	}
	for _, i := range s.others() {
		out = append(out, entry{i, cts[i], boxes[i]})
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

// ProofKey signs the proof of a Join, as any holder of the link can.
func ProofKey(m *Member) ed25519.PrivateKey { return m.s.invite.proofKey() }

// KEMKeyOf is the public KEM key of m's leaf.
func KEMKeyOf(m *Member) []byte { return slices.Clone(m.public.seats[m.s.index].leaf.kem) }

// PackAll lists and pads messages, however many.
func PackAll(list []AppMessage) []byte {
	body := build(func(b *cryptobyte.Builder) {
		b.AddUint24LengthPrefixed(func(b *cryptobyte.Builder) {
			for _, m := range list {
				b.AddBytes(m.ID[:])
				b.AddUint8(m.Kind)
				put24(b, m.Text)
			}
		})
	})
	return append(body, make([]byte, padme(len(body))-len(body))...)
}

// HasEntry reports that a commit addresses an index.
func HasEntry(frame []byte, index uint8) bool {
	c, err := parseCommit(frame)
	return err == nil && slices.ContainsFunc(c.entries, func(e entry) bool { return e.index == index })
}
