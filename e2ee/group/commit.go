package group

import (
	"crypto/ed25519"

	"golang.org/x/crypto/cryptobyte"
)

// Sizes of an entry's parts, in bytes.
const (
	ciphertextSize = 1088 + 256        // ML-KEM-768 and RSA-2048
	boxSize        = 12 + 32 + 16      // nonce, secret, tag
	entrySize      = 1 + 2 + 1344 + 62 // 1,409
)

// role says which secret an entry carries to its recipient.
type role uint8

const (
	roleCommit  role = 1 + iota // commit_secret, to a leaf KEM key
	roleWelcome                 // joiner_secret, to an init KEM key
)

// policyChange is what a commit changes of the policy; nil and zero fields
// change nothing.
type policyChange struct {
	admission Admission
	admins    []Membership
	rotate    bool
	invite    [32]byte
	unban     []IdentityKey
}

func (c policyChange) empty() bool { return !c.byAdmin() && !c.rotate }

// byAdmin reports changes that only an admin makes.
func (c policyChange) byAdmin() bool {
	return c.admission != 0 || len(c.admins) > 0 || len(c.unban) > 0
}

// operations are a commit's, in the order in which they take effect. The
// frames they serve stand inline.
type operations struct {
	removes [][][]byte // for each membership removed, its Leave and Remove frames
	adds    [][]byte   // Join frames
	policy  policyChange
}

// entry is what one recipient gets of a commit.
type entry struct {
	index uint8
	ct    []byte
	box   []byte
}

// commit is one Commit frame.
type commit struct {
	epoch      uint64
	transcript Hash
	committer  uint8
	ops        operations
	newLeaf    []byte // the committer's, or empty
	seen       seen
	tailHash   Hash // H(entries ‖ sealed)
	body       []byte
	tag        []byte
	signed     []byte
	sig        []byte
	entries    []entry
	sealed     []byte
	tail       []byte
}

// marshalBody is the frame up to and with H(entries ‖ sealed): what the next
// transcript takes in.
func (c *commit) marshalBody(room RoomID) []byte {
	return build(func(b *cryptobyte.Builder) {
		putHeader(b, typeCommit, room)
		b.AddUint64(c.epoch)
		b.AddBytes(c.transcript[:])
		b.AddUint8(c.committer)
		c.ops.put(b)
		put16(b, c.newLeaf)
		c.seen.put(b)
		b.AddBytes(c.tailHash[:])
	})
}

func (o operations) put(b *cryptobyte.Builder) {
	b.AddUint24LengthPrefixed(func(b *cryptobyte.Builder) {
		for _, frames := range o.removes {
			b.AddUint24LengthPrefixed(func(b *cryptobyte.Builder) {
				for _, f := range frames {
					put16(b, f)
				}
			})
		}
	})
	b.AddUint24LengthPrefixed(func(b *cryptobyte.Builder) {
		for _, f := range o.adds {
			put16(b, f)
		}
	})
	o.policy.put(b)
}

func (c policyChange) put(b *cryptobyte.Builder) {
	b.AddUint8(uint8(c.admission))
	putSet(b, c.admins)
	putFlag(b, c.rotate)
	if c.rotate {
		b.AddBytes(c.invite[:])
	}
	putSet(b, c.unban)
}

func marshalTail(entries []entry, sealed []byte) []byte {
	return build(func(b *cryptobyte.Builder) {
		b.AddUint24LengthPrefixed(func(b *cryptobyte.Builder) {
			for _, e := range entries {
				b.AddUint8(e.index)
				put16(b, e.ct)
				put16(b, e.box)
			}
		})
		put16(b, sealed)
	})
}

// finish appends tag, signature and tail to the body.
func (c *commit) finish(key ed25519.PrivateKey) []byte {
	frame := append(append([]byte(nil), c.body...), c.tag...)
	frame = append(frame, sign(key, signCommit, frame)...)
	return append(frame, c.tail...)
}

// parseCommit reads a Commit frame; it keeps slices of frame.
func parseCommit(frame []byte) (*commit, error) {
	r := reader{s: frame[headerSize:]}
	c := &commit{epoch: r.u64(), transcript: r.hash(), committer: r.u8()}
	c.ops = readOperations(&r)
	c.newLeaf = r.vec16()
	c.seen = readSeen(&r)
	c.tailHash = r.hash()
	c.body = frame[:len(frame)-len(r.s)]
	c.tag = r.bytes(32)
	c.signed = frame[:len(frame)-len(r.s)]
	c.sig = r.bytes(sigSize)
	c.tail = r.s
	c.entries = readEntries(&r)
	c.sealed = r.vec16()
	r.check(len(c.sealed) == boxSize)
	return c, r.done()
}

func readOperations(r *reader) (o operations) {
	removes := reader{s: r.vec24()}
	for !removes.bad && !removes.s.Empty() && len(o.removes) < MaxMembers {
		o.removes = append(o.removes, readFrames(removes.vec24(), 3, r))
	}
	r.check(removes.done() == nil)
	if adds := r.vec24(); len(adds) > 0 {
		o.adds = readFrames(adds, MaxAdds, r)
	}
	o.policy.admission = Admission(r.u8())
	o.policy.admins = readSet[Membership](r)
	if o.policy.rotate = r.flag(); o.policy.rotate {
		o.policy.invite = r.hash()
	}
	o.policy.unban = readSet[IdentityKey](r)
	return o
}

// readFrames reads between one and most frames, each behind its length.
func readFrames(raw []byte, most int, outer *reader) (frames [][]byte) {
	r := reader{s: raw}
	for !r.bad && !r.s.Empty() && len(frames) < most {
		frames = append(frames, r.vec16())
	}
	outer.check(r.done() == nil && len(frames) > 0)
	return frames
}

func readEntries(r *reader) (entries []entry) {
	list := reader{s: r.vec24()}
	for !list.bad && !list.s.Empty() && len(entries) < MaxMembers {
		e := entry{list.u8(), list.vec16(), list.vec16()}
		list.check(len(e.ct) == ciphertextSize && len(e.box) == boxSize)
		entries = append(entries, e)
	}
	r.check(list.done() == nil)
	return entries
}
