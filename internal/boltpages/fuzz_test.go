package boltpages_test

import (
	"testing"

	"go.etcd.io/bbolt"
)

// pack writes down a file without the zeros at the end of its pages, so that a
// fuzzer changes what matters. For each page: two bytes of length, and so many.
func pack(data []byte) []byte {
	var packed []byte
	for len(data) >= pageSize {
		p := data[:pageSize]
		for len(p) > 0 && p[len(p)-1] == 0 {
			p = p[:len(p)-1]
		}
		packed = append(packed, byte(len(p)), byte(len(p)>>8))
		packed = append(packed, p...)
		data = data[pageSize:]
	}
	return packed
}

// unpack makes a file of anything, but of no more than 64 pages.
func unpack(packed []byte) []byte {
	var data []byte
	for len(packed) >= 2 && len(data) < 64*pageSize {
		n := min(int(packed[0])|int(packed[1])<<8, len(packed)-2, pageSize)
		var p [pageSize]byte
		copy(p[:], packed[2:2+n])
		packed = packed[2+n:]
		data = append(data, p[:]...)
	}
	return data
}

// FuzzCheck looks for files that Check takes and bbolt cannot use.
func FuzzCheck(f *testing.F) {
	f.Add(pack(sample(f, bbolt.FreelistArrayType)))
	f.Fuzz(func(t *testing.T, packed []byte) {
		data := unpack(packed)
		check(data)
		sum(data) // no fuzzer would
		salvage(data)
		if _, err := check(data); err != nil {
			return
		}
		dir := tempDir(t)
		for _, freelist := range []bbolt.FreelistType{bbolt.FreelistArrayType, bbolt.FreelistMapType} {
			if failure := usable(dir, data, freelist); failure != "" {
				t.Fatalf("%s: %s", freelist, failure)
			}
		}
	})
}
