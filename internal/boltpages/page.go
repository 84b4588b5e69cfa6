package boltpages

import "encoding/binary"

// How pages lie (internal/common/page.go): a header, as many elements as it
// counts, and then the keys and values, in the order of the elements.
const (
	headerSize  = 16
	elementSize = 16 // of a branch as of a leaf

	branchFlag   = 0x01
	leafFlag     = 0x02
	metaFlag     = 0x04
	freelistFlag = 0x10

	// firstPage follows the meta pages.
	firstPage = 2

	// maxRun is how many pages one may take with its overflow. bbolt cannot
	// address keys and values further on where pointers have 32 bits
	// (internal/common/bolt_386.go), and these are 256 MB.
	maxRun = 1<<16 - 1
)

// A page is one with its overflow pages.
type page struct {
	id       uint64
	flags    uint16
	count    uint16
	overflow uint32
	data     []byte // all of it, from the header on
}

// parse reads the header of a page, for which data has the space.
func parse(data []byte) page {
	return page{
		id:       binary.NativeEndian.Uint64(data),
		flags:    binary.NativeEndian.Uint16(data[8:]),
		count:    binary.NativeEndian.Uint16(data[10:]),
		overflow: binary.NativeEndian.Uint32(data[12:]),
		data:     data,
	}
}

// A span is what an element says of itself: nothing of it need be true.
type span struct {
	flags              uint32 // of a leaf's
	child              uint64 // of a branch's
	start, middle, end uint64 // of key and value, in the page
}

// span reads element i, for which the page has the space.
func (p page) span(i int) span {
	at := headerSize + i*elementSize
	e := p.data[at : at+elementSize]
	u32 := func(i int) uint64 { return uint64(binary.NativeEndian.Uint32(e[i:])) }
	var s span
	if p.flags == branchFlag {
		s.start = uint64(at) + u32(0) // they count from the element
		s.middle = s.start + u32(4)
		s.end = s.middle
		s.child = binary.NativeEndian.Uint64(e[8:])
	} else {
		s.flags = uint32(u32(0))
		s.start = uint64(at) + u32(4)
		s.middle = s.start + u32(8)
		s.end = s.middle + u32(12)
	}
	return s
}

// needs returns how many pages the contents take, as the last element says, or 0
// if that is not in the first page.
func (p page) needs() uint64 {
	if p.flags != branchFlag && p.flags != leafFlag || p.count == 0 ||
		headerSize+int(p.count)*elementSize > PageSize {
		return 0
	}
	return (p.span(int(p.count)-1).end + PageSize - 1) / PageSize
}

// A bitmap is a set of page numbers.
type bitmap []uint64

func newBitmap(pages uint64) bitmap { return make(bitmap, (pages+63)/64) }

func (b bitmap) has(id uint64) bool { return b[id/64]>>(id%64)&1 != 0 }

func (b bitmap) set(id uint64) { b[id/64] |= 1 << (id % 64) }
