package fernet

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"strings"
	"sync/atomic"
)

// KeySize is the size of a key in bytes: 16 for signing, then 16 for encryption.
const KeySize = 32

// keyChars is the length of a key's text form without its padding.
const keyChars = 43

// A Key makes and opens tokens. It must be kept secret. Make one with
// [GenerateKey], [ParseKey] or [NewKey]: the zero Key is refused with [ErrKey].
//
// A Key is immutable, cheap to copy and safe for concurrent use. Copies share
// about 2.5 KiB of cipher state, built at the first use and kept for the next.
type Key struct {
	redacted

	// A closure: neither fmt nor reflection sees through it.
	secret func() *material
}

// material is what a Key stands for.
type material struct {
	raw  [KeySize]byte
	idle atomic.Pointer[machine]
}

// GenerateKey returns a new random key. As [crypto/rand.Read] does, it ends the
// program if the system has no randomness to give.
func GenerateKey() Key {
	var raw [KeySize]byte
	rand.Read(raw[:])
	defer clear(raw[:])
	return newKey(&raw)
}

// NewKey returns the key made of the 32 bytes of raw, which it copies. It does
// no work beyond that, so a key that is used once costs little. The bytes must
// be uniformly random, such as the output of a key derivation function. Any
// other length is [ErrKey].
func NewKey(raw []byte) (Key, error) {
	if len(raw) != KeySize {
		return Key{}, ErrKey
	}
	return newKey((*[KeySize]byte)(raw)), nil
}

// ParseKey returns the key with the given text form: 43 base64url characters
// and, as [Key.Reveal] and Python's Fernet.generate_key write it, one '=' that
// may be left out. Anything else, a line break at the end included, is [ErrKey].
func ParseKey(text string) (Key, error) {
	var chars [keyChars]byte
	var raw [KeySize]byte
	defer clear(chars[:])
	defer clear(raw[:])

	text = strings.TrimSuffix(text, "=")
	if len(text) != keyChars {
		return Key{}, ErrKey
	}
	copy(chars[:], text)
	if !decodeSlowly(raw[:], chars[:]) {
		return Key{}, ErrKey
	}
	return newKey(&raw), nil
}

func newKey(raw *[KeySize]byte) Key {
	s := &material{raw: *raw}
	return Key{secret: func() *material { return s }}
}

// Reveal returns the secret key in its text form, 44 base64url characters with
// padding, which [ParseKey] and Python's Fernet take. Whoever sees it can read
// and forge every token of this key. It returns "" for the zero Key.
func (k Key) Reveal() string {
	if k.secret == nil {
		return ""
	}
	return base64.URLEncoding.EncodeToString(k.secret().raw[:])
}

// Equal reports, in constant time, whether both keys are the same 32 bytes. The
// zero Key equals only itself.
func (k Key) Equal(other Key) bool {
	if k.secret == nil || other.secret == nil {
		return k.secret == nil && other.secret == nil
	}
	return subtle.ConstantTimeCompare(k.secret().raw[:], other.secret().raw[:]) == 1
}

// machine returns the cipher state of k for the caller's sole use until it is
// released, or [ErrKey] for the zero Key.
func (k Key) machine() (*machine, error) {
	if k.secret == nil {
		return nil, ErrKey
	}
	s := k.secret()
	if m := s.idle.Swap(nil); m != nil {
		return m, nil
	}
	return newMachine(s)
}
