package boltpages

import "encoding/binary"

// Check returns nil if bbolt can open the file, read all of it and write to it;
// it checks all that bbolt would take on trust. Both meta pages have to be whole:
// bbolt would fall back to the older one in silence, and so undo a commit, and
// no crash makes it necessary, as it writes them within a sector. Every page in
// use has to be of a bucket, of the freelist or free, and of one of them only.
//
// On the way, in the order of buckets and keys, visit is given every row, if it
// is not nil. If Check returns an error, these rows mean nothing: the error is a
// [DamageError], or that of visit or of the reader, as it is.
func (f *File) Check(visit Visit) error {
	for _, err := range f.faults {
		if err != nil {
			return err
		}
	}
	m, older := f.metas[0], f.metas[1]
	if m.TxID < older.TxID {
		m, older = older, m
	}
	if m.TxID == older.TxID {
		return &DamageError{m.Page, "and the other meta page are of the same commit"}
	}
	if m.HighWater > f.pages {
		return &DamageError{f.pages, truncated}
	}
	w := f.walker(m.HighWater, visit, nil)
	if err := w.freelist(m.Freelist); err != nil {
		return err
	}
	if err := w.all(m.Root); err != nil {
		return err
	}
	if w.ntaken == m.HighWater-firstPage {
		return nil
	}
	id := uint64(firstPage)
	for w.taken.has(id) {
		id++
	}
	return &DamageError{id, "is neither used nor free"}
}

// noFreelist stands for a list that bbolt makes anew when it opens the file
// (internal/common/types.go).
const noFreelist = 1<<64 - 1

// freelist takes the free pages, so that no bucket can. The list
// (internal/freelist/shared.go) is in order; if it is long, the count that the
// header has no space for comes first.
func (w *walker) freelist(id uint64) error {
	if id == noFreelist {
		return w.damaged(id, "stands for a freelist that was not written")
	}
	p, err := w.read(id)
	if err != nil {
		return err
	}
	if p.flags != freelistFlag {
		return w.damaged(id, "is no freelist")
	}
	list := p.data[headerSize:]
	n := uint64(p.count)
	if n == 0xFFFF {
		n = binary.NativeEndian.Uint64(list)
		list = list[8:]
	}
	if n > uint64(len(list)/8) {
		return w.damaged(id, "lists more free pages than it has space for")
	}
	last := uint64(firstPage - 1)
	for ; n > 0; n-- {
		free := binary.NativeEndian.Uint64(list)
		list = list[8:]
		if free <= last || free >= w.pages {
			return w.damaged(id, "lists free pages that cannot be, or out of order")
		}
		if !w.take(free, 1) {
			return w.damaged(id, "lists itself as free")
		}
		last = free
	}
	return nil
}

// Salvage gives visit the rows that m, one of [File.Metas], leads to, and goes on
// where [File.Check] would not. It reports all the damage it comes across. Below
// a page that cannot be read all is lost, and so is what does not lie within its
// page; but a key out of order is visited, since it may be its neighbour that is
// wrong. So only the caller can tell, from what it knows of its rows, whether
// they are its own: a key may also come twice.
//
// The error is that of visit. Those of the reader are reported like damage.
func (f *File) Salvage(m Meta, visit Visit, report Report) error {
	if report == nil {
		report = func([]byte, error) {}
	}
	// The high-water mark may be what is damaged.
	return f.walker(f.pages, visit, report).all(m.Root)
}
