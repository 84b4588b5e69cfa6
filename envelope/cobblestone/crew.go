package cobblestone

import (
	"runtime"
	"sync"
	"sync/atomic"
)

const (
	// minParallel is the number of chunks from which on a second goroutine pays.
	minParallel = 4

	// maxBatch bounds the chunks that are buffered, and so the memory.
	maxBatch = 64
)

// A crew seals or opens the chunks of one message, with several goroutines where
// there are many. It serves one caller at a time. Its goroutines end before the
// call that starts them does, so that one which is dropped leaves nothing
// behind, and there is no channel, so that a crew may move between bubbles of
// testing/synctest.
type crew struct {
	*schedule
	hands []*hand
	group sync.WaitGroup

	job    job
	next   atomic.Int64 // the first chunk of job that nobody has taken
	failed atomic.Int64 // no chunk of job before this one has failed
}

// A hand is one goroutine's own state.
type hand struct {
	nonce [nonceSize]byte
	// work is made once, for a go statement to cost no allocation.
	work func()
}

// A job is a row of whole chunks, each stride bytes after the one before.
type job struct {
	open                bool
	number              int64 // of the first chunk
	count               int
	out, in             []byte
	outStride, inStride int
}

// newCrew returns a crew of at most concurrency goroutines.
func newCrew(s *schedule, concurrency int) *crew {
	c := &crew{schedule: s, hands: make([]*hand, min(concurrency, maxBatch/minParallel))}
	for i := range c.hands {
		h := new(hand)
		h.work = func() {
			defer c.group.Done()
			c.share(h)
		}
		c.hands[i] = h
	}
	return c
}

// batch returns how many chunks at a time keep the crew busy.
func (c *crew) batch() int {
	if len(c.hands) == 1 {
		return minParallel
	}
	return min(32*len(c.hands), maxBatch)
}

// alone returns how many chunks at a time start nobody.
func (c *crew) alone() int {
	if len(c.hands) == 1 {
		return minParallel
	}
	return minParallel / 2
}

// do works off a job and returns the number of chunks before the first that did
// not authenticate. What it opened beyond that is left in j.out.
func (c *crew) do(j job) (good int) {
	c.job = j
	c.next.Store(0)
	c.failed.Store(int64(j.count))
	helpers := min(len(c.hands), j.count/2) - 1
	for i := 1; i <= helpers; i++ {
		c.group.Add(1)
		go c.hands[i].work()
	}
	if helpers > 0 {
		// Another core takes a goroutine that yields in a tenth of the time in which
		// it takes one that has just been made.
		runtime.Gosched()
	}
	c.share(c.hands[0])
	c.group.Wait()
	c.job = job{}
	return int(c.failed.Load())
}

// share does chunks of the job until there is none left. Chunks are taken in
// order, so all before one that fails are looked at too.
func (c *crew) share(h *hand) {
	for {
		i := c.next.Add(1) - 1
		if i >= c.failed.Load() {
			return
		}
		if !c.chunk(h, &c.job, int(i)) {
			c.lowerFailed(i)
		}
	}
}

func (c *crew) lowerFailed(to int64) {
	for {
		was := c.failed.Load()
		if was <= to || c.failed.CompareAndSwap(was, to) {
			return
		}
	}
}

// chunk does chunk i of a job.
func (c *crew) chunk(h *hand, j *job, i int) bool {
	out, in := j.out[i*j.outStride:], j.in[i*j.inStride:]
	if j.open {
		return c.open(h, j.number+int64(i), out[:ChunkSize], in[:sealedChunk])
	}
	c.seal(h, j.number+int64(i), out[:sealedChunk], in[:ChunkSize])
	return true
}

// sealLast seals a last chunk on the caller's goroutine.
func (c *crew) sealLast(number int64, out, in []byte) { c.seal(c.hands[0], number, out, in) }

// openLast opens a last chunk on the caller's goroutine.
func (c *crew) openLast(number int64, out, in []byte) bool {
	return c.open(c.hands[0], number, out, in)
}

// seal fills out, which begins where in does or does not overlap it.
func (c *crew) seal(h *hand, number int64, out, in []byte) {
	c.nonce(&h.nonce, number)
	c.aead.Seal(out[:0:len(in)+Overhead], h.nonce[:], in, nil)
}

// open fills out, which begins where in does or does not overlap it. A chunk
// that does not authenticate leaves zeros.
func (c *crew) open(h *hand, number int64, out, in []byte) bool {
	c.nonce(&h.nonce, number)
	_, err := c.aead.Open(out[:0:len(in)-Overhead], h.nonce[:], in, nil)
	return err == nil
}
