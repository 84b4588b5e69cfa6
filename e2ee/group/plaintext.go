package group

import (
	"encoding/hex"
	"math/bits"

	"golang.org/x/crypto/cryptobyte"
)

// MessageID names an application message, 16 bytes chosen at random by its
// sender, and unique for that sender alone. It stays the same when the message
// has to be sealed anew.
type MessageID [16]byte

// String returns 32 hex digits.
func (id MessageID) String() string { return hex.EncodeToString(id[:]) }

// AppMessage is one message of the application. Kind tells kinds apart that
// the application has; Text is at most MaxTextSize bytes.
type AppMessage struct {
	ID   MessageID
	Kind uint8
	Text []byte
}

const (
	minPlaintext = 64
	// maxPlaintext is the largest Padmé size whose token fits a frame.
	maxPlaintext = 63 << 14
)

// padme is the size to which n bytes are padded: at most 12 % more, and few
// different ones (Padmé, from "Reducing Metadata Leakage from Encrypted Files
// and Communication with PURBs", PoPETs 2019, section 4).
func padme(n int) int {
	if n <= minPlaintext {
		return minPlaintext
	}
	e := bits.Len(uint(n)) - 1
	s := bits.Len(uint(e))
	mask := 1<<(e-s) - 1
	return (n + mask) &^ mask
}

// pack lists as many messages as fit a frame, and pads. It returns how many.
func pack(queue []AppMessage) (plaintext []byte, n int) {
	size := 3
	for n < min(len(queue), MaxMessages) && size+20+len(queue[n].Text) <= maxPlaintext {
		size += 20 + len(queue[n].Text)
		n++
	}
	out := make([]byte, padme(size))
	b := cryptobyte.NewFixedBuilder(out[:0])
	b.AddUint24(uint32(size - 3))
	for _, m := range queue[:n] {
		b.AddBytes(m.ID[:])
		b.AddUint8(m.Kind)
		b.AddUint24(uint32(len(m.Text)))
		b.AddBytes(m.Text)
	}
	b.BytesOrPanic()
	return out, n
}

// unpack reads what pack wrote: nothing else, and no other padding.
func unpack(plaintext []byte) ([]AppMessage, error) {
	r := reader{s: plaintext}
	list := reader{s: r.vec24()}
	used := len(plaintext) - len(r.s)
	if r.bad || padme(used) != len(plaintext) {
		return nil, ErrPlaintext
	}
	for _, b := range r.s {
		if b != 0 {
			return nil, ErrPlaintext
		}
	}
	var out []AppMessage
	for !list.bad && !list.s.Empty() && len(out) < MaxMessages {
		m := AppMessage{ID: MessageID(list.bytes16()), Kind: list.u8(), Text: list.vec24()}
		list.check(len(m.Text) <= MaxTextSize)
		out = append(out, m)
	}
	if list.done() != nil || len(out) == 0 {
		return nil, ErrPlaintext
	}
	return out, nil
}

func (r *reader) bytes16() (out [16]byte) { r.fixed(out[:]); return }
