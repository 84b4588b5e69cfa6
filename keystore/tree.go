package keystore

import (
	"bytes"
	"hash/maphash"
)

// A node is the root of a persistent treap, nil an empty one: no node changes
// once it is reachable, changes make new nodes on the path from the root. So
// a root is a snapshot. Keys and values are shared between snapshots.
type node[V any] struct {
	key         []byte
	value       V
	rank        uint64 // a function of key; no child's is higher
	left, right *node[V]
}

var rankSeed = maphash.MakeSeed()

func newNode[V any](key []byte, value V) *node[V] {
	return &node[V]{key: key, value: value, rank: maphash.Bytes(rankSeed, key)}
}

// find returns the node with that key, or nil.
func (n *node[V]) find(key []byte) *node[V] {
	for n != nil {
		switch c := bytes.Compare(key, n.key); {
		case c == 0:
			return n
		case c < 0:
			n = n.left
		default:
			n = n.right
		}
	}
	return nil
}

// insert returns the tree with x, which is not in it.
func (n *node[V]) insert(x *node[V]) *node[V] {
	if n == nil {
		return x
	}
	if x.rank > n.rank {
		x.left, x.right = n.split(x.key)
		return x
	}
	c := *n
	if bytes.Compare(x.key, n.key) < 0 {
		c.left = n.left.insert(x)
	} else {
		c.right = n.right.insert(x)
	}
	return &c
}

// replace returns the tree with value under key, which is in it.
func (n *node[V]) replace(key []byte, value V) *node[V] {
	c := *n
	switch order := bytes.Compare(key, n.key); {
	case order == 0:
		c.value = value
	case order < 0:
		c.left = n.left.replace(key, value)
	default:
		c.right = n.right.replace(key, value)
	}
	return &c
}

// split returns the nodes below key and those above; key is not in n.
func (n *node[V]) split(key []byte) (below, above *node[V]) {
	if n == nil {
		return nil, nil
	}
	c := *n
	if bytes.Compare(n.key, key) < 0 {
		c.right, above = n.right.split(key)
		return &c, above
	}
	below, c.left = n.left.split(key)
	return below, &c
}

// remove returns the tree without key, which is in it.
func (n *node[V]) remove(key []byte) *node[V] {
	c := *n
	switch order := bytes.Compare(key, n.key); {
	case order == 0:
		return merge(n.left, n.right)
	case order < 0:
		c.left = n.left.remove(key)
	default:
		c.right = n.right.remove(key)
	}
	return &c
}

// merge returns a tree of both; every key of low is below every one of high.
func merge[V any](low, high *node[V]) *node[V] {
	switch {
	case low == nil:
		return high
	case high == nil:
		return low
	case low.rank > high.rank:
		c := *low
		c.right = merge(low.right, high)
		return &c
	}
	c := *high
	c.left = merge(low, high.left)
	return &c
}

// ascend calls visit with the nodes whose keys begin with prefix, in order,
// until it returns false.
func (n *node[V]) ascend(prefix []byte, visit func(*node[V]) bool) bool {
	if n == nil {
		return true
	}
	inside := bytes.HasPrefix(n.key, prefix)
	if inside || bytes.Compare(n.key, prefix) > 0 {
		if !n.left.ascend(prefix, visit) {
			return false
		}
	}
	if inside && !visit(n) {
		return false
	}
	if inside || bytes.Compare(n.key, prefix) < 0 {
		return n.right.ascend(prefix, visit)
	}
	return true
}
