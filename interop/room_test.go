package interop_test

import (
	"encoding/hex"
	"fmt"
	"testing"

	"github.com/parley-e2ee/parley/e2ee/group"
)

// TestRoomVectors has Python derive all that the recorded room holds.
func TestRoomVectors(t *testing.T) {
	p := python.get(t)
	got := ask[struct {
		Agreed      int
		Differences []string
	}](t, p, "room_vectors", nil)
	if got.Agreed < 349 || len(got.Differences) > 0 {
		t.Fatalf("%d values agree, not these: %q", got.Agreed, got.Differences)
	}
}

// forgedLog is a log that room_forge.py wrote.
type forgedLog struct {
	Room   string
	Frames []octets
}

// TestRoomForgeries has both judge logs of frames that are rightly signed, whatever
// they say. Nobody has keys there.
func TestRoomForgeries(t *testing.T) {
	p, r := python.get(t), newRandom(t)
	checks, frames := map[string]int{}, 0
	for i, kind := range []string{"random", "random", "random", "random", "random", "random", "random", "random", "random", "random", "age", "crowd", "create"} {
		logs := ask[struct{ Logs []forgedLog }](t, p, "room_forge", args{"kind": kind, "seed": r.Uint64()}).Logs
		for j, log := range logs {
			w := newPublicTwin(t, p, fmt.Sprintf("forged %d.%d", i, j), group.RoomID(must(hex.DecodeString(log.Room))))
			for at := 0; at < len(log.Frames); {
				var some [][]byte
				for ; at < len(log.Frames) && len(some) < 12; at++ {
					some = append(some, log.Frames[at])
				}
				for _, got := range w.read(t, some...) {
					checks[got.Check]++
				}
				w.wantState(t)
			}
			frames += len(log.Frames)
		}
	}
	t.Logf("%d frames, %d different verdicts", frames, len(checks))
	if len(checks) < 80 {
		t.Errorf("only %d different verdicts: %v", len(checks), checks)
	}
}
