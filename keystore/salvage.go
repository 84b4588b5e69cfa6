//go:build !js && !wasip1

package keystore

import (
	"context"
	"errors"

	"github.com/parley-e2ee/parley/internal/boltpages"
)

// Salvaged says what [Salvage] found.
type Salvaged struct {
	// Records is how many records were stored.
	Records int
	// Lost is how many places of the file could not be read, be it one record or
	// a page with many.
	Lost int
	// Whole is whether the records are all of those that the last commit left, and
	// none of them older.
	Whole bool
	// Generation is of the last commit of which anything is left, 0 if that is
	// not known.
	Generation uint64
}

// Salvage stores in into what can still be read of the file at path, which it
// does not change: for a file that [Open] refuses with [ErrCorrupt]. Every record
// that it stores was stored before, under that key and in that bucket; unless
// the result is Whole, records may be missing, and some may be older than those
// they stand beside. What depends on being the latest, such as a ratchet, is not
// to be used again then; an identity and pins are. So of a client's store, unless
// it is Whole, e2ee.Recover makes a new one. into is best empty.
//
// It needs a whole slot of the key file. Errors: [ErrLocked], [ErrPassphrase],
// [ErrCorrupt] if there is nothing left to begin with, and into's.
func Salvage(ctx context.Context, path string, unlock Unlock, into Store) (Salvaged, error) {
	if err := unlock.check(); err != nil {
		return Salvaged{}, err
	}
	s := newFile(&Options{ReadOnly: true})
	defer s.free()
	// Nobody should write meanwhile. bbolt does not lock what is too damaged.
	if err := s.lock(path); errors.Is(err, ErrLocked) {
		return Salvaged{}, err
	}
	slots, _, err := s.unlock(path, unlock)
	if err != nil {
		return Salvaged{}, err
	}
	f, pages, err := openPages(path)
	if err != nil {
		return Salvaged{}, err
	}
	defer f.Close()
	var best *attempt
	known := 0
	generations := make(map[uint64]bool)
	for _, meta := range pages.Metas() {
		a := newAttempt(s, meta, slots)
		a.run(pages, nil)
		if a.known {
			known++
			generations[a.state.generation] = true
		}
		if best == nil || a.better(best) {
			best = a
		}
	}
	if best == nil {
		return Salvaged{}, corrupt("nothing is left")
	}
	a := newAttempt(s, best.meta, slots)
	a.state, a.known = best.state, best.known
	out := &salvager{ctx: ctx, into: into}
	if err := a.run(pages, out.add); err != nil {
		return Salvaged{}, err
	}
	if err := out.flush(); err != nil {
		return Salvaged{}, err
	}
	// Of two commits the later one is the last; if one of them cannot be read, the
	// meta pages have to say so.
	last := known == 2 && len(generations) == 2 || known == 1 && latest(best.meta, pages.Metas())
	whole := a.whole() && last
	return Salvaged{Records: len(a.seen), Lost: a.lost, Whole: whole, Generation: a.state.generation}, nil
}

// latest reports whether both meta pages are good and m is the later one.
func latest(m boltpages.Meta, all []boltpages.Meta) bool {
	return len(all) == 2 && all[0].Valid && all[1].Valid && all[0].TxID > all[1].TxID && m == all[0]
}

// An attempt reads what one meta page leads to.
type attempt struct {
	file  *file
	meta  boltpages.Meta
	data  map[uint64]*sealer // by epoch
	state fileState
	known bool // there is a state
	sums  [2]sum
	seen  map[rowID]bool
	lost  int
}

func newAttempt(s *file, meta boltpages.Meta, slots []*slot) *attempt {
	a := &attempt{file: s, meta: meta, data: make(map[uint64]*sealer), seen: make(map[rowID]bool)}
	for _, slot := range slots {
		if slot.kind == dataKind {
			if sealer, err := openDataKey(s.master, s.store, slot); err == nil {
				a.data[slot.number] = sealer
			}
		}
	}
	return a
}

// better prefers what is later, then what is more.
func (a *attempt) better(b *attempt) bool {
	if a.known && b.known && a.state.generation != b.state.generation {
		return a.state.generation > b.state.generation
	}
	return len(a.seen) > len(b.seen)
}

func (a *attempt) whole() bool { return a.known && a.lost == 0 && a.sums == a.state.sums }

// run visits every record that authenticates.
func (a *attempt) run(pages *boltpages.File, visit func(treeKey, value []byte) error) error {
	return pages.Salvage(a.meta, func(bucket, key, value []byte) error {
		switch string(bucket) {
		case string(bucketState):
			a.readState(value)
			return nil
		}
		// Rows open with the key that they belong to, whatever is left of the
		// bucket's name.
		sealers := []*sealer{a.file.kept}
		for _, sealer := range a.data {
			sealers = append(sealers, sealer)
		}
		return a.read(key, value, visit, sealers)
	}, func([]byte, error) { a.lost++ })
}

func (a *attempt) readState(value []byte) {
	state, err := decodeState(value, a.file.sealKey, a.file.store)
	if err != nil {
		a.lost++
		return
	}
	a.state, a.known = state, true
}

// read opens a row with one of some sealers.
func (a *attempt) read(id, row []byte, visit func(treeKey, value []byte) error, sealers []*sealer) error {
	for _, sealer := range sealers {
		if len(id) != len(rowID{}) || a.seen[rowID(id)] {
			continue
		}
		key, value, err := sealer.open(rowID(id), row)
		if err != nil {
			continue
		}
		a.seen[rowID(id)] = true
		a.file.sums.toggle(&a.sums[sealer.class], sealer.class, rowID(id), row)
		if visit == nil {
			clear(value)
			return nil
		}
		return visit(key, value)
	}
	a.lost++
	return nil
}

// A salvager stores records some at a time.
type salvager struct {
	ctx  context.Context
	into Store
	some []Record // keys are of the tree
	size int
}

const salvageAtOnce = 1 << 20 // bytes

func (s *salvager) add(treeKey, value []byte) error {
	s.some = append(s.some, Record{treeKey, value})
	if s.size += len(treeKey) + len(value); s.size < salvageAtOnce {
		return nil
	}
	return s.flush()
}

func (s *salvager) flush() error {
	err := s.into.Update(s.ctx, func(tx WriteTx) error {
		for _, r := range s.some {
			b, key, _ := splitTreeKey(r.Key)
			if err := tx.Store(b, key, r.Value); err != nil {
				return err
			}
		}
		return nil
	})
	for _, r := range s.some {
		clear(r.Value)
	}
	s.some, s.size = nil, 0
	return err
}
