package group

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// ApplyAll is Apply for the frames at the next positions of the log, one after
// the other: each is called with the index of the frame and what Apply would
// have returned, and stops it by returning false. Signatures are verified
// ahead on as many cores as there are (GOMAXPROCS); what comes of a frame, and
// the order, are as one by one. Nothing is left running when it is back. The
// frames stay as they are until then.
//
// Store Changes once for all of them: what a batch of n frames changed is at
// most what each of them did.
func (m *Member) ApplyAll(frames [][]byte, now time.Time, each func(i int, events []Event, void error) (more bool)) {
	first := 0
	for ; first < len(frames) && !m.public.created; first++ { // a Create writes to what helpers read
		if events, void := m.apply(frames[first], nil, now); !each(first, events, void) {
			return
		}
	}
	a := m.public.lookAhead(frames[first:])
	defer a.end()
	for i, frame := range frames[first:] {
		if events, void := m.apply(frame, a.at(i), now); !each(first+i, events, void) {
			return
		}
	}
}

// checked is what is known of a frame before its turn, and does not depend on
// the frames between: nothing of it, or a Message or Join that was parsed, and
// under which keys its signatures are right or wrong.
type checked struct {
	message *message
	signer  signingKey // of the roster, at the time
	signed  bool       // the Message's signature is right under signer

	join  *join
	void  error // of join by itself
	proof proof // of join

	taken, done atomic.Bool
}

// lookahead checks frames ahead of their turn, by helpers, and by whoever
// would wait for one of them.
type lookahead struct {
	room   RoomID
	judges bool // Messages; a joiner does not
	epoch  uint64
	seats  []*seat // as they were; a commit replaces the slice
	invite [32]byte
	frames [][]byte
	items  []checked
	next   atomic.Int64 // the first that nobody has taken

	helpers sync.WaitGroup
	mu      sync.Mutex // for waiting
	came    *sync.Cond
}

// lookAhead starts helpers, where there is something for them to do. The room
// has been created.
func (p *Public) lookAhead(frames [][]byte) *lookahead {
	a := &lookahead{room: p.room, judges: !p.joining, epoch: p.epoch, seats: p.seats, invite: p.policy.invite, frames: frames}
	helpers := min(runtime.GOMAXPROCS(0), len(frames)) - 1
	if helpers < 1 {
		return a
	}
	a.came = sync.NewCond(&a.mu)
	a.items = make([]checked, len(frames))
	for range helpers {
		a.helpers.Go(func() {
			for a.checkNext() {
			}
		})
	}
	return a
}

// end takes from the helpers what they have not begun, and waits for them.
func (a *lookahead) end() {
	a.next.Store(int64(len(a.frames)))
	a.helpers.Wait()
}

// at returns what is known of frame i, nil where nobody looked ahead.
func (a *lookahead) at(i int) *checked {
	if a.items == nil {
		return nil
	}
	c := &a.items[i]
	if c.taken.CompareAndSwap(false, true) {
		return nil // Apply checks it as it goes, and some need no check
	}
	for !c.done.Load() {
		if !a.checkNext() {
			a.wait(c)
		}
	}
	return c
}

func (a *lookahead) wait(c *checked) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for !c.done.Load() {
		a.came.Wait()
	}
}

// checkNext checks one frame that nobody has taken, if there is one.
func (a *lookahead) checkNext() bool {
	for {
		i := a.next.Add(1) - 1
		if i >= int64(len(a.frames)) {
			return false
		}
		if c := &a.items[i]; c.taken.CompareAndSwap(false, true) {
			a.check(c, a.frames[i])
			a.mu.Lock()
			c.done.Store(true)
			a.mu.Unlock()
			a.came.Broadcast()
			return true
		}
	}
}

func (a *lookahead) check(c *checked, frame []byte) {
	switch t, err := parseHeader(frame, a.room); {
	case err != nil:
	case t == typeMessage && a.judges:
		a.checkMessage(c, frame)
	case t == typeJoin:
		a.checkJoin(c, frame)
	}
}

func (a *lookahead) checkMessage(c *checked, frame []byte) {
	m, err := parseMessage(frame)
	if err != nil || m.epoch < a.epoch {
		return // refused without a look at its signature
	}
	if seat := a.seats[m.sender]; seat != nil {
		c.message, c.signer = m, seat.leaf.signing
		c.signed = verify(c.signer, signMessage, m.signed, m.sig)
	}
}

func (a *lookahead) checkJoin(c *checked, frame []byte) {
	c.join, c.void = parseJoin(frame, a.room)
	if c.void == nil && len(c.join.proof) > 0 {
		c.proof = proof{a.invite, verify(a.invite, signProof, c.join.proven, c.join.proof)}
	}
}

// parseMessage is parseMessage, unless that has been done.
func (c *checked) parseMessage(frame []byte) (*message, error) {
	if c != nil && c.message != nil {
		return c.message, nil
	}
	return parseMessage(frame)
}

// verify is verify of the Message, unless that has been done with this key.
func (c *checked) verify(key signingKey, m *message) bool {
	if c != nil && c.message != nil && c.signer == key {
		return c.signed
	}
	return verify(key, signMessage, m.signed, m.sig)
}

// parseJoin is parseJoin, unless that has been done.
func (c *checked) parseJoin(frame []byte, room RoomID) (*join, error) {
	if c == nil || c.join == nil && c.void == nil {
		return parseJoin(frame, room)
	}
	return c.join, c.void
}

// joinProof is what is known of the Join's proof.
func (c *checked) joinProof() (p proof) {
	if c != nil {
		p = c.proof
	}
	return p
}

// inParallel calls f with 0 to n-1 on as many cores as there are, the caller's
// goroutine among them, and returns when all is done.
func inParallel(n int, f func(i int)) {
	var next atomic.Int64
	work := func() {
		for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
			f(int(i))
		}
	}
	var helpers sync.WaitGroup
	defer helpers.Wait()
	for range min(runtime.GOMAXPROCS(0), n) - 1 {
		helpers.Go(work)
	}
	work()
}
