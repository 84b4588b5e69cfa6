package interop_test

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/parley-e2ee/parley/e2ee/group"
	"golang.org/x/crypto/cryptobyte"
)

// told is what room.py tells of a frame; bytes are hex digits.
type told struct {
	Position  uint64
	Verdict   string
	Check     string
	Gaps      []gapTold
	Forks     []struct{ Identity string }
	Findings  []string
	FrameHash string `json:"frame_hash"`
	Epoch     *struct {
		Epoch                      uint64
		Transcript, Policy, Digits string
		Members                    []memberTold
	}
	Message *struct {
		SentAt   int64 `json:"sent_at"`
		Messages []messageTold
	}
}

type gapTold struct {
	Generations, Ahead uint64
	Previous           bool
}

type memberTold struct {
	Index                                   uint8
	Name, Identity, Membership, Fingerprint string
	Admin                                   bool
}

type messageTold struct {
	ID   string
	Kind uint8
	Text string
}

// openRoom has Python begin to read a room's log. Each reader has a name of its own.
func openRoom(t *testing.T, p *peer, name string, room group.RoomID) {
	t.Helper()
	ask[int](t, p, "room_open", args{"name": name, "room": room.String()})
}

// readRoom has Python read frames.
func readRoom(t *testing.T, p *peer, name string, frames ...[]byte) []told {
	t.Helper()
	all := ask[[]told](t, p, "room_read", args{"name": name, "frames": frames})
	if len(all) != len(frames) {
		t.Fatalf("Python tells of %d frames, not %d", len(all), len(frames))
	}
	return all
}

// reasonNames are the names by which the specification knows the reasons.
var reasonNames = map[error]string{
	group.ErrMalformed: "ErrMalformed", group.ErrVersion: "ErrVersion", group.ErrSuite: "ErrSuite", group.ErrType: "ErrType",
	group.ErrTooLarge: "ErrTooLarge", group.ErrWrongRoom: "ErrWrongRoom", group.ErrNotCreated: "ErrNotCreated",
	group.ErrCreated: "ErrCreated", group.ErrEpoch: "ErrEpoch", group.ErrTranscript: "ErrTranscript",
	group.ErrNotMember: "ErrNotMember", group.ErrNotAdmin: "ErrNotAdmin", group.ErrLastAdmin: "ErrLastAdmin",
	group.ErrSignature: "ErrSignature", group.ErrKey: "ErrKey", group.ErrName: "ErrName", group.ErrNameTaken: "ErrNameTaken",
	group.ErrBanned: "ErrBanned", group.ErrJoinUsed: "ErrJoinUsed", group.ErrJoinExpired: "ErrJoinExpired",
	group.ErrInviteNeeded: "ErrInviteNeeded", group.ErrInvite: "ErrInvite", group.ErrInviteExpired: "ErrInviteExpired",
	group.ErrRepeated: "ErrRepeated", group.ErrPending: "ErrPending", group.ErrUnserved: "ErrUnserved",
	group.ErrRecipientSet: "ErrRecipientSet", group.ErrEntries: "ErrEntries", group.ErrOperation: "ErrOperation",
	group.ErrRotation: "ErrRotation", group.ErrFull: "ErrFull", group.ErrReplay: "ErrReplay", group.ErrTooFar: "ErrTooFar",
}

// roomVerdict is what Python calls the same verdict.
func roomVerdict(t *testing.T, err error) string {
	t.Helper()
	if err == nil {
		return "valid"
	}
	for sentinel, name := range reasonNames {
		if errors.Is(err, sentinel) {
			return name
		}
	}
	t.Fatalf("a reason that the specification does not have: %v", err)
	return ""
}

// publicTwin is an observer of a log, and Python's reader of the same.
type publicTwin struct {
	*group.Public
	p       *peer
	name    string
	records group.Records
}

func newPublicTwin(t *testing.T, p *peer, name string, room group.RoomID) *publicTwin {
	openRoom(t, p, name, room)
	return &publicTwin{group.NewPublic(room), p, name, group.Records{}}
}

// read holds both to the same verdict, reports and roster for each frame.
func (w *publicTwin) read(t *testing.T, frames ...[]byte) []told {
	t.Helper()
	all := readRoom(t, w.p, w.name, frames...)
	for i, frame := range frames {
		events, err := w.Apply(frame)
		w.compare(t, all[i], frame, events, err)
	}
	return all
}

func (w *publicTwin) compare(t *testing.T, got told, frame []byte, events []group.Event, err error) {
	t.Helper()
	where := fmt.Sprintf("frame %d of type %d, check %s", w.Position(), typeOf(frame), got.Check)
	wantEqual(t, where+": position", got.Position, w.Position())
	wantEqual(t, where+": verdict", got.Verdict, roomVerdict(t, err))
	wantReports(t, where, got, events)
	if got.Epoch == nil {
		if err == nil && (typeOf(frame) == 1 || typeOf(frame) == 5) {
			t.Fatalf("%s: Python tells of no epoch", where)
		}
		return
	}
	transcript := w.Transcript()
	wantEqual(t, where+": epoch", got.Epoch.Epoch, w.Epoch())
	wantEqual(t, where+": M", got.Epoch.Transcript, hex.EncodeToString(transcript[:]))
	var roster []memberTold
	for _, m := range w.Roster() {
		roster = append(roster, memberTold{
			Index: m.Index, Name: m.Name, Identity: hex.EncodeToString(m.Identity[:]),
			Membership: m.Membership.String(), Fingerprint: m.Fingerprint.String(), Admin: m.Admin,
		})
	}
	if !slices.Equal(roster, got.Epoch.Members) {
		t.Fatalf("%s: our roster\n%v\nPython's\n%v", where, roster, got.Epoch.Members)
	}
}

