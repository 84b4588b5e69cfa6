package boltpages_test

import (
	"bytes"
	"fmt"
	"math/rand"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"testing"

	"go.etcd.io/bbolt"

	"github.com/parley-e2ee/parley/internal/boltpages"
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

type row struct{ bucket, key, value string }

// options are those of a database that this package reads.
func options(freelist bbolt.FreelistType) *bbolt.Options {
	return &bbolt.Options{PageSize: boltpages.PageSize, FreelistType: freelist, NoSync: true, NoGrowSync: true}
}

// rowsOf reads through bbolt.
func rowsOf(tx *bbolt.Tx) []row {
	var rows []row
	if err := tx.ForEach(func(name []byte, b *bbolt.Bucket) error {
		return b.ForEach(func(k, v []byte) error {
			rows = append(rows, row{string(name), string(k), string(v)})
			return nil
		})
	}); err != nil {
		panic(err)
	}
	return rows
}

// check reads through the package.
func check(data []byte) ([]row, error) {
	f, err := boltpages.Open(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, err
	}
	var rows []row
	err = f.Check(func(bucket, key, value []byte) error {
		rows = append(rows, row{string(bucket), string(key), string(value)})
		return nil
	})
	return rows, err
}

// salvage is what can be read from the newest meta page, and how often there was
// something wrong.
func salvage(data []byte) (rows []row, reports []string) {
	f, err := boltpages.Open(bytes.NewReader(data), int64(len(data)))
	if err != nil || len(f.Metas()) == 0 {
		return nil, nil
	}
	if err := f.Salvage(f.Metas()[0], func(bucket, key, value []byte) error {
		rows = append(rows, row{string(bucket), string(key), string(value)})
		return nil
	}, func(bucket []byte, err error) {
		reports = append(reports, fmt.Sprintf("%s: %v", bucket, err))
	}); err != nil {
		panic(err)
	}
	return rows, reports
}

// tempDir is in memory where there is such a place: bbolt's files are made and
// opened by the thousand.
func tempDir(t testing.TB) string {
	if dir, err := os.MkdirTemp("/dev/shm", "boltpages"); err == nil {
		t.Cleanup(func() { os.RemoveAll(dir) })
		return dir
	}
	return t.TempDir()
}

func text(rng *rand.Rand, longest int) []byte {
	b := make([]byte, rng.Intn(longest+1))
	rng.Read(b)
	return b
}

// A worker does to a database what programs do.
type worker struct {
	rng     *rand.Rand
	path    string
	options *bbolt.Options
	db      *bbolt.DB
	reader  *bbolt.Tx
}

func newWorker(path string, rng *rand.Rand) *worker {
	types := []bbolt.FreelistType{bbolt.FreelistArrayType, bbolt.FreelistMapType}
	w := &worker{rng: rng, path: path, options: options(types[rng.Intn(2)])}
	w.options.InitialMmapSize = 1 << 26 // so that a reader keeps no writer waiting
	w.open()
	return w
}

func (w *worker) open() { w.db = must(bbolt.Open(w.path, 0o600, w.options)) }

func (w *worker) close() {
	w.release()
	if err := w.db.Close(); err != nil {
		panic(err)
	}
}

func (w *worker) release() {
	if w.reader != nil {
		w.reader.Rollback()
		w.reader = nil
	}
}

// commit writes once, or tries to.
func (w *worker) commit() {
	switch w.rng.Intn(12) {
	case 0: // pages that a reader holds are not reused
		w.release()
		w.reader = must(w.db.Begin(false))
	case 1:
		w.release()
	case 2:
		w.close()
		w.open()
	case 3: // a commit that fails half way
		w.db.MaxSize = 1
		defer func() { w.db.MaxSize = 0 }()
	}
	tx := must(w.db.Begin(true))
	for range 1 + w.rng.Intn(4) {
		w.change(tx)
	}
	if w.rng.Intn(8) == 0 {
		tx.Rollback()
	} else if err := tx.Commit(); err != nil && w.db.MaxSize == 0 {
		panic(err)
	}
}

func (w *worker) change(tx *bbolt.Tx) {
	name := []byte{'a' + byte(w.rng.Intn(4))}
	if w.rng.Intn(20) == 0 {
		tx.DeleteBucket(name)
		return
	}
	b := must(tx.CreateBucketIfNotExists(name))
	key := func() []byte { return fmt.Appendf(nil, "%0*d", 1+w.rng.Intn(4), w.rng.Intn(3000)) }
	switch w.rng.Intn(6) {
	case 0:
		b.Put(key(), text(w.rng, 30000))
	case 1:
		long := bytes.Repeat(key(), 1+w.rng.Intn(1500))
		for i := range w.rng.Intn(20) { // branches with overflow
			b.Put(append(long, byte(i)), text(w.rng, 10))
		}
	case 2:
		for range w.rng.Intn(400) {
			b.Put(key(), text(w.rng, 200))
		}
	case 3:
		for range w.rng.Intn(10) {
			b.Put(key(), text(w.rng, 20))
		}
	case 4:
		from, n := key(), w.rng.Intn(600)
		var keys [][]byte
		c := b.Cursor()
		for k, _ := c.Seek(from); k != nil && n > 0; k, _ = c.Next() {
			keys = append(keys, bytes.Clone(k))
			n--
		}
		for _, k := range keys {
			b.Delete(k)
		}
	case 5:
		var keys [][]byte
		b.ForEach(func(k, _ []byte) error {
			keys = append(keys, bytes.Clone(k))
			return nil
		})
		stay := w.rng.Intn(5)
		for _, k := range keys {
			if stay == 0 || w.rng.Intn(5) >= stay {
				b.Delete(k)
			}
		}
	}
}

// use has bbolt do all it can with a file, and panics if that is too much for it.
// The memory that a broken file sends bbolt to must not end the test.
func use(path string, freelist bbolt.FreelistType) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	db := must(bbolt.Open(path, 0o600, options(freelist)))
	defer db.Close()
	update := func(change func(tx *bbolt.Tx)) {
		tx := must(db.Begin(true))
		change(tx)
		if err := tx.Commit(); err != nil {
			panic(err)
		}
		tx = must(db.Begin(false))
		var found error
		for err := range tx.Check() {
			found = err
		}
		tx.Rollback()
		if found != nil {
			panic(fmt.Sprintf("bbolt finds its file damaged: %v", found))
		}
	}
	var rows []row
	if err := db.View(func(tx *bbolt.Tx) error { rows = rowsOf(tx); return nil }); err != nil {
		panic(err)
	}
	update(func(tx *bbolt.Tx) {})
	update(func(tx *bbolt.Tx) {
		b := must(tx.CreateBucketIfNotExists([]byte("new")))
		must(0, b.Put([]byte("key"), bytes.Repeat([]byte("value"), 3000)))
	})
	// Deleting every other key merges pages, and writing makes them split.
	for _, odd := range []int{0, 1} {
		update(func(tx *bbolt.Tx) {
			for i, r := range rows {
				if b := tx.Bucket([]byte(r.bucket)); i%2 == odd {
					must(0, b.Delete([]byte(r.key)))
				} else {
					b.Put(append([]byte(r.key), 0), []byte(r.value))
				}
			}
		})
	}
	update(func(tx *bbolt.Tx) {
		var names [][]byte
		tx.ForEach(func(name []byte, _ *bbolt.Bucket) error {
			names = append(names, bytes.Clone(name))
			return nil
		})
		for i, name := range names {
			b := tx.Bucket(name)
			must(b.NextSequence())
			var last []byte
			c := b.Cursor()
			for k, _ := c.Last(); k != nil; k, _ = c.Prev() {
				last = bytes.Clone(k)
			}
			if last != nil {
				must(0, b.Delete(last))
			}
			if i%2 == 0 {
				must(0, tx.DeleteBucket(name))
			}
		}
	})
}

