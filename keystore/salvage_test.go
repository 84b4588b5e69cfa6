//go:build !js && !wasip1

package keystore_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"

	bolt "go.etcd.io/bbolt"

	"github.com/parley-e2ee/parley/keystore"
)

// A past is a store's files, and what was in it after each commit.
type past struct {
	image
	commits map[uint64]map[string]string // by generation
	last    uint64
	rows    map[string]rowPlace // of the last commit's records
	kinds   map[int]string      // of the pages in use
	first   map[int]int         // page of the run that each of them belongs to
}

// A rowPlace is where the row of a record stands in the database.
type rowPlace struct {
	at, end int // of the row
	page    int // the first of those it is on
}

func (p *past) want() map[string]string { return p.commits[p.last] }

// pastOf makes a store of so many records in each class. Its last commit replaced
// the data key, if rotated, and else one record.
func pastOf(t testing.TB, records int, rotated bool) *past {
	t.Helper()
	p := &past{commits: map[uint64]map[string]string{}}
	note := func(g uint64, all map[string]string) { p.commits[g], p.last = all, max(p.last, g) }
	p.image, _ = madeBy(t, noErase, func(f *keystore.File) {
		now := func() { note(f.Generation(), contents(t, f)) }
		now()
		fill(t, f, records)
		now()
		set(t, f, plain, "large", strings.Repeat("0123456789", 1000))
		now()
		set(t, f, erased, "key0", "newer")
		now()
		if err := f.Erase(t.Context()); err != nil {
			t.Fatal(err)
		}
		now()
		set(t, f, plain, "key1", "newer")
		now()
		set(t, f, erased, "more", "value")
		now()
		if rotated {
			set(t, f, erased, "more", "newer")
			now()
			if err := f.Erase(t.Context()); err != nil {
				t.Fatal(err)
			}
			now()
		}
	})
	p.locate(t)
	return p
}

// locate finds the rows.
func (p *past) locate(t testing.TB) {
	t.Helper()
	used := usedPages(t, p.db)
	forger := must(keystore.NewForger(p.keys, fileKey))
	p.rows, p.kinds, p.first = map[string]rowPlace{}, map[int]string{}, used
	rows := map[string][]byte{}
	withBolt(t, p.db, func(tx *bolt.Tx) {
		for page := range used {
			p.kinds[page] = must(tx.Page(used[page])).Type
		}
		for name := range p.want() {
			bucket, key, _ := strings.Cut(name, " ")
			class := byte(0)
			if bucket == erased.Name {
				class = 1
			}
			id := forger.RowID(class, []byte(bucket+string([]byte{class})+key))
			rows[name] = bytes.Clone(tx.Bucket([][]byte{inKept, inErasable}[class]).Get(id))
		}
	})
	for page, first := range used {
		if page != first {
			continue
		}
		end := page + 1
		for used[end] == first {
			end++
		}
		run := p.db[page*pageSize : end*pageSize]
		for name, row := range rows {
			if at := bytes.Index(run, row); at >= 0 {
				at += page * pageSize
				p.rows[name] = rowPlace{at, at + len(row), page}
			}
		}
	}
	if len(p.rows) != len(p.want()) {
		t.Fatalf("%d rows found of %d", len(p.rows), len(p.want()))
	}
}

// salvage salvages an image into a new store, and returns what is in that then.
func (d *disk) salvage(i image, unlock keystore.Unlock) (keystore.Salvaged, map[string]string, error) {
	d.t.Helper()
	d.put(i)
	m := keystore.NewMemory()
	defer m.Close()
	result, err := keystore.Salvage(d.t.Context(), d.path, unlock, m)
	if !d.get().equal(i) {
		d.t.Error("the files have changed")
	} else {
		d.has = i
	}
	return result, contents(d.t, m), err
}

