package boltpages_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand"
	"slices"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/parley-e2ee/parley/internal/boltpages"
)

const pageSize = boltpages.PageSize

var native = binary.NativeEndian

// Offsets in a page that tests write to.
const (
	flagsAt    = 8
	countAt    = 10
	overflowAt = 12
	firstAt    = 16 // the first element, or the fields of a meta page
)

// sum makes the checksums of the meta pages right.
func sum(data []byte) {
	for i := range 2 {
		if at := i*pageSize + firstAt; len(data) >= at+64 {
			h := fnv.New64a()
			h.Write(data[at : at+56])
			native.PutUint64(data[at+56:], h.Sum64())
		}
	}
}

func newest(data []byte) boltpages.Meta {
	return must(boltpages.Open(bytes.NewReader(data), int64(len(data)))).Metas()[0]
}

// pageOf is the page in use that has these flags, the first with so many elements.
func pageOf(data []byte, flags uint16, count int) []byte {
	// What Check reads is in use.
	r := &counting{ReaderAt: bytes.NewReader(data), read: map[int64]int{}}
	must(0, must(boltpages.Open(r, int64(len(data)))).Check(nil))
	for id := range int64(len(data) / pageSize) {
		p := data[id*pageSize:]
		if r.read[id] > 0 && native.Uint64(p) == uint64(id) && native.Uint16(p[flagsAt:]) == flags && int(native.Uint16(p[countAt:])) >= count {
			return p[:pageSize]
		}
	}
	panic("no such page")
}

// near says whether no more than one row has changed, or the name of one bucket:
// nothing in a file tells that these bytes are not what was written.
func near(got, want []row) bool {
	if len(got) != len(want) {
		return false
	}
	names := map[string]string{}
	rows := 0
	for i, g := range got {
		w := want[i]
		if name, ok := names[w.bucket]; ok && name != g.bucket {
			return false
		}
		names[w.bucket] = g.bucket
		if g.key != w.key || g.value != w.value {
			rows++
		}
	}
	renamed := 0
	for from, to := range names {
		if from != to {
			renamed++
		}
	}
	return rows+renamed <= 1
}

func TestEveryByte(t *testing.T) {
	for _, freelist := range []bbolt.FreelistType{bbolt.FreelistArrayType, bbolt.FreelistMapType} {
		data := sample(t, freelist)
		want, err := check(data)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%d pages", len(data)/pageSize)
		t.Run(string(freelist), func(t *testing.T) {
			t.Parallel()
			dir := tempDir(t)
			unseen := 0
			for i := range data {
				if testing.Short() && i%pageSize > 200 && i%41 != 0 {
					continue
				}
				masks := []byte{1 << (i % 8), 0xFF, data[i]}
				if i%pageSize > 200 { // most are of values, or of nothing
					masks = masks[i%3:][:1]
				}
				for _, mask := range masks {
					old := data[i]
					data[i] ^= mask
					got, err := check(data)
					switch {
					case err != nil && !errors.Is(err, boltpages.ErrDamaged):
						t.Errorf("byte %#x of page %d ^ %#x: %v", i%pageSize, i/pageSize, mask, err)
					case err == nil && !near(got, want):
						t.Errorf("byte %#x of page %d ^ %#x: other rows, and nothing is found", i%pageSize, i/pageSize, mask)
					case err == nil && mask != 0 && unseen%100 == 0:
						if failure := usable(dir, data, freelist); failure != "" {
							t.Errorf("byte %#x of page %d ^ %#x: %s", i%pageSize, i/pageSize, mask, failure)
						}
						fallthrough
					case err == nil:
						unseen++
					case i%pageSize < 200: // where more is at stake than a value
						salvage(data)
					}
					data[i] = old
				}
			}
		})
	}
}

