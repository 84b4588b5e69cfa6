package group

import (
	"golang.org/x/crypto/cryptobyte"
)

// seen is how many valid Messages of the epoch a sender had read, and the
// rolling hash over them.
type seen struct {
	count uint64
	hash  Hash
}

func (s seen) put(b *cryptobyte.Builder) {
	b.AddUint64(s.count)
	b.AddBytes(s.hash[:])
}

func readSeen(r *reader) seen { return seen{r.u64(), r.hash()} }

// seenStart and next are the rolling hash: it starts from the epoch's
// transcript and takes in each valid Message.
func seenStart(transcript Hash) seen { return seen{0, digest(labelSeenStart, transcript[:])} }

func (s seen) next(message Hash) seen {
	return seen{s.count + 1, digest(labelSeen, append(s.hash[:], message[:]...))}
}

// message is one Message frame. header is everything before the token: the
// token's key is derived from it.
type message struct {
	epoch      uint64
	transcript Hash
	sender     uint8
	generation uint64
	previous   Hash // of this membership's previous valid Message
	seen       seen
	end        Hash // the rolling hash with which the epoch before ended
	header     []byte
	token      []byte
	signed     []byte
	sig        []byte
	hash       Hash
}

// messageHeaderSize is of a Message up to its token, in bytes.
const messageHeaderSize = headerSize + 8 + 32 + 1 + 8 + 32 + 8 + 32 + 32

// marshalHeader leaves room for what follows.
func (m *message) marshalHeader(room RoomID, follows int) []byte {
	b := cryptobyte.NewBuilder(make([]byte, 0, messageHeaderSize+follows))
	putHeader(b, typeMessage, room)
	b.AddUint64(m.epoch)
	b.AddBytes(m.transcript[:])
	b.AddUint8(m.sender)
	b.AddUint64(m.generation)
	b.AddBytes(m.previous[:])
	m.seen.put(b)
	b.AddBytes(m.end[:])
	return b.BytesOrPanic()
}

// parseMessage reads a Message frame; it keeps slices of frame.
func parseMessage(frame []byte) (*message, error) {
	r := reader{s: frame[headerSize:]}
	m := &message{
		epoch:      r.u64(),
		transcript: r.hash(),
		sender:     r.u8(),
		generation: r.u64(),
		previous:   r.hash(),
		seen:       readSeen(&r),
		end:        r.hash(),
	}
	m.header = frame[:len(frame)-len(r.s)]
	m.token = r.vec24()
	m.signed = frame[:len(frame)-len(r.s)]
	m.sig = r.bytes(sigSize)
	r.check(m.epoch >= 1 && m.generation >= 1)
	if err := r.done(); err != nil {
		return nil, err
	}
	m.hash = digest(labelFrame, frame)
	return m, nil
}
