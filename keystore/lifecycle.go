package keystore

import "bytes"

// Claim implements [Store].
func (m *Memory) Claim() (release func(), err error) {
	s := m.s
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return nil, ErrClosed
	case s.claim != nil:
		return nil, ErrLocked
	}
	owner := new(byte)
	s.claim = owner
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.claim == owner {
			s.claim = nil
		}
	}, nil
}

// Close implements [Store]. It overwrites every record with zeros. The error
// is always nil.
func (m *Memory) Close() error {
	s := m.s
	s.mu.Lock()
	if !s.closed {
		s.closed = true
		close(s.done)
	}
	s.mu.Unlock()
	s.running.Wait()

	s.mu.Lock()
	defer s.mu.Unlock()
	s.current.root.ascend(nil, func(n *node) bool {
		clear(n.key)
		clear(n.value)
		return true
	})
	s.current.root = nil
	return nil
}

// Clone returns a copy of what is committed, without an owner and sharing no
// memory with m: what another process would find had this one been killed
// now. An Update under way is not in it. It is for tests of restarts, crashes
// and rollback. The clone of a closed store is closed.
func (m *Memory) Clone() *Memory {
	v, err := m.s.acquire()
	if err != nil {
		closed := NewMemory()
		closed.Close()
		return closed
	}
	defer m.s.releaseVersion(v)
	return newMemory(v.root.clone())
}

func (n *node) clone() *node {
	if n == nil {
		return nil
	}
	return &node{
		key:   bytes.Clone(n.key),
		value: bytes.Clone(n.value),
		rank:  n.rank,
		left:  n.left.clone(),
		right: n.right.clone(),
	}
}
