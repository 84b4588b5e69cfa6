package cobblestone

import (
	"runtime"
	"sync"
	"sync/atomic"
)

const (
	// slotChunks is the number of chunks of a stream that are read, sealed or
	// opened, and written together.
	slotChunks = 4

	// ringSlots is how far reading may be ahead of writing.
	ringSlots = 8

	// minRelay is how much of a stream its caller does alone: a ring costs memory and
	// the time in which a core wakes up, and pays from about 1 MiB on. A Reader's
	// buffer, which doubles, is used up then.
	minRelay = (1 + 2 + 4 + 8) * ChunkSize

	// maxHelpers is how many helpers a source in memory keeps busy.
	maxHelpers = ringSlots / 2

	// patience is how often a helper without work looks for some before it ends, which
	// takes about as long as a slot: a core that sleeps takes longer to wake up, but
	// where cores are scarce, looking takes time from those who have work.
	patience = 1 << 12

	// yieldEvery is after how many such looks others are let run.
	yieldEvery = 256
)

// A ring seals or opens a stream while its caller reads and writes. The caller
// fills slots, in order, and empties them in that order; in between a helper seals
// or opens them, or the caller itself, when it has nothing else to do. So helpers
// save time and are never waited for to begin.
//
// It serves one call: helpers are started when there is work for them and have
// ended when run does, however that ends.
type ring struct {
	*crew
	open  bool
	slots [ringSlots]slot

	// How many slots were filled, taken by whoever seals or opens them, and emptied,
	// since the beginning. Only the caller changes filled and emptied.
	filled, taken atomic.Int64
	emptied       int64

	helpers atomic.Int64 // that run
	stopped atomic.Bool
	group   sync.WaitGroup
	help    func() // made once, for a go statement to cost no allocation
}

// A slot is the job of one goroutine at a time.
type slot struct {
	job
	hand   hand
	memory []byte
	good   int         // chunks before the first that did not authenticate
	busy   sync.Mutex  // held by who works on it
	done   atomic.Bool // and may be emptied
}

func newRing(c *crew, open bool) *ring {
	r := &ring{crew: c, open: open}
	r.help = r.helper
	return r
}

// run has fill put input into slots, until it returns false, and put take their
// output, until that does.
func (r *ring) run(fill, put func(*slot) bool) {
	r.stopped.Store(false)
	defer r.stop()
	for more := true; ; {
		first, next := r.at(r.emptied), r.at(r.filled.Load())
		waiting := r.filled.Load() - r.emptied
		switch {
		case waiting > 0 && first.done.Load():
			if !put(first) {
				return
			}
			r.emptied++
		case more && waiting < ringSlots:
			r.prepare(next)
			if more = fill(next); more {
				r.publish()
			}
		case waiting == 0:
			return
		case !r.work():
			first.await()
		}
	}
}

func (r *ring) at(i int64) *slot { return &r.slots[i%ringSlots] }

// prepare makes a slot ready to be filled. Its memory is taken when it is first
// used, so that a short stream does not take all.
func (r *ring) prepare(s *slot) {
	s.done.Store(false)
	if s.memory != nil {
		return
	}
	const plain, sealed = slotChunks * ChunkSize, slotChunks * sealedChunk
	s.memory = make([]byte, plain+sealed)
	s.job = job{count: slotChunks, in: s.memory[:plain], inStride: ChunkSize, out: s.memory[plain:], outStride: sealedChunk}
	if r.open {
		s.job = job{open: true, count: slotChunks, in: s.memory[:sealed], inStride: sealedChunk, out: s.memory[sealed:], outStride: ChunkSize}
	}
}

// publish lets others have the slot that was filled. It starts a helper where
// those that there are do not keep up.
func (r *ring) publish() {
	backlog := r.filled.Add(1) - r.taken.Load()
	if backlog < 2 || r.helpers.Load() >= int64(min(len(r.hands)-1, maxHelpers)) {
		return
	}
	r.helpers.Add(1)
	r.group.Add(1)
	go r.help()
}

// helper works until there has been nothing to do for a while.
func (r *ring) helper() {
	defer r.group.Done()
	defer r.helpers.Add(-1)
	for idle := 1; idle < patience && !r.stopped.Load(); idle++ {
		if r.work() {
			idle = 0
		} else if idle%yieldEvery == 0 {
			runtime.Gosched()
		}
	}
}

// work does the next slot, if there is one.
func (r *ring) work() bool {
	i := r.taken.Load()
	if i >= r.filled.Load() || !r.taken.CompareAndSwap(i, i+1) {
		return false
	}
	s := r.at(i)
	s.busy.Lock()
	defer s.busy.Unlock()
	for s.good = 0; s.good < s.count && r.chunk(&s.hand, &s.job, s.good); {
		s.good++
	}
	s.done.Store(true)
	return true
}

// await returns when a slot that somebody has taken is done. That is soon, unless
// his core is taken from him: it is better not to sleep, at first.
func (s *slot) await() {
	for looks := 1; !s.done.Load(); looks++ {
		if looks%yieldEvery == 0 {
			runtime.Gosched()
		}
		if looks%patience == 0 {
			s.sleep()
		}
	}
}

// sleep returns when nobody is at work on the slot.
func (s *slot) sleep() {
	s.busy.Lock()
	defer s.busy.Unlock()
}

// stop waits for the helpers to end.
func (r *ring) stop() {
	r.stopped.Store(true)
	r.group.Wait()
}

// wipe clears the memory, in which there is plaintext.
func (r *ring) wipe() {
	for i := range r.slots {
		clear(r.slots[i].memory)
	}
}
