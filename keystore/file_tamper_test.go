//go:build !js && !wasip1

package keystore_test

import (
	"bytes"
	"crypto/fips140"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"maps"

	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	bolt "go.etcd.io/bbolt"

	"github.com/parley-e2ee/parley/internal/alloctest"
	"github.com/parley-e2ee/parley/internal/xaes"
	"github.com/parley-e2ee/parley/keystore"
)

var (
	inState    = []byte("1 state")
	inKept     = []byte("2 kept")
	inErasable = []byte("3 erasable")
	stateKey   = []byte("state")
)

// must is for what cannot fail in the middle of an edit.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

// rowsIn returns the rows of one bucket of a database, by ID.
func rowsIn(t testing.TB, db, bucket []byte) map[string]string {
	rows := map[string]string{}
	withBolt(t, db, func(tx *bolt.Tx) {
		check(tx.Bucket(bucket).ForEach(func(id, row []byte) error {
			rows[string(id)] = string(row)
			return nil
		}))
	})
	return rows
}

func first(rows map[string]string) string { return slices.Sorted(maps.Keys(rows))[0] }

// refused sees to it that nobody can open an image, to read or to write.
func refused(t *testing.T, d *disk, what string, i image, want error) {
	t.Helper()
	for _, opts := range []*keystore.Options{toRead, nil} {
		if got, err := d.read(i, opts); !errors.Is(err, want) {
			t.Errorf("%s: %d records, %v, want %v", what, len(got), err, want)
		}
	}
}

// TestProperty42_AlteredRecords: a row that was altered, cut, lengthened, moved,
// exchanged, put back or taken away by somebody who can write the files, and cannot
// open them, is an error.
func TestProperty42_AlteredRecords(t *testing.T) {
	t.Parallel()
	img, want := small(t, 3, false)
	d := newDisk(t)
	if got, err := d.read(img, toRead); err != nil || !maps.Equal(got, want) {
		t.Fatalf("%d records, %v", len(got), err)
	}
	edited := func(what string, edit func(tx *bolt.Tx)) {
		t.Helper()
		refused(t, d, what, image{withBolt(t, img.db, edit), img.keys}, keystore.ErrCorrupt)
	}
	rng := rand.New(rand.NewPCG(7, 8))
	other, _ := small(t, 3, false) // another store that the same key opens
	for _, bucket := range [][]byte{inKept, inErasable} {
		rows := rowsIn(t, img.db, bucket)
		ids := slices.Sorted(maps.Keys(rows))
		id := []byte(ids[slices.IndexFunc(ids, func(id string) bool { return len(rows[id]) < 300 })])
		row := []byte(rows[string(id)])
		replace := func(what string, row []byte) {
			t.Helper()
			edited(fmt.Sprintf("%s: %s", bucket, what), func(tx *bolt.Tx) { check(tx.Bucket(bucket).Put(id, row)) })
		}
		for at := range row {
			if testing.Short() && at%16 > 0 {
				continue
			}
			replace(fmt.Sprint("byte ", at), flip{at, 1 << rng.IntN(8)}.in(row))
			if at%4 == 0 {
				replace(fmt.Sprint("cut to ", at), row[:at])
				replace(fmt.Sprint("cut off ", at), row[at+1:])
			}
		}
		for _, n := range []int{1, 16, 4096} {
			replace(fmt.Sprint("longer by ", n), append(bytes.Clone(row), make([]byte, n)...))
			replace(fmt.Sprint("twice, ", n), append(bytes.Clone(row), row...))
		}
		for i, a := range ids {
			edited("gone", func(tx *bolt.Tx) { check(tx.Bucket(bucket).Delete([]byte(a))) })
			for _, b := range ids[i+1:] {
				edited("exchanged", func(tx *bolt.Tx) {
					check(tx.Bucket(bucket).Put([]byte(a), []byte(rows[b])))
					check(tx.Bucket(bucket).Put([]byte(b), []byte(rows[a])))
				})
				edited("copied", func(tx *bolt.Tx) { check(tx.Bucket(bucket).Put([]byte(a), []byte(rows[b]))) })
			}
		}
		for _, fresh := range [][]byte{bytes.Repeat([]byte{1}, 16), {1}, id[:15], append(bytes.Clone(id), 0)} {
			edited("at another ID", func(tx *bolt.Tx) {
				check(tx.Bucket(bucket).Put(fresh, row))
			})
			edited("moved to another ID", func(tx *bolt.Tx) {
				check(tx.Bucket(bucket).Put(fresh, row))
				check(tx.Bucket(bucket).Delete(id))
			})
		}
		for _, to := range [][]byte{inKept, inErasable} {
			if bytes.Equal(to, bucket) {
				continue
			}
			edited("in another bucket", func(tx *bolt.Tx) { check(tx.Bucket(to).Put(id, row)) })
			edited("moved to another bucket", func(tx *bolt.Tx) {
				check(tx.Bucket(to).Put(id, row))
				check(tx.Bucket(bucket).Delete(id))
			})
		}
		for id, row := range rowsIn(t, other.db, bucket) {
			edited("a row of another store", func(tx *bolt.Tx) { check(tx.Bucket(bucket).Put([]byte(id), []byte(row))) })
		}
		edited("none is left", func(tx *bolt.Tx) {
			check(tx.DeleteBucket(bucket))
			must(tx.CreateBucket(bucket))
		})
		edited("no bucket", func(tx *bolt.Tx) { check(tx.DeleteBucket(bucket)) })
	}
	edited("the buckets exchanged", func(tx *bolt.Tx) {
		kept, erasable := rowsIn(t, img.db, inKept), rowsIn(t, img.db, inErasable)
		for bucket, rows := range map[*bolt.Bucket]map[string]string{tx.Bucket(inKept): erasable, tx.Bucket(inErasable): kept} {
			for id, row := range rows {
				check(bucket.Put([]byte(id), []byte(row)))
			}
		}
		for id := range kept {
			check(tx.Bucket(inKept).Delete([]byte(id)))
		}
		for id := range erasable {
			check(tx.Bucket(inErasable).Delete([]byte(id)))
		}
	})
	refused(t, d, "another store's key file", image{img.db, other.keys}, keystore.ErrCorrupt)
	refused(t, d, "another store's database", image{other.db, img.keys}, keystore.ErrCorrupt)
	refused(t, d, "no key file", image{img.db, nil}, keystore.ErrCorrupt)
	refused(t, d, "an empty key file", image{img.db, []byte{}}, keystore.ErrCorrupt)
	refused(t, d, "a key file of zeros", image{img.db, make([]byte, len(img.keys))}, keystore.ErrCorrupt)
}

