package group

import (
	"unicode/utf8"

	"golang.org/x/crypto/cryptobyte"
)

// frameType is the fourth byte of every frame.
type frameType uint8

const (
	typeCreate frameType = 1 + iota
	typeJoin
	typeLeave
	typeRemove
	typeCommit
	typeMessage
)

// headerSize is version 1, suite 2, type 1 and room 32 bytes.
const headerSize = 1 + 2 + 1 + 32

const sigSize = 64

// reader is a cryptobyte.String whose first failure sticks.
type reader struct {
	s   cryptobyte.String
	bad bool
}

func (r *reader) check(ok bool) { r.bad = r.bad || !ok }

func (r *reader) u8() (v uint8)   { r.check(r.s.ReadUint8(&v)); return }
func (r *reader) u16() (v uint16) { r.check(r.s.ReadUint16(&v)); return }
func (r *reader) u64() (v uint64) { r.check(r.s.ReadUint64(&v)); return }

// flag reads a byte that is 0 or 1.
func (r *reader) flag() bool {
	v := r.u8()
	r.check(v <= 1)
	return v == 1
}

func (r *reader) fixed(out []byte) { r.check(r.s.CopyBytes(out)) }

func (r *reader) hash() (h Hash) { r.fixed(h[:]); return }

func (r *reader) bytes(n int) (v []byte) { r.check(r.s.ReadBytes(&v, n)); return }

func (r *reader) vec8() []byte {
	var v cryptobyte.String
	r.check(r.s.ReadUint8LengthPrefixed(&v))
	return v
}

func (r *reader) vec16() []byte {
	var v cryptobyte.String
	r.check(r.s.ReadUint16LengthPrefixed(&v))
	return v
}

func (r *reader) vec24() []byte {
	var v cryptobyte.String
	r.check(r.s.ReadUint24LengthPrefixed(&v))
	return v
}

// done reports success: nothing failed and nothing is left.
func (r *reader) done() error {
	if r.bad || !r.s.Empty() {
		return ErrMalformed
	}
	return nil
}

func put8(b *cryptobyte.Builder, v []byte) {
	b.AddUint8LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(v) })
}

func put16(b *cryptobyte.Builder, v []byte) {
	b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(v) })
}

func put24(b *cryptobyte.Builder, v []byte) {
	b.AddUint24LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(v) })
}

func putFlag(b *cryptobyte.Builder, v bool) {
	if v {
		b.AddUint8(1)
	} else {
		b.AddUint8(0)
	}
}

func putHeader(b *cryptobyte.Builder, t frameType, room RoomID) {
	b.AddUint8(Version)
	b.AddUint16(Suite)
	b.AddUint8(uint8(t))
	b.AddBytes(room[:])
}

// parseHeader reads what every frame starts with. The order of its checks is
// the order in which a reader is told: version, suite, type, room.
func parseHeader(frame []byte, room RoomID) (frameType, error) {
	if len(frame) > MaxFrameSize {
		return 0, ErrTooLarge
	}
	r := reader{s: frame}
	v, s, t := r.u8(), r.u16(), frameType(r.u8())
	id := RoomID(r.hash())
	switch {
	case r.bad:
		return 0, ErrMalformed
	case v != Version:
		return 0, ErrVersion
	case s != Suite:
		return 0, ErrSuite
	case t < typeCreate || t > typeMessage:
		return 0, ErrType
	case id != room:
		return 0, ErrWrongRoom
	}
	return t, nil
}

// ValidName reports whether name may stand in a room: valid UTF-8, 1 to 64
// bytes, without the control characters U+0000–1F and U+007F–9F. Names are
// compared as bytes.
func ValidName(name string) bool {
	if len(name) == 0 || len(name) > MaxNameSize || !utf8.ValidString(name) {
		return false
	}
	for _, r := range name {
		if r < 0x20 || r >= 0x7f && r <= 0x9f {
			return false
		}
	}
	return true
}
