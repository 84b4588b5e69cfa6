//go:build !js && !wasip1

package keystore_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	bolt "go.etcd.io/bbolt"

	"github.com/parley-e2ee/parley/internal/boltpages"
	"github.com/parley-e2ee/parley/keystore"
)

const (
	pageSize   = boltpages.PageSize
	sectorSize = 512 // what a disk writes at once, or not
)

var toRead = &keystore.Options{ReadOnly: true}

// An image is the two files of a closed store: nil where there is none.
type image struct{ db, keys []byte }

func (i image) clone() image { return image{bytes.Clone(i.db), bytes.Clone(i.keys)} }

func (i image) equal(j image) bool {
	return bytes.Equal(i.db, j.db) && bytes.Equal(i.keys, j.keys) &&
		(i.db == nil) == (j.db == nil) && (i.keys == nil) == (j.keys == nil)
}

// A disk is where images are put to be opened. It is in memory where there is
// such a place, since that happens by the thousand.
type disk struct {
	t    testing.TB
	path string
	has  image // what is there for certain
}

func newDisk(t testing.TB) *disk {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "keystore")
	if err != nil {
		dir = t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return &disk{t: t, path: filepath.Join(dir, "store")}
}

func (d *disk) put(i image) {
	d.t.Helper()
	err := errors.Join(rewrite(d.path, d.has.db, i.db), rewrite(d.path+".keys", d.has.keys, i.keys))
	if err != nil {
		d.t.Fatal(err)
	}
	d.has = image{}
}

// rewrite makes a file be data, or not be there. It may be known to be has.
func rewrite(name string, has, data []byte) error {
	if data == nil {
		if err := os.Remove(name); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	}
	if has == nil || len(has) != len(data) {
		return os.WriteFile(name, data, 0o600)
	}
	var f *os.File
	for at := 0; at < len(data); at += pageSize {
		end := min(at+pageSize, len(data))
		if bytes.Equal(has[at:end], data[at:end]) {
			continue
		}
		var err error
		if f == nil {
			if f, err = os.OpenFile(name, os.O_WRONLY, 0); err != nil {
				return err
			}
			defer f.Close()
		}
		if _, err = f.WriteAt(data[at:end], int64(at)); err != nil {
			return err
		}
	}
	return nil
}

func (d *disk) get() (i image) {
	d.t.Helper()
	for name, data := range map[string]*[]byte{d.path: &i.db, d.path + ".keys": &i.keys} {
		b, err := os.ReadFile(name)
		if err == nil {
			*data = append([]byte{}, b...)
		} else if !errors.Is(err, fs.ErrNotExist) {
			d.t.Fatal(err)
		}
	}
	return i
}

// open puts an image on the disk and opens it. Where that fails it sees to it
// that nothing has changed.
func (d *disk) open(i image, unlock keystore.Unlock, opts *keystore.Options) (*keystore.File, error) {
	d.t.Helper()
	d.put(i)
	f, err := keystore.Open(d.path, unlock, opts)
	if err == nil {
		return f, nil
	}
	if f != nil {
		d.t.Errorf("a store beside %v", err)
	}
	if !d.get().equal(i) {
		d.t.Errorf("the files have changed with %v", err)
	} else {
		d.has = i
	}
	names, _ := filepath.Glob(filepath.Join(filepath.Dir(d.path), "*"))
	for _, name := range names {
		if name != d.path && name != d.path+".keys" {
			d.t.Errorf("there is a file %s with %v", name, err)
		}
	}
	return nil, err
}

// read opens an image and returns all of its records.
func (d *disk) read(i image, opts *keystore.Options) (map[string]string, error) {
	d.t.Helper()
	f, err := d.open(i, fileKey, opts)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err := f.Close(); err != nil {
			d.t.Error(err)
		}
	}()
	got := contents(d.t, f)
	if opts == toRead {
		d.has = i
	}
	return got, nil
}

// madeBy returns the files that fn leaves, and the records.
func madeBy(t testing.TB, opts *keystore.Options, fn func(f *keystore.File)) (image, map[string]string) {
	t.Helper()
	d := newDisk(t)
	f, err := keystore.Create(d.path, fileKey, opts)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	fn(f)
	want := contents(t, f)
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return d.get(), want
}

