// Package alloctest measures, for tests, how much memory a call takes.
package alloctest

import "runtime"

// Bytes is how many bytes call allocates: the least of ten calls, because a
// garbage collection in between takes pooled memory away, and what the runtime
// and other goroutines allocate counts too.
func Bytes(call func()) uint64 {
	least := Once(call)
	for range 9 {
		least = min(least, Once(call))
	}
	return least
}

// Once is how many bytes are allocated while call runs once, by anybody.
func Once(call func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	call()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}
