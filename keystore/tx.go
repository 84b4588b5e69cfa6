package keystore

import (
	"bytes"
	"iter"
	"sync/atomic"
)

// tx is a transaction that reads. It is no WriteTx, whatever it is asserted
// to be.
type tx[V any] struct{ s *txState[V] }

// writeTx is a transaction that reads and writes.
type writeTx[V any] struct{ tx[V] }

type txState[V any] struct {
	root    *node[V]
	values  values[V]
	over    atomic.Bool
	changes []change[V]
}

// values turn what is under a key to bytes and back.
type values[V any] interface {
	open(n *node[V]) ([]byte, error) // a slice of the caller's own
	seal(key, value []byte) V        // keeps neither slice
}

// A change is one Store or Delete. The slices are the store's.
type change[V any] struct {
	key     []byte
	old     *node[V] // what was there, if anything
	value   V
	deleted bool
}

func (t *tx[V]) end() { t.s.over.Store(true) }

// treeKey is the key of a record in the tree: bucket name, class, key. No
// bucket name has a 0 or 1, so no bucket is inside another.
func treeKey(b Bucket, key []byte) []byte {
	k := make([]byte, 0, len(b.Name)+1+len(key))
	k = append(k, b.Name...)
	k = append(k, class(b))
	return append(k, key...)
}

// The classes of buckets.
const (
	classKept     = 0
	classErasable = 1
)

func class(b Bucket) byte {
	if b.Erasable {
		return classErasable
	}
	return classKept
}

// check returns why an operation on that record goes no further, if so.
func (t *tx[V]) check(b Bucket, key []byte) error {
	if t.s.over.Load() {
		return ErrTxDone
	}
	if err := b.Check(); err != nil {
		return err
	}
	return CheckKey(key)
}

// Load implements [Tx].
func (t *tx[V]) Load(b Bucket, key []byte) ([]byte, error) {
	if err := t.check(b, key); err != nil {
		return nil, err
	}
	n := t.s.root.find(treeKey(b, key))
	if n == nil {
		return nil, ErrNotFound
	}
	return t.s.values.open(n)
}

// Scan implements [Tx].
func (t *tx[V]) Scan(b Bucket, prefix []byte) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		err := t.scan(b, prefix, func(r Record) bool { return yield(r, nil) })
		if err != nil {
			yield(Record{}, err)
		}
	}
}

// scan calls visit with the records until it returns false.
func (t *tx[V]) scan(b Bucket, prefix []byte, visit func(Record) bool) (err error) {
	if t.s.over.Load() {
		return ErrTxDone
	}
	if err := b.Check(); err != nil {
		return err
	}
	start := treeKey(b, prefix)
	space := len(start) - len(prefix)
	t.s.root.ascend(start, func(n *node[V]) bool {
		if t.s.over.Load() { // the sequence has outlived the transaction
			err = ErrTxDone
			return false
		}
		value, openErr := t.s.values.open(n)
		if openErr != nil {
			err = openErr
			return false
		}
		return visit(Record{Key: bytes.Clone(n.key[space:]), Value: value})
	})
	return err
}

// Store implements [WriteTx].
func (t *writeTx[V]) Store(b Bucket, key, value []byte) error {
	if err := t.check(b, key); err != nil {
		return err
	}
	if err := CheckValue(value); err != nil {
		return err
	}
	k := treeKey(b, key)
	v, old := t.s.values.seal(k, value), t.s.root.find(k)
	if old != nil {
		t.s.root = t.s.root.replace(k, v)
	} else {
		t.s.root = t.s.root.insert(newNode(k, v))
	}
	t.s.changes = append(t.s.changes, change[V]{key: k, old: old, value: v})
	return nil
}

// Delete implements [WriteTx].
func (t *writeTx[V]) Delete(b Bucket, key []byte) error {
	if err := t.check(b, key); err != nil {
		return err
	}
	k := treeKey(b, key)
	if old := t.s.root.find(k); old != nil {
		t.s.root = t.s.root.remove(k)
		t.s.changes = append(t.s.changes, change[V]{key: k, old: old, deleted: true})
	}
	return nil
}
