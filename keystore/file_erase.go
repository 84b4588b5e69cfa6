//go:build !js && !wasip1

package keystore

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/parley-e2ee/parley/internal/xaes"
)

// Erase makes unreadable, now, what was deleted or overwritten in erasable
// buckets before: it encrypts what is left there under a new data key, and
// overwrites the old key. Where nothing was erased it does nothing. After an
// error it is tried again as Options.EraseAfter says.
func (f *File) Erase(ctx context.Context) error {
	s := f.s
	if s.opts.ReadOnly {
		return ErrReadOnly
	}
	if err := s.takeTurn(ctx); err != nil {
		return err
	}
	defer func() { <-s.turn }()
	if err := s.begin(); err != nil {
		return err
	}
	defer s.end()
	return s.erase()
}

// arm has the data key replaced in a while, if it is to be. s.mu is held.
func (s *file) arm() {
	after := s.opts.EraseAfter
	if s.timer != nil || !s.state.erasing || after < 0 || s.opts.ReadOnly {
		return
	}
	if after == 0 {
		after = time.Minute
	}
	s.timer = time.AfterFunc(after, func() {
		s.mu.Lock()
		s.timer = nil
		s.mu.Unlock()
		// Close erases by itself, and a failure is tried again.
		_ = (&File{s: s}).Erase(context.Background())
		s.mu.Lock()
		defer s.mu.Unlock()
		if !s.closed && s.failed.Load() == nil {
			s.arm()
		}
	})
}

// erase replaces the data key. The turn is held, or the store is closed.
func (s *file) erase() error {
	s.commits <- struct{}{}
	defer func() { <-s.commits }()
	s.commit() // what is pending is sealed under the old key
	if failed := s.failed.Load(); failed != nil {
		return *failed
	}
	if !s.state.erasing {
		return nil
	}
	old := s.data
	next, sealer := newDataKey(s.master, s.store, s.state.epoch+1)
	if err := s.keys.write(next); err != nil {
		return err
	}
	if err := s.reseal(sealer); err != nil {
		if s.failed.Load() == nil { // else the next one may count
			err = errors.Join(err, s.keys.erase(next))
		}
		return err
	}
	s.data = next
	if s.opts.Committed != nil {
		defer s.opts.Committed(s.state.generation) // last: it may not return
	}
	if err := s.keys.erase(old); err != nil {
		s.mu.Lock()
		s.state.erasing = true // for the next time, which overwrites it
		s.mu.Unlock()
		return err
	}
	return nil
}

// reseal writes the erasable records anew, with the next epoch.
func (s *file) reseal(next *sealer) error {
	root, written, gone, err := s.resealed(next)
	if err != nil {
		return err
	}
	state := s.state
	state.generation++
	state.epoch++
	state.erasing = false
	state.sums[classErasable] = sum{}
	err = s.transact(state.generation, func(tx *bolt.Tx) error {
		if err := s.seam("delete", func() error { return tx.DeleteBucket(bucketErasable) }); err != nil {
			return err
		}
		rows, err := tx.CreateBucket(bucketErasable)
		if err != nil {
			return err
		}
		for _, r := range written {
			row := *r.held.Load()
			s.sums.toggle(&state.sums[classErasable], classErasable, r.id, row)
			if err := s.seam("put", func() error { return rows.Put(r.id[:], row) }); err != nil {
				return err
			}
		}
		return s.putState(tx, state)
	})
	if err != nil {
		if s.failed.Load() == nil {
			for _, r := range gone {
				r.held.Store(nil) // the file has them as before
			}
		}
		return err
	}
	s.erasable = next
	s.mu.Lock()
	s.state = state
	s.tip.root = root
	s.publish(root, written, gone)
	s.mu.Unlock()
	return nil
}

// resealed returns the tree with the erasable records under another key, and
// holds the old ones for those who still see them.
func (s *file) resealed(next *sealer) (root *node[*record], written map[string]*record, gone []*record, err error) {
	root = s.current.root
	written = make(map[string]*record)
	s.current.root.ascend(nil, func(n *node[*record]) bool {
		if n.value.sealer.class != classErasable {
			return true
		}
		err = s.withRow(n.value, func(row []byte) error {
			key, value, err := n.value.sealer.decrypt(n.value.id, row)
			if err != nil {
				return err
			}
			defer clear(value)
			r := next.seal(key, value)
			held := append([]byte(nil), row...)
			n.value.held.Store(&held)
			written[string(key)] = r
			gone = append(gone, n.value)
			root = root.replace(n.key, r)
			return nil
		})
		return err == nil
	})
	return root, written, gone, err
}

// newDataKey makes a data key, its slot and what seals with it.
func newDataKey(master *[32]byte, store storeID, epoch uint64) (*slot, *sealer) {
	var key [32]byte
	rand.Read(key[:])
	defer clear(key[:])
	wrap := derive(master[:], store, "data key")
	defer clear(wrap[:])
	s := &slot{kind: dataKind, number: epoch, body: append([]byte(nil), store[:]...)}
	s.body = xaes.New(&wrap).Seal(s.body, key[:], s.head())
	return s, newSealer(&key, store, classErasable)
}

// openDataKey is its inverse.
func openDataKey(master *[32]byte, store storeID, s *slot) (*sealer, error) {
	if len(s.body) != len(store)+xaes.Overhead+32 || storeID(s.body) != store {
		return nil, corrupt("the data key")
	}
	wrap := derive(master[:], store, "data key")
	defer clear(wrap[:])
	key, err := xaes.New(&wrap).Open(nil, s.body[len(store):], s.head())
	if err != nil {
		return nil, corrupt("the data key")
	}
	defer clear(key)
	return newSealer((*[32]byte)(key), store, classErasable), nil
}