func TestTruncated(t *testing.T) {
	data := sample(t, bbolt.FreelistArrayType)
	for n := range data {
		if n%pageSize > 1 && n%pageSize != pageSize-1 && n%997 != 0 {
			continue
		}
		if _, err := check(data[:n]); !errors.Is(err, boltpages.ErrDamaged) {
			t.Errorf("%d bytes: %v", n, err)
		}
		salvage(data[:n])
		// The file is shorter than it is said to be.
		f, err := boltpages.Open(bytes.NewReader(data[:n]), int64(len(data)))
		if err == nil {
			err = f.Check(nil)
		}
		if err != nil && !errors.Is(err, boltpages.ErrDamaged) {
			t.Errorf("%d bytes read: %v", n, err)
		}
	}
	if _, err := boltpages.Open(bytes.NewReader(data), -1); err != nil {
		t.Error(err)
	}
}

func TestDamage(t *testing.T) {
	branch := func(data []byte) []byte { return pageOf(data, 1, 2) }
	leaf := func(data []byte) []byte { return pageOf(data, 2, 4) }
	list := func(data []byte) []byte { return pageOf(data, 0x10, 2) }
	meta := func(data []byte) []byte { return data[newest(data).Page*pageSize:][:pageSize] }
	older := func(data []byte) []byte { return data[(1-newest(data).Page)*pageSize:][:pageSize] }
	element := func(p []byte, i int) []byte { return p[firstAt+16*i:] }
	root := func(data []byte) []byte { return data[newest(data).Root*pageSize:][:pageSize] }
	inline := func(data []byte) []byte { // the page in the value
		p := root(data)
		return p[bytes.Index(p, []byte("inline"))+len("inline")+16:]
	}
	bucketSize := func(data []byte, size uint32) { // of the value of the last
		p := root(data)
		native.PutUint32(element(p, int(native.Uint16(p[countAt:]))-1)[12:], size)
	}

	tests := []struct {
		name  string
		spoil func(data []byte)
		want  string
	}{
		{"cycle", func(d []byte) { b := branch(d); native.PutUint64(element(b, 1)[8:], native.Uint64(b)) }, "used twice"},
		{"cycle through the first", func(d []byte) { b := branch(d); native.PutUint64(element(b, 0)[8:], native.Uint64(b)) }, "used twice"},
		{"siblings are one", func(d []byte) {
			b := branch(d)
			copy(element(b, 1)[8:16], element(b, 0)[8:16])
		}, "used twice"},
		{"meta page as a child", func(d []byte) { native.PutUint64(element(branch(d), 1)[8:], 1) }, "no such page"},
		{"child far away", func(d []byte) { native.PutUint64(element(branch(d), 1)[8:], 1<<63) }, "no such page"},
		{"child at the high-water mark", func(d []byte) { native.PutUint64(element(branch(d), 1)[8:], newest(d).HighWater) }, "no such page"},
		{"root is free", func(d []byte) { native.PutUint64(meta(d)[32:], native.Uint64(element(list(d), 0))) }, "used and free"},
		{"root is the freelist", func(d []byte) { native.PutUint64(meta(d)[32:], newest(d).Freelist) }, "used twice"},
		{"page number", func(d []byte) { leaf(d)[0]++ }, "number of another page"},
		{"flags", func(d []byte) { leaf(d)[flagsAt] = 3 }, "neither branch nor leaf"},
		{"overflow", func(d []byte) { leaf(d)[overflowAt]++ }, "too many overflow pages"},
		{"overflow beyond the file", func(d []byte) {
			p := leaf(d)
			native.PutUint32(p[overflowAt:], 1<<20-1)
			native.PutUint32(element(p, int(native.Uint16(p[countAt:]))-1)[12:], 1<<32-1)
		}, "more overflow pages than there can be"},
		{"overflow one page beyond", func(d []byte) {
			p := leaf(d)
			beyond := uint32(newest(d).HighWater - native.Uint64(p))
			native.PutUint32(p[overflowAt:], beyond)
			native.PutUint32(element(p, int(native.Uint16(p[countAt:]))-1)[12:], beyond*pageSize)
		}, "more overflow pages than there can be"},
		{"overflow onto others", func(d []byte) {
			p := leaf(d)
			native.PutUint32(p[overflowAt:], 1)
			native.PutUint32(element(p, int(native.Uint16(p[countAt:]))-1)[12:], 5000)
		}, "used twice"},
		{"elements beyond the page", func(d []byte) { native.PutUint16(leaf(d)[countAt:], 0xFFFF) }, "more elements"},
		{"empty leaf", func(d []byte) { native.PutUint16(leaf(d)[countAt:], 0) }, ""},
		{"value beyond the page", func(d []byte) {
			p := leaf(d)
			native.PutUint32(element(p, int(native.Uint16(p[countAt:]))-1)[12:], 1<<32-1)
		}, "lie where it should"},
		{"overlap", func(d []byte) { p := leaf(d); native.PutUint32(element(p, 1)[4:], native.Uint32(element(p, 0)[4:])-16) }, "lie where it should"},
		{"gap", func(d []byte) {
			e := element(leaf(d), 0)
			native.PutUint32(e[4:], native.Uint32(e[4:])+1)
			native.PutUint32(e[8:], native.Uint32(e[8:])-1)
		}, "lie where it should"},
		{"empty key", func(d []byte) {
			e := element(leaf(d), 0)
			native.PutUint32(e[12:], native.Uint32(e[12:])+native.Uint32(e[8:]))
			native.PutUint32(e[8:], 0)
		}, "empty key"},
		{"bucket in a bucket", func(d []byte) { element(leaf(d), 1)[0] = 1 }, "bucket in a bucket"},
		{"row among buckets", func(d []byte) { element(root(d), 1)[0] = 0 }, "among the buckets"},
		{"bucket with too little", func(d []byte) { bucketSize(d, 12) }, "without a page"},
		{"bucket with too much", func(d []byte) { bucketSize(d, 17) }, "two pages"},
		{"inline page with a number", func(d []byte) { inline(d)[0] = 5 }, "wrong page in it"},
		{"inline branch", func(d []byte) { inline(d)[flagsAt] = 1 }, "wrong page in it"},
		{"inline overflow", func(d []byte) { inline(d)[overflowAt] = 1 }, "wrong page in it"},
		{"inline page emptied", func(d []byte) { inline(d)[countAt] = 0 }, "behind its last element"},
		{"no freelist", func(d []byte) { native.PutUint64(meta(d)[48:], 1<<64-1) }, "not written"},
		{"freelist is no such", func(d []byte) { native.PutUint64(meta(d)[48:], native.Uint64(leaf(d))) }, "is no freelist"},
		{"freelist too long", func(d []byte) { native.PutUint16(list(d)[countAt:], 0xFFFE) }, "than it has space for"},
		{"freelist one too long", func(d []byte) { native.PutUint16(list(d)[countAt:], (pageSize-firstAt)/8+1) }, "than it has space for"},
		{"freelist longer", func(d []byte) {
			p := list(d)
			native.PutUint16(p[countAt:], 0xFFFF)
			native.PutUint64(element(p, 0), 1<<63)
		}, "than it has space for"},
		{"freelist out of order", func(d []byte) {
			p := list(d)
			a, b := native.Uint64(p[16:]), native.Uint64(p[24:])
			native.PutUint64(p[16:], b)
			native.PutUint64(p[24:], a)
		}, "out of order"},
		{"freelist has one twice", func(d []byte) { p := list(d); copy(p[16:24], p[24:32]) }, "out of order"},
		{"freelist has a meta page", func(d []byte) { native.PutUint64(list(d)[16:], 1) }, "cannot be"},
		{"freelist has one beyond", func(d []byte) {
			p := list(d)
			native.PutUint64(p[16+8*(native.Uint16(p[countAt:])-1):], newest(d).HighWater)
		}, "cannot be"},
		{"freelist has itself", func(d []byte) {
			p := list(d)
			native.PutUint16(p[countAt:], 1)
			copy(p[16:24], p[:8])
		}, "itself"},
		{"freelist lacks one", func(d []byte) { p := list(d); native.PutUint16(p[countAt:], native.Uint16(p[countAt:])-1) }, "neither used nor free"},
		{"high-water mark", func(d []byte) { native.PutUint64(meta(d)[56:], newest(d).HighWater+1) }, "ends before"},
		{"lower high-water mark", func(d []byte) { native.PutUint64(meta(d)[56:], 3) }, ""},
		{"no high-water mark", func(d []byte) { native.PutUint64(meta(d)[56:], 0) }, ""},
		{"same commit", func(d []byte) { copy(older(d)[16:], meta(d)[16:80]) }, "same commit"},
		{"last commit", func(d []byte) { native.PutUint64(meta(d)[64:], 1<<64-1) }, "transaction number"},
		{"older meta", func(d []byte) { older(d)[16] ^= 1 }, "not the meta page"},
		{"version", func(d []byte) { meta(d)[20] = 1 }, "not the meta page"},
		{"meta page with other flags", func(d []byte) { meta(d)[flagsAt] = 2 }, "header of a meta page"},
		{"meta in the wrong place", func(d []byte) { meta(d)[0] ^= 1 }, "header of a meta page"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			data := sample(t, bbolt.FreelistArrayType)
			test.spoil(data)
			sum(data)
			_, err := check(data)
			if !errors.Is(err, boltpages.ErrDamaged) || !strings.Contains(err.Error(), test.want) {
				t.Error(err)
			}
			salvage(data)
		})
	}
	t.Run("checksum", func(t *testing.T) {
		data := sample(t, bbolt.FreelistArrayType)
		want := newest(data).TxID
		meta(data)[48] ^= 1
		f := must(boltpages.Open(bytes.NewReader(data), int64(len(data))))
		metas := f.Metas()
		if len(metas) != 2 || metas[0].Valid || !metas[1].Valid || metas[0].TxID != want || metas[1].TxID != want-1 {
			t.Errorf("%+v", metas)
		}
		if err := f.Check(nil); !errors.Is(err, boltpages.ErrDamaged) || !strings.Contains(err.Error(), "checksum") {
			t.Error(err)
		}
		native.PutUint64(meta(data)[32:], uint64(len(data)/pageSize))
		f = must(boltpages.Open(bytes.NewReader(data), int64(len(data))))
		if metas := f.Metas(); len(metas) != 1 || !metas[0].Valid {
			t.Errorf("root beyond the file: %+v", metas)
		}
	})
	t.Run("overflow of 256 MB", func(t *testing.T) {
		data := sample(t, bbolt.FreelistArrayType)
		const pages, overflow = 1 << 20, 1<<16 - 1
		p := leaf(data)
		native.PutUint64(meta(data)[56:], pages)
		native.PutUint32(p[overflowAt:], overflow)
		native.PutUint32(element(p, int(native.Uint16(p[countAt:]))-1)[12:], overflow*pageSize)
		sum(data)
		f := must(boltpages.Open(bytes.NewReader(data), pages*pageSize))
		if err := f.Check(nil); !errors.Is(err, boltpages.ErrDamaged) || !strings.Contains(err.Error(), "than there can be") {
			t.Error(err)
		}
	})
}

