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
	"strings"
	"testing"

	bolt "go.etcd.io/bbolt"

	"github.com/parley-e2ee/parley/keystore"
)

// A power cut leaves what was synced, and of what was written since any part: each
// sector is the old one or the new one. These tests take the files from before and
// after each call to the disk, build all of that, or some where it is too much, and
// open it.

// A diskStep is one call that wrote to the disk.
type diskStep struct {
	what          string
	before, after image
}

// recorded returns options with which the calls of a store on d are added to steps.
func recorded(d *disk, opts keystore.Options, steps *[]diskStep) *keystore.Options {
	synced := true
	return keystore.WithSeam(opts, func(what string, call func() error) error {
		if what == "sync the key file" {
			synced = true
		}
		if what != "commit" && what != "write the key file" {
			return call()
		}
		if !synced {
			d.t.Errorf("%s: what was written to the key file before is not synced", what)
		}
		synced = what == "commit"
		before := d.get()
		err := call()
		*steps = append(*steps, diskStep{what, before, d.get()})
		return err
	})
}

// A cut is what a power cut leaves.
type cut struct {
	image
	what  string
	after bool // the commit has taken place
}

// cuts returns what may be left when the power fails during a step: all of it
// where that is at most so many, and else a choice.
func (s *diskStep) cuts(t testing.TB, rng *rand.Rand, atMost int) []cut {
	t.Helper()
	if s.what == "write the key file" {
		return s.keyCuts(rng, atMost)
	}
	if !bytes.Equal(s.before.keys, s.after.keys) {
		t.Fatal("a commit has changed the key file")
	}
	return s.commitCuts(t, rng, atMost)
}

func (s *diskStep) keyCuts(rng *rand.Rand, atMost int) (all []cut) {
	if !bytes.Equal(s.before.db, s.after.db) {
		panic("a write to the key file has changed the database")
	}
	changed := differences(s.before.keys, s.after.keys, sectorSize)
	add := func(what string, sectors []int) {
		keys := mixed(s.before.keys, s.after.keys, sectors, sectorSize)
		all = append(all, cut{image: image{s.before.db, keys}, what: fmt.Sprint("key file: ", what, " ", sectors, " of ", changed)})
	}
	for i := range len(changed) + 1 {
		add("begins", changed[:i])
		add("ends", changed[i:])
	}
	for i := range changed {
		add("just", changed[i:i+1])
		add("all but", append(append([]int{}, changed[:i]...), changed[i+1:]...))
	}
	for range atMost / 4 {
		add("some", some(rng, changed))
	}
	return choice(rng, all, atMost)
}

func (s *diskStep) commitCuts(t testing.TB, rng *rand.Rand, atMost int) (all []cut) {
	t.Helper()
	before := resize(s.before.db, len(s.after.db))
	var meta, data []int
	for _, page := range differences(before, s.after.db, pageSize) {
		if page < 2 {
			meta = append(meta, page)
		} else {
			data = append(data, page)
		}
	}
	if len(meta) != 1 {
		t.Fatalf("a commit wrote meta pages %v", meta)
	}
	add := func(what string, db []byte, after bool) {
		all = append(all, cut{image{db, s.before.keys}, "commit: " + what, after})
	}
	// bbolt syncs the new size before it writes behind the old one.
	add("nothing", s.before.db, false)
	if len(s.after.db) > len(s.before.db) {
		add("the size", before, false)
		add("a part of the size", resize(s.before.db, len(s.before.db)+pageSize+sectorSize), false)
	}
	if len(data) < 8 && 1<<len(data) <= atMost {
		for set := range 1 << len(data) {
			var pages []int
			for i, page := range data {
				if set>>i&1 != 0 {
					pages = append(pages, page)
				}
			}
			add(fmt.Sprint("pages ", pages, " of ", data), mixed(before, s.after.db, pages, pageSize), false)
		}
	} else {
		for range atMost / 2 {
			pages := some(rng, data)
			add(fmt.Sprint("pages ", pages, " of ", data), mixed(before, s.after.db, pages, pageSize), false)
		}
	}
	var sectors []int
	for _, page := range data {
		for i := range pageSize / sectorSize {
			sectors = append(sectors, page*pageSize/sectorSize+i)
		}
	}
	for range atMost / 3 {
		some := some(rng, sectors)
		add(fmt.Sprint("sectors ", some, " of pages ", data), mixed(before, s.after.db, some, sectorSize), false)
	}
	written := mixed(before, s.after.db, data, pageSize)
	add("all but the meta page", written, false)
	for range 3 {
		// The first sector of a meta page has all that counts.
		sectors := []int{meta[0] * pageSize / sectorSize}
		for i := 1; i < pageSize/sectorSize; i++ {
			if rng.IntN(2) == 0 {
				sectors = append(sectors, sectors[0]+i)
			}
		}
		add("the first sector of the meta page", mixed(written, s.after.db, sectors, sectorSize), true)
		add("the other sectors of the meta page", mixed(written, s.after.db, sectors[1:], sectorSize), false)
	}
	add("all", s.after.db, true)
	return choice(rng, all, atMost)
}

