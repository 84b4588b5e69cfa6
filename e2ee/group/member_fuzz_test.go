package group_test

import (
	"bytes"
	"encoding/binary"
	"maps"
	"slices"
	"testing"

	"github.com/parley-e2ee/parley/e2ee/group"
)

// traffic is a room with everything going on, and all that can still come.
func traffic(t testing.TB) (readers []*reader, frames [][]byte) {
	w, all := invited(t, "alice", "bob", "carol")
	dave := w.newcomer("dave", must2(all[0].Invitation()))
	must(t, dave.Join(w.now.Add(1e15)))
	w.flush(dave)
	w.send(all[1], "one", "two")
	w.read()
	must2(all[0].Seal([]group.AppMessage{{Text: []byte("three")}}, w.now))
	must(t, all[0].Commit(group.Changes{NewKeys: true}, w.now, nil))
	must(t, all[1].Commit(group.Changes{}, w.now, nil))
	must(t, all[1].Leave())
	must(t, all[0].Remove(first(all[2].Self()).Membership, true))
	frames = append(frames, w.log...)
	for _, r := range all {
		r.save()
		frames = append(frames, r.Unechoed()...)
	}
	frames = append(frames, group.ForgeMessage(all[2].Member, func(*group.ForgedMessage) {}, w.now))
	dave.save()
	return append(all, dave), frames
}

// mutate applies edits of four bytes each: offset 2, kind 1, value 1.
func mutate(frame, edits []byte) []byte {
	out := bytes.Clone(frame)
	for ; len(edits) >= 4 && len(out) > 0; edits = edits[4:] {
		at := int(binary.BigEndian.Uint16(edits)) % len(out)
		switch v := edits[3]; edits[2] % 4 {
		case 0:
			out[at] ^= v | 1
		case 1:
			out[at] = v
		case 2:
			out = out[:at]
		default:
			out = append(out, v)
		}
	}
	return out
}

// FuzzMemberApply gives changed frames of valid traffic to members in every
// state, as the relay does or as a member does who signs what it changed.
// Nobody panics, a void frame changes nothing, and what is stored is complete.
func FuzzMemberApply(f *testing.F) {
	for i := range 24 {
		f.Add(uint8(i), uint8(i), i%3 == 0, []byte{0, byte(7 * i), 0, 1})
		f.Add(uint8(i), uint8(i), true, []byte{byte(i % 8), byte(37 * i), 1, 0xff})
		f.Add(uint8(i), uint8(0), false, []byte{})
	}
	f.Add(uint8(1), uint8(9), false, []byte{0, 100, 2, 0})
	f.Add(uint8(2), uint8(9), false, []byte{0, 0, 3, 0})
	readers, frames := traffic(f)
	f.Fuzz(func(t *testing.T, who, which uint8, signed bool, edits []byte) {
		from := readers[int(who)%len(readers)]
		stored := from.copyStore()
		m, err := group.RestoreMember(from.id, stored[0], stored[1])
		must(t, err)
		r := &reader{Member: m, id: from.id, stored: stored}
		frame := mutate(frames[int(which)%len(frames)], edits)
		if signed {
			frame = resign(readers[int(which)%3].Member, frame)
		}
		before, secretBefore := group.Dump(m)
		_, err = m.Apply(bytes.Clone(frame), epochStart)
		if err != nil {
			after, secretAfter := group.Dump(m)
			sameButEchoes(t, before, after, "public")
			sameButEchoes(t, secretBefore, secretAfter, "request", "removals", "proposal", "member")
		}
		r.save()
		complete(t, r)
		if _, err := group.RestoreMember(r.id, r.stored[0], r.stored[1]); err != nil {
			t.Fatalf("what was stored after the frame does not restore: %v", err)
		}
		exercise(m)
	})
}

// resign signs what a member changed in a frame, where it is one that parses.
func resign(m *group.Member, frame []byte) (out []byte) {
	defer func() {
		if recover() != nil {
			out = frame // the helper, not the package, refuses such frames
		}
	}()
	return group.Resign(m, frame)
}

func sameButEchoes(t testing.TB, before, after group.Records, but ...string) {
	t.Helper()
	for _, name := range but {
		delete(before, name)
		delete(after, name)
	}
	for name, value := range before {
		if !bytes.Equal(after[name], value) {
			t.Fatalf("a void frame changed record %q", name)
		}
	}
	if len(before) != len(after) {
		t.Fatal("a void frame made a record")
	}
}

// FuzzRestoreMember damages a record of a store: it is refused, or the member
// that it makes works without panic and stores itself completely.
func FuzzRestoreMember(f *testing.F) {
	extra := []string{"keys", "epoch", "request", "proposal", "sealed", "removals", "created", "ratchet/ff", "ratchet/+1", "waiting/"}
	for i := range 20 {
		f.Add(uint8(i), uint8(i), []byte{0, byte(i), 0, 1})
		f.Add(uint8(1), uint8(i), []byte{0, 5, 2, 0})
		f.Add(uint8(2), uint8(i), []byte{0, 5, 3, 0})
	}
	readers := stores(f)
	_, frames := traffic(f)
	f.Fuzz(func(t *testing.T, who, which uint8, edits []byte) {
		r := readers[int(who)%len(readers)]
		stored := r.copyStore()
		names := append(slices.Sorted(maps.Keys(stored[1])), extra...)
		name := names[int(which)%len(names)]
		stored[1][name] = mutate(append(bytes.Clone(stored[1][name]), edits...), edits)
		m, err := group.RestoreMember(r.id, stored[0], stored[1])
		if err != nil {
			wantErr(t, err, group.ErrState)
			return
		}
		for _, frame := range frames {
			m.Apply(frame, epochStart)
		}
		exercise(m)
	})
}