// fill stores n records of both classes, each with some 200 bytes.
func fill(t testing.TB, f *keystore.File, n int) {
	t.Helper()
	err := f.Update(t.Context(), func(tx keystore.WriteTx) error {
		for i := range n {
			for _, b := range []keystore.Bucket{plain, erased} {
				if err := store(b, fmt.Sprint("key", i), strings.Repeat(fmt.Sprint(b.Name, i, "."), 20))(tx); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// small makes a store that has everything that a file may have: several commits,
// both classes, a value of several pages and free pages. Its last commit was a
// change of the data key, if rotated.
func small(t testing.TB, records int, rotated bool) (image, map[string]string) {
	return madeBy(t, noErase, func(f *keystore.File) {
		fill(t, f, records)
		set(t, f, plain, "large", strings.Repeat("0123456789", 1000))
		set(t, f, plain, "empty", "")
		if rotated {
			set(t, f, erased, "key0", "new")
		}
		if err := f.Erase(t.Context()); err != nil {
			t.Fatal(err)
		}
		if !rotated {
			set(t, f, erased, "last", "new")
			set(t, f, plain, "key1", "new")
		}
	})
}

// usedPages returns, for each page of a database that is in use, the first page of
// its run. The others are free or behind the end.
func usedPages(t testing.TB, db []byte) map[int]int {
	t.Helper()
	used := map[int]int{}
	withBolt(t, db, func(tx *bolt.Tx) {
		for id := 0; ; id++ {
			p, err := tx.Page(id)
			if err != nil {
				t.Fatal(err)
			}
			if p == nil {
				return
			}
			if p.Type == "free" {
				continue
			}
			for i := range 1 + p.OverflowCount {
				used[id+i] = id
			}
			id += p.OverflowCount
		}
	})
	return used
}

// withBolt opens a database that is whole and returns what edit, which commits,
// made of it.
func withBolt(t testing.TB, db []byte, edit func(tx *bolt.Tx)) []byte {
	t.Helper()
	d := newDisk(t)
	d.put(image{db: db})
	b, err := bolt.Open(d.path, 0o600, &bolt.Options{PageSize: pageSize, FreelistType: bolt.FreelistMapType})
	if err != nil {
		t.Fatal(err)
	}
	err = b.Update(func(tx *bolt.Tx) error { edit(tx); return nil })
	if err := errors.Join(err, b.Close()); err != nil {
		t.Fatal(err)
	}
	return d.get().db
}

// stateVersionAt is where the version of the state is in use.
func stateVersionAt(t testing.TB, db []byte) int {
	t.Helper()
	var state []byte
	used := usedPages(t, db)
	withBolt(t, db, func(tx *bolt.Tx) {
		state = bytes.Clone(tx.Bucket([]byte("1 state")).Get([]byte("state")))
	})
	for id := range used {
		if at := bytes.Index(db[id*pageSize:][:pageSize], state); at >= 0 {
			return id*pageSize + at
		}
	}
	t.Fatal("no state")
	return 0
}

// shards runs n tests at a time.
func shards(t *testing.T, fn func(t *testing.T, mine func(i int) bool)) {
	n := runtime.GOMAXPROCS(0)
	for shard := range n {
		t.Run(fmt.Sprint(shard), func(t *testing.T) {
			t.Parallel()
			fn(t, func(i int) bool { return i%n == shard })
		})
	}
}

// A flip changes one bit.
type flip struct {
	at  int
	bit byte
}

func (f flip) in(b []byte) []byte {
	b = bytes.Clone(b)
	b[f.at] ^= f.bit
	return b
}

// flips returns a change of one bit for each byte of a file, or, where a byte is
// one of many that are alike, for one of so many bytes.
func flips(rng *rand.Rand, size int, oneOf func(at int) int) (all []flip) {
	for at := range size {
		n := oneOf(at)
		if testing.Short() {
			n *= 20
		}
		if rng.IntN(n) == 0 {
			all = append(all, flip{at, 1 << rng.IntN(8)})
		}
	}
	return all
}

// dullness says which bytes of a database are alike: those of free pages, those
// that fill up pages, and those in the midst of a long value.
func dullness(t testing.TB, db []byte, least int) func(at int) int {
	used := usedPages(t, db)
	return func(at int) int {
		page := at / pageSize
		first, ok := used[page]
		rest := bytes.TrimRight(db[page*pageSize:][:pageSize], "\x00")
		switch {
		case !ok, at%pageSize > len(rest)+16:
			return 32 * least
		case first != page:
			return 16 * least
		}
		return least
	}
}

// TestAnyByteOfFiles: whatever byte of either file is another, Open says so, or it
// does not matter. Nothing else tells a wrong byte: bbolt would follow it into
// whatever memory there is.
func TestAnyByteOfFiles(t *testing.T) {
	t.Parallel()
	for _, rotated := range []bool{true, false} {
		img, want := small(t, 4, rotated)
		version := stateVersionAt(t, img.db)
		rng := rand.New(rand.NewPCG(1, 2))
		every := 2
		if !rotated {
			every = 8
		}
		ofDB := flips(rng, len(img.db), dullness(t, img.db, every))
		ofKeys := flips(rng, len(img.keys), func(at int) int {
			if at%keystore.BlockSize < 256 || at%keystore.BlockSize >= keystore.BlockSize-32 {
				return 8 * every
			}
			return 64 * every
		})
		t.Logf("%d bytes of %d, %d bytes of %d", len(ofDB), len(img.db), len(ofKeys), len(img.keys))
		shards(t, func(t *testing.T, mine func(i int) bool) {
			d := newDisk(t)
			opened := 0
			for i, f := range ofDB {
				if !mine(i) {
					continue
				}
				opts := toRead
				if i%8 < 2 {
					opts = nil
				}
				got, err := d.read(image{f.in(img.db), img.keys}, opts)
				switch {
				case err == nil && maps.Equal(got, want):
					opened++
				case err == nil:
					t.Errorf("%v: %d records, want %d", f, len(got), len(want))
				case !errors.Is(err, keystore.ErrCorrupt) && (f.at != version || !errors.Is(err, keystore.ErrVersion)):
					t.Errorf("%v: %v", f, err)
				}
			}
			t.Logf("%d opened", opened)
			// The other block of a slot makes good what one has lost.
			for i, f := range ofKeys {
				if !mine(i) {
					continue
				}
				bad := image{img.db, f.in(img.keys)}
				if got, err := d.read(bad, toRead); err != nil || !maps.Equal(got, want) || !d.get().equal(bad) {
					t.Errorf("key file, %v: %d records, %v", f, len(got), err)
				}
				if got, err := d.read(bad, nil); err != nil || !maps.Equal(got, want) || !d.get().equal(img) {
					t.Errorf("key file, %v, to write: %d records, %v", f, len(got), err)
				}
			}
		})
	}
}

// TestAnyLengthOfFiles: what lies behind the last page in use is all that may be
// missing.
func TestAnyLengthOfFiles(t *testing.T) {
	t.Parallel()
	img, want := small(t, 4, false)
	end := 0
	for page := range usedPages(t, img.db) {
		end = max(end, (page+1)*pageSize)
	}
	// Behind the last used page there may be free ones that count still.
	withBolt(t, img.db, func(tx *bolt.Tx) { end = max(end, int(tx.Size())) })

	rng := rand.New(rand.NewPCG(3, 4))
	sizes := []int{0, 1, 16, 80, pageSize - 1, end - 1, end, end + 1, len(img.db) - 1, len(img.db) + 1, len(img.db) + pageSize, 1 << 20}
	for at := 0; at < len(img.db); at += pageSize {
		sizes = append(sizes, at)
	}
	for range 60 {
		sizes = append(sizes, rng.IntN(len(img.db)))
	}
	d := newDisk(t)
	for _, size := range sizes {
		for _, opts := range []*keystore.Options{toRead, nil} {
			cut := image{resize(img.db, size), img.keys}
			got, err := d.read(cut, opts)
			switch {
			case size == 0 && errors.Is(err, fs.ErrNotExist):
			case size > 0 && size < end && errors.Is(err, keystore.ErrCorrupt):
			case size >= end && err == nil && maps.Equal(got, want):
			default:
				t.Errorf("%d bytes of %d, in use %d: %d records, %v", size, len(img.db), end, len(got), err)
			}
		}
	}
	for _, size := range []int{0, 1, 511, 4096, 8192, 16384, 24576, len(img.keys) - 1, len(img.keys) + 1, 1 << 20} {
		if _, err := d.read(image{img.db, resize(img.keys, size)}, nil); !errors.Is(err, keystore.ErrCorrupt) {
			t.Errorf("a key file of %d bytes: %v", size, err)
		}
	}
}

// resize cuts b, or lengthens it with zeros.
func resize(b []byte, size int) []byte {
	if size <= len(b) {
		return append([]byte{}, b[:size]...)
	}
	return append(bytes.Clone(b), make([]byte, size-len(b))...)
}

// TestMoreDamage: whole sectors and pages that are lost, exchanged or noise, which
// is what disks do.
func TestMoreDamage(t *testing.T) {
	t.Parallel()
	img, want := small(t, 30, true)
	older, _ := small(t, 30, true) // of another store
	rounds := 800
	if testing.Short() {
		rounds = 60
	}
	shards(t, func(t *testing.T, mine func(i int) bool) {
		d := newDisk(t)
		for i := range rounds {
			if !mine(i) {
				continue
			}
			rng := rand.New(rand.NewPCG(5, uint64(i)))
			bad, what := img.clone(), ""
			for range 1 + rng.IntN(2) {
				what += mangle(rng, bad.db, older.db)
			}
			if rng.IntN(4) == 0 {
				what += " keys:" + mangle(rng, bad.keys, older.keys)
			}
			opts := toRead
			if i%4 == 0 {
				opts = nil
			}
			got, err := d.read(bad, opts)
			if err == nil && !maps.Equal(got, want) {
				t.Errorf("%s: %d records, want %d", what, len(got), len(want))
			}
			// Sectors of the other store's key file may make up a whole slot.
			if err != nil && !errors.Is(err, keystore.ErrCorrupt) && !errors.Is(err, keystore.ErrPassphrase) {
				t.Errorf("%s: %v", what, err)
			}
		}
	})
}

// mangle does to a file what a bad disk does, and says what.
func mangle(rng *rand.Rand, b, other []byte) string {
	unit := []int{sectorSize, pageSize}[rng.IntN(2)]
	to, from := rng.IntN(len(b)/unit)*unit, rng.IntN(len(b)/unit)*unit
	there := b[to:][:unit]
	switch what := rng.IntN(5); what {
	case 0:
		clear(there)
		return fmt.Sprintf(" zeros(%d, %d)", to, unit)
	case 1:
		for i := range there {
			there[i] = byte(rng.Uint32())
		}
		return fmt.Sprintf(" noise(%d, %d)", to, unit)
	case 2:
		copy(there, b[from:])
		return fmt.Sprintf(" copy(%d, %d, %d)", to, from, unit)
	case 3:
		here := bytes.Clone(b[from:][:unit])
		copy(b[from:], there)
		copy(there, here)
		return fmt.Sprintf(" swap(%d, %d, %d)", to, from, unit)
	default:
		if to < len(other) {
			copy(there, other[to:])
		}
		return fmt.Sprintf(" other's(%d, %d)", to, unit)
	}
}

// TestEitherBlock: a slot is there twice so that one block may be lost.
func TestEitherBlock(t *testing.T) {
	img, want := small(t, 1, true)
	d := newDisk(t)
	for lost := range 2 {
		bad := img.clone()
		for at := lost * keystore.BlockSize; at < len(bad.keys); at += 2 * keystore.BlockSize {
			clear(bad.keys[at:][:keystore.BlockSize])
		}
		if got, err := d.read(bad, nil); err != nil || !maps.Equal(got, want) || !d.get().equal(img) {
			t.Errorf("without block %d: %d records, %v", lost, len(got), err)
		}
	}
}