// differences returns which units of two files of one size differ.
func differences(a, b []byte, unit int) (units []int) {
	for at := 0; at < len(a); at += unit {
		if !bytes.Equal(a[at:][:unit], b[at:][:unit]) {
			units = append(units, at/unit)
		}
	}
	return units
}

// mixed is a with some units of b.
func mixed(a, b []byte, units []int, unit int) []byte {
	a = bytes.Clone(a)
	for _, i := range units {
		copy(a[i*unit:], b[i*unit:][:unit])
	}
	return a
}

// some returns any of the units.
func some(rng *rand.Rand, units []int) (chosen []int) {
	for _, u := range units {
		if rng.IntN(2) == 0 {
			chosen = append(chosen, u)
		}
	}
	return chosen
}

// choice returns at most n of all, the last of them too.
func choice(rng *rand.Rand, all []cut, n int) []cut {
	if len(all) <= n {
		return all
	}
	last := all[len(all)-1]
	rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return append(all[:n-1:n-1], last)
}

// An outage is one thing that a store was doing, step by step.
type outage struct {
	name          string
	steps         []diskStep
	before, after map[string]string
	unlocks       []keystore.Unlock // one of them opens it
}

// outages has a store do all that writes.
func outages(t *testing.T) (all []outage) {
	t.Helper()
	d := newDisk(t)
	var steps []diskStep
	f, err := keystore.Create(d.path, fileKey, recorded(d, keystore.Options{EraseAfter: -1}, &steps))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if !f.Syncs() {
		t.Error("commits are not synced")
	}
	unlocks := []keystore.Unlock{fileKey}
	do := func(name string, fn func() error) {
		t.Helper()
		steps = nil
		before := contents(t, f)
		if err := fn(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		all = append(all, outage{name, steps, before, contents(t, f), unlocks})
	}
	update := func(name string, fn func(tx keystore.WriteTx) error) {
		t.Helper()
		do(name, func() error { return f.Update(t.Context(), fn) })
	}
	erase := func(name string) {
		t.Helper()
		do(name, func() error { return f.Erase(t.Context()) })
	}
	update("first record", store(plain, "a", "1"))
	update("second record", store(erased, "b", "1"))
	update("overwritten", store(plain, "a", "2"))
	update("overwritten, erasable", store(erased, "b", "2"))
	update("large", store(plain, "large", strings.Repeat("large", 4000)))
	erase("erase little")
	do("many", func() error { fill(t, f, 40); return nil })
	update("large, erasable", store(erased, "large", strings.Repeat("large", 8000)))
	update("deleted", func(tx keystore.WriteTx) error {
		return errors.Join(tx.Delete(plain, []byte("large")), tx.Delete(erased, []byte("key7")))
	})
	erase("erase much")
	next := keystore.Key([32]byte{8})
	unlocks = append(unlocks, next)
	do("another key", func() error { return f.SetUnlock(t.Context(), next) })
	unlocks = unlocks[1:]
	update("after that", store(erased, "b", "3"))
	erase("erase again")
	return all
}

// TestPowerCut: whatever a power cut leaves opens, with the records of before the
// commit or with those of after it, and Open makes the key file what it should be.
func TestPowerCut(t *testing.T) {
	t.Parallel()
	all := outages(t)
	atMost, inOpen := 20, 10
	if testing.Short() {
		atMost, inOpen = 5, 20
	}
	shards(t, func(t *testing.T, mine func(i int) bool) {
		rng := rand.New(rand.NewPCG(11, 12)) // the cuts of all shards are the same
		n, i := 0, 0
		d := newDisk(t)
		for _, o := range all {
			if len(o.steps) == 0 {
				t.Fatalf("%s wrote nothing", o.name)
			}
			for at := range o.steps {
				for _, c := range o.steps[at].cuts(t, rng, atMost) {
					if i++; !mine(i) {
						continue
					}
					n++
					c.what = fmt.Sprintf("%s, step %d: %s", o.name, at, c.what)
					want := o.before
					if c.after {
						want = o.after
					}
					unlocks := o.unlocks
					if at > 0 {
						unlocks = unlocks[len(unlocks)-1:] // the new slot is on the disk, and counts
					}
					steps := survives(t, d, c, unlocks, want)
					if i%inOpen > 1 {
						continue
					}
					// The power fails again while Open puts things right.
					inner := rand.New(rand.NewPCG(13, uint64(i)))
					for at := range steps {
						for _, again := range steps[at].cuts(t, inner, 4) {
							n++
							again.what = fmt.Sprintf("%s; in Open, step %d: %s", c.what, at, again.what)
							survives(t, d, again, unlocks, want)
						}
					}
				}
			}
		}
		t.Logf("%d power cuts", n)
	})
}

// survives opens what a power cut left, twice, and returns what the first Open
// wrote.
func survives(t *testing.T, d *disk, c cut, unlocks []keystore.Unlock, want map[string]string) (steps []diskStep) {
	t.Helper()
	opened := keystore.Unlock{}
	for i, unlock := range unlocks {
		f, err := d.open(c.image, unlock, &keystore.Options{ReadOnly: true})
		if errors.Is(err, keystore.ErrPassphrase) && i < len(unlocks)-1 {
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.what, err)
			return nil
		}
		opened = unlock
		f.Close()
		break
	}
	f, err := d.open(c.image, opened, recorded(d, keystore.Options{}, &steps))
	if err != nil {
		t.Errorf("%s: to write: %v", c.what, err)
		return nil
	}
	if !f.Syncs() {
		t.Error("commits are not synced")
	}
	got, generation := contents(t, f), f.Generation()
	left := d.get()
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	if !maps.Equal(got, want) {
		t.Errorf("%s: %d records, want %d", c.what, len(got), len(want))
	}
	slots, untidy, err := keystore.ReadKeyFile(left.keys)
	if err != nil || untidy || len(slots) != 2 {
		t.Errorf("%s: Open left %d slots, untidy %t, %v", c.what, len(slots), untidy, err)
	}
	// What Open left needs nothing more.
	var more []diskStep
	f, err = d.open(left, opened, recorded(d, keystore.Options{MinGeneration: generation}, &more))
	if err != nil {
		t.Errorf("%s: opened again: %v", c.what, err)
		return nil
	}
	if got := contents(t, f); !maps.Equal(got, want) || len(more) > 0 {
		t.Errorf("%s: opened again: %d records, want %d; %d writes", c.what, len(got), len(want), len(more))
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	return steps
}

// TestErasedAfterPowerCut: once the new data key counts, nothing that a power cut
// leaves makes the old one last longer than the next Open.
func TestErasedAfterPowerCut(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(15, 16))
	d := newDisk(t)
	for _, o := range outages(t) {
		if o.name != "erase much" {
			continue
		}
		if len(o.steps) != 3 || o.steps[1].what != "commit" {
			t.Fatalf("%d steps", len(o.steps))
		}
		old, _, err := keystore.ReadKeyFile(o.steps[0].before.keys)
		if err != nil || len(old) != 2 {
			t.Fatalf("%d slots, %v", len(old), err)
		}
		for at := range o.steps {
			for _, c := range o.steps[at].cuts(t, rng, 40) {
				f, err := d.open(c.image, fileKey, nil)
				if err != nil {
					t.Fatalf("%s: %v", c.what, err)
				}
				left := d.get()
				f.Close()
				for _, s := range old {
					if wrapped := s.Body[16:]; s.Kind == 2 && bytes.Contains(left.keys, wrapped) {
						t.Errorf("step %d, %s: the old data key is there", at, c.what)
					}
				}
			}
		}
	}
}

