//go:build !js && !wasip1

package keystore

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/parley-e2ee/parley/internal/boltpages"
	"github.com/parley-e2ee/parley/internal/xaes"
)

// keySuffix makes the name of the key file.
const keySuffix = ".keys"

// errMoved reports a file that changed between two looks at it.
var errMoved = errors.New("keystore: the file changed while it was opened")

// Open opens the store at path. Errors: [fs.ErrNotExist] without one, [ErrLocked]
// while another Open, of this process or another, has not been closed,
// [ErrPassphrase], [ErrCorrupt], [ErrVersion], [ErrRollback] and [ErrFIPS]; the
// file is not changed then.
func Open(path string, unlock Unlock, opts *Options) (*File, error) {
	if err := unlock.check(); err != nil {
		return nil, err
	}
	for range 3 {
		s, err := open(path, unlock, opts)
		if err == nil {
			return &File{s: s}, nil
		}
		if err != errMoved {
			return nil, at("open", path, err)
		}
	}
	return nil, at("open", path, ErrLocked)
}

// at names the file in an error that does not.
func at(op, path string, err error) error {
	if pathErr := (*fs.PathError)(nil); errors.As(err, &pathErr) {
		return err
	}
	return &fs.PathError{Op: op, Path: path, Err: err}
}

// Create makes a store at path, where none may be, nor a key file: [fs.ErrExist].
// Both files are readable for their owner alone. A Create that was interrupted leaves nothing
// that Open takes for a store, or Create for an obstacle.
func Create(path string, unlock Unlock, opts *Options) (*File, error) {
	if err := unlock.check(); err != nil {
		return nil, err
	}
	s := newFile(opts)
	if s.opts.ReadOnly {
		return nil, ErrReadOnly
	}
	if err := s.create(path, unlock); err != nil {
		return nil, at("create", path, errors.Join(err, s.free()))
	}
	return &File{s: s}, nil
}

func newFile(opts *Options) *file {
	s := &file{
		core:    newCore(nil, func(r *record) { r.held.Store(nil) }),
		commits: make(chan struct{}, 1),
		tip:     new(tip),
	}
	if opts != nil {
		s.opts = *opts
	}
	return s
}

// open opens a store: first to read, which bbolt does without trusting more of
// the file than its first two pages, and once all of it is checked to write.
func open(path string, unlock Unlock, opts *Options) (s *file, err error) {
	s = newFile(opts)
	defer func() {
		if err != nil {
			err = errors.Join(err, s.free())
			s = nil
		}
	}()
	if err := s.lock(path); err != nil {
		return s, err
	}
	slots, untidy, err := s.unlock(path, unlock)
	if err != nil {
		return s, err
	}
	tx, err := s.load(slots)
	if err != nil {
		return s, err
	}
	if s.state.generation < s.opts.MinGeneration {
		return s, ErrRollback
	}
	if s.opts.ReadOnly {
		return s, nil
	}
	return s, s.reopen(path, tx, untidy)
}

// lock opens the database to read.
func (s *file) lock(path string) (err error) {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if info.Size() == 0 || begun(path, info) {
		return incomplete(path)
	}
	if err := pagesFit(path); err != nil {
		return err
	}
	if s.db, err = openDatabase(path, true); err != nil {
		return err
	}
	if info.Size() < maxUnused && unused(path) {
		if empty, err := s.empty(); err != nil || empty {
			return cmp.Or(err, incomplete(path))
		}
	}
	return nil
}

// begun reports whether bbolt was interrupted while it made the file. There is no
// key file then.
func begun(path string, info fs.FileInfo) bool {
	if !info.Mode().IsRegular() || info.Size() > int64(len(boltpages.Empty())) || hasKeyFile(path) {
		return false
	}
	b, err := os.ReadFile(path)
	return err == nil && boltpages.Begun(b)
}

func hasKeyFile(path string) bool {
	_, err := os.Lstat(path + keySuffix)
	return err == nil
}

