package keystore

import (
	"bytes"
	"iter"
	"sync/atomic"
)

// tx is a transaction that reads. It is no WriteTx, whatever it is asserted
// to be.
type tx struct{ s *txState }

// writeTx is a transaction that reads and writes.
type writeTx struct{ tx }

type txState struct {
	root    *node
	over    atomic.Bool
	fresh   [][]byte // what this transaction stored, wiped if it fails
	garbage [][]byte // what it removed, wiped once it is committed
}

var (
	_ Tx      = (*tx)(nil)
	_ WriteTx = (*writeTx)(nil)
)

func (t *tx) end() { t.s.over.Store(true) }

// rollBack ends a transaction that was not committed, and wipes its writes.
func (t *writeTx) rollBack() {
	if t.s.over.Swap(true) {
		return
	}
	wipe(t.s.fresh)
}

// treeKey is the key of a record in the tree: bucket name, class, key. No
// bucket name has a 0 or 1, so no bucket is inside another.
func treeKey(b Bucket, key []byte) []byte {
	k := make([]byte, 0, len(b.Name)+1+len(key))
	k = append(k, b.Name...)
	k = append(k, class(b))
	return append(k, key...)
}

func class(b Bucket) byte {
	if b.Erasable {
		return 1
	}
	return 0
}

// check returns why an operation on that record goes no further, if so.
func (t *tx) check(b Bucket, key []byte) error {
	if t.s.over.Load() {
		return ErrTxDone
	}
	if err := b.Check(); err != nil {
		return err
	}
	return CheckKey(key)
}

// Load implements [Tx].
func (t *tx) Load(b Bucket, key []byte) ([]byte, error) {
	if err := t.check(b, key); err != nil {
		return nil, err
	}
	n := t.s.root.find(treeKey(b, key))
	if n == nil {
		return nil, ErrNotFound
	}
	return bytes.Clone(n.value), nil
}

// Scan implements [Tx].
func (t *tx) Scan(b Bucket, prefix []byte) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		err := t.scan(b, prefix, func(r Record) bool { return yield(r, nil) })
		if err != nil {
			yield(Record{}, err)
		}
	}
}

// scan calls visit with the records until it returns false.
func (t *tx) scan(b Bucket, prefix []byte, visit func(Record) bool) (err error) {
	if t.s.over.Load() {
		return ErrTxDone
	}
	if err := b.Check(); err != nil {
		return err
	}
	start := treeKey(b, prefix)
	space := len(start) - len(prefix)
	t.s.root.ascend(start, func(n *node) bool {
		if t.s.over.Load() { // the sequence has outlived the transaction
			err = ErrTxDone
			return false
		}
		return visit(Record{Key: bytes.Clone(n.key[space:]), Value: bytes.Clone(n.value)})
	})
	return err
}

// Store implements [WriteTx].
func (t *writeTx) Store(b Bucket, key, value []byte) error {
	if err := t.check(b, key); err != nil {
		return err
	}
	if err := CheckValue(value); err != nil {
		return err
	}
	k, v := treeKey(b, key), append([]byte{}, value...)
	if old := t.s.root.find(k); old != nil {
		t.s.garbage = append(t.s.garbage, old.value)
		t.s.root = t.s.root.replace(k, v)
	} else {
		t.s.root = t.s.root.insert(newNode(k, v))
	}
	t.s.fresh = append(t.s.fresh, k, v)
	return nil
}

// Delete implements [WriteTx].
func (t *writeTx) Delete(b Bucket, key []byte) error {
	if err := t.check(b, key); err != nil {
		return err
	}
	k := treeKey(b, key)
	if old := t.s.root.find(k); old != nil {
		t.s.garbage = append(t.s.garbage, old.key, old.value)
		t.s.root = t.s.root.remove(k)
	}
	return nil
}
