package group_test

import (
	"bytes"
	"crypto/ed25519"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/parley-e2ee/parley/e2ee/group"
)

// samples are one valid frame of each type for one state, and what is needed to
// have that state again.
type samples struct {
	room   group.RoomID
	state  []byte // marshalled; nil for the Create
	frames map[string][]byte
	keys   map[string]ed25519.PrivateKey // that sign them
}

// oneOfEach makes a room in which every type of frame is valid; its Commit has
// every kind of operation.
func oneOfEach(t testing.TB) samples {
	s := commitStage(t, group.Invite)
	s.add("erin")
	s.expel("dave", true)
	s.ok(s.leave("erin").frame())
	s.ok(s.message("bob").frame())
	join := s.join("bob")
	join.proof = nil
	commit := s.rotating(s.commit("carol"))
	commit.adds = [][]byte{join.frame()}
	commit.admission = uint8(group.Open)
	commit.admins = s.memberships("alice", "bob")
	commit.unban = s.Bans()
	commit.newLeaf = newLeafSpec(t, s.RoomID(), "carol", s.actor("carol").id).bytes()
	bob, carol := s.actor("bob").leaf, s.actor("carol").leaf
	keys := map[string]ed25519.PrivateKey{
		"leave": bob, "remove": s.actor("alice").leaf, "commit": carol, "message": carol,
	}
	return samples{s.RoomID(), state(t, s.Public), map[string][]byte{
		"create":  s.log[0],
		"join":    s.join("frank").frame(),
		"rejoin":  s.join("bob").frame(),
		"leave":   s.leave("bob").frame(),
		"remove":  s.remove("alice", "bob", true).frame(),
		"commit":  s.addressed(commit).frame(),
		"message": s.message("carol").frame(),
	}, keys}
}

// public is a reader for whom the frame of a name is next.
func (tr samples) public(t testing.TB, name string) *group.Public {
	t.Helper()
	if name == "create" {
		return group.NewPublic(tr.room)
	}
	p, err := group.ParsePublic(tr.state)
	must(t, err)
	return p
}

// Any bit flipped, any truncation, any extension: an error, no panic, and a
// state that is the same but for the position; then the frame itself is valid.
func TestProperty31_CorruptedFrames(t *testing.T) {
	tr := oneOfEach(t)
	for name, frame := range tr.frames {
		t.Run(name, func(t *testing.T) {
			p := tr.public(t, name)
			before, at := group.Apart(p), p.Position()
			var tried uint64
			void := func(what string, offset int, corrupt []byte) {
				if _, err := p.Apply(corrupt); err == nil {
					t.Fatalf("%s at %d of %d: valid", what, offset, len(frame))
				}
				if tried++; p.Position() != at+tried || tried%32 == 0 && !bytes.Equal(before, group.Apart(p)) {
					t.Fatalf("%s at %d of %d changed the state", what, offset, len(frame))
				}
			}
			step, all := 1, true
			if len(frame) > 1000 {
				step, all = 5, false
			}
			if testing.Short() {
				step *= 16
			}
			for i := rand.IntN(step); i < len(frame); i += step {
				for bit := range 8 {
					if all || bit == i%8 {
						void("bit", i, patched(frame, i, frame[i]^1<<bit))
					}
				}
				void("byte", i, patched(frame, i, frame[i]^0xff))
				void("truncation", i, frame[:i])
			}
			for n := range min(len(frame), 80) {
				void("end cut", n+1, frame[:len(frame)-n-1])
			}
			for _, more := range [][]byte{{0}, {1}, make([]byte, 64), frame} {
				void("extension", len(more), slices.Concat(frame, more))
				void("prefix", len(more), slices.Concat(more, frame))
			}
			if !bytes.Equal(before, group.Apart(p)) {
				t.Fatal("the state is another")
			}
			_, err := p.Apply(frame)
			must(t, err)
		})
	}
}

// A frame of room X in room Y is ErrWrongRoom, and void with its room changed.
func TestProperty22_FrameOfAnotherRoom(t *testing.T) {
	tr, other := oneOfEach(t), oneOfEach(t)
	for name, frame := range tr.frames {
		p := other.public(t, name)
		before := group.Apart(p)
		_, err := p.Apply(frame)
		wantErr(t, err, group.ErrWrongRoom)
		moved := slices.Clone(frame)
		copy(moved[4:], other.room[:])
		if _, err := p.Apply(moved); err == nil {
			t.Errorf("%s moved into another room is valid", name)
		}
		if !bytes.Equal(before, group.Apart(p)) {
			t.Errorf("%s of another room changed the state", name)
		}
	}
}

// A frame of one type parsed as another is refused.
func TestProperty23_FrameOfAnotherType(t *testing.T) {
	tr := oneOfEach(t)
	for name, frame := range tr.frames {
		for kind := range byte(8) {
			p := tr.public(t, name)
			before := group.Apart(p)
			if _, err := p.Apply(patched(frame, 3, kind)); (err == nil) != (kind == frame[3]) {
				t.Errorf("%s as type %d: %v", name, kind, err)
			} else if err != nil && !bytes.Equal(before, group.Apart(p)) {
				t.Errorf("%s as type %d changed the state", name, kind)
			}
		}
	}
}