// maxUnused is more than an interrupted Create leaves, in bytes.
const maxUnused = 1 << 20

// incomplete is for what an interrupted Create left.
func incomplete(path string) error {
	return &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
}

func openDatabase(path string, readOnly bool) (*bolt.DB, error) {
	db, err := bolt.Open(path, 0o600, &bolt.Options{
		Timeout:      1, // wait for no one
		ReadOnly:     readOnly,
		PageSize:     boltpages.PageSize,
		FreelistType: bolt.FreelistMapType,
		NoStatistics: true,
	})
	var pathErr *fs.PathError
	switch {
	case err == nil:
		return db, nil
	case errors.Is(err, bolterrors.ErrTimeout):
		return nil, ErrLocked
	case errors.As(err, &pathErr):
		return nil, err
	}
	return nil, &damage{"the database", err}
}

// unlock reads the key file and opens the master key.
func (s *file) unlock(path string, unlock Unlock) (slots []*slot, untidy bool, err error) {
	info, err := os.Stat(path + keySuffix)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false, corrupt("the key file is missing")
	} else if err != nil {
		return nil, false, err
	}
	if !info.Mode().IsRegular() || info.Size() != keyFileSize {
		return nil, false, corrupt("the size of the key file")
	}
	if s.rawKeys, err = os.ReadFile(path + keySuffix); err != nil {
		return nil, false, err
	}
	slots, untidy, err = readKeyFile(bytes.NewReader(s.rawKeys))
	if err != nil {
		return nil, false, err
	}
	for _, slot := range slots {
		if slot.kind == masterKind && (s.wrapped == nil || slot.number > s.wrapped.number) {
			s.wrapped = slot
		}
	}
	if s.wrapped == nil {
		return nil, false, corrupt("no master key in the key file")
	}
	w, err := decodeWrapping(s.wrapped.body)
	if err != nil {
		return nil, false, err
	}
	master, err := unlock.unwrap(w)
	if err != nil {
		return nil, false, err
	}
	s.setMaster(w.store, master)
	return slots, untidy, nil
}

func (s *file) setMaster(store storeID, master *[32]byte) {
	s.store, s.master = store, master
	state := derive(master[:], store, "state")
	defer clear(state[:])
	s.sealKey = xaes.New(&state)
	s.sums = derive(master[:], store, "sums")
	s.kept = newSealer(master, store, classKept)
}

// load reads and authenticates the whole database, and returns the number of its
// last transaction.
func (s *file) load(slots []*slot) (tx uint64, err error) {
	var sums [2]sum
	rows := 0
	tx, err = readPages(s.db.Path(), func(bucket, key, value []byte) error {
		switch {
		case string(bucket) == string(bucketState):
			if rows++; rows > 1 || string(key) != string(keyState) {
				return corrupt("the state")
			}
			return s.loadState(value, slots)
		case rows == 0:
			return corrupt("no state")
		case string(bucket) == string(bucketKept):
			return s.loadRow(s.kept, &sums, key, value)
		case string(bucket) == string(bucketErasable):
			return s.loadRow(s.erasable, &sums, key, value)
		}
		return corrupt("an unknown bucket")
	})
	switch {
	case err != nil:
		return 0, err
	case rows == 0:
		return 0, corrupt("no state")
	case sums != s.state.sums:
		return 0, corrupt("records are missing, or older than they should be")
	}
	s.tip.root = s.current.root
	return tx, s.db.View(allBuckets)
}

// allBuckets checks that there are the buckets that there should be, of which
// load has seen those with rows.
func allBuckets(tx *bolt.Tx) error {
	want := buckets
	err := tx.ForEach(func(name []byte, _ *bolt.Bucket) error {
		if len(want) == 0 || !bytes.Equal(name, want[0]) {
			return corrupt("the buckets")
		}
		want = want[1:]
		return nil
	})
	if err == nil && len(want) > 0 {
		err = corrupt("the buckets")
	}
	return err
}

