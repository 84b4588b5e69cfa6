package keystore

import "bytes"

// Claim implements [Store].
func (m *Memory) Claim() (release func(), err error) { return m.s.claim() }

// Close implements [Store]. It overwrites every record with zeros. The error
// is always nil.
func (m *Memory) Close() error {
	m.s.close()
	m.s.mu.Lock()
	defer m.s.mu.Unlock()
	m.s.current.root.ascend(nil, func(n *node[[]byte]) bool {
		clear(n.key)
		clear(n.value)
		return true
	})
	m.s.current.root = nil
	return nil
}

// Clone returns a copy of what is committed, without an owner and sharing no
// memory with m: what another process would find had this one been killed
// now. An Update under way is not in it. It is for tests of restarts, crashes
// and rollback. The clone of a closed store is closed.
func (m *Memory) Clone() *Memory {
	if err := m.s.begin(); err != nil {
		closed := NewMemory()
		closed.Close()
		return closed
	}
	defer m.s.end()
	v := m.s.acquire()
	defer m.s.release(v)
	return newMemory(cloned(v.root))
}

func cloned(n *node[[]byte]) *node[[]byte] {
	if n == nil {
		return nil
	}
	return &node[[]byte]{
		key:   bytes.Clone(n.key),
		value: bytes.Clone(n.value),
		rank:  n.rank,
		left:  cloned(n.left),
		right: cloned(n.right),
	}
}