// All trees here are well formed page by page, but not as bbolt makes them, and
// would have it panic or lose pages when it writes.
func TestDamageOfTheTree(t *testing.T) {
	leaf := func(keys ...string) node { return node{keys: keys} }
	branch := func(children ...node) node { return node{children: children} }
	good := branch(branch(leaf("a"), leaf("b", "c")), branch(leaf("d"), leaf("e")))
	if _, err := check(good.file()); err != nil {
		t.Fatal(err)
	}
	if failure := usable(tempDir(t), good.file(), bbolt.FreelistArrayType); failure != "" {
		t.Fatal(failure)
	}
	early := leaf("b")
	early.name = "a"
	tests := []struct {
		name string
		tree node
		want string
	}{
		{"depth", branch(leaf("a"), branch(leaf("b"), leaf("c"))), "another depth"},
		{"one child", branch(branch(leaf("a")), branch(leaf("b"))), "without branches"},
		{"one child of the root", branch(leaf("a", "b")), "without branches"},
		{"no child", branch(branch(leaf("a"), leaf("b")), node{name: "c", children: []node{}}), "without branches"},
		{"empty leaf", branch(leaf("a"), node{name: "b"}), "empty leaf"},
		{"order in a leaf", leaf("b", "a"), "out of order"},
		{"same key", leaf("a", "a"), "out of order"},
		{"order in a branch", branch(leaf("b"), leaf("a")), ""},
		{"same key in a branch", branch(leaf("a"), leaf("a")), ""},
		{"range", branch(leaf("a", "c"), leaf("b")), "keys of the next page"},
		{"same key in two leaves", branch(leaf("a", "b"), leaf("b")), "keys of the next page"},
		{"range of an uncle", branch(branch(leaf("a"), leaf("b", "d")), branch(leaf("c"), leaf("e"))), "keys of the next page"},
		{"key of the parent", branch(leaf("0"), early), "key that its parent has"},
		{"deep", deep(70), "too deep"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			data := test.tree.file()
			if _, err := check(data); !errors.Is(err, boltpages.ErrDamaged) || !strings.Contains(err.Error(), test.want) {
				t.Error(err)
			}
			if rows, reports := salvage(data); test.name != "deep" && len(rows) != test.tree.len() || len(reports) == 0 {
				t.Errorf("%d rows of %d, reports %q", len(rows), test.tree.len(), reports)
			}
		})
	}
}

