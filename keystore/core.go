package keystore

import (
	"context"
	"sync"
)

// A core is what stores have in common: whose turn it is to write, which
// states can still be seen, who owns the store and whether it is closed. V is
// what stands under a key.
type core[V any] struct {
	turn    chan struct{} // held by the Update whose function runs; capacity 1
	done    chan struct{} // closed by close
	running sync.WaitGroup

	// forget is called with what the last reader has left behind.
	forget func(V)

	mu      sync.Mutex // guards what follows
	closed  bool
	claimed *byte       // names the owner; nil if there is none
	current *version[V] // what is committed
	oldest  *version[V] // the oldest version with a reader, or current
}

// A version is one committed state.
type version[V any] struct {
	root    *node[V]
	readers int
	next    *version[V]
	// garbage is what the next version no longer has, to be forgotten when
	// this one and those before have no readers.
	garbage []V
}

func newCore[V any](root *node[V], forget func(V)) *core[V] {
	v := &version[V]{root: root}
	return &core[V]{
		turn:    make(chan struct{}, 1),
		done:    make(chan struct{}),
		forget:  forget,
		current: v,
		oldest:  v,
	}
}

// begin keeps the store open until end.
func (c *core[V]) begin() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return ErrClosed
	}
	c.running.Add(1)
	return nil
}

func (c *core[V]) end() { c.running.Done() }

// takeTurn waits for the turn to write, which the caller gives back by
// receiving from c.turn.
func (c *core[V]) takeTurn(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case c.turn <- struct{}{}:
		return nil
	case <-c.done:
		return ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
}

// acquire returns the committed version for reading until release.
func (c *core[V]) acquire() *version[V] {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.current.readers++
	return c.current
}

func (c *core[V]) release(v *version[V]) {
	c.mu.Lock()
	defer c.mu.Unlock()
	v.readers--
	c.sweep()
}

// advance makes root the current version, without garbage. c.mu is held.
func (c *core[V]) advance(root *node[V], garbage []V) {
	c.current.garbage = garbage
	c.current.next = &version[V]{root: root}
	c.current = c.current.next
	c.sweep()
}

// sweep forgets what no reader can see any more.
func (c *core[V]) sweep() {
	for c.oldest != c.current && c.oldest.readers == 0 {
		for _, v := range c.oldest.garbage {
			c.forget(v)
		}
		c.oldest = c.oldest.next
	}
}

// claim implements Store.Claim.
func (c *core[V]) claim() (release func(), err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.closed:
		return nil, ErrClosed
	case c.claimed != nil:
		return nil, ErrLocked
	}
	owner := new(byte)
	c.claimed = owner
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.claimed == owner {
			c.claimed = nil
		}
	}, nil
}

// close refuses what comes, and waits for what runs. It reports whether it was
// the first.
func (c *core[V]) close() bool {
	c.mu.Lock()
	first := !c.closed
	if first {
		c.closed = true
		close(c.done)
	}
	c.mu.Unlock()
	c.running.Wait()
	return first
}
