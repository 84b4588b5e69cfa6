//go:build !js && !wasip1

package keystore

import (
	"bytes"
	"context"
	"fmt"

	bolt "go.etcd.io/bbolt"
)

// A tip is what the last Update left, committed or not: what the next one
// starts from. Once a commit has failed there is a new one.
type tip struct {
	root *node[*record]
	err  error // why what builds on it is not committed either
}

// A batch is what the Updates wrote that share a commit.
type batch struct {
	tip     *tip
	root    *node[*record]
	changes map[string]*record // by key in the tree; nil deletes
	done    chan struct{}      // closed once err says how it ended
	err     error
}

// Update implements [Store]. Besides fn's and ctx's it returns errors of the
// disk, after which nothing is written; and [ErrFailed] when that is not known,
// from then on always: View goes on with what was committed before, and a new
// Open finds out.
func (f *File) Update(ctx context.Context, fn func(WriteTx) error) error {
	s := f.s
	if s.opts.ReadOnly {
		return ErrReadOnly
	}
	b, err := s.update(ctx, fn)
	if b == nil {
		return err
	}
	defer s.end()
	return s.await(b)
}

// update calls fn in its turn. It returns the batch whose commit is to be
// awaited, and leaves the store to be ended then.
func (s *file) update(ctx context.Context, fn func(WriteTx) error) (b *batch, err error) {
	if err := s.takeTurn(ctx); err != nil {
		return nil, err
	}
	defer func() { <-s.turn }()
	if err := s.begin(); err != nil {
		return nil, err
	}
	defer func() {
		if b == nil {
			s.end()
		}
	}()
	if failed := s.failed.Load(); failed != nil {
		return nil, *failed
	}
	s.mu.Lock()
	from := s.tip
	s.mu.Unlock()
	t := &writeTx[*record]{tx[*record]{&txState[*record]{root: from.root, values: s}}}
	defer t.end()
	if err := fn(t); err != nil {
		return nil, err
	}
	t.end()
	return s.join(from, t.s)
}

// join adds what t wrote to the batch that is committed next.
func (s *file) join(from *tip, t *txState[*record]) (*batch, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if from.err != nil {
		return nil, from.err
	}
	if len(t.changes) == 0 {
		if s.pending != nil {
			return s.pending, nil // it may have read what that wrote
		}
		return s.committing, nil
	}
	if s.pending == nil {
		s.pending = &batch{tip: from, changes: make(map[string]*record), done: make(chan struct{})}
	}
	for _, c := range t.changes {
		s.pending.changes[string(c.key)] = c.value // nil if c deletes
	}
	from.root, s.pending.root = t.root, t.root
	return s.pending, nil
}

// await commits a batch unless somebody else does, and returns how it ended.
func (s *file) await(b *batch) error {
	select {
	case <-b.done:
		return b.err
	case s.commits <- struct{}{}:
	}
	defer func() { <-s.commits }()
	select {
	case <-b.done:
	default:
		s.commit() // b is what is pending: who commits holds s.commits until done
	}
	return b.err
}

// commit commits the pending batch, if there is one. s.commits is held.
func (s *file) commit() {
	s.mu.Lock()
	b := s.pending
	s.pending, s.committing = nil, b
	s.mu.Unlock()
	if b == nil {
		return
	}
	state, err := fileState{}, ErrFailed // should write panic
	var gone []*record
	defer func() { s.finish(b, state, gone, err) }()
	if failed := s.failed.Load(); failed != nil {
		err = *failed
		return
	}
	if state, gone, err = s.write(b); err != nil && s.failed.Load() == nil {
		for _, r := range gone {
			r.held.Store(nil) // the file has them as before
		}
		// Rows that were not committed may be in its free pages all the same.
		s.mu.Lock()
		defer s.mu.Unlock()
		s.state.erasing = true
		s.arm()
	}
}