// TestProperty42_EmptiedStore: a database whose rows are all gone, the state with
// them, is not one that a creation left: who takes it for none makes a new store in
// the place of the user's.
func TestProperty42_EmptiedStore(t *testing.T) {
	img, _ := small(t, 1, false)
	d := newDisk(t)
	emptied := image{withBolt(t, img.db, func(tx *bolt.Tx) {
		for _, bucket := range [][]byte{inState, inKept, inErasable} {
			check(tx.DeleteBucket(bucket))
			must(tx.CreateBucket(bucket))
		}
	}), img.keys}
	refused(t, d, "emptied", emptied, keystore.ErrCorrupt)
	refused(t, d, "emptied, without key file", image{db: emptied.db}, keystore.ErrCorrupt)
	d.put(emptied)
	if _, err := keystore.Create(d.path, fileKey, nil); !errors.Is(err, fs.ErrExist) {
		t.Errorf("create: %v", err)
	}
	if !d.get().equal(emptied) {
		t.Error("the files have changed")
	}
}

// A moment is what a store was once.
type moment struct {
	image
	records        map[string]string
	state          string
	kept, erasable map[string]string // rows by ID
	epoch          uint64
}

// history makes a store and returns all that it ever was.
func history(t *testing.T) (all []moment) {
	t.Helper()
	d := newDisk(t)
	f, err := keystore.Create(d.path, fileKey, noErase)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	take := func() {
		t.Helper()
		m := moment{image: d.get(), records: contents(t, f)}
		m.kept, m.erasable = rowsIn(t, m.db, inKept), rowsIn(t, m.db, inErasable)
		m.state = rowsIn(t, m.db, inState)["state"]
		forger := must(keystore.NewForger(m.keys, fileKey))
		withBolt(t, m.db, func(tx *bolt.Tx) { m.epoch = must(forger.State(tx)).Epoch })
		all = append(all, m)
	}
	remove := func(b keystore.Bucket, key string) {
		t.Helper()
		if err := f.Update(t.Context(), func(tx keystore.WriteTx) error { return tx.Delete(b, []byte(key)) }); err != nil {
			t.Fatal(err)
		}
	}
	take()
	for round := range 2 {
		for _, b := range []keystore.Bucket{plain, erased} {
			set(t, f, b, "a", fmt.Sprint("a", round))
			take()
			set(t, f, b, "b", fmt.Sprint("b", round))
			take()
			set(t, f, b, "a", fmt.Sprint("newer", round))
			take()
		}
		set(t, f, plain, "same", "value") // under another nonce
		take()
		remove(plain, "b")
		take()
		remove(erased, "b")
		take()
		if err := f.Erase(t.Context()); err != nil {
			t.Fatal(err)
		}
		take()
	}
	return all
}