// loadState reads the state, which comes first, and opens its data key.
func (s *file) loadState(value []byte, slots []*slot) (err error) {
	if s.state, err = decodeState(value, s.sealKey, s.store); err != nil {
		return err
	}
	for _, slot := range slots {
		if slot.kind == dataKind && slot.number == s.state.epoch {
			s.data = slot
			s.erasable, err = openDataKey(s.master, s.store, slot)
			return err
		}
	}
	return corrupt("no data key in the key file")
}

func (s *file) loadRow(sealer *sealer, sums *[2]sum, id, row []byte) error {
	r := &record{sealer: sealer}
	if copy(r.id[:], id) != len(r.id) || len(id) != len(r.id) {
		return corrupt("a record")
	}
	key, value, err := sealer.open(r.id, row)
	if err != nil {
		return err
	}
	clear(value)
	copy(r.nonce[:], row)
	s.sums.toggle(&sums[sealer.class], sealer.class, r.id, row)
	s.current.root = s.current.root.insert(newNode(append([]byte(nil), key...), r))
	return nil
}

// reopen opens to write what was checked: the file as transaction tx left it.
func (s *file) reopen(path string, tx uint64, untidy bool) (err error) {
	if err := s.db.Close(); err != nil {
		return err
	}
	s.db = nil
	if s.db, err = openDatabase(path, false); err != nil {
		return err
	}
	err = s.db.View(func(now *bolt.Tx) error {
		if uint64(now.ID()) != tx {
			return errMoved
		}
		return nil
	})
	if err != nil {
		return err
	}
	f, err := os.OpenFile(path+keySuffix, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	s.keys = &keyFile{f, s.opts.seam}
	// The lock was given back for a moment: another owner may have changed the
	// passphrase, which makes no transaction.
	now := make([]byte, keyFileSize)
	if _, err := f.ReadAt(now, 0); err != nil || !bytes.Equal(now, s.rawKeys) {
		return cmp.Or(err, errMoved)
	}
	s.rawKeys = nil
	if err := s.tidy(untidy); err != nil {
		return err
	}
	if !s.state.erasing || s.opts.EraseAfter < 0 {
		return nil
	}
	// The last owner did not come to it. A full disk is no reason not to open.
	if err := s.erase(); errors.Is(err, ErrFailed) {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.arm()
	return nil
}

// tidy has in the key file what counts and nothing else.
func (s *file) tidy(untidy bool) error {
	slots, _, err := readKeyFile(s.keys.f)
	if err != nil {
		return err
	}
	if len(slots) == 2 && !untidy {
		return nil
	}
	for _, slot := range []*slot{s.wrapped, s.data} {
		if err := s.keys.write(slot); err != nil {
			return err
		}
		if err := s.keys.erase(slot.other()); err != nil {
			return err
		}
	}
	return nil
}

// create makes both files. The last thing it writes is the state, without which
// there is no store.
func (s *file) create(path string, unlock Unlock) (err error) {
	if err := vacant(path); err != nil {
		return err
	}
	if s.db, err = openDatabase(path, false); err != nil {
		return err
	}
	if empty, err := s.empty(); err != nil {
		return err
	} else if !empty {
		return &fs.PathError{Op: "create", Path: path, Err: fs.ErrExist}
	}
	// A power cut leaves no key file without a database: see vacant.
	if err := syncDir(path); err != nil {
		return err
	}
	var store storeID
	rand.Read(store[:])
	master := new([32]byte)
	rand.Read(master[:])
	s.setMaster(store, master)
	w, err := unlock.wrap(store, master)
	if err != nil {
		return err
	}
	s.wrapped = &slot{kind: masterKind, number: 1, body: w.encode()}
	s.data, s.erasable = newDataKey(master, store, 1)
	if err := s.createKeyFile(path + keySuffix); err != nil {
		return err
	}
	s.state = fileState{generation: 1, epoch: 1}
	err = s.transact(s.state.generation, func(tx *bolt.Tx) error {
		for _, name := range buckets {
			if _, err := tx.CreateBucket(name); err != nil {
				return err
			}
		}
		return s.putState(tx, s.state)
	})
	if err != nil {
		return err
	}
	return syncDir(path)
}

// vacant returns an error unless Create may begin at path.
func vacant(path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		// A key file without a database is what is left of a store: Create makes
		// the database first.
		if hasKeyFile(path) {
			return &fs.PathError{Op: "create", Path: path + keySuffix, Err: fs.ErrExist}
		}
		return nil
	case err != nil:
		return err
	case info.Mode().IsRegular() && (info.Size() == 0 && !hasKeyFile(path) || unused(path)):
		return nil // or another Create's, which has the lock
	case begun(path, info):
		return emptyTorn(path)
	}
	return &fs.PathError{Op: "create", Path: path, Err: fs.ErrExist}
}

// unused reports whether there is a good database without a row.
func unused(path string) bool {
	any := false
	_, err := readPages(path, func(_, _, _ []byte) error { any = true; return nil })
	return err == nil && !any
}

// empty reports whether the database has no buckets.
func (s *file) empty() (bool, error) {
	empty := true
	err := s.db.View(func(tx *bolt.Tx) error {
		return tx.ForEach(func([]byte, *bolt.Bucket) error { empty = false; return nil })
	})
	return empty, err
}

// createKeyFile puts a key file with both slots where there may be one that
// belongs to no store.
func (s *file) createKeyFile(path string) error {
	// Whatever has that name is left of another Create, or a trap.
	if err := os.Remove(path + ".new"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := os.OpenFile(path+".new", os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	s.keys = &keyFile{f, s.opts.seam}
	err = s.fillKeyFile(path)
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}

func (s *file) fillKeyFile(path string) error {
	if err := s.keys.f.Truncate(keyFileSize); err != nil {
		return err
	}
	for _, slot := range []*slot{s.wrapped, s.data} {
		if err := s.keys.write(slot); err != nil {
			return err
		}
	}
	// Windows renames no open file.
	if err := s.keys.f.Close(); err != nil {
		return err
	}
	if err := os.Rename(s.keys.f.Name(), path); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	s.keys.f = f
	return syncDir(path)
}

// SetUnlock has something else open the file from now on, by encrypting the
// master key anew and overwriting the old form. Whoever has an older copy of the
// key file, and what unlocked it, can still read the store, in its later states
// too. After an error either of both may open it.
func (f *File) SetUnlock(ctx context.Context, unlock Unlock) error {
	s := f.s
	if err := unlock.check(); err != nil {
		return err
	}
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
	w, err := unlock.wrap(s.store, s.master)
	if err != nil {
		return err
	}
	old, next := s.wrapped, &slot{kind: masterKind, number: s.wrapped.number + 1, body: w.encode()}
	if err := s.keys.write(next); err != nil {
		return err // the next time it goes to the same slot, not to the good one
	}
	s.wrapped = next
	return s.keys.erase(old)
}

// shut is the end of Close, once nothing runs any more.
func (s *file) shut() error {
	s.mu.Lock()
	if s.timer != nil {
		s.timer.Stop()
	}
	s.mu.Unlock()
	var err error
	if !s.opts.ReadOnly {
		err = s.erase()
		if errors.Is(err, ErrFailed) {
			err = nil // the Update had it
		}
	}
	return errors.Join(err, s.free())
}

// free gives back what the file holds.
func (s *file) free() (err error) {
	if s.db != nil {
		err = s.db.Close()
	}
	if s.keys != nil {
		err = errors.Join(err, s.keys.f.Close())
	}
	if s.master != nil {
		clear(s.master[:])
	}
	return err
}

// syncDir has the names in a directory reach the disk, where that can be asked
// for.
func syncDir(path string) error {
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return fmt.Errorf("keystore: %w", err)
	}
	defer d.Close()
	_ = d.Sync() // not on Windows
	return nil
}