// believable complains unless what was salvaged is true: each record was one once,
// and what is called whole is one commit's.
func (p *past) believable(t *testing.T, what string, result keystore.Salvaged, got map[string]string) {
	t.Helper()
	for name, value := range got {
		once := false
		for _, commit := range p.commits {
			if was, ok := commit[name]; ok && was == value {
				once = true
			}
		}
		if !once {
			t.Errorf("%s: a record that was never there: %s", what, name)
		}
	}
	if result.Records != len(got) {
		t.Errorf("%s: %d records are said to be %d", what, len(got), result.Records)
	}
	if _, ok := p.commits[result.Generation]; !ok && result.Generation != 0 {
		t.Errorf("%s: generation %d", what, result.Generation)
	}
	if result.Whole && !maps.Equal(got, p.commits[result.Generation]) {
		t.Errorf("%s: said to be whole: %d records, of %d", what, len(got), len(p.commits[result.Generation]))
	}
}

// has complains unless all records were salvaged that lost does not name; or all
// of the commit before.
func (p *past) has(t *testing.T, what string, result keystore.Salvaged, got map[string]string, lost func(name string, at rowPlace) bool) {
	t.Helper()
	if maps.Equal(got, p.commits[p.last-1]) {
		return
	}
	for name, value := range p.want() {
		if got[name] != value && !lost(name, p.rows[name]) {
			t.Errorf("%s: %s is lost", what, name)
		}
	}
}

// TestSalvageAnyByte: whatever byte is wrong, what does not depend on it is found,
// and nothing that was not there.
func TestSalvageAnyByte(t *testing.T) {
	t.Parallel()
	for _, rotated := range []bool{true, false} {
		p := pastOf(t, 20, rotated)
		rng := rand.New(rand.NewPCG(21, 22))
		all := flips(rng, len(p.db), dullness(t, p.db, 24))
		shards(t, func(t *testing.T, mine func(i int) bool) {
			d := newDisk(t)
			whole := 0
			for i, f := range all {
				if !mine(i) {
					continue
				}
				what := fmt.Sprint("rotated ", rotated, ", ", f)
				result, got, err := d.salvage(image{f.in(p.db), p.keys}, fileKey)
				if err != nil {
					t.Errorf("%s: %v", what, err)
					continue
				}
				p.believable(t, what, result, got)
				if result.Whole {
					whole++
				}
				first, inUse := p.first[f.at/pageSize]
				if !inUse && (!result.Whole || result.Generation != p.last || result.Lost > 0) {
					t.Errorf("%s: in a free page: %+v", what, result)
				}
				inRow := false
				for name, at := range p.rows {
					if at.at <= f.at && f.at < at.end {
						inRow = true
						p.has(t, what, result, got, func(lost string, _ rowPlace) bool { return lost == name })
					}
				}
				if !inRow && f.at/pageSize >= 2 && p.kinds[first] == "leaf" && hasRows(p, first) && !isRoot(p, first) {
					p.has(t, what, result, got, func(_ string, at rowPlace) bool { return at.page == first })
				}
			}
			t.Logf("%d whole", whole)
		})
	}
}

func hasRows(p *past, page int) bool {
	for _, at := range p.rows {
		if at.page == page {
			return true
		}
	}
	return false
}

// isRoot: the page with the buckets.
func isRoot(p *past, page int) bool {
	return bytes.Contains(p.db[page*pageSize:][:pageSize], inState)
}

// TestSalvageMoreDamage is for whole sectors and pages, several at once, in either
// file.
func TestSalvageMoreDamage(t *testing.T) {
	t.Parallel()
	p := pastOf(t, 60, true)
	other, _ := small(t, 60, true)
	rounds := 400
	if testing.Short() {
		rounds = 30
	}
	shards(t, func(t *testing.T, mine func(i int) bool) {
		d := newDisk(t)
		found, refused := 0, 0
		for i := range rounds {
			if !mine(i) {
				continue
			}
			rng := rand.New(rand.NewPCG(23, uint64(i)))
			bad, what := p.clone(), fmt.Sprint("round ", i, ":")
			for range 1 + rng.IntN(3) {
				what += mangle(rng, bad.db, other.db)
			}
			if rng.IntN(4) == 0 {
				what += " keys:" + mangle(rng, bad.keys, other.keys)
			}
			if rng.IntN(8) == 0 {
				bad.db = bad.db[:rng.IntN(len(bad.db))]
			}
			result, got, err := d.salvage(bad, fileKey)
			if err != nil {
				if !errors.Is(err, keystore.ErrCorrupt) && !errors.Is(err, keystore.ErrPassphrase) {
					t.Errorf("%s: %v", what, err)
				}
				refused++
				continue
			}
			found += len(got)
			p.believable(t, what, result, got)
		}
		t.Logf("%d records, %d refused", found, refused)
	})
}