// TestProperty42_MixedHistory: out of all that stood in the files at any time,
// nobody can put together anything that opens but what one commit left as a whole.
func TestProperty42_MixedHistory(t *testing.T) {
	t.Parallel()
	all := history(t)
	rng := rand.New(rand.NewPCG(9, 10))
	rounds := 1000
	if testing.Short() {
		rounds = 100
	}
	d := newDisk(t)
	pick := func(near int) moment {
		return all[min(max(near+rng.IntN(5)-2, 0), len(all)-1)]
	}
	opened := 0
	for round := range rounds {
		now := rng.IntN(len(all))
		state, keys := all[now], pick(now)
		kept, erasable := maps.Clone(pick(now).kept), maps.Clone(pick(now).erasable)
		for range rng.IntN(3) {
			// One row as another moment had it.
			to, from := kept, pick(now).kept
			if rng.IntN(2) == 0 {
				to, from = erasable, pick(now).erasable
			}
			ids := slices.Sorted(maps.Keys(from))
			if len(ids) == 0 {
				continue
			}
			if id := ids[rng.IntN(len(ids))]; rng.IntN(3) > 0 {
				to[id] = from[id]
			} else {
				delete(to, id)
			}
		}
		mix := image{withBolt(t, all[0].db, func(tx *bolt.Tx) {
			check(tx.Bucket(inState).Put(stateKey, []byte(state.state)))
			for id, row := range kept {
				check(tx.Bucket(inKept).Put([]byte(id), []byte(row)))
			}
			for id, row := range erasable {
				check(tx.Bucket(inErasable).Put([]byte(id), []byte(row)))
			}
		}), keys.keys}
		whole := maps.Equal(kept, state.kept) && maps.Equal(erasable, state.erasable) && keys.epoch == state.epoch
		got, err := d.read(mix, toRead)
		switch {
		case whole && (err != nil || !maps.Equal(got, state.records)):
			t.Errorf("round %d: what a commit left: %d records, %v", round, len(got), err)
		case !whole && !errors.Is(err, keystore.ErrCorrupt):
			t.Errorf("round %d: %d records, %v", round, len(got), err)
		}
		if whole {
			opened++
		}
	}
	t.Logf("%d of %d were whole", opened, rounds)
	if opened == 0 || opened == rounds {
		t.Errorf("%d of %d were whole", opened, rounds)
	}

	// An older store as a whole is told by its generation alone.
	last := all[len(all)-1]
	forger := must(keystore.NewForger(last.keys, fileKey))
	var newest uint64
	withBolt(t, last.db, func(tx *bolt.Tx) { newest = must(forger.State(tx)).Generation })
	for i, m := range all {
		if got, err := d.read(m.image, toRead); err != nil || !maps.Equal(got, m.records) {
			t.Errorf("moment %d: %d records, %v", i, len(got), err)
		}
		for _, opts := range []*keystore.Options{{MinGeneration: newest, ReadOnly: true}, {MinGeneration: newest}} {
			_, err := d.read(m.image, opts)
			if i < len(all)-1 && !errors.Is(err, keystore.ErrRollback) || i == len(all)-1 && err != nil {
				t.Errorf("moment %d: %v", i, err)
			}
		}
	}
}

