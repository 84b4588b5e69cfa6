package keystore

// RawRecord returns the store's own key and value of a committed record, which
// tests watch being wiped. The key includes its bucket.
func (m *Memory) RawRecord(b Bucket, key []byte) (k, v []byte) {
	return raw(m.s.current.root, b, key)
}

// RawRecordIn returns a record as a transaction of a Memory sees it.
func RawRecordIn(t Tx, b Bucket, key []byte) (k, v []byte) {
	return raw(t.(*writeTx[[]byte]).s.root, b, key)
}

func raw(n *node[[]byte], b Bucket, key []byte) (k, v []byte) {
	found := n.find(treeKey(b, key))
	return found.key, found.value
}

// Depth returns the height of the store's tree.
func (m *Memory) Depth() int { return m.s.current.root.depth() }

func (n *node[V]) depth() int {
	if n == nil {
		return 0
	}
	return 1 + max(n.left.depth(), n.right.depth())
}

// Versions returns how many states the store holds.
func (m *Memory) Versions() int {
	n := 1
	for v := m.s.oldest; v != m.s.current; v = v.next {
		n++
	}
	return n
}
