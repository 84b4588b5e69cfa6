package cobblestone

import (
	"io"

	"github.com/parley-e2ee/parley/internal/strictio"
)

// An intake is one call of ReadFrom.
type intake struct {
	*writer
	src    io.Reader
	srcErr error
	total  int64  // bytes of message that reached the destination or are collected
	plain  []byte // for as long as the message is short
	ring   *ring
	rest   []byte // less than a slot, read last
}

func (w *writer) readFrom(src io.Reader) (total int64, err error) {
	if err := w.status(); err != nil {
		return 0, err
	}
	in := &intake{writer: w, src: src, ring: newRing(w.crew, false)}
	defer in.wipeAll()
	for chunks := 1; in.srcErr == nil && w.err == nil; chunks = min(2*chunks, w.alone()) {
		if in.total >= minRelay && in.relays() {
			in.relay()
		} else {
			in.step(chunks * ChunkSize)
		}
	}
	switch {
	case w.err != nil:
		return in.total, w.err
	case in.srcErr == io.EOF:
		return in.total, nil
	}
	return in.total, in.srcErr
}

// step reads, and then seals, up to size bytes.
func (in *intake) step(size int) {
	if size > len(in.plain) {
		clear(in.plain)
		in.plain = make([]byte, size)
	}
	// A chunk that was begun is completed first: the next ones are not copied.
	in.add(in.read(in.plain[:size-in.filled%ChunkSize]))
}

// read returns what src gives of p, which is all of it unless there is an error.
func (in *intake) read(p []byte) []byte {
	var n int
	n, in.srcErr = strictio.ReadFull(in.src, p)
	return p[:n]
}

func (in *intake) add(p []byte) {
	n, _ := in.write(p)
	in.total += int64(n)
}

// relays reports whether several goroutines may work, and a slot fits in the message.
func (in *intake) relays() bool {
	return len(in.hands) > 1 && in.written <= MaxMessageSize-slotChunks*ChunkSize
}

// relay reads, seals and writes at the same time, for as long as src fills slots.
func (in *intake) relay() {
	if in.filled > 0 {
		in.flush()
	}
	returned := false
	defer func() {
		if !returned {
			in.fail(errUnwound) // what was in the ring is lost
		}
	}()
	in.ring.run(in.fillSlot, in.putSlot)
	returned = true
	if in.err == nil {
		in.add(in.rest)
	}
}

func (in *intake) fillSlot(s *slot) bool {
	if in.srcErr != nil || in.err != nil || !in.relays() {
		return false
	}
	if p := in.read(s.in); len(p) < len(s.in) {
		in.rest = p
		return false
	}
	s.number = in.number
	in.number += slotChunks
	in.written += int64(len(s.in))
	return true
}

func (in *intake) putSlot(s *slot) bool {
	if !in.emit(s.out) {
		return false
	}
	in.total += int64(len(s.in))
	return true
}

// wipeAll wipes what holds plaintext.
func (in *intake) wipeAll() {
	clear(in.plain)
	in.ring.wipe()
}
