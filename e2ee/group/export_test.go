package group

import (
	"bytes"
	"crypto/ed25519"
	"fmt"
	"slices"

	"golang.org/x/crypto/cryptobyte"
)

// Text is what a signature under a label covers.
func Text(l string, body []byte) []byte { return text(label(l), body) }

// Digest is H under a label.
func Digest(l string, body []byte) Hash { return digest(label(l), body) }

// Verify is how signatures are checked.
func Verify(key [32]byte, l string, body, sig []byte) bool { return verify(key, label(l), body, sig) }

// Judge says whether a Commit would win now. It changes nothing.
func Judge(p *Public, frame []byte) error {
	c, err := parseCommit(frame)
	if err != nil {
		return err
	}
	_, err = p.judgeCommit(c)
	return err
}

// Reencode reads a frame and writes it again from what was read, signatures
// apart, which it copies.
func Reencode(frame []byte, room RoomID) ([]byte, error) {
	t, err := parseHeader(frame, room)
	if err != nil {
		return nil, err
	}
	switch t {
	case typeCreate:
		return reencodeCreate(frame, room)
	case typeJoin:
		return reencodeJoin(frame, room)
	case typeLeave, typeRemove:
		f, err := parseRemoval(frame, room)
		if err != nil {
			return nil, err
		}
		return build(func(b *cryptobyte.Builder) {
			putHeader(b, t, room)
			b.AddBytes(f.signer[:])
			if f.remove {
				b.AddBytes(f.target[:])
				putFlag(b, f.ban)
			}
			b.AddBytes(f.raw[len(f.raw)-sigSize:])
		}), nil
	case typeCommit:
		c, err := parseCommit(frame)
		if err != nil {
			return nil, err
		}
		return slices.Concat(c.marshalBody(room), c.tag, c.sig, marshalTail(c.entries, c.sealed)), nil
	}
	m, err := parseMessage(frame)
	if err != nil {
		return nil, err
	}
	return build(func(b *cryptobyte.Builder) {
		b.AddBytes(m.marshalHeader(room, 0))
		put24(b, m.token)
		b.AddBytes(m.sig)
	}), nil
}

func reencodeCreate(frame []byte, room RoomID) ([]byte, error) {
	c, err := decodeCreate(frame, room)
	if err != nil {
		return nil, err
	}
	return build(func(b *cryptobyte.Builder) {
		putHeader(b, typeCreate, room)
		put16(b, marshalCreateHeader(c.name, c.admission, c.invite, c.creator, c.identity, c.random[:]))
		put16(b, c.leaf.reencode(room))
		b.AddBytes(frame[len(frame)-sigSize:])
	}), nil
}

func reencodeJoin(frame []byte, room RoomID) ([]byte, error) {
	j, err := decodeJoin(frame, room)
	if err != nil {
		return nil, err
	}
	return build(func(b *cryptobyte.Builder) {
		putHeader(b, typeJoin, room)
		b.AddUint64(j.epoch)
		b.AddBytes(j.transcript[:])
		put16(b, j.leaf.reencode(room))
		put16(b, j.init)
		b.AddUint64(j.expiry)
		put8(b, j.proof)
		put8(b, j.replaced)
		b.AddBytes(frame[len(frame)-2*sigSize:])
	}), nil
}

func (l *leaf) reencode(room RoomID) []byte {
	return build(func(b *cryptobyte.Builder) {
		b.AddBytes(room[:])
		put8(b, []byte(l.name))
		b.AddBytes(l.identity[:])
		b.AddBytes(l.signing[:])
		put16(b, l.kem)
		b.AddBytes(l.raw[len(l.raw)-2*sigSize:])
	})
}

// Apart is the state without the position: what a void frame leaves alone.
func Apart(p *Public) []byte {
	q := *p
	q.position = 0
	out, _ := q.MarshalBinary()
	return out
}

// PendingAgainst groups the pending frames by whom they are against.
func PendingAgainst(p *Public) (groups [][][]byte) {
	s := p.succession(nil)
	for len(s.pending) > 0 {
		groups = append(groups, s.pendingAgainst(s.pending[0].target))
		s.finishRemoval(s.pending[0].target)
	}
	return groups
}

// IsPending reports a Leave or Remove against m.
func IsPending(p *Public, m Membership) bool { return isPending(p.pending, m) }

// Seen is how many Messages of the epoch count, and their rolling hash.
func Seen(p *Public) (uint64, Hash) {
	s := p.seen()
	return s.count, s.hash
}

// PendingFrames are the hashes of the Leaves and Removes that wait, sorted.
func PendingFrames(p *Public) (out []Hash) {
	for _, f := range p.pending {
		out = append(out, f.hash)
	}
	slices.SortFunc(out, func(a, b Hash) int { return bytes.Compare(a[:], b[:]) })
	return out
}