// TestPowerCutOfCreate: what it leaves is no store to Open, and no obstacle to
// Create, or a whole store.
func TestPowerCutOfCreate(t *testing.T) {
	t.Parallel()
	d := newDisk(t)
	var steps []diskStep
	f, err := keystore.Create(d.path, fileKey, recorded(d, keystore.Options{}, &steps))
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	commit := steps[len(steps)-1]
	if len(steps) != 3 || commit.what != "commit" {
		t.Fatalf("%d steps", len(steps))
	}
	bare := commit.before // both files, but no store in them
	rng := rand.New(rand.NewPCG(17, 18))
	e := newDisk(t)
	try := func(what string, i image, created bool) {
		t.Helper()
		if created {
			if got, err := e.read(i, nil); err != nil || len(got) != 0 {
				t.Errorf("%s: %d records, %v", what, len(got), err)
			}
			return
		}
		if _, err := e.open(i, fileKey, nil); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: open: %v", what, err)
		}
		e.put(i)
		// Whoever tries again may do so with another passphrase.
		unlock := keystore.Key([32]byte{10})
		f, err := keystore.Create(e.path, unlock, nil)
		if err != nil {
			t.Errorf("%s: create: %v", what, err)
			return
		}
		set(t, f, plain, "key", "value")
		if err := f.Close(); err != nil {
			t.Error(err)
		}
		if f, err = keystore.Open(e.path, unlock, nil); err != nil {
			t.Errorf("%s: open what was created then: %v", what, err)
			return
		}
		defer f.Close()
		if got := contents(t, f); len(got) != 1 {
			t.Errorf("%s: created then: %v", what, got)
		}
	}
	if _, err := e.open(bare, keystore.Key([32]byte{9}), nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("by who does not know what the other Create took: %v", err)
	}
	try("nothing", image{}, false)
	try("an empty file", image{db: []byte{}}, false)
	try("a database", image{db: bare.db}, false)
	try("a database and the key file", bare, false)
	// Create has the name of the database reach the disk before there is a key
	// file: one by itself is what is left of a store.
	e.put(image{keys: bare.keys})
	if _, err := keystore.Create(e.path, fileKey, nil); !errors.Is(err, fs.ErrExist) {
		t.Errorf("the key file: create: %v", err)
	}
	e.put(image{db: []byte{}, keys: bare.keys})
	if _, err := keystore.Create(e.path, fileKey, nil); !errors.Is(err, fs.ErrExist) {
		t.Errorf("the key file and an empty file: create: %v", err)
	}
	for _, c := range commit.cuts(t, rng, 200) {
		try(c.what, c.image, c.after)
	}
	try("all", commit.after, true)
}