// TestSalvageParts: what is lost with each part of the files.
func TestSalvageParts(t *testing.T) {
	t.Parallel()
	p := pastOf(t, 30, true)
	d := newDisk(t)
	every := func(string, rowPlace) bool { return false }
	salvage := func(what string, change func(i *image)) (keystore.Salvaged, map[string]string) {
		t.Helper()
		i := p.clone()
		change(&i)
		result, got, err := d.salvage(i, fileKey)
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
		p.believable(t, what, result, got)
		return result, got
	}
	whole := func(what string, change func(i *image)) {
		t.Helper()
		result, got := salvage(what, change)
		if want := (keystore.Salvaged{Records: len(p.want()), Whole: true, Generation: p.last}); result != want || !maps.Equal(got, p.want()) {
			t.Errorf("%s: %+v, want %+v", what, result, want)
		}
	}
	partly := func(what string, change func(i *image), lost func(string, rowPlace) bool) {
		t.Helper()
		result, got := salvage(what, change)
		if result.Whole || result.Lost == 0 {
			t.Errorf("%s: %+v", what, result)
		}
		p.has(t, what, result, got, lost)
	}
	whole("nothing", func(*image) {})
	// Nobody knows then which of them is the later.
	result, got := salvage("the checksums of both meta pages", func(i *image) {
		i.db[16+56]++
		i.db[pageSize+16+56]++
	})
	if !maps.Equal(got, p.want()) || result.Generation != p.last {
		t.Errorf("the checksums of both meta pages: %+v", result)
	}
	for page := range 2 {
		what := fmt.Sprint("meta page ", page)
		// The other may be that of the commit before, whose data key is gone.
		result, got := salvage(what, func(i *image) { clear(i.db[page*pageSize:][:pageSize]) })
		if len(got) == 0 || result.Whole && !maps.Equal(got, p.want()) {
			t.Errorf("%s: %+v", what, result)
		}
	}
	whole("the freelist", func(i *image) {
		for page, kind := range p.kinds {
			if kind == "freelist" {
				for at := range pageSize {
					i.db[page*pageSize+at] ^= 0x55
				}
			}
		}
	})
	partly("the state", func(i *image) { i.db[stateVersionAt(t, p.db)+60]++ }, every)
	partly("the state's version", func(i *image) { i.db[stateVersionAt(t, p.db)]++ }, every)
	partly("the data key", func(i *image) { clear(i.keys[len(i.keys)/2:]) }, func(name string, _ rowPlace) bool {
		return strings.HasPrefix(name, erased.Name)
	})
	whole("one block of each slot", func(i *image) {
		for at := range 4 {
			clear(i.keys[at*2*keystore.BlockSize:][:keystore.BlockSize])
		}
	})
	whole("the other block of each slot", func(i *image) {
		for at := range 4 {
			clear(i.keys[(at*2+1)*keystore.BlockSize:][:keystore.BlockSize])
		}
	})
	for page, kind := range p.kinds {
		if kind == "leaf" && !isRoot(p, page) && hasRows(p, page) {
			partly(fmt.Sprint("page ", page), func(i *image) { clear(i.db[page*pageSize:][:pageSize]) }, func(_ string, at rowPlace) bool {
				return at.page == page
			})
		}
	}
}

