package transport_test

import (
	"errors"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/parley-e2ee/parley/transport"
)

var control = regexp.MustCompile(`[\x{00}-\x{1f}\x{7f}-\x{9f}]`)

func FuzzCheckName(f *testing.F) {
	for _, name := range []string{
		"", "room:Secure", "id:alice", strings.Repeat("é", 127) + "x", strings.Repeat("é", 128), "a\x00", "a\nb", "\x1f", " ", "~",
		"\x7f", "\u0080", "\u009f", "\u00a0", "\xff", "\xc3", "\xed\xa0\x80", "\xc0\x80", "\ufffd", "\U0010ffff", "\xf4\x90\x80\x80",
	} {
		f.Add(name)
	}
	m := transport.NewMemory(&transport.MemoryOptions{DropOldest: true, RoomFrames: 1, Rooms: 1 << 30})
	f.Fuzz(func(t *testing.T, name string) {
		err := transport.CheckName(name)
		good := 1 <= len(name) && len(name) <= 255 && utf8.ValidString(name) && !control.MatchString(name)
		if good != (err == nil) || !good && !errors.Is(err, transport.ErrBadName) {
			t.Fatalf("got %v for a name that is good: %v", err, good)
		}
		if _, appendErr := m.Append(t.Context(), name, nil); appendErr != err {
			t.Fatalf("append: got %v, want %v", appendErr, err)
		}
		if publishErr := m.Publish(t.Context(), name, nil); publishErr != err {
			t.Fatalf("publish: got %v, want %v", publishErr, err)
		}
	})
}