func deep(n int) node {
	tree := node{keys: []string{"0"}}
	for range n {
		tree = node{children: []node{tree, {keys: []string{"1"}}}}
	}
	// Its leaves lie at all depths: the first of these is the deepest.
	return tree
}

// A node is a page to be made: a leaf if it has no children.
type node struct {
	name     string // the key in its parent, if not the first
	keys     []string
	children []node
}

func (n node) len() int {
	count := len(n.keys)
	for _, c := range n.children {
		count += c.len()
	}
	return count
}

func (n node) first() string {
	switch {
	case n.name != "":
		return n.name
	case n.children != nil:
		return n.children[0].first()
	}
	return n.keys[0]
}

// file makes a database with the tree as its only bucket.
func (n node) file() []byte {
	data := make([]byte, 4*pageSize)
	header := func(id uint64, flags uint16, count int) []byte {
		p := data[id*pageSize:][:pageSize]
		native.PutUint64(p, id)
		native.PutUint16(p[flagsAt:], flags)
		native.PutUint16(p[countAt:], uint16(count))
		return p
	}
	var write func(n node) uint64
	write = func(n node) uint64 {
		var children []uint64
		for _, c := range n.children {
			children = append(children, write(c))
		}
		id := uint64(len(data) / pageSize)
		data = append(data, make([]byte, pageSize)...)
		count := len(n.keys) + len(n.children)
		at := firstAt + 16*count
		if n.children != nil {
			p := header(id, 1, count)
			for i, c := range n.children {
				e := p[firstAt+16*i:]
				native.PutUint32(e, uint32(at-firstAt-16*i))
				native.PutUint32(e[4:], uint32(len(c.first())))
				native.PutUint64(e[8:], children[i])
				at += copy(p[at:], c.first())
			}
			return id
		}
		p := header(id, 2, count)
		for i, k := range n.keys {
			e := p[firstAt+16*i:]
			native.PutUint32(e[4:], uint32(at-firstAt-16*i))
			native.PutUint32(e[8:], uint32(len(k)))
			native.PutUint32(e[12:], 1)
			at += copy(p[at:], k+"v")
		}
		return id
	}
	root := write(n)
	header(2, 0x10, 0)
	p := header(3, 2, 1)
	for i, v := range []uint32{1, 16, 1, 16} {
		native.PutUint32(p[firstAt+4*i:], v)
	}
	p[32] = 'b'
	native.PutUint64(p[33:], root)
	for i := range uint64(2) {
		p := header(i, 4, 0)[firstAt:]
		native.PutUint32(p, 0xED0CDAED)
		native.PutUint32(p[4:], 2)
		native.PutUint32(p[8:], pageSize)
		native.PutUint64(p[16:], 3)
		native.PutUint64(p[32:], 2)
		native.PutUint64(p[40:], uint64(len(data)/pageSize))
		native.PutUint64(p[48:], i)
	}
	sum(data)
	return data
}

