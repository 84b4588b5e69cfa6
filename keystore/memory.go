package keystore

import (
	"context"
	"sync"
)

// Memory is a [Store] in the memory of this process, gone with it. A View and
// an Update never wait for each other: a View works on the snapshot that was
// committed when it began. Keys and values, in erasable buckets or not, are
// overwritten with zeros when a commit has removed or replaced them and the
// last View that could see them has ended, when the Update that stored them
// fails, and on Close.
//
// Its own transactions may be nested, except that an Update inside an Update
// waits until its context ends. [Store] promises no such thing.
type Memory struct{ s *state }

var _ Store = (*Memory)(nil)

// state is behind a pointer so that nothing prints it.
type state struct {
	turn chan struct{} // held by the Update under way; capacity 1
	done chan struct{} // closed by Close

	running sync.WaitGroup // transactions whose function may run

	mu      sync.Mutex // guards what follows
	closed  bool
	claim   *byte    // names the owner; nil if there is none
	current *version // what is committed
	oldest  *version // the oldest version with a reader, or current
}

// A version is one committed state.
type version struct {
	root    *node
	readers int
	next    *version
	// garbage is what the next version no longer has, to be wiped when this
	// one and those before have no readers.
	garbage [][]byte
}

// NewMemory returns an empty store.
func NewMemory() *Memory { return newMemory(nil) }

func newMemory(root *node) *Memory {
	v := &version{root: root}
	return &Memory{&state{
		turn:    make(chan struct{}, 1),
		done:    make(chan struct{}),
		current: v,
		oldest:  v,
	}}
}

// View implements [Store].
func (m *Memory) View(ctx context.Context, fn func(Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	v, err := m.s.acquire()
	if err != nil {
		return err
	}
	defer m.s.releaseVersion(v)
	t := &tx{&txState{root: v.root}}
	defer t.end()
	return fn(t)
}

// Update implements [Store].
func (m *Memory) Update(ctx context.Context, fn func(WriteTx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case m.s.turn <- struct{}{}:
	case <-m.s.done:
		return ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-m.s.turn }()
	v, err := m.s.acquire()
	if err != nil {
		return err
	}
	defer m.s.releaseVersion(v)
	t := &writeTx{tx{&txState{root: v.root}}}
	defer t.rollBack() // does nothing after a commit
	if err := fn(t); err != nil {
		return err
	}
	m.s.commit(t.s)
	return nil
}

// acquire returns the committed version for reading until releaseVersion.
func (s *state) acquire() (*version, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, ErrClosed
	}
	s.running.Add(1)
	s.current.readers++
	return s.current, nil
}

func (s *state) releaseVersion(v *version) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v.readers--
	s.sweep()
	s.running.Done()
}

// commit makes what t wrote the current version.
func (s *state) commit(t *txState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t.over.Store(true)
	s.current.garbage = t.garbage
	s.current.next = &version{root: t.root}
	s.current = s.current.next
	s.sweep()
}

// sweep wipes what no reader can see any more.
func (s *state) sweep() {
	for s.oldest != s.current && s.oldest.readers == 0 {
		wipe(s.oldest.garbage)
		s.oldest = s.oldest.next
	}
}

func wipe(secrets [][]byte) {
	for _, secret := range secrets {
		clear(secret)
	}
}
