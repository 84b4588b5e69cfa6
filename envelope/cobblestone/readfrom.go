package cobblestone

import (
	"cmp"
	"io"
)

// A relay is what ReadFrom works with: two buffers, of which one is read while
// the other is sealed, each to its half of the writer's.
type relay struct {
	*writer
	plain  [2][]byte
	turn   int    // which of them is read
	flight []byte // the half of the writer's that is being sealed, if any
}

func (w *writer) readFrom(src io.Reader) (total int64, err error) {
	if err := w.status(); err != nil {
		return 0, err
	}
	r := &relay{writer: w}
	defer r.end()
	for err == nil && w.err == nil {
		var n int
		p := r.room()
		// A chunk that was begun is completed first: the next ones are not copied.
		n, err = readFull(src, p[:len(p)-w.filled%ChunkSize])
		total += r.hand(p[:n])
	}
	total += r.land()
	switch {
	case w.err != nil:
		return total, w.err
	case err == io.EOF:
		return total, nil
	}
	return total, err
}

// most returns how many chunks are read at a time.
func (r *relay) most() int {
	if len(r.hands) == 1 {
		return r.batch()
	}
	return r.batch() / 2
}

// room returns a buffer to read to. The first grows as the message does, and the
// second is made when that is large.
func (r *relay) room() []byte {
	p, most := &r.plain[r.turn], r.most()*ChunkSize
	switch {
	case len(*p) == most:
	case r.turn == 1:
		*p = make([]byte, most)
	default:
		clear(*p)
		*p = make([]byte, max(ChunkSize, min(2*len(*p), most)))
	}
	return *p
}

// hand seals p, or has begun to when it returns. It returns, as land does, how
// much of the message has reached the destination or is collected.
func (r *relay) hand(p []byte) (n int64) {
	if r.flies(p) {
		return r.launchHalf(p)
	}
	n = r.land()
	if r.err == nil {
		m, _ := r.write(p)
		n += int64(m)
	}
	return n
}

// flies reports whether p is worth it, and nothing is to be written before it.
func (r *relay) flies(p []byte) bool {
	return len(r.hands) > 1 && len(p) == r.most()*ChunkSize && r.filled == 0 && r.begin > 0 &&
		int64(len(p)) <= MaxMessageSize-r.written
}

// launchHalf begins to seal p and writes what was sealed before.
func (r *relay) launchHalf(p []byte) int64 {
	r.grow(r.batch())
	r.finish()
	sealed, size := r.flight, r.most()*sealedChunk
	r.flight = r.slots()[r.turn*size:][:size]
	r.launch(r.most(), r.flight, p, ChunkSize)
	r.written += int64(len(p))
	r.turn ^= 1
	return r.put(sealed)
}

// land writes what is being sealed once it is.
func (r *relay) land() int64 {
	r.finish()
	sealed := r.flight
	r.flight = nil
	return r.put(sealed)
}

func (r *relay) put(sealed []byte) int64 {
	if len(sealed) == 0 || r.err != nil || !r.emit(sealed) {
		return 0
	}
	return int64(len(sealed) / sealedChunk * ChunkSize)
}

// end wipes the buffers. What is in flight is lost where source or destination
// did not return.
func (r *relay) end() {
	if r.flight != nil {
		r.fail(cmp.Or(r.err, errUnwound))
	}
	clear(r.plain[0])
	clear(r.plain[1])
}
