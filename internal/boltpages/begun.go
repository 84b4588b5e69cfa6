package boltpages

import (
	"bytes"
	"encoding/binary"
	"hash/fnv"
)

// Empty returns the pages that bbolt makes a new file of (db.go, init).
func Empty() []byte {
	b := make([]byte, 4*PageSize)
	page := func(id uint64, flags uint16) []byte {
		p := b[id*PageSize:][:PageSize]
		binary.NativeEndian.PutUint64(p, id)
		binary.NativeEndian.PutUint16(p[8:], flags)
		return p
	}
	for id := range uint64(2) {
		p := page(id, metaFlag)
		binary.NativeEndian.PutUint32(p[metaMagic:], magic)
		binary.NativeEndian.PutUint32(p[metaVersion:], version)
		binary.NativeEndian.PutUint32(p[metaPageSize:], PageSize)
		binary.NativeEndian.PutUint64(p[metaRoot:], 3)
		binary.NativeEndian.PutUint64(p[metaFreelist:], 2)
		binary.NativeEndian.PutUint64(p[metaHighWater:], 4)
		binary.NativeEndian.PutUint64(p[metaTxID:], id)
		hash := fnv.New64a()
		hash.Write(p[headerSize:metaChecksum])
		binary.NativeEndian.PutUint64(p[metaChecksum:], hash.Sum64())
	}
	page(2, freelistFlag)
	page(3, leafFlag)
	return b
}

// Begun reports whether b is all of a file that bbolt was about to make when the
// power was cut: some sectors of [Empty], and zeros.
func Begun(b []byte) bool {
	const sector = 512
	whole := Empty()
	if len(b) > len(whole) {
		return false
	}
	zero := make([]byte, sector)
	for at := 0; at < len(b); at += sector {
		end := min(at+sector, len(b))
		if !bytes.Equal(b[at:end], whole[at:end]) && !bytes.Equal(b[at:end], zero[:end-at]) {
			return false
		}
	}
	return true
}