// TestPowerCutOfFirstPages: bbolt writes the first pages of a database into place,
// and syncs them.
func TestPowerCutOfFirstPages(t *testing.T) {
	t.Parallel()
	d := newDisk(t)
	db := must(bolt.Open(d.path, 0o600, &bolt.Options{PageSize: pageSize}))
	check(db.Close())
	pages := d.get().db
	rng := rand.New(rand.NewPCG(19, 20))
	failed := 0
	for i := range 60 {
		sectors := some(rng, differences(make([]byte, len(pages)), pages, sectorSize))
		left := mixed(make([]byte, len(pages)), pages, sectors, sectorSize)
		if i%3 == 0 {
			left = left[:rng.IntN(len(left)/pageSize)*pageSize]
		}
		e := newDisk(t)
		_, openErr := e.open(image{db: left}, fileKey, nil)
		f, err := keystore.Create(e.path, fileKey, nil)
		if err == nil {
			f.Close()
		}
		if !errors.Is(openErr, fs.ErrNotExist) || err != nil {
			failed++
			if failed == 1 {
				t.Errorf("%d bytes with sectors %v: open: %v; create: %v", len(left), sectors, openErr, err)
			}
		}
	}
	if failed > 1 {
		t.Errorf("and %d more of 60", failed-1)
	}
}

// TestCreateLeavesNoOtherFile: but the two, when it fails too.
func TestCreateLeavesNoOtherFile(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	for _, fails := range []string{"write the key file", "sync the key file", "begin", "put", "commit", "none"} {
		d := newDisk(t)
		f, err := keystore.Create(d.path, fileKey, keystore.WithSeam(keystore.Options{}, func(what string, call func() error) error {
			if what == fails {
				return broken
			}
			return call()
		}))
		if fails == "none" && err == nil {
			f.Close()
		} else if !errors.Is(err, broken) {
			t.Errorf("%s: %v", fails, err)
		}
		names, err := os.ReadDir(filepath.Dir(d.path))
		if err != nil || len(names) > 2 {
			t.Errorf("%s: %v, %v", fails, names, err)
		}
		if fails == "none" {
			continue
		}
		if f, err = keystore.Create(d.path, fileKey, nil); err != nil {
			t.Errorf("%s: again: %v", fails, err)
			continue
		}
		f.Close()
	}
}
