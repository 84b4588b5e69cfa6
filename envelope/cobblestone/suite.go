package cobblestone

import "runtime"

// A Suite is an instance of the scheme: its AEAD, with HKDF-Expand-SHA-512.
// Both ends have to agree on it; a message does not say which it is.
type Suite uint8

const (
	// Cobblestone256 uses AEAD_AES_256_GCM and keys of 32 bytes: the default.
	Cobblestone256 Suite = iota
	// Cobblestone128 uses AEAD_AES_128_GCM and keys of 16 bytes.
	Cobblestone128
)

var suites = [...]struct {
	name, aead string
	keySize    int
}{
	Cobblestone256: {"Cobblestone-256", "AEAD_AES_256_GCM", 32},
	Cobblestone128: {"Cobblestone-128", "AEAD_AES_128_GCM", 16},
}

func (s Suite) known() bool { return int(s) < len(suites) }

// String returns the suite's name.
func (s Suite) String() string {
	if !s.known() {
		return "unknown Cobblestone suite"
	}
	return suites[s].name
}

// KeySize returns the size in bytes of the suite's keys, 0 for an unknown suite.
func (s Suite) KeySize() int {
	if !s.known() {
		return 0
	}
	return suites[s].keySize
}

// Options are what can be chosen. A nil *Options stands for the zero Options.
type Options struct {
	// Suite is [Cobblestone256] unless set.
	Suite Suite

	// Concurrency is how many goroutines, the caller's included, may work on
	// one call; those that a call starts have ended when it returns. 0 and below
	// stand for GOMAXPROCS. 1 starts none and takes the least memory.
	Concurrency int
}

func (o *Options) orDefault() Options {
	var set Options
	if o != nil {
		set = *o
	}
	if set.Concurrency < 1 {
		set.Concurrency = runtime.GOMAXPROCS(0)
	}
	return set
}
