package keystoretest_test

import (
	"cmp"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/parley-e2ee/parley/keystore"
)

// brokenTx is a transaction of a broken store.
type brokenTx struct {
	s            *broken
	data, before records
	over, live   bool
}

// at is where a record is.
func (tx *brokenTx) at(b keystore.Bucket, key []byte) record {
	switch {
	case tx.s.is("buckets run together"):
		return record{keystore.Bucket{Erasable: b.Erasable}, b.Name + string(key)}
	case tx.s.is("class ignored"):
		b.Erasable = false
	case tx.s.is("names folded"):
		b.Name = strings.ToLower(b.Name)
	}
	return record{b, string(key)}
}

func (tx *brokenTx) check(b keystore.Bucket, key []byte) error {
	if tx.over && !tx.s.is("no end of use") {
		return keystore.ErrTxDone
	}
	if err := b.Check(); err != nil && !tx.s.is("any bucket") {
		return err
	}
	switch {
	case tx.s.is("any key"):
		return nil
	case tx.s.is("short keys") && len(key) > 255:
		return keystore.ErrBadKey
	}
	return keystore.CheckKey(key)
}

// current is what the transaction reads.
func (tx *brokenTx) current(fault string) records {
	switch {
	case tx.s.is(fault):
		return tx.before
	case tx.live:
		tx.s.mu.Lock()
		defer tx.s.mu.Unlock()
		return tx.s.data
	}
	return tx.data
}

func (tx *brokenTx) Load(b keystore.Bucket, key []byte) ([]byte, error) {
	if err := tx.check(b, key); err != nil {
		return nil, err
	}
	value, found := tx.current("load is behind")[tx.at(b, key)]
	switch {
	case !found && tx.s.is("nothing for missing"):
		return nil, nil
	case !found:
		return nil, keystore.ErrNotFound
	}
	return tx.s.copied("load shares", value), nil
}

func (tx *brokenTx) Scan(b keystore.Bucket, prefix []byte) iter.Seq2[keystore.Record, error] {
	return func(yield func(keystore.Record, error) bool) {
		if err := tx.check(b, []byte("any")); err != nil {
			yield(keystore.Record{}, err)
			return
		}
		data := tx.current("scan is behind")
		if !tx.s.is("scan sees its loop") {
			data = maps.Clone(data)
		}
		for _, r := range tx.matching(data, b, prefix) {
			if tx.over && !tx.s.is("scan outlives") {
				yield(keystore.Record{}, keystore.ErrTxDone)
				return
			}
			value, found := data[r]
			if found && !yield(keystore.Record{Key: []byte(r.key), Value: tx.s.copied("scan shares", value)}, nil) {
				return
			}
		}
	}
}

// matching returns where the records of a Scan are, in order.
func (tx *brokenTx) matching(data records, b keystore.Bucket, prefix []byte) (found []record) {
	where := tx.at(b, prefix)
	for r := range data {
		if r.bucket == where.bucket && (strings.HasPrefix(r.key, where.key) || tx.s.is("prefix ignored")) {
			found = append(found, r)
		}
	}
	slices.SortFunc(found, func(x, y record) int {
		if tx.s.is("scan backwards") {
			x, y = y, x
		}
		return cmp.Compare(x.key, y.key)
	})
	return found
}

func (tx *brokenTx) Store(b keystore.Bucket, key, value []byte) error {
	if err := tx.check(b, key); err != nil {
		return err
	}
	if err := keystore.CheckValue(value); err != nil && !tx.s.is("any value") {
		return err
	}
	if len(value) > 1<<20 && tx.s.is("cuts values") {
		value = value[:1<<20]
	}
	tx.data[tx.at(b, key)] = tx.s.copied("store shares", value)
	switch {
	case tx.s.is("store wipes its argument"):
		clear(value)
	case tx.s.is("uncommitted is seen"):
		tx.s.mu.Lock()
		defer tx.s.mu.Unlock()
		tx.s.data = maps.Clone(tx.data)
	}
	return nil
}

func (tx *brokenTx) Delete(b keystore.Bucket, key []byte) error {
	if err := tx.check(b, key); err != nil {
		return err
	}
	if _, found := tx.data[tx.at(b, key)]; !found && tx.s.is("delete wants a record") {
		return keystore.ErrNotFound
	}
	delete(tx.data, tx.at(b, key))
	return nil
}
