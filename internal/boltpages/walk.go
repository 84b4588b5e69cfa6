package boltpages

import (
	"bytes"
	"encoding/binary"
)

// A Visit is given a key and its value, and the name of the bucket that has them.
// The slices are valid during the call only, and not to be changed. Its error
// ends the walk, which returns it.
type Visit func(bucket, key, value []byte) error

// A Report is given what is wrong in a bucket, or with the bucket of all buckets
// if the name is nil. The error is a [DamageError], or the reader's own.
type Report func(bucket []byte, err error)

// A walker reads pages, each but once.
type walker struct {
	file   *File
	pages  uint64 // there are none from here on
	taken  bitmap // pages that are read, or free
	ntaken uint64
	visit  Visit
	report Report // nil if the first fault is to end the walk
	bucket []byte // the one walked through
}

func (f *File) walker(pages uint64, visit Visit, report Report) *walker {
	return &walker{file: f, pages: pages, taken: newBitmap(pages), visit: visit, report: report}
}

// fault ends a strict walk. Any other goes on as well as it can.
func (w *walker) fault(err error) error {
	if w.report == nil {
		return err
	}
	w.report(w.bucket, err)
	return nil
}

func (w *walker) damaged(page uint64, what string) error {
	return w.fault(&DamageError{page, what})
}

// take makes pages those of one owner.
func (w *walker) take(id, n uint64) bool {
	for i := id; i < id+n; i++ {
		if w.taken.has(i) {
			return false
		}
	}
	for i := id; i < id+n; i++ {
		w.taken.set(i)
	}
	w.ntaken += n
	return true
}

// read reads a page with its overflow. Its errors are for fault.
func (w *walker) read(id uint64) (page, error) {
	const twice = "is used twice, or used and free"
	if id < firstPage || id >= w.pages {
		return page{}, &DamageError{id, "is referred to, but there is no such page"}
	}
	if !w.take(id, 1) {
		return page{}, &DamageError{id, twice}
	}
	data := make([]byte, PageSize)
	if err := w.file.readAt(data, id); err != nil {
		return page{}, err
	}
	p := parse(data)
	if p.id != id {
		return page{}, &DamageError{id, "has the number of another page"}
	}
	overflow := uint64(p.overflow)
	if n := p.needs(); n > 0 && n <= overflow {
		// bbolt gives a page what it needs and no more (node.go, spill). With
		// more it would take its neighbours' away from a salvage.
		if err := w.damaged(id, "has too many overflow pages"); err != nil {
			return page{}, err
		}
		overflow = n - 1
	}
	if overflow == 0 {
		return p, nil
	}
	if overflow >= w.pages-id || overflow >= maxRun {
		return page{}, &DamageError{id, "has more overflow pages than there can be"}
	}
	if !w.take(id+1, overflow) {
		return page{}, &DamageError{id, "has an overflow page that " + twice}
	}
	p.data = make([]byte, (1+overflow)*PageSize)
	copy(p.data, data)
	return p, w.file.readAt(p.data[PageSize:], id+1)
}

// An element is one that lies within its page.
type element struct {
	flags      uint32
	child      uint64
	key, value []byte
}

// elements returns the elements of a branch or leaf. No two overlap.
func (w *walker) elements(p page) ([]element, error) {
	limit := uint64(len(p.data))
	at := headerSize + uint64(p.count)*elementSize
	if at > limit {
		return nil, w.damaged(p.id, "has more elements than it has space for")
	}
	all := make([]element, 0, p.count)
	for i := range int(p.count) {
		s := p.span(i)
		last := i == int(p.count)-1
		next := limit
		if !last {
			next = p.span(i + 1).start
		}
		// bbolt leaves no gaps (internal/common/inode.go).
		if s.start != at || s.end > limit || !last && s.end != next {
			if err := w.damaged(p.id, "has an element that does not lie where it should"); err != nil {
				return nil, err
			}
			if s.start < at || s.end > min(next, limit) {
				continue
			}
		}
		at = s.end
		if s.start == s.middle {
			if err := w.damaged(p.id, "has an empty key"); err != nil {
				return nil, err
			}
			continue
		}
		all = append(all, element{
			s.flags, s.child,
			p.data[s.start:s.middle:s.middle], p.data[s.middle:s.end:s.end],
		})
	}
	// bbolt leaves the rest zero (tx.go, write). Without this, a count that became
	// zero would make an empty page of a full one.
	for _, b := range p.data[at:] {
		if b != 0 {
			return all, w.damaged(p.id, "has something behind its last element")
		}
	}
	return all, nil
}

