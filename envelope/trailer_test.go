package envelope_test

import (
	"bytes"
	"io"
	"testing"
	"testing/iotest"

	"github.com/parley-e2ee/parley/envelope"
)

// stutter gives what is asked for, but never more than the sizes, in turn.
type stutter struct {
	src   io.Reader
	sizes []int
	calls int
}

func (s *stutter) Read(p []byte) (int, error) {
	size := s.sizes[s.calls%len(s.sizes)]
	s.calls++
	return s.src.Read(p[:min(len(p), size)])
}

// TestTrailerSplit: whatever the source gives at a time, and whatever is asked for, the
// last 112 bytes are the trailer and the others the payload.
func TestTrailerSplit(t *testing.T) {
	const trailer = 112
	for _, size := range []int{0, 1, 111, 112, 113, 223, 224, 225, 400, 5000} {
		all := message(size)
		cut := max(0, size-trailer)
		for _, gives := range [][]int{{1}, {2, 111}, {112}, {113}, {1, 300}, {300, 1, 112}, {1 << 20}} {
			for _, asks := range [][]int{{1}, {3, 0, 110}, {111, 112, 113}, {224, 1}, {1000}, {1 << 16}} {
				for name, src := range map[string]io.Reader{
					"EOF alone": bytes.NewReader(all), "EOF with data": iotest.DataErrReader(bytes.NewReader(all)),
				} {
					payload, rest, hashed, err := envelope.SplitTrailer(&stutter{src: src, sizes: gives}, asks...)
					if err != io.EOF || !bytes.Equal(payload, all[:cut]) || !bytes.Equal(rest, all[cut:]) || !bytes.Equal(hashed[:], digestAll(payload)) {
						t.Errorf("%d bytes, %v at a time, asked for %v, %s: %d and %d, %v", size, gives, asks, name, len(payload), len(rest), err)
					}
				}
			}
		}
	}
	for _, size := range []int{1, 112, 113, 1 << 16} {
		if !envelope.FillsWholeReads(bytes.NewReader(message(1<<18)), size) {
			t.Errorf("reads of %d bytes are short", size)
		}
	}
}
