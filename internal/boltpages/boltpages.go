// Package boltpages reads the file of a bbolt database without trusting it.
//
// bbolt believes its file: a damaged page makes it panic, recurse for ever or
// read beyond its memory map, and the last of these kills the process. This
// package walks such a file on its own. [File.Check] accepts just what bbolt
// can safely open and write to; [File.Salvage] hands out what is left of a file
// that Check refuses. Whatever the file says, both read no page twice, and take
// no more memory than the pages on the way to one row, with their overflow, and a
// bit for each page of the file.
//
// Only files with pages of [PageSize] bytes are read, with buckets at the top
// and none inside those. Comments name the files of bbolt v1.5 that say how
// the bytes lie.
package boltpages

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"math"
)

// PageSize is the only page size that this package reads. Whoever opens the file
// with bbolt has to ask for it: bbolt's default is that of the machine.
const PageSize = 4096

var (
	// ErrDamaged is what every [DamageError] is.
	ErrDamaged = errors.New("boltpages: file is damaged")

	// ErrPageSize reports a database whose pages are not of [PageSize] bytes.
	ErrPageSize = errors.New("boltpages: pages are of another size")
)

// A DamageError says where a file is damaged, and nothing of what it holds.
type DamageError struct {
	Page uint64 // number of the page, from 0
	What string // what is wrong with it
}

func (e *DamageError) Error() string {
	return fmt.Sprintf("%v: page %d: %s", ErrDamaged, e.Page, e.What)
}

// Unwrap makes the error an [ErrDamaged].
func (e *DamageError) Unwrap() error { return ErrDamaged }

// A File is a bbolt database that bbolt has not seen yet. It does not change, and
// is safe for concurrent use if its reader is.
type File struct {
	r      io.ReaderAt
	pages  uint64 // whole pages in the file
	metas  [2]Meta
	faults [2]error // why the meta page is not valid
}

// A Meta is one of the two pages a database starts with. bbolt writes them in
// turn, one at each commit.
type Meta struct {
	Page      uint64 // 0 or 1
	Valid     bool   // as bbolt wrote it, by its checksum
	TxID      uint64 // number of the commit
	Root      uint64 // page of the bucket of all buckets
	Freelist  uint64 // page of the list of free pages
	HighWater uint64 // pages in use: those from here on are not
}

// Open reads the meta pages of a file of size bytes. Damage is no error yet.
func Open(r io.ReaderAt, size int64) (*File, error) {
	f := &File{r: r, pages: uint64(max(size, 0)) / PageSize}
	for i := range f.metas {
		f.metas[i], f.faults[i] = f.meta(uint64(i))
		if f.faults[i] == ErrPageSize {
			return nil, ErrPageSize
		}
	}
	for _, err := range f.faults {
		if err == nil || errors.Is(err, ErrDamaged) {
			return f, nil
		}
	}
	return nil, f.faults[0] // neither can be read
}

// Metas returns the meta pages to walk from, that of the latest commit first.
// One that is not Valid is there only if it still points into the file.
func (f *File) Metas() []Meta {
	var metas []Meta
	for _, m := range f.metas {
		if m.Root >= firstPage && m.Root < f.pages {
			metas = append(metas, m)
		}
	}
	if len(metas) == 2 && metas[1].TxID > metas[0].TxID {
		metas[0], metas[1] = metas[1], metas[0]
	}
	return metas
}

// Where the fields of a meta page lie (internal/common/meta.go).
const (
	metaMagic     = headerSize
	metaVersion   = headerSize + 4
	metaPageSize  = headerSize + 8
	metaRoot      = headerSize + 16
	metaFreelist  = headerSize + 32
	metaHighWater = headerSize + 40
	metaTxID      = headerSize + 48
	metaChecksum  = headerSize + 56

	magic   = 0xED0CDAED
	version = 2
)

// meta reads a meta page. With damage it returns what fields it can, or none if
// the page is none at all.
func (f *File) meta(id uint64) (Meta, error) {
	if id >= f.pages {
		return Meta{}, &DamageError{id, truncated}
	}
	data := make([]byte, PageSize)
	if err := f.readAt(data, id); err != nil {
		return Meta{}, err
	}
	u32 := func(at int) uint32 { return binary.NativeEndian.Uint32(data[at:]) }
	u64 := func(at int) uint64 { return binary.NativeEndian.Uint64(data[at:]) }

	hash := fnv.New64a()
	hash.Write(data[headerSize:metaChecksum])
	whole := hash.Sum64() == u64(metaChecksum)
	if u32(metaMagic) != magic || u32(metaVersion) != version {
		return Meta{}, &DamageError{id, "not the meta page of a bbolt database"}
	}
	if size := u32(metaPageSize); size != PageSize {
		if whole {
			return Meta{}, ErrPageSize
		}
		return Meta{}, &DamageError{id, "wrong checksum and page size"}
	}
	m := Meta{Page: id, TxID: u64(metaTxID), Root: u64(metaRoot), Freelist: u64(metaFreelist), HighWater: u64(metaHighWater)}
	if !whole {
		return m, &DamageError{id, "wrong checksum"}
	}
	// bbolt does not look at the header here, but it always writes it.
	if p := parse(data); p.id != id || p.flags != metaFlag || p.count != 0 || p.overflow != 0 {
		return m, &DamageError{id, "wrong header of a meta page"}
	}
	// The next commit must not find itself older than this one.
	if m.TxID > math.MaxInt64 {
		return m, &DamageError{id, "impossible transaction number"}
	}
	m.Valid = true
	return m, nil
}

// readAt fills p from the given page on. The caller has seen to it that the file
// should have that much: an end of the file is damage.
func (f *File) readAt(p []byte, page uint64) error {
	n, err := f.r.ReadAt(p, int64(page)*PageSize)
	if n == len(p) {
		return nil
	}
	if err == nil || err == io.EOF || err == io.ErrUnexpectedEOF {
		return &DamageError{page, truncated}
	}
	return err
}

const truncated = "the file ends before it"