// TestSalvageOfTheCommitBefore: it is not called whole. Whoever took its ratchets
// for the latest would use keys a second time that the last commit had used up.
func TestSalvageOfTheCommitBefore(t *testing.T) {
	p := pastOf(t, 5, false)
	d := newDisk(t)
	for what, damaged := range map[string]func(db []byte){
		"a row of the last commit":      func(db []byte) { db[p.rows["erased more"].at+30]++ },
		"the last state":                func(db []byte) { db[stateVersionAt(t, p.db)+60]++ },
		"one meta page":                 func(db []byte) { clear(db[:pageSize]) },
		"the other meta page":           func(db []byte) { clear(db[pageSize : 2*pageSize]) },
		"the checksum of one meta page": func(db []byte) { db[16+56]++ },
		"the checksum of the other":     func(db []byte) { db[pageSize+16+56]++ },
		"the number of one transaction": func(db []byte) { db[16+48] ^= 0x80 },
		"the number of the other":       func(db []byte) { db[pageSize+16+48] ^= 0x80 },
	} {
		bad := p.clone()
		damaged(bad.db)
		result, got, err := d.salvage(bad, fileKey)
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
		p.believable(t, what, result, got)
		if result.Whole && result.Generation != p.last {
			t.Errorf("%s: %+v, but the last generation is %d", what, result, p.last)
		}
	}
}

// TestSalvageRenamedBucket: a row says itself what it is, so the name of the bucket
// that it is in is not needed.
func TestSalvageRenamedBucket(t *testing.T) {
	p := pastOf(t, 30, true)
	d := newDisk(t)
	used := usedPages(t, p.db)
	for _, name := range [][]byte{inState, inKept, inErasable} {
		for at := range name {
			bad := p.clone()
			for page := range used {
				if i := bytes.Index(bad.db[page*pageSize:][:pageSize], name); i >= 0 {
					bad.db[page*pageSize+i+at] ^= 1
				}
			}
			result, got, err := d.salvage(bad, fileKey)
			if err != nil {
				t.Fatal(err)
			}
			what := fmt.Sprintf("%s, byte %d", name, at)
			p.believable(t, what, result, got)
			if !maps.Equal(got, p.want()) {
				t.Errorf("%s: %d of %d records", what, len(got), len(p.want()))
			}
		}
	}
}

// TestSalvageMuch is for a store with branch pages, and more than is stored at
// once.
func TestSalvageMuch(t *testing.T) {
	t.Parallel()
	records, rounds := 2000, 10
	if testing.Short() {
		rounds = 2
	}
	p := pastOf(t, records, true)
	branches := 0
	for _, kind := range p.kinds {
		if kind == "branch" {
			branches++
		}
	}
	if branches < 2 {
		t.Fatalf("%d branch pages", branches)
	}
	shards(t, func(t *testing.T, mine func(i int) bool) {
		d := newDisk(t)
		rng := rand.New(rand.NewPCG(25, 26))
		for i := range rounds {
			page := 2 + rng.IntN(len(p.db)/pageSize-2)
			if !mine(i) {
				continue
			}
			bad := p.clone()
			for at := range sectorSize {
				bad.db[page*pageSize+at] ^= 0x55
			}
			what := fmt.Sprintf("page %d, a %s", page, p.kinds[page])
			result, got, err := d.salvage(bad, fileKey)
			if err != nil {
				t.Errorf("%s: %v", what, err)
				continue
			}
			p.believable(t, what, result, got)
			switch p.kinds[page] {
			case "leaf":
				if !isRoot(p, p.first[page]) {
					p.has(t, what, result, got, func(_ string, at rowPlace) bool { return at.page == p.first[page] })
				}
			case "branch":
				// All of the other class at the least.
				if len(got) < records {
					t.Errorf("%s: %d records", what, len(got))
				}
			default:
				p.has(t, what, result, got, func(string, rowPlace) bool { return false })
			}
		}
	})
}

// TestSalvageOfTamperedStore: what somebody took away or put back is not whole,
// though every page is.
func TestSalvageOfTamperedStore(t *testing.T) {
	p := pastOf(t, 5, true)
	d := newDisk(t)
	for _, bucket := range [][]byte{inKept, inErasable} {
		gone := first(rowsIn(t, p.db, bucket))
		bad := p.clone()
		for range 2 { // so that neither meta page is the store's
			bad.db = withBolt(t, bad.db, func(tx *bolt.Tx) {
				check(tx.Bucket(bucket).Delete([]byte(gone)))
				check(tx.Bucket(inState).SetSequence(tx.Bucket(inState).Sequence() + 1))
			})
		}
		result, got, err := d.salvage(bad, fileKey)
		if err != nil || result.Whole || len(got) != len(p.want())-1 {
			t.Errorf("%s: %+v, %v", bucket, result, err)
		}
		p.believable(t, string(bucket), result, got)
	}
}