// finish makes known how the commit of a batch ended.
func (s *file) finish(b *batch, state fileState, gone []*record, err error) {
	s.mu.Lock()
	s.committing = nil
	failed := []*batch{b}
	if err != nil {
		if s.pending != nil {
			failed = append(failed, s.pending)
			s.pending = nil
		}
		b.tip.err = err
		s.tip = &tip{root: s.current.root}
	} else {
		s.state = state
		s.publish(b.root, b.changes, gone)
	}
	s.mu.Unlock()
	if err != nil {
		for _, b := range failed {
			b.err = err
			close(b.done)
		}
		return
	}
	defer close(b.done)
	if s.opts.Committed != nil {
		s.opts.Committed(state.generation)
	}
}

// publish makes root what Views see. s.mu is held.
func (s *file) publish(root *node[*record], written map[string]*record, gone []*record) {
	s.advance(root, gone)
	for _, r := range written {
		if r != nil {
			r.held.Store(nil)
		}
	}
	s.arm()
}

// write writes a batch to the disk. It returns the state that it wrote and the
// records that are no more, which are held for those who still see them.
func (s *file) write(b *batch) (fileState, []*record, error) {
	state := s.state
	state.generation++
	var gone []*record
	err := s.transact(state.generation, func(tx *bolt.Tx) error {
		for key, r := range b.changes {
			was, err := s.change(tx, &state, key, r)
			if was != nil {
				gone = append(gone, was)
			}
			if err != nil {
				return err
			}
		}
		return s.putState(tx, state)
	})
	return state, gone, err
}

// change writes one record, or deletes it where r is nil, and returns the one
// that was there.
func (s *file) change(tx *bolt.Tx, state *fileState, key string, r *record) (was *record, err error) {
	class := key[len(bucketOf([]byte(key)))]
	rows := tx.Bucket(rowsOf(class))
	total := &state.sums[class]
	if old := s.current.root.find([]byte(key)); old != nil {
		was = old.value
		row := bytes.Clone(rows.Get(was.id[:]))
		if !bytes.HasPrefix(row, was.nonce[:]) {
			return was, corrupt("a record is gone")
		}
		s.sums.toggle(total, class, was.id, row)
		was.held.Store(&row)
		state.erasing = state.erasing || class == classErasable
	}
	if r == nil {
		if was == nil {
			return nil, nil // stored and deleted in this batch
		}
		return was, s.seam("delete", func() error { return rows.Delete(was.id[:]) })
	}
	row := *r.held.Load()
	s.sums.toggle(total, class, r.id, row)
	return was, s.seam("put", func() error { return rows.Put(r.id[:], row) })
}

func (s *file) putState(tx *bolt.Tx, state fileState) error {
	return s.seam("put", func() error {
		return tx.Bucket(bucketState).Put(keyState, state.encode(s.sealKey, s.store))
	})
}

func (s *file) seam(what string, call func() error) error { return s.opts.seam.call(what, call) }

// transact runs fn in a transaction of the database, that makes the given
// generation. Where that fails it finds out whether it took place after all.
func (s *file) transact(generation uint64, fn func(*bolt.Tx) error) error {
	var tx *bolt.Tx
	err := s.seam("begin", func() (err error) { tx, err = s.db.Begin(true); return err })
	if err != nil {
		if tx != nil {
			tx.Rollback()
		}
		return err
	}
	over := false
	defer func() {
		if !over { // a panic of the database's
			tx.Rollback()
			s.failed.Store(&ErrFailed)
		}
	}()
	if err = fn(tx); err == nil {
		err = s.seam("commit", tx.Commit)
	}
	over = true
	if err == nil {
		return nil
	}
	tx.Rollback() // ErrTxClosed where Commit did it
	if now, readErr := s.generationOnDisk(); readErr != nil || now == generation {
		err = fmt.Errorf("%w: %w", ErrFailed, err)
		s.failed.Store(&err)
	}
	return err
}

// generationOnDisk is what the database shows now: 0 before there is a store.
func (s *file) generationOnDisk() (generation uint64, err error) {
	err = s.db.View(func(tx *bolt.Tx) error {
		b := tx.Bucket(bucketState)
		if b == nil {
			return nil
		}
		state, err := decodeState(b.Get(keyState), s.sealKey, s.store)
		generation = state.generation
		return err
	})
	return generation, err
}

// bucketOf is the bucket's name in a key of the tree.
func bucketOf(treeKey []byte) []byte {
	return treeKey[:bytes.IndexAny(treeKey, "\x00\x01")]
}
