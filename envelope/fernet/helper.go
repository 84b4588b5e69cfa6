package fernet

import "sync"

// A helper is a second goroutine in the service of a machine, which works behind
// the one that uses the machine and ends before that lets go of it.
//
// It is a mutex and a condition, and not channels, because a machine outlives
// its user, and a channel of one testing/synctest bubble is of no use in another.
type helper struct {
	// What it does. A goroutine that starts with a func made before costs no
	// allocation.
	follow, decryptFront func()

	// work is held by whoever does a piece of the work. The machine's user does
	// what is left when nothing else is left to do, so that nothing waits for a
	// helper which the system lets wait.
	work sync.Mutex

	mu      sync.Mutex
	changed sync.Cond
	limit   int // how far it may go
	closed  bool
	running bool
}

// newHelper returns a helper of m, at rest.
func newHelper(m *machine) *helper {
	h := new(helper)
	h.changed.L = &h.mu
	h.follow = func() { m.follow(); h.leave() }
	h.decryptFront = func() { m.decryptFront(); h.leave() }
	return h
}

// start has the helper do one of its works.
func (h *helper) start(work func()) {
	h.limit, h.closed, h.running = 0, false, true
	go work()
}

// allow tells the helper that it may go up to limit.
func (h *helper) allow(limit int) {
	h.mu.Lock()
	h.limit = limit
	h.mu.Unlock()
	h.changed.Signal()
}

// wait returns how far the helper, which has come to at, may go, and whether
// there may be more after that.
func (h *helper) wait(at int) (limit int, more bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for h.limit == at && !h.closed {
		h.changed.Wait()
	}
	return h.limit, !h.closed
}

// leave is the last that the helper does. It signals while it holds the lock: once
// that is free, machine and helper may belong to another goroutine.
func (h *helper) leave() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.running = false
	h.changed.Signal()
}

// join tells the helper that there is no more to do and waits until it has left.
func (h *helper) join() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	h.changed.Signal()
	for h.running {
		h.changed.Wait()
	}
}