// usable tells what use panics with, if it does.
func usable(dir string, data []byte, freelist bbolt.FreelistType) (failure string) {
	path := filepath.Join(dir, "used")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		panic(err)
	}
	defer os.Remove(path)
	defer func() {
		if r := recover(); r != nil {
			failure = fmt.Sprintf("%v\n%s", r, debug.Stack())
		}
	}()
	use(path, freelist)
	return ""
}

// sample is a small database with all kinds of pages.
func sample(t testing.TB, freelist bbolt.FreelistType) []byte {
	path := filepath.Join(tempDir(t), "sample")
	db := must(bbolt.Open(path, 0o600, options(freelist)))
	put := func(bucket, key, value string) {
		must(0, db.Update(func(tx *bbolt.Tx) error {
			b := must(tx.CreateBucketIfNotExists([]byte(bucket)))
			if key == "" {
				return nil
			}
			return b.Put([]byte(key), []byte(value))
		}))
	}
	for i := range 30 { // a branch and leaves
		put("tree", fmt.Sprintf("key %d", i), fmt.Sprintf("%0300d", i))
	}
	put("leaf", "a", string(bytes.Repeat([]byte("A"), 800)))
	put("leaf", "b", string(bytes.Repeat([]byte("B"), 800)))
	put("big", "one", string(bytes.Repeat([]byte("1"), 6000)))
	put("big", "two", "2")
	put("inline", "x", "1")
	put("inline", "y", "2")
	put("empty", "", "")
	must(0, db.Close())
	// The file is longer than what is used, by a power of two.
	data := must(os.ReadFile(path))
	high := must(boltpages.Open(bytes.NewReader(data), int64(len(data)))).Metas()[0].HighWater
	return slices.Clip(data[:high*boltpages.PageSize])
}