// TestSalvageErrors: what there is to say when it does not begin, or does not end.
func TestSalvageErrors(t *testing.T) {
	p := pastOf(t, 5, false)
	d := newDisk(t)
	none := func(what string, i image, unlock keystore.Unlock, want error) {
		t.Helper()
		result, got, err := d.salvage(i, unlock)
		if !errors.Is(err, want) || result != (keystore.Salvaged{}) || len(got) > 0 {
			t.Errorf("%s: %+v, %d records, %v, want %v", what, result, len(got), err, want)
		}
	}
	none("another key", p.image, keystore.Key([32]byte{9}), keystore.ErrPassphrase)
	none("a passphrase", p.image, keystore.Passphrase([]byte("p")), keystore.ErrPassphrase)
	none("nothing to unlock it", p.image, keystore.Unlock{}, keystore.ErrPassphrase)
	none("no key file", image{db: p.db}, fileKey, keystore.ErrCorrupt)
	none("no master key", image{p.db, make([]byte, len(p.keys))}, fileKey, keystore.ErrCorrupt)
	none("no database", image{keys: p.keys}, fileKey, fs.ErrNotExist)
	none("zeros", image{make([]byte, len(p.db)), p.keys}, fileKey, keystore.ErrCorrupt)
	none("less than a page", image{p.db[:100], p.keys}, fileKey, keystore.ErrCorrupt)
	none("the meta pages alone", image{p.db[:2*pageSize], p.keys}, fileKey, keystore.ErrCorrupt)
	none("larger pages", image{largePages(nil), p.keys}, fileKey, keystore.ErrCorrupt)

	d.put(p.image)
	broken := errors.New("broken")
	for n := range 2 {
		m := keystore.NewMemory()
		defer m.Close()
		result, err := keystore.Salvage(t.Context(), d.path, fileKey, &failingStore{Store: m, after: n, err: broken})
		if n == 0 && (err != broken || result != (keystore.Salvaged{})) || n == 1 && err != nil {
			t.Errorf("a store that fails after %d: %+v, %v", n, result, err)
		}
	}
	m := keystore.NewMemory()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := keystore.Salvage(ended, d.path, fileKey, m); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	m.Close()
	if _, err := keystore.Salvage(t.Context(), d.path, fileKey, m); !errors.Is(err, keystore.ErrClosed) {
		t.Errorf("closed: %v", err)
	}

	f, err := keystore.Open(d.path, fileKey, noErase)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := keystore.Salvage(t.Context(), d.path, fileKey, m); !errors.Is(err, keystore.ErrLocked) {
		t.Errorf("beside its owner: %v", err)
	}
}

// TestSalvageFailsLater: into's error ends it, with more than one Update too.
func TestSalvageFailsLater(t *testing.T) {
	img, want := madeBy(t, noErase, func(f *keystore.File) {
		for i := range 3 {
			set(t, f, plain, fmt.Sprint(i), strings.Repeat("v", 1<<20))
		}
	})
	d := newDisk(t)
	d.put(img)
	broken := errors.New("broken")
	m := keystore.NewMemory()
	defer m.Close()
	if _, err := keystore.Salvage(t.Context(), d.path, fileKey, &failingStore{Store: m, after: 1, err: broken}); err != broken {
		t.Error(err)
	}
	if got := contents(t, m); len(got) != 1 {
		t.Errorf("%d records are there", len(got))
	}
	// A File takes them as well, and its own are theirs then.
	f, err := keystore.Create(newDisk(t).path, fileKey, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if result, err := keystore.Salvage(t.Context(), d.path, fileKey, f); err != nil || !result.Whole {
		t.Errorf("%+v, %v", result, err)
	}
	if got := contents(t, f); !maps.Equal(got, want) {
		t.Errorf("%d records, want %d", len(got), len(want))
	}
}

// A failingStore takes so many Updates.
type failingStore struct {
	keystore.Store
	after int
	err   error
}

func (s *failingStore) Update(ctx context.Context, fn func(keystore.WriteTx) error) error {
	if s.after--; s.after < 0 {
		return s.err
	}
	return s.Store.Update(ctx, fn)
}
