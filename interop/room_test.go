package interop_test

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"slices"
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

// logIn reads a log as peers/room_files.py documents it.
func logIn(t *testing.T, path string) (room group.RoomID, frames [][]byte) {
	t.Helper()
	var recorded struct {
		RoomID string `json:"room_id"`
		Log    []json.RawMessage
	}
	if err := json.Unmarshal(must(os.ReadFile(path)), &recorded); err != nil {
		t.Fatal(err)
	}
	for _, entry := range recorded.Log {
		var text string
		if json.Unmarshal(entry, &text) != nil {
			var object struct{ Frame string }
			if err := json.Unmarshal(entry, &object); err != nil {
				t.Fatal(err)
			}
			text = object.Frame
		}
		frames = append(frames, must(hex.DecodeString(text)))
	}
	return must(group.ParseRoomID(recorded.RoomID)), frames
}

// TestRoomDamagedLogs has both judge the recorded room with frames that are damaged,
// missing, repeated or in another order.
func TestRoomDamagedLogs(t *testing.T) {
	p, r := python.get(t), newRandom(t)
	room, recorded := logIn(t, "../testdata/vectors/room-v1.json")
	verdicts, frames := map[string]int{}, 0
	for i := range 120 {
		log := slices.Clone(recorded)
		for range 1 + r.IntN(4) {
			at := r.IntN(len(log) - 1)
			switch r.IntN(5) {
			case 0:
				log = slices.Delete(log, at, at+1)
			case 1:
				log = slices.Insert(log, at, pick(r, recorded...))
			case 2:
				log[at], log[at+1] = log[at+1], log[at]
			default:
				log[at] = damage(r, log[at])
			}
		}
		w := newPublicTwin(t, p, fmt.Sprint("damaged ", i), room)
		for _, got := range w.read(t, log...) {
			verdicts[got.Verdict]++
		}
		w.wantState(t)
		frames += len(log)
	}
	t.Log(frames, "frames", verdicts)
	reached(t, verdicts, "valid", "ErrMalformed", "ErrSignature", "ErrEpoch", "ErrNotCreated")
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
			batch := 12
			if kind == "age" { // what is forgotten at some epoch has to show there
				batch = 2
			}
			for at := 0; at < len(log.Frames); {
				var some [][]byte
				for ; at < len(log.Frames) && len(some) < batch; at++ {
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