// wantReports holds the gaps and forks of section 10 to be the same.
func wantReports(t *testing.T, where string, got told, events []group.Event) {
	t.Helper()
	var gaps, theirGaps []gapTold
	var forks, theirForks []string
	for _, ev := range events {
		switch ev := ev.(type) {
		case group.Gap:
			gaps = append(gaps, gapTold{ev.Generations, ev.Ahead, ev.Previous})
		case group.Forked:
			forks = append(forks, hex.EncodeToString(ev.From.Identity[:]))
		}
	}
	theirGaps = append(theirGaps, got.Gaps...)
	for _, f := range got.Forks {
		theirForks = append(theirForks, f.Identity)
	}
	order := func(a, b gapTold) int { return int(a.Ahead) - int(b.Ahead) }
	slices.SortFunc(gaps, order)
	slices.SortFunc(theirGaps, order)
	if !slices.Equal(gaps, theirGaps) || !slices.Equal(forks, theirForks) {
		t.Fatalf("%s: our gaps %v and forks %v, Python's %v and %v", where, gaps, forks, theirGaps, theirForks)
	}
}

func typeOf(frame []byte) byte {
	if len(frame) < 4 {
		return 0
	}
	return frame[3]
}

func wantEqual[T comparable](t *testing.T, what string, theirs, ours T) {
	t.Helper()
	if theirs != ours {
		t.Fatalf("%s: we say %v, Python %v", what, ours, theirs)
	}
}

// stateTold is the public state of section 6.
type stateTold struct {
	Position, Epoch         uint64
	Created                 bool
	Transcript, Policy, End string
	Past, Pending, Seen     []string
	Seats, Senders          map[string][3]any
	Used                    map[string]uint64
}

// wantState holds the whole public state to be the same.
func (w *publicTwin) wantState(t *testing.T) {
	t.Helper()
	theirs := ask[stateTold](t, w.p, "room_state", args{"name": w.name})
	for name, value := range w.Changes() {
		if value == nil {
			delete(w.records, name)
		} else {
			w.records[name] = value
		}
	}
	ours := stateOf(t, w.records)
	if a, b := fmt.Sprintf("%+v", ours), fmt.Sprintf("%+v", theirs); a != b {
		t.Fatalf("at %d, our state\n%s\nPython's\n%s", w.Position(), a, b)
	}
}

// stateOf reads the records of a Public, whose form is package group's own.
func stateOf(t *testing.T, records group.Records) stateTold {
	t.Helper()
	core := cryptobyte.String(records["public"])
	var name cryptobyte.String
	var s stateTold
	var created uint8
	var transcript, end [32]byte
	ok := core.Skip(1+32) && core.ReadUint8(&created) && core.ReadUint8LengthPrefixed(&name) && core.ReadUint64(&s.Position) &&
		core.ReadUint64(&s.Epoch) && core.CopyBytes(transcript[:]) && core.Skip(8) && core.CopyBytes(end[:])
	if s.Created = created == 1; !ok || !s.Created {
		if !ok {
			t.Fatal("the record of Public has another form")
		}
		return s
	}
	s.Transcript, s.End = hex.EncodeToString(transcript[:]), hex.EncodeToString(end[:])
	s.Policy, s.Past = hex.EncodeToString(records["policy"]), hashesOf(records["past"])
	s.Seats, s.Senders, s.Used = map[string][3]any{}, map[string][3]any{}, map[string]uint64{}
	for pending := cryptobyte.String(records["pending"]); !pending.Empty(); {
		var frame cryptobyte.String
		pending.ReadUint16LengthPrefixed(&frame)
		s.Pending = append(s.Pending, hashOf("frame", frame))
	}
	for _, name := range slices.Sorted(maps.Keys(records)) {
		kind, number, _ := strings.Cut(name, "/")
		n, _ := hex.DecodeString(number)
		value := records[name]
		switch kind {
		case "seat":
			since, leaf := float64(binary.BigEndian.Uint64(value[32:])), value[42:]
			s.Seats[fmt.Sprint(n[0])] = [3]any{hex.EncodeToString(value[:32]), since, hashOf("leaf hash", leaf)}
		case "sender":
			generation, at := float64(binary.BigEndian.Uint64(value)), float64(binary.BigEndian.Uint64(value[8:]))
			if previous := [32]byte(value[16:48]); previous != [32]byte{} {
				s.Senders[fmt.Sprint(n[0])] = [3]any{generation, at, hex.EncodeToString(previous[:])}
			}
		case "seen":
			s.Seen = append(s.Seen, hex.EncodeToString(value))
		case "used":
			for _, h := range hashesOf(value) {
				s.Used[h] = binary.BigEndian.Uint64(n)
			}
		}
	}
	return s
}

// hashOf is H of the specification, section 2.
func hashOf(label string, x []byte) string {
	sum := sha256.Sum256(slices.Concat([]byte("parley room v1 "+label+"\x00"), x))
	return hex.EncodeToString(sum[:])
}

func hashesOf(b []byte) (out []string) {
	for ; len(b) >= 32; b = b[32:] {
		out = append(out, hex.EncodeToString(b[:32]))
	}
	return out
}
