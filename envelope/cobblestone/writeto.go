package cobblestone

import (
	"io"

	"github.com/parley-e2ee/parley/internal/strictio"
)

// An outlet is one call of WriteTo.
type outlet struct {
	*reader
	dst   io.Writer
	total int64  // bytes that dst has taken
	plain []byte // for as long as src gives little
	ring  *ring
}

func (r *reader) writeTo(dst io.Writer) (total int64, err error) {
	out := &outlet{reader: r, dst: dst, ring: newRing(r.crew, true)}
	defer out.wipe()
	for chunks := 1; err == nil; chunks = min(2*chunks, r.alone()) {
		if out.relays() {
			err = out.relay()
		} else {
			err = out.step(chunks * ChunkSize)
		}
	}
	if err == io.EOF {
		err = nil
	}
	return out.total, err
}

// step opens, and then writes, up to size bytes.
func (out *outlet) step(size int) error {
	if size > len(out.plain) {
		clear(out.plain)
		out.plain = make([]byte, size)
	}
	n, err := out.read(out.plain)
	if err != nil {
		return err
	}
	return out.deliver(out.plain[:n])
}

// deliver writes p. What dst did not take is lost, so its error sticks, lest what
// follows be taken for the whole. For the same reason io.EOF is replaced.
func (out *outlet) deliver(p []byte) (err error) {
	err = errUnwound
	defer func() {
		if err != nil {
			out.fail(err)
		}
	}()
	n, err := strictio.WriteFull(out.dst, p)
	out.total += int64(n)
	if err == io.EOF {
		err = io.ErrClosedPipe
	}
	return err
}

// relays reports whether several goroutines may work and src has filled a large
// buffer, all of which is opened and written: it is likely to have more at once.
func (out *outlet) relays() bool {
	return len(out.hands) > 1 && out.total >= minRelay && out.more() &&
		out.at == out.end && out.begin == out.limit && out.limit == len(out.buf) && out.limit >= slotChunks*sealedChunk
}

// more reports whether a slot may be read, none of whose chunks is the last that a
// message may have.
func (out *outlet) more() bool {
	return out.srcErr == nil && out.err == nil && out.number < maxChunks-slotChunks
}

// relay reads, opens and writes at the same time, for as long as src fills slots.
func (out *outlet) relay() error {
	returned := false
	defer func() {
		if !returned {
			out.fail(errUnwound) // what was in the ring is lost
		}
	}()
	out.ring.run(out.fillSlot, out.putSlot)
	returned = true
	return out.err
}

// fillSlot reads once: of a source that gives less than it is asked for, what it
// gave is opened and written before it is asked again.
func (out *outlet) fillSlot(s *slot) bool {
	if !out.more() {
		return false
	}
	var n int
	n, out.srcErr = strictio.ReadSome(out.src, s.in)
	if n < len(s.in) {
		out.begin, out.limit = 0, copy(out.buf, s.in[:n])
		return false
	}
	s.number = out.number
	out.number += slotChunks
	return true
}

func (out *outlet) putSlot(s *slot) bool {
	if s.good > 0 && out.deliver(s.out[:s.good*ChunkSize]) != nil {
		return false
	}
	if s.good < slotChunks {
		out.fail(&ChunkError{s.number + int64(s.good)})
		return false
	}
	return true
}

// wipe wipes what holds plaintext.
func (out *outlet) wipe() {
	clear(out.plain)
	out.ring.wipe()
}
