package group_test

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/parley-e2ee/parley/e2ee/group"
)

// pick is one of the frames of a room in which all of them are valid.
func (tr samples) pick(n uint8) (name string, frame []byte) {
	names := slices.Sorted(maps.Keys(tr.frames))
	name = names[int(n)%len(names)]
	return name, tr.frames[name]
}

// FuzzPublicApply overwrites part of a valid frame, or takes bytes for one. A
// frame whose form survives may be signed again by the member who signed it:
// so a mutation reaches the rules that a dishonest member can break. Nothing
// panics, nothing of the frame is kept, what is void changes nothing, and what
// is valid leaves a state that survives marshalling and lets members commit.
func FuzzPublicApply(f *testing.F) {
	tr := oneOfEach(f)
	f.Add(uint8(0), uint32(0), []byte(nil), false)
	f.Fuzz(func(t *testing.T, which uint8, at uint32, patch []byte, again bool) {
		name, frame := tr.pick(which)
		if which == 255 {
			frame = patch
		} else {
			from := int(at) % (len(frame) + 1)
			frame = append(slices.Clone(frame[:from]), patch...)
			if rest := from + len(patch); rest < len(tr.frames[name]) {
				frame = append(frame, tr.frames[name][rest:]...)
			}
		}
		if key := tr.keys[name]; again && key != nil {
			frame = group.SignAgain(frame, tr.room, key)
		}
		p := tr.public(t, name)
		before := group.Apart(p)
		lent := slices.Clone(frame)
		_, err := p.Apply(lent)
		clear(lent)
		after := group.Apart(p)
		if err != nil && !bytes.Equal(before, after) {
			t.Fatalf("void (%v), and the state is another", err)
		}
		if err != nil {
			return
		}
		if again, err := group.ParsePublic(state(t, p)); err != nil || !bytes.Equal(group.Apart(again), after) {
			t.Fatalf("valid, and the state does not survive: %v", err)
		}
		must(t, group.Unique(p))
		if name != "create" && !someAdminStays(p) {
			t.Fatal("valid, and no admin stays")
		}
	})
}

func someAdminStays(p *group.Public) bool {
	return slices.ContainsFunc(p.Roster(), func(who group.Person) bool {
		return who.Admin && !group.IsPending(p, who.Membership)
	})
}

// FuzzFrame reads frames of every type: what parses has one encoding.
func FuzzFrame(f *testing.F) {
	f.Fuzz(func(t *testing.T, frame []byte) {
		var room group.RoomID
		if len(frame) >= frameHeader {
			copy(room[:], frame[4:])
		}
		again, err := group.Reencode(frame, room)
		if err == nil && !bytes.Equal(again, frame) {
			t.Fatalf("%d bytes became %d others", len(frame), len(again))
		}
	})
}

// FuzzParsePublic reads states: what parses marshals to the same bytes, and
// takes frames of its room without a panic.
func FuzzParsePublic(f *testing.F) {
	tr := oneOfEach(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := group.ParsePublic(data)
		if err != nil {
			wantErr(t, err, group.ErrState)
			return
		}
		if !bytes.Equal(state(t, p), data) {
			t.Fatal("another state")
		}
		for _, who := range p.Roster() {
			group.Rank(p, who.Index)
			_ = group.Judge(p, tr.frames["commit"])
		}
		for _, frame := range tr.frames {
			moved, room := slices.Clone(frame), p.RoomID()
			copy(moved[4:], room[:])
			_, _ = p.Apply(moved)
		}
	})
}

// corpus is what testdata/fuzz holds: real frames and states, made anew with
// PARLEY_CORPUS=write.
func corpus(t testing.TB) map[string]string {
	files := make(map[string]string)
	quote := func(values ...any) string {
		var b strings.Builder
		b.WriteString("go test fuzz v1\n")
		for _, v := range values {
			switch v := v.(type) {
			case []byte:
				fmt.Fprintf(&b, "[]byte(%s)\n", strconv.Quote(string(v)))
			case uint8:
				fmt.Fprintf(&b, "byte('\\x%02x')\n", v)
			default:
				fmt.Fprintf(&b, "%T(%v)\n", v, v)
			}
		}
		return b.String()
	}
	tr := oneOfEach(t)
	for _, name := range slices.Sorted(maps.Keys(tr.frames)) {
		files["FuzzFrame/"+name] = quote(tr.frames[name])
	}
	files["FuzzParsePublic/members"] = quote(tr.state)
	alone := newStage(t, group.Open)
	files["FuzzParsePublic/alone"] = quote(state(t, alone.Public))
	files["FuzzParsePublic/empty"] = quote(state(t, group.NewPublic(alone.RoomID())))
	for i := range uint8(len(tr.frames)) {
		name, frame := tr.pick(i)
		end := uint32(len(frame))
		files["FuzzPublicApply/valid-"+name] = quote(i, uint32(0), []byte(nil), false)
		files["FuzzPublicApply/longer-"+name] = quote(i, end, []byte{0}, false)
		files["FuzzPublicApply/signed-"+name] = quote(i, uint32(frameHeader+7), []byte{1}, true)
	}
	for i := range uint8(64) { // each frame of the traffic as it is, and mutated in each way
		edits := []byte{i % 20, 37 * i, i % 8, i / 8}
		if i%4 == 0 {
			edits = nil
		}
		files[fmt.Sprintf("FuzzMemberApply/frame-%02d", i)] = quote(i, 3*i+1, i%7, edits)
	}
	files["FuzzMemberApply/bytes"] = quote(uint8(255), uint8(0), uint8(0), tr.frames["leave"][:frameHeader])
	files["FuzzPublicApply/header"] = quote(uint8(255), uint32(0), tr.frames["leave"][:frameHeader], false)
	return files
}

// The committed corpus is real: what its names say parses.
func TestCorpus(t *testing.T) {
	if os.Getenv("PARLEY_CORPUS") == "write" {
		for name, seed := range corpus(t) {
			path := filepath.Join("testdata", "fuzz", name)
			must(t, os.MkdirAll(filepath.Dir(path), 0o755))
			must(t, os.WriteFile(path, []byte(seed), 0o644))
		}
	}
	frames, total := 0, int64(0)
	for _, dir := range []string{"FuzzFrame", "FuzzParsePublic", "FuzzPublicApply", "FuzzMemberApply"} {
		entries, err := os.ReadDir(filepath.Join("testdata", "fuzz", dir))
		must(t, err)
		if len(entries) < 3 {
			t.Errorf("%s has %d seeds", dir, len(entries))
		}
		for _, e := range entries {
			raw, err := os.ReadFile(filepath.Join("testdata", "fuzz", dir, e.Name()))
			must(t, err)
			total += int64(len(raw))
			_, value, _ := strings.Cut(strings.TrimSpace(string(raw)), "\n")
			if strings.HasSuffix(dir, "Apply") {
				continue
			}
			seed, err := strconv.Unquote(strings.TrimSuffix(strings.TrimPrefix(value, "[]byte("), ")"))
			must(t, err)
			if dir == "FuzzParsePublic" {
				_, err = group.ParsePublic([]byte(seed))
			} else {
				_, err = group.Reencode([]byte(seed), group.RoomID([]byte(seed)[4:frameHeader]))
				frames++
			}
			if err != nil {
				t.Errorf("%s/%s: %v", dir, e.Name(), err)
			}
		}
	}
	if frames < 7 || total > 300<<10 {
		t.Errorf("%d frames, %d bytes", frames, total)
	}
}
