package cobblestone

import (
	"reflect"
	"slices"
)

// extend returns dst with n more bytes, none of which is memory of src.
func extend(dst []byte, n int, src []byte) []byte {
	if n <= cap(dst)-len(dst) && overlap(dst[len(dst):len(dst)+n], src) {
		dst = slices.Clip(dst)
	}
	return slices.Grow(dst, n)[:len(dst)+n]
}

func overlap(a, b []byte) bool {
	if len(a) == 0 || len(b) == 0 {
		return false
	}
	pa, pb := address(&a[0]), address(&b[0])
	return pa < pb+uintptr(len(b)) && pb < pa+uintptr(len(a))
}

func address(p *byte) uintptr { return reflect.ValueOf(p).Pointer() }