// A tree is one bucket.
type tree struct {
	*walker
	depth int // of its leaves: 0 before the first
	row   func(page uint64, e element) error
}

// maxDepth is more than a tree of 2^64 pages has whose branches have two children.
const maxDepth = 64

// page walks the tree below a page. Its keys start with low, if that is not nil,
// and end before high.
func (t *tree) page(id uint64, depth int, low, high []byte) error {
	p, err := t.read(id)
	if err != nil {
		return t.fault(err)
	}
	return t.walk(p, depth, low, high)
}

func (t *tree) walk(p page, depth int, low, high []byte) error {
	if depth > maxDepth {
		return t.damaged(p.id, "lies too deep")
	}
	if p.flags != branchFlag && p.flags != leafFlag {
		return t.damaged(p.id, "is neither branch nor leaf")
	}
	if err := t.shape(p, depth); err != nil {
		return err
	}
	elements, err := t.elements(p)
	if err != nil {
		return err
	}
	for i, e := range elements {
		// bbolt finds a child in its parent by its first key (node.go, spill and
		// rebalance): one that is merely not before the parent's would be written
		// twice.
		what := ""
		switch {
		case i == 0 && low != nil && !bytes.Equal(e.key, low):
			what = "does not start with the key that its parent has"
		case i > 0 && bytes.Compare(elements[i-1].key, e.key) >= 0:
			what = "has keys out of order"
		case high != nil && bytes.Compare(e.key, high) >= 0:
			what = "has keys of the next page"
		}
		if what != "" {
			if err := t.damaged(p.id, what); err != nil {
				return err
			}
		}
		if p.flags == leafFlag {
			err = t.row(p.id, e)
		} else {
			next := high
			if i+1 < len(elements) {
				next = elements[i+1].key
			}
			err = t.page(e.child, depth+1, e.key, next)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// shape checks what bbolt counts on when it merges pages (node.go, rebalance):
// pages side by side are of one kind, and none is alone below its branch.
func (t *tree) shape(p page, depth int) error {
	if p.flags == branchFlag {
		if p.count < 2 {
			return t.damaged(p.id, "is a branch without branches")
		}
		return nil
	}
	if p.count == 0 && depth > 1 {
		return t.damaged(p.id, "is an empty leaf of a branch")
	}
	if t.depth == 0 {
		t.depth = depth
	}
	if t.depth != depth {
		return t.damaged(p.id, "is a leaf at another depth than the first")
	}
	return nil
}

// Elements of the bucket of all buckets have this flag, and no others have any
// (internal/common/page.go).
const bucketFlag = 1

// all walks through all buckets.
func (w *walker) all(root uint64) error {
	t := &tree{walker: w, row: w.open}
	return t.page(root, 1, nil, nil)
}

// open walks through the bucket that an element on a page has. Its value
// (internal/common/bucket.go) is the number of its page and a sequence number,
// or else a number of 0, the same, and the only page of a small bucket.
func (w *walker) open(id uint64, e element) error {
	w.bucket = e.key
	defer func() { w.bucket = nil }()
	if e.flags != bucketFlag {
		if err := w.damaged(id, "has something else among the buckets"); err != nil {
			return err
		}
	}
	const size = 16
	if len(e.value) < size {
		return w.damaged(id, "has a bucket without a page")
	}
	t := &tree{walker: w, row: w.row}
	if root := binary.NativeEndian.Uint64(e.value); root != 0 {
		if len(e.value) > size {
			if err := w.damaged(id, "has a bucket with two pages"); err != nil {
				return err
			}
		}
		return t.page(root, 1, nil, nil)
	}
	if len(e.value) < size+headerSize {
		return w.damaged(id, "has a bucket without a page")
	}
	p := parse(e.value[size:])
	if p.id != 0 || p.flags != leafFlag || p.overflow != 0 {
		return w.damaged(id, "has a bucket with a wrong page in it")
	}
	p.id = id
	return t.walk(p, 1, nil, nil)
}

// row is a key with its value.
func (w *walker) row(id uint64, e element) error {
	if e.flags != 0 {
		if err := w.damaged(id, "has a bucket in a bucket"); err != nil {
			return err
		}
	}
	if w.visit == nil {
		return nil
	}
	return w.visit(w.bucket, e.key, e.value)
}