// TestOlderKeyFile: what section 8 and SetUnlock say of it.
func TestOlderKeyFile(t *testing.T) {
	d := newDisk(t)
	f, err := keystore.Create(d.path, fileKey, noErase)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	fill(t, f, 3)
	made := d.get()
	other := keystore.Key([32]byte{7})
	if err := f.SetUnlock(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	set(t, f, erased, "key1", "new")
	want := contents(t, f)
	changed := d.get()
	if err := f.Close(); err != nil { // and erase
		t.Fatal(err)
	}
	closed := d.get()

	e := newDisk(t)
	if _, err := e.open(image{changed.db, made.keys}, other, nil); !errors.Is(err, keystore.ErrPassphrase) {
		t.Errorf("the key file of before SetUnlock: %v", err)
	}
	if got, err := e.read(image{changed.db, made.keys}, nil); err != nil || !maps.Equal(got, want) {
		t.Errorf("and what opened it then: %d records, %v", len(got), err)
	}
	for _, unlock := range []keystore.Unlock{fileKey, other} {
		for _, keys := range [][]byte{made.keys, changed.keys} {
			_, err := e.open(image{closed.db, keys}, unlock, nil)
			if !errors.Is(err, keystore.ErrCorrupt) && !errors.Is(err, keystore.ErrPassphrase) {
				t.Errorf("the key file of before the data key was replaced: %v", err)
			}
		}
	}
	if _, err := e.open(image{changed.db, closed.keys}, other, nil); !errors.Is(err, keystore.ErrCorrupt) {
		t.Errorf("the database of before: %v", err)
	}
}

// A forgery is a store that fails one check of section 7 of the specification.
type forgery struct {
	check  int
	name   string
	edit   func(f *keystore.Forger, tx *bolt.Tx) // commits
	db     func(db []byte) []byte
	keys   func(f *keystore.Forger, keys []byte) []byte
	unlock *keystore.Unlock
	opts   keystore.Options
	want   error
}

// on makes the forgery of a store.
func (g *forgery) on(t *testing.T, i image) image {
	f := must(keystore.NewForger(i.keys, fileKey))
	return g.with(t, f, i)
}

func (g *forgery) with(t *testing.T, f *keystore.Forger, i image) image {
	if g.edit != nil {
		i.db = withBolt(t, i.db, func(tx *bolt.Tx) { g.edit(f, tx) })
	}
	if g.db != nil {
		i.db = g.db(bytes.Clone(i.db))
	}
	if g.keys != nil {
		i.keys = g.keys(f, bytes.Clone(i.keys))
	}
	return i
}

// withSlot replaces the one slot of that kind, whatever becomes of it.
func withSlot(kind byte, change func(s *keystore.Slot)) func(*keystore.Forger, []byte) []byte {
	return func(_ *keystore.Forger, keys []byte) []byte {
		slots, _, err := keystore.ReadKeyFile(keys)
		check(err)
		for _, s := range slots {
			if s.Kind != kind {
				continue
			}
			at := s.Place()
			clear(keys[at:][:2*keystore.BlockSize])
			s.Body = bytes.Clone(s.Body)
			change(&s)
			if s.Kind == kind {
				at = s.Place()
			}
			copy(keys[at:], s.Encode())
		}
		return keys
	}
}

func body(kind byte, change func(b []byte) []byte) func(*keystore.Forger, []byte) []byte {
	return withSlot(kind, func(s *keystore.Slot) { s.Body = change(s.Body) })
}

// Where fields of the body for a master key are.
const (
	bodyBy     = 16
	bodyParams = bodyBy + 1
	bodyCheck  = bodyParams + 42
	bodySealed = bodyCheck + 32
)

// byPassphrase has such parameters instead of none.
func byPassphrase(kdf byte, time, memory uint32, parallelism byte) func(*keystore.Forger, []byte) []byte {
	return body(1, func(b []byte) []byte {
		b[bodyBy] = 1
		p := []byte{kdf, byte(time >> 24), byte(time >> 16), byte(time >> 8), byte(time), byte(memory >> 24), byte(memory >> 16), byte(memory >> 8), byte(memory), parallelism}
		copy(b[bodyParams:], p)
		return b
	})
}

// flipped changes one bit of a body.
func flipped(at int) func(b []byte) []byte {
	return func(b []byte) []byte { return flip{at, 1}.in(b) }
}

// rawBlocks changes both blocks of the master key's slot without their checksum.
func rawBlocks(change func(block []byte)) func(*keystore.Forger, []byte) []byte {
	return func(_ *keystore.Forger, keys []byte) []byte {
		slots, _, err := keystore.ReadKeyFile(keys)
		check(err)
		change(keys[slots[0].Place():][:keystore.BlockSize])
		change(keys[slots[0].Place()+keystore.BlockSize:][:keystore.BlockSize])
		return keys
	}
}

// stateOf changes what is sealed in the state.
func stateOf(change func(s *keystore.State)) func(*keystore.Forger, *bolt.Tx) {
	return func(f *keystore.Forger, tx *bolt.Tx) {
		s := must(f.State(tx))
		change(&s)
		check(f.PutState(tx, s))
	}
}

// rawState changes the state as it stands in the database.
func rawState(change func(b []byte) []byte) func(*keystore.Forger, *bolt.Tx) {
	return func(_ *keystore.Forger, tx *bolt.Tx) {
		b := tx.Bucket(inState)
		check(b.Put(stateKey, change(bytes.Clone(b.Get(stateKey)))))
	}
}

// row adds a row with a text, under the ID of a full key, and counts it.
func row(class byte, fullKey string, text []byte) func(*keystore.Forger, *bolt.Tx) {
	return func(f *keystore.Forger, tx *bolt.Tx) {
		id := f.RowID(class, []byte(fullKey))
		check(tx.Bucket([][]byte{inKept, inErasable}[class]).Put(id, f.Row(class, id, text)))
		check(f.Recount(tx))
	}
}

// text is that of a row.
func text(fullKey, value string) []byte {
	return append([]byte{byte(len(fullKey) >> 8), byte(len(fullKey))}, fullKey+value...)
}

func forgeries() []forgery {
	corrupt, wrong := keystore.ErrCorrupt, keystore.ErrPassphrase
	passphrase := keystore.Passphrase([]byte("passphrase"))
	otherKey := keystore.Key([32]byte{3, 2, 1})
	empty := func([]byte) []byte { return nil }
	emptyDatabase := func(_ *keystore.Forger, tx *bolt.Tx) {
		for _, bucket := range [][]byte{inState, inKept, inErasable} {
			check(tx.DeleteBucket(bucket))
		}
	}
	without := func(bucket []byte, class int) func(*keystore.Forger, *bolt.Tx) {
		return func(f *keystore.Forger, tx *bolt.Tx) {
			check(tx.DeleteBucket(bucket))
			stateOf(func(s *keystore.State) { s.Sums[class] = [32]byte{} })(f, tx)
		}
	}
	var all []forgery
	add := func(check int, name string, want error, g forgery) {
		g.check, g.name, g.want = check, name, want
		all = append(all, g)
	}
	add(2, "no database", fs.ErrNotExist, forgery{db: empty})
	add(2, "an empty file", fs.ErrNotExist, forgery{db: func([]byte) []byte { return []byte{} }})
	add(2, "no buckets", fs.ErrNotExist, forgery{edit: emptyDatabase})
	add(2, "neither buckets nor key file", fs.ErrNotExist, forgery{edit: emptyDatabase, keys: func(*keystore.Forger, []byte) []byte { return nil }})
	add(2, "no key file", corrupt, forgery{keys: func(*keystore.Forger, []byte) []byte { return nil }})

	for _, n := range []int{-32768, -8192, -1, 1, 4096} {
		add(3, fmt.Sprint("a size that is another by ", n), corrupt, forgery{keys: func(_ *keystore.Forger, k []byte) []byte { return resize(k, len(k)+n) }})
	}
	add(3, "magic", corrupt, forgery{keys: rawBlocks(func(b []byte) { b[0]++; resum(b) })})
	add(3, "checksum", corrupt, forgery{keys: rawBlocks(func(b []byte) { b[len(b)-1]++ })})
	add(3, "what the checksum covers", corrupt, forgery{keys: rawBlocks(func(b []byte) { b[2000]++ })})
	add(3, "length", corrupt, forgery{keys: rawBlocks(func(b []byte) { b[13], b[14] = 4050>>8, 4050&0xFF; resum(b) })})
	for _, kind := range []byte{0, 2, 3} {
		add(3, fmt.Sprint("kind ", kind), corrupt, forgery{keys: withSlot(1, func(s *keystore.Slot) { s.Kind = kind })})
	}
	add(3, "in the other place", corrupt, forgery{keys: func(_ *keystore.Forger, k []byte) []byte {
		half := 2 * keystore.BlockSize
		return slices.Concat(k[half:2*half], k[:half], k[2*half:])
	}})

	add(4, "a body that is cut", corrupt, forgery{keys: body(1, func(b []byte) []byte { return b[:len(b)-1] })})
	add(4, "a body that goes on", corrupt, forgery{keys: body(1, func(b []byte) []byte { return append(b, 0) })})
	add(4, "no body", corrupt, forgery{keys: body(1, func(b []byte) []byte { return nil })})
	for _, by := range []byte{0, 3, 255} {
		add(4, fmt.Sprint("by ", by), corrupt, forgery{keys: body(1, func(b []byte) []byte { b[bodyBy] = by; return b })})
	}
	for _, at := range []int{bodyParams, bodyParams + 9, bodyCheck - 1} {
		add(4, fmt.Sprint("a key with parameters: ", at), corrupt, forgery{keys: body(1, flipped(at))})
	}
	add(4, "a key with parameters that are authentic", corrupt, forgery{keys: func(f *keystore.Forger, k []byte) []byte {
		return withSlot(1, func(s *keystore.Slot) { s.Body = f.Wrap(fileKey, []byte{0, 0, 1}) })(f, k)
	}})
	for _, p := range []struct {
		kdf          byte
		time, memory uint32
		parallelism  byte
	}{
		{0, 3, 65536, 4}, {3, 3, 65536, 4}, {1, 0, 65536, 4}, {1, 17, 65536, 1}, {1, 3, 65536, 0}, {1, 3, 65536, 17},
		{1, 3, 31, 4}, {1, 1, 256<<10 + 1, 4}, {1, 5, 256 << 10, 4}, {1, 1, 1<<32 - 1, 1}, {1, 1<<32 - 1, 65536, 4}, {1, 1 << 31, 1 << 31, 4},
		{2, 0, 0, 0}, {2, 10_000_001, 0, 0}, {2, 600_000, 1, 0}, {2, 600_000, 0, 1},
	} {
		keys := byPassphrase(p.kdf, p.time, p.memory, p.parallelism)
		add(4, fmt.Sprint("parameters ", p), corrupt, forgery{keys: keys, unlock: &passphrase})
	}
	// Whoever has a key is not told that it is the wrong one.
	add(4, "parameters, for a key", corrupt, forgery{keys: byPassphrase(1, 1, 1<<32-1, 4)})

	add(5, "another key", wrong, forgery{unlock: &otherKey})
	add(5, "a passphrase", wrong, forgery{unlock: &passphrase})
	add(5, "by passphrase", wrong, forgery{keys: byPassphrase(1, 1, 8, 1)})
	argon2id := wrong
	if fips140.Enabled() {
		argon2id = keystore.ErrFIPS
	}
	add(5, "by another passphrase", argon2id, forgery{keys: byPassphrase(1, 1, 8, 1), unlock: &passphrase})
	add(5, "check", wrong, forgery{keys: body(1, flipped(bodyCheck))})
	add(5, "store", wrong, forgery{keys: body(1, flipped(0))})

	add(6, "nonce", corrupt, forgery{keys: body(1, flipped(bodySealed))})
	add(6, "master key", corrupt, forgery{keys: body(1, flipped(bodySealed+24))})
	add(6, "tag", corrupt, forgery{keys: body(1, flipped(bodySealed+71))})

	for page := range 2 {
		add(7, fmt.Sprint("meta page ", page), corrupt, forgery{db: func(db []byte) []byte { db[page*pageSize+16+56]++; return db }})
	}
	add(7, "cut", corrupt, forgery{db: func(db []byte) []byte { return db[:4*pageSize] }})
	add(7, "not a database", corrupt, forgery{db: func(db []byte) []byte { return bytes.Repeat([]byte("letters\n"), len(db)/8) }})
	add(7, "another bucket", corrupt, forgery{edit: func(_ *keystore.Forger, tx *bolt.Tx) {
		check(must(tx.CreateBucket([]byte("4 more"))).Put([]byte("key"), []byte("value")))
	}})
	for _, name := range []string{"0", "2 kept2", "4 more"} {
		add(7, "an empty bucket: "+name, corrupt, forgery{edit: func(_ *keystore.Forger, tx *bolt.Tx) { must(tx.CreateBucket([]byte(name))) }})
	}
	for _, in := range [][]byte{inState, inKept, inErasable} {
		add(7, "a bucket inside "+string(in), corrupt, forgery{edit: func(_ *keystore.Forger, tx *bolt.Tx) {
			must(tx.Bucket(in).CreateBucket([]byte("bucket")))
		}})
	}
	add(7, "no kept records' bucket", corrupt, forgery{edit: without(inKept, 0)})
	add(7, "no erasable records' bucket", corrupt, forgery{edit: without(inErasable, 1)})
	add(7, "larger pages", corrupt, forgery{db: largePages})

	for _, version := range []byte{0, 2, 255} {
		add(8, fmt.Sprint("version ", version), keystore.ErrVersion, forgery{edit: rawState(func(b []byte) []byte { b[0] = version; return b })})
	}
	add(8, "another version's size", keystore.ErrVersion, forgery{edit: rawState(func(b []byte) []byte { return []byte{2} })})

	add(9, "cut", corrupt, forgery{edit: rawState(func(b []byte) []byte { return b[:len(b)-1] })})
	add(9, "goes on", corrupt, forgery{edit: rawState(func(b []byte) []byte { return append(b, 0) })})
	add(9, "empty", corrupt, forgery{edit: rawState(func(b []byte) []byte { return nil })})
	add(9, "the version alone", corrupt, forgery{edit: rawState(func(b []byte) []byte { return b[:1] })})
	for _, at := range []int{1, 16, 17, 40, 41, 57, 58, 121, 137} {
		add(9, fmt.Sprint("byte ", at), corrupt, forgery{edit: rawState(func(b []byte) []byte { b[at] ^= 0x80; return b })})
	}
	for _, erasing := range []byte{2, 255} {
		add(9, fmt.Sprint("erasing ", erasing), corrupt, forgery{edit: stateOf(func(s *keystore.State) { s.Erasing = erasing })})
	}
	add(9, "under another key", corrupt, forgery{edit: func(f *keystore.Forger, tx *bolt.Tx) {
		check(tx.Bucket(inState).Put([]byte("State"), tx.Bucket(inState).Get(stateKey)))
		check(tx.Bucket(inState).Delete(stateKey))
	}})
	add(9, "two", corrupt, forgery{edit: func(f *keystore.Forger, tx *bolt.Tx) {
		check(tx.Bucket(inState).Put([]byte("state2"), tx.Bucket(inState).Get(stateKey)))
	}})
	add(9, "none", corrupt, forgery{edit: func(f *keystore.Forger, tx *bolt.Tx) { check(tx.Bucket(inState).Delete(stateKey)) }})
	add(9, "no bucket for it", corrupt, forgery{edit: func(f *keystore.Forger, tx *bolt.Tx) { check(tx.DeleteBucket(inState)) }})

	add(10, "another epoch", corrupt, forgery{edit: stateOf(func(s *keystore.State) { s.Epoch += 2 })})
	add(10, "no data key", corrupt, forgery{keys: func(_ *keystore.Forger, k []byte) []byte { clear(k[len(k)/2:]); return k }})
	add(10, "another number", corrupt, forgery{keys: withSlot(2, func(s *keystore.Slot) { s.Number += 2 })})
	add(10, "another number, and the state's", corrupt, forgery{
		keys: withSlot(2, func(s *keystore.Slot) { s.Number += 2 }),
		edit: stateOf(func(s *keystore.State) { s.Epoch += 2 }),
	})
	for _, at := range []int{0, 15, 16, 40, 87} {
		add(10, fmt.Sprint("byte ", at), corrupt, forgery{keys: body(2, flipped(at))})
	}
	add(10, "cut", corrupt, forgery{keys: body(2, func(b []byte) []byte { return b[:len(b)-1] })})
	add(10, "goes on", corrupt, forgery{keys: body(2, func(b []byte) []byte { return append(b, 0) })})
	add(10, "no body", corrupt, forgery{keys: body(2, func(b []byte) []byte { return nil })})

	for class, name := range []string{"plain\x00", "erased\x01"} {
		class := byte(class)
		key := name + "key"
		for what, r := range map[string][2]string{ // full key, and what stands in its place
			"no text":                      {key, ""},
			"one byte":                     {key, "\x00"},
			"a key that is cut":            {key, "\x00\xff" + key},
			"a length of none":             {"", "\x00\x00"},
			"the ID of another key":        {key, string(text(key+"2", "value"))},
			"no class":                     {"plain", string(text("plain", "value"))},
			"no bucket":                    {name[len(name)-1:] + "key", string(text(name[len(name)-1:]+"key", "value"))},
			"a bucket with a long name":    {strings.Repeat("n", 65) + name[len(name)-1:] + "key", ""},
			"a bucket with a bad name":     {"a b" + name[len(name)-1:] + "key", ""},
			"no key":                       {name, string(text(name, "value"))},
			"a long key":                   {name + strings.Repeat("k", keystore.MaxKey+1), ""},
			"the other class":              {name[:len(name)-1] + string([]byte{1 - class}) + "key", ""},
			"a class that there is not":    {name[:len(name)-1] + "\x02key", ""},
			"a value that is longer":       {key, string(text(key, strings.Repeat("v", keystore.MaxValue+1)))},
			"a class, and a key before it": {"\x02" + key, ""},
		} {
			stands := []byte(r[1])
			if r[1] == "" && what != "no text" {
				stands = text(r[0], "value")
			}
			add(11, fmt.Sprintf("class %d: %s", class, what), corrupt, forgery{edit: row(class, r[0], stands)})
		}
		bucket := [][]byte{inKept, inErasable}[class]
		add(11, fmt.Sprintf("class %d: sum", class), corrupt, forgery{edit: stateOf(func(s *keystore.State) { s.Sums[class][31]++ })})
		add(11, fmt.Sprintf("class %d: no sum", class), corrupt, forgery{edit: stateOf(func(s *keystore.State) { s.Sums[class] = [32]byte{} })})
		add(11, fmt.Sprintf("class %d: a row that is not counted", class), corrupt, forgery{edit: func(f *keystore.Forger, tx *bolt.Tx) {
			id, row := f.SealRow(class, []byte(key), []byte("value"))
			check(tx.Bucket(bucket).Put(id, row))
		}})
		for _, n := range []int{15, 17} {
			add(11, fmt.Sprintf("class %d: an ID of %d bytes", class, n), corrupt, forgery{edit: func(f *keystore.Forger, tx *bolt.Tx) {
				id, row := f.SealRow(class, []byte(key), []byte("value"))
				check(tx.Bucket(bucket).Put(resize(id, n), row))
				check(f.Recount(tx))
			}})
		}
		add(11, fmt.Sprintf("class %d: a row of the other", class), corrupt, forgery{edit: func(f *keystore.Forger, tx *bolt.Tx) {
			id := f.RowID(class, []byte(key))
			check(tx.Bucket(bucket).Put(id, f.Row(1-class, id, text(key, "value"))))
			check(f.Recount(tx))
		}})
		add(11, fmt.Sprintf("class %d: a row of no more than a nonce", class), corrupt, forgery{edit: func(f *keystore.Forger, tx *bolt.Tx) {
			id := f.RowID(class, []byte(key))
			check(tx.Bucket(bucket).Put(id, f.Row(class, id, text(key, "value"))[:24]))
		}})
	}

	add(12, "one too old", keystore.ErrRollback, forgery{opts: keystore.Options{MinGeneration: 6}})
	add(12, "the oldest", keystore.ErrRollback, forgery{
		edit: stateOf(func(s *keystore.State) { s.Generation = 0 }),
		opts: keystore.Options{MinGeneration: 1},
	})
	add(12, "much too old", keystore.ErrRollback, forgery{opts: keystore.Options{MinGeneration: 1<<64 - 1}})
	return all
}

// forOpening is what the forgeries are made from: of generation 5.
func forOpening(t *testing.T) image {
	img, _ := madeBy(t, noErase, func(f *keystore.File) {
		for i := range 4 {
			set(t, f, []keystore.Bucket{plain, erased}[i%2], fmt.Sprint(i), "value")
		}
		if f.Generation() != 5 {
			t.Fatal(f.Generation())
		}
	})
	return img
}

// TestChecksOfOpen: each check of the specification's section 7 is made, with no
// other that would do instead, and with the error it says.
func TestChecksOfOpen(t *testing.T) {
	t.Parallel()
	img := forOpening(t)
	d := newDisk(t)
	f := must(keystore.NewForger(img.keys, fileKey))
	// What the forger makes is what a store makes.
	sane := forgery{edit: row(1, "erased\x01key", text("erased\x01key", "value")), opts: keystore.Options{MinGeneration: 5}}
	got, err := d.read(sane.with(t, f, img), &sane.opts)
	if err != nil || got["erased key"] != "value" || len(got) != 5 {
		t.Fatalf("%d records, %v", len(got), err)
	}
	for _, g := range forgeries() {
		t.Run(fmt.Sprintf("%d %s", g.check, g.name), func(t *testing.T) {
			made := g.on(t, img)
			d := &disk{t: t, path: d.path}
			unlock := fileKey
			if g.unlock != nil {
				unlock = *g.unlock
			}
			for _, readOnly := range []bool{true, false} {
				opts := g.opts
				opts.ReadOnly = readOnly
				f, err := d.open(made, unlock, &opts)
				if !errors.Is(err, g.want) || g.want == keystore.ErrCorrupt && errors.Is(err, fs.ErrNotExist) {
					t.Errorf("%v, want %v", err, g.want)
				}
				if err == nil {
					f.Close()
				}
			}
		})
	}
}

// TestOrderOfChecks: of two things that are wrong the first counts, so that for
// one file there is one error.
func TestOrderOfChecks(t *testing.T) {
	t.Parallel()
	img := forOpening(t)
	var some []forgery // a few for each check
	count := map[int]int{}
	for _, g := range forgeries() {
		if count[g.check]++; count[g.check] <= 4 || g.check == 5 {
			some = append(some, g)
		}
	}
	d := newDisk(t)
	pairs := 0
	for _, first := range some {
		for _, second := range some {
			switch {
			case first.check >= second.check || first.want == second.want:
				continue
			case first.check == 2 && (second.edit != nil || second.db != nil):
				continue // there is no database for the second
			case first.check <= 6 && second.keys != nil && first.keys != nil:
				continue // nor a key file
			case first.check == 7 && second.check == 8:
				continue // the version is met on the way through the pages
			case first.check < 7 && second.name == "not a database":
				continue // bbolt, which has the lock, needs a meta page
			case first.check >= 7 && second.edit != nil && first.edit != nil:
				continue // both would seal the state
			}
			pairs++
			f := must(keystore.NewForger(img.keys, fileKey))
			made := first.with(t, f, second.with(t, f, img))
			unlock := fileKey
			for _, g := range []forgery{second, first} {
				if g.unlock != nil {
					unlock = *g.unlock
				}
			}
			if _, err := d.open(made, unlock, &second.opts); !errors.Is(err, first.want) {
				t.Errorf("%d %s, and %d %s: %v, want %v", first.check, first.name, second.check, second.name, err, first.want)
			}
		}
	}
	t.Logf("%d pairs", pairs)
}

// TestHostileParametersOfFile: no memory is taken for parameters that are refused.
func TestHostileParametersOfFile(t *testing.T) {
	img := forOpening(t)
	d := newDisk(t)
	for _, memory := range []uint32{256<<10 + 1, 1 << 22, 1<<32 - 1} {
		d.put(image{img.db, byPassphrase(1, 1, memory, 4)(nil, bytes.Clone(img.keys))})
		n := alloctest.Bytes(func() {
			if _, err := keystore.Open(d.path, keystore.Passphrase([]byte("p")), nil); !errors.Is(err, keystore.ErrCorrupt) {
				t.Error(err)
			}
		})
		if n > 1<<20 {
			t.Errorf("%d KiB: %d bytes were allocated", memory, n)
		}
	}
}

// resum makes a block's checksum right.
func resum(block []byte) {
	sum := sha256.Sum256(block[:len(block)-sha256.Size])
	copy(block[len(block)-sha256.Size:], sum[:])
}

// largePages is a database of pages that only other machines would make.
func largePages([]byte) []byte {
	const size = 2 * pageSize
	dir := must(os.MkdirTemp("", "keystore"))
	defer os.RemoveAll(dir)
	name := filepath.Join(dir, "db")
	db := must(bolt.Open(name, 0o600, &bolt.Options{PageSize: size}))
	check(db.Update(func(tx *bolt.Tx) error {
		_, err := tx.CreateBucket(inState)
		return err
	}))
	check(db.Close())
	return must(os.ReadFile(name))
}

// TestAsSpecified opens a store with nothing but what sections 2 to 6 of the
// specification say, so that what binds a row to its place is what they say.
func TestAsSpecified(t *testing.T) {
	img, want := small(t, 3, false)
	master, id := must(keystore.NewForger(img.keys, fileKey)).Master()
	derive := func(key []byte, purpose string) *[32]byte {
		return (*[32]byte)(must(hkdf.Key(sha256.New, key, id[:], "parley keystore v1 "+purpose, 32)))
	}
	open := func(key *[32]byte, sealed []byte, ad ...[]byte) []byte {
		t.Helper()
		text, err := xaes.New(key).Open(nil, sealed, slices.Concat(ad...))
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	mac := func(key *[32]byte, data ...[]byte) []byte {
		h := hmac.New(sha256.New, key[:])
		h.Write(slices.Concat(data...))
		return h.Sum(nil)
	}
	slots, _, err := keystore.ReadKeyFile(img.keys)
	check(err)
	data := slots[1]
	epoch := binary.BigEndian.AppendUint64(nil, data.Number)
	dataKey := open(derive(master[:], "data key"), data.Body[16:], []byte{2}, epoch, id[:])

	state := []byte(rowsIn(t, img.db, inState)["state"])
	text := open(derive(master[:], "state"), state[17:], []byte{1}, id[:])
	if got := binary.BigEndian.Uint64(text[8:]); len(text) != 81 || got != data.Number {
		t.Errorf("a state of %d bytes, epoch %d, want %d", len(text), got, data.Number)
	}
	records := map[string]string{}
	for class, base := range [][]byte{master[:], dataKey} {
		kind := []string{"kept", "erasable"}[class]
		sum := make([]byte, 32)
		for rowID, row := range rowsIn(t, img.db, [][]byte{inKept, inErasable}[class]) {
			text := open(derive(base, kind+" rows"), []byte(row), []byte("parley keystore v1 row"), id[:], []byte{byte(class)}, []byte(rowID))
			n := int(binary.BigEndian.Uint16(text))
			fullKey, value := text[2:2+n], text[2+n:]
			if string(mac(derive(base, kind+" names"), fullKey)[:16]) != rowID {
				t.Errorf("%q is not under its ID", fullKey)
			}
			subtle.XORBytes(sum, sum, mac(derive(master[:], "sums"), []byte{byte(class)}, []byte(rowID), []byte(row[:24]), []byte(row[len(row)-16:])))
			name, key, _ := bytes.Cut(fullKey, []byte{byte(class)})
			records[string(name)+" "+string(key)] = string(value)
		}
		if !bytes.Equal(sum, text[17+32*class:][:32]) {
			t.Errorf("the sum of the %s rows is another", kind)
		}
	}
	if !maps.Equal(records, want) {
		t.Errorf("%d records, want %d", len(records), len(want))
	}
}