// End is the rolling hash with which the epoch before ended.
func End(p *Public) Hash { return p.end }

// Sender is what is known of the Messages of the member at an index.
func Sender(p *Public, index uint8) (generation uint64, previous Hash) {
	return p.senders[index].generation, p.senders[index].previous
}

// TranscriptAt is M of an epoch that is still remembered.
func TranscriptAt(p *Public, epoch uint64) (Hash, bool) { return p.transcriptAt(epoch) }

// Rank is a member's place among those who could commit.
func Rank(p *Public, index uint8) int { return p.rank(index) }

// Used counts the Joins that are remembered as served.
func Used(p *Public) int { return len(p.used) }

// Wait is how many record names wait for Changes.
func Wait(p *Public) int { return len(p.changed) }

// Unique holds that no name and no key is in the roster twice.
func Unique(p *Public) error {
	seen := make(map[string]string)
	for _, s := range p.seats {
		if s == nil {
			continue
		}
		l := s.leaf
		for _, v := range []string{"name " + l.name, "key " + string(l.identity[:]), "key " + string(l.signing[:]), "kem " + string(l.kem)} {
			if who, twice := seen[v]; twice {
				return fmt.Errorf("%s and %s share a %.4s", who, l.name, v)
			}
			seen[v] = l.name
		}
	}
	return nil
}

// Ban puts identities on the list as if they had been removed.
func Ban(p *Public, keys []IdentityKey) {
	p.policy = p.policy.clone()
	for _, k := range keys {
		p.policy.ban(k)
	}
	p.touch(recordPolicy)
}

// NewJoining starts a Public that judges no Messages, as a joiner's does until
// the commit that serves its Join.
func NewJoining(room RoomID) *Public {
	p := NewPublic(room)
	p.joining = true
	return p
}

// ApplyJoining is Apply for a joiner whose Join has this hash.
func ApplyJoining(p *Public, frame []byte, own Hash) error {
	out, err := p.apply(frame, nil)
	if err != nil || out.commit == nil || !p.joining {
		return err
	}
	for _, a := range out.commit.arrivals {
		if a.join.hash == own {
			p.joining = false
			p.forgetOthers(out.commit)
		}
	}
	return nil
}

// IsJoining reports a Public that judges no Messages yet.
func IsJoining(p *Public) bool { return p.joining }

// Agree holds that two readers of one log, a full one and a joiner, have the
// same state but for what a joiner lacks: the previous-Message hashes and the
// end of the epoch before its own and, until it is in, the epoch's Messages.
func Agree(full, joiner *Public) bool {
	a, b := *full, *joiner
	if b.joining && (len(b.seenAt) > 1 || b.endKnown) {
		return false
	}
	if !b.endKnown {
		a.end, a.endKnown, b.end = Hash{}, false, Hash{}
	}
	if b.joining {
		a.joining = true
		a.seenAt, b.seenAt = nil, nil
		a.senders, b.senders = [MaxMembers]sender{}, [MaxMembers]sender{}
	}
	for i := range b.senders {
		if !b.senders[i].baseline {
			a.senders[i].previous, a.senders[i].baseline = Hash{}, false
		}
	}
	x, _ := a.MarshalBinary()
	y, _ := b.MarshalBinary()
	return bytes.Equal(x, y)
}

// LeafKey is a member's own, with which a dishonest member makes frames.
func LeafKey(m *Member) ed25519.PrivateKey { return m.s.keys.signing }

// RecordsOf are all records of a state.
func RecordsOf(p *Public) Records { return p.all() }

// MarshalRecords is how records become the bytes of a state.
func MarshalRecords(all Records) []byte { return marshalRecords(all) }

// SignAgain gives a frame that parses the signature of key, where one key
// signs it, and a Commit the hash of its entries: a mutation then goes as deep
// as a dishonest member's.
func SignAgain(frame []byte, room RoomID, key ed25519.PrivateKey) []byte {
	t, err := parseHeader(frame, room)
	if err != nil {
		return frame
	}
	signed := func(l label) []byte {
		body := frame[:max(headerSize, len(frame)-sigSize)]
		return slices.Concat(body, sign(key, l, body))
	}
	switch t {
	case typeLeave:
		return signed(signLeave)
	case typeRemove:
		return signed(signRemove)
	case typeMessage:
		return signed(signMessage)
	case typeCommit:
		c, err := parseCommit(frame)
		if err != nil {
			return frame
		}
		c.tailHash = digest(labelEntries, c.tail)
		c.body = c.marshalBody(room)
		return c.finish(key)
	}
	return frame
}