func TestSalvage(t *testing.T) {
	fresh := sample(t, bbolt.FreelistArrayType)
	want, _ := check(fresh)

	t.Run("a leaf", func(t *testing.T) {
		data := bytes.Clone(fresh)
		p := pageOf(data, 2, 8)
		lost := int(native.Uint16(p[countAt:]))
		clear(p)
		rows, reports := salvage(data)
		if len(rows) != len(want)-lost || !subset(rows, want) || len(reports) != 1 || !strings.HasPrefix(reports[0], "tree: ") {
			t.Errorf("%d rows of %d, %d were lost: %q", len(rows), len(want), lost, reports)
		}
	})
	t.Run("an element", func(t *testing.T) {
		for at := range 16 {
			data := bytes.Clone(fresh)
			p := pageOf(data, 2, 8)
			p[firstAt+16*3+at] ^= 0x21
			rows, reports := salvage(data)
			good := 0
			for _, r := range rows {
				if slices.Contains(want, r) {
					good++
				}
			}
			lost := 1
			if at >= 4 && at < 8 { // where it lies, which is also where the one before ends
				lost = 2
			}
			if good < len(want)-lost || len(rows) > len(want) || len(reports) == 0 {
				t.Errorf("byte %d: %d good rows of %d: %q", at, good, len(want), reports)
			}
		}
	})
	t.Run("elements on top of each other", func(t *testing.T) {
		data := bytes.Clone(fresh)
		p := pageOf(data, 2, 8)
		count := int(native.Uint16(p[countAt:]))
		for i := range count {
			e := p[firstAt+16*i:]
			native.PutUint32(e[4:], uint32(16*(count-i)))
			native.PutUint32(e[12:], uint32(pageSize-firstAt-16*count)-native.Uint32(e[8:]))
		}
		rows, reports := salvage(data)
		size, whole := 0, 0
		for _, r := range rows {
			size += len(r.key) + len(r.value)
		}
		for _, r := range want {
			whole += len(r.key) + len(r.value)
		}
		if size > whole+pageSize || len(reports) < count-1 {
			t.Errorf("%d bytes of %d: %q", size, whole, reports)
		}
	})
	t.Run("an overflow", func(t *testing.T) {
		data := bytes.Clone(fresh)
		pageOf(data, 2, 8)[overflowAt] = 2
		if rows, reports := salvage(data); !slices.Equal(rows, want) || len(reports) != 1 {
			t.Errorf("%d rows of %d: %q", len(rows), len(want), reports)
		}
	})
	t.Run("a bucket's name", func(t *testing.T) {
		data := bytes.Clone(fresh)
		p := data[newest(data).Root*pageSize:][:pageSize]
		p[bytes.Index(p, []byte("leaf"))] = 'a'
		rows, reports := salvage(data)
		if len(rows) != len(want) || len(reports) != 1 || !strings.HasPrefix(reports[0], ": ") {
			t.Errorf("%d rows of %d: %q", len(rows), len(want), reports)
		}
	})
	t.Run("the meta page", func(t *testing.T) {
		data := bytes.Clone(fresh)
		at := newest(data).Page * pageSize
		for i := 36; i < 80; i++ { // all but the root, and what makes it a meta page
			if i < 64 || i >= 72 {
				data[at+uint64(i)] = 0xAA
			}
		}
		native.PutUint32(data[at+36:], 0)
		if rows, reports := salvage(data); !slices.Equal(rows, want) || len(reports) != 0 {
			t.Errorf("%d rows of %d: %q", len(rows), len(want), reports)
		}
	})
	t.Run("a commit back", func(t *testing.T) {
		data := bytes.Clone(fresh)
		clear(data[newest(data).Page*pageSize:][:pageSize])
		f := must(boltpages.Open(bytes.NewReader(data), int64(len(data))))
		n := 0
		err := f.Salvage(f.Metas()[0], func(_, _, _ []byte) error { n++; return nil }, func(_ []byte, err error) { t.Error(err) })
		if len(f.Metas()) != 1 || err != nil || n != len(want) { // the last commit made an empty bucket
			t.Errorf("%d meta pages, %d rows of %d: %v", len(f.Metas()), n, len(want), err)
		}
	})
	t.Run("the disk", func(t *testing.T) {
		data := bytes.Clone(fresh)
		p := pageOf(data, 2, 8)
		broken := errors.New("broken")
		r := &failing{bytes.NewReader(data), int64(native.Uint64(p)) * pageSize, broken}
		f := must(boltpages.Open(r, int64(len(data))))
		n := 0
		var reports []error
		err := f.Salvage(f.Metas()[0], func(_, _, _ []byte) error { n++; return nil },
			func(_ []byte, err error) { reports = append(reports, err) })
		if err != nil || n != len(want)-int(native.Uint16(p[countAt:])) || len(reports) != 1 || reports[0] != broken {
			t.Errorf("%d rows of %d: %v, %v", n, len(want), err, reports)
		}
	})
}

