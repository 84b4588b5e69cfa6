package keystore

import (
	"bytes"
	"context"
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
type state struct{ *core[[]byte] }

// NewMemory returns an empty store.
func NewMemory() *Memory { return newMemory(nil) }

func newMemory(root *node[[]byte]) *Memory {
	return &Memory{&state{newCore(root, func(secret []byte) { clear(secret) })}}
}

// View implements [Store].
func (m *Memory) View(ctx context.Context, fn func(Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := m.s.begin(); err != nil {
		return err
	}
	defer m.s.end()
	v := m.s.acquire()
	defer m.s.release(v)
	t := &tx[[]byte]{&txState[[]byte]{root: v.root, values: copies{}}}
	defer t.end()
	return fn(t)
}

// Update implements [Store].
func (m *Memory) Update(ctx context.Context, fn func(WriteTx) error) error {
	if err := m.s.takeTurn(ctx); err != nil {
		return err
	}
	defer func() { <-m.s.turn }()
	if err := m.s.begin(); err != nil {
		return err
	}
	defer m.s.end()
	v := m.s.acquire()
	defer m.s.release(v)
	t := &writeTx[[]byte]{tx[[]byte]{&txState[[]byte]{root: v.root, values: copies{}}}}
	defer rollBack(t.s) // does nothing after a commit
	if err := fn(t); err != nil {
		return err
	}
	m.s.commit(t.s)
	return nil
}

// commit makes what t wrote the current version.
func (s *state) commit(t *txState[[]byte]) {
	t.over.Store(true)
	var garbage [][]byte
	for _, c := range t.changes {
		if c.old != nil {
			garbage = append(garbage, c.old.value)
		}
		if c.old != nil && c.deleted {
			garbage = append(garbage, c.old.key)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advance(t.root, garbage)
}

// rollBack ends a transaction that was not committed, and wipes its writes.
func rollBack(t *txState[[]byte]) {
	if t.over.Swap(true) {
		return
	}
	for _, c := range t.changes {
		clear(c.key)
		clear(c.value)
	}
}

// copies are the values of a Memory.
type copies struct{}

func (copies) open(n *node[[]byte]) ([]byte, error) { return bytes.Clone(n.value), nil }

func (copies) seal(_, value []byte) []byte { return append([]byte{}, value...) }