func subset(rows, all []row) bool {
	for _, r := range rows {
		if !slices.Contains(all, r) {
			return false
		}
	}
	return true
}

// TestEdits changes what pages say of themselves, in places where that hurts: what
// Check takes even so, bbolt can use.
func TestEdits(t *testing.T) {
	n := 8000
	if testing.Short() {
		n = 1000
	}
	for _, freelist := range []bbolt.FreelistType{bbolt.FreelistArrayType, bbolt.FreelistMapType} {
		t.Run(string(freelist), func(t *testing.T) {
			t.Parallel()
			seed := time.Now().UnixNano()
			t.Logf("seed %d", seed)
			rng := rand.New(rand.NewSource(seed))
			dir := tempDir(t)
			fresh := sample(t, freelist)
			taken := 0
			for range n {
				data := bytes.Clone(fresh)
				var edits []string
				for range 1 + rng.Intn(3) {
					edits = append(edits, edit(rng, data))
				}
				sum(data)
				salvage(data)
				if _, err := check(data); err != nil {
					continue
				}
				taken++
				if failure := usable(dir, data, freelist); failure != "" {
					t.Fatalf("%q: %s", edits, failure)
				}
			}
			t.Logf("%d of %d were taken", taken, n)
		})
	}
}

// edit writes one field.
func edit(rng *rand.Rand, data []byte) string {
	pages := len(data) / pageSize
	page := rng.Intn(pages)
	p := data[page*pageSize:][:pageSize]
	at, size := 0, 0
	switch count := int(native.Uint16(p[countAt:])); {
	case page < 2:
		at, size = firstAt+8*rng.Intn(8), 8
	case rng.Intn(4) == 0 || count == 0 || count > 200:
		field := rng.Intn(4)
		at, size = []int{0, flagsAt, countAt, overflowAt}[field], []int{8, 2, 2, 4}[field]
	case rng.Intn(4) == 0:
		at, size = rng.Intn(pageSize/8)*8, 8
	default:
		at, size = firstAt+16*rng.Intn(count)+4*rng.Intn(4), 4
	}
	f := p[at : at+size]
	old := bytes.Clone(f)
	switch rng.Intn(4) {
	case 0:
		f[0] += byte(rng.Intn(5)) - 2
	case 1:
		clear(f)
		f[0] = byte(rng.Intn(pages + 2))
	case 2:
		f[rng.Intn(size)] ^= 1 << rng.Intn(8)
	case 3:
		for i := range f {
			f[i] = 0xFF
		}
		f[0] -= byte(rng.Intn(3))
	}
	return fmt.Sprintf("page %d, %#x: % x for % x", page, at, f, old)
}
