package group_test

import (
	"bytes"
	"encoding/binary"
	"maps"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/parley-e2ee/parley/e2ee/group"
)

// traffic is the room of the hostile tests, read by somebody in every role,
// with all that was said in it and all that its members could say next.
type traffic struct {
	*hostile
	readers []*reader // in every role
	frames  [][]byte  // of the log, then what could come next
	next    [][]byte  // valid one after the other: a Message, a Commit, a Message
}

func newTraffic(t testing.TB) *traffic {
	tr := &traffic{hostile: newHostile(t)}
	h := tr.hostile
	dave, stranger := h.restored("dave"), h.newcomer("stranger", nil)
	delete(h.members, "stranger")
	mallory := h.restored("mallory")
	tr.readers = []*reader{h.alice, h.bob, h.kate, h.joe, mallory, dave, stranger}
	tr.frames = slices.Clone(h.log)
	for _, make := range []func(r *reader) error{ // each of a copy, from the same moment
		func(r *reader) error {
			return second(r.Seal([]group.AppMessage{{ID: messageID(), Text: []byte("next")}}, h.now))
		},
		func(r *reader) error { return r.Commit(group.Changes{NewKeys: true, Rekey: true}, h.now, nil) },
		func(r *reader) error { return r.Commit(group.Changes{Rotate: true}, h.now, refuseAll) },
		func(r *reader) error { return r.Leave() },
		func(r *reader) error { return r.Remove(first(h.bob.Self()).Membership, true) },
		func(r *reader) error { return r.Remove(first(h.kate.Self()).Membership, false) },
		func(r *reader) error { return r.Join(h.now.Add(time.Hour)) },
	} {
		for _, name := range []string{"alice", "bob", "kate", "mallory"} {
			if r := h.restored(name); make(r) == nil {
				tr.frames = append(tr.frames, r.Unechoed()...)
			}
		}
	}
	tr.frames = append(tr.frames, h.leaveOf("mallory"), h.removeBob("mallory"))
	for _, change := range []func(*group.ForgedMessage){
		func(*group.ForgedMessage) {},
		func(f *group.ForgedMessage) { f.Plaintext = f.Plaintext[:10] },
		func(f *group.ForgedMessage) { f.Generation += group.MaxSkip - 1 },
	} {
		tr.frames = append(tr.frames, group.ForgeMessage(h.mallory, change, h.now))
	}
	h.stage.actor("friend").id = signingKey(t)
	tr.frames = append(tr.frames, h.stage.join("friend").frame(), h.stage.join("mallory").frame())
	tr.next = tr.going()
	for _, r := range tr.readers {
		r.save()
	}
	tr.t, tr.stage.t = background, background // a fuzz target may not use its F
	return tr
}

// restored is somebody as the scenery has it, read to the head.
func (h *hostile) restored(name string) *reader {
	r := scenery().members[name]
	m, err := group.RestoreMember(r.id, maps.Clone(r.stored[0]), maps.Clone(r.stored[1]))
	must(h.t, err)
	return &reader{Member: m, id: r.id, at: len(h.log), stored: r.copyStore()}
}

// going is what alice says next, after a commit too.
func (tr *traffic) going() (frames [][]byte) {
	alice := tr.restored("alice")
	for _, do := range []func() error{
		func() error { return second(alice.Seal([]group.AppMessage{{Text: []byte("goes on")}}, tr.now)) },
		func() error { return alice.Commit(group.Changes{}, tr.now, nil) },
		func() error { return second(alice.Seal([]group.AppMessage{{Text: []byte("goes on")}}, tr.now)) },
	} {
		must(tr.t, do())
		for _, frame := range alice.Unechoed() {
			frames = append(frames, frame)
			must(tr.t, second(alice.Apply(slices.Clone(frame), tr.now)))
		}
	}
	return frames
}

// fields are where those of frames lie: Messages, Commits and removals. A
// negative offset counts from the end.
var fields = [][2]int{
	{0, 1}, {1, 2}, {3, 1}, {4, 32}, {36, 8}, {44, 32}, {76, 1}, {77, 8}, {85, 32}, {117, 8}, {125, 32}, {157, 32}, {189, 3},
	{36, 32}, {68, 32}, {100, 1}, {77, 3}, {80, 3}, {-64, 64}, {-128, 64},
}

// field is a part of a frame, nil where that is too short.
func field(frame []byte, n byte) []byte {
	f := fields[int(n)%len(fields)]
	at := f[0]
	if at < 0 {
		at += len(frame)
	}
	if at < 0 || at+f[1] > len(frame) {
		return nil
	}
	return frame[at : at+f[1]]
}

// mutate applies edits of four bytes each: offset 2, kind 1, value 1. The
// other frame is where spliced parts and fields come from.
func mutate(frame, other, edits []byte) []byte {
	out := bytes.Clone(frame)
	for ; len(edits) >= 4 && len(out) > 0; edits = edits[4:] {
		at := int(binary.BigEndian.Uint16(edits)) % len(out)
		switch v := edits[3]; edits[2] % 8 {
		case 0:
			out[at] ^= v | 1
		case 1:
			out[at] = v
		case 2:
			out = out[:at]
		case 3:
			out = append(out, v)
		case 4: // the rest of another frame
			out = append(out[:at], other[min(max(at+int(int8(v)), 0), len(other)):]...)
		case 5: // a field of another frame
			copy(field(out, v), field(other, v))
		case 6: // a field at its end, or around it
			if f := field(out, edits[0]); f != nil {
				f[len(f)-1] += v
			}
		default: // a field of the least or the most there is
			for i, f := 0, field(out, edits[0]); i < len(f); i++ {
				f[i] = -(v & 1)
			}
		}
	}
	return out
}

// FuzzMemberApply gives changed frames of valid traffic, or any bytes, to
// members in every role and to an observer, as the relay does, or as a member
// does who signs what it changed. Nobody panics or works more than the frame
// is worth, all are told one reason, a void frame changes nothing, what is
// stored is complete, and what comes next is still valid.
func FuzzMemberApply(f *testing.F) {
	tr := newTraffic(f)
	var members []*reader // nil once something may have changed them
	f.Fuzz(func(t *testing.T, which, other, signer uint8, edits []byte) {
		frame := tr.frame(which, other, signer, edits)
		observer := must2(group.ParsePublic(state(t, tr.observer)))
		before := group.Apart(observer)
		verdict := bounded(t, observer, frame)
		if verdict != nil && (!slices.Contains(group.Reasons(), verdict) || !bytes.Equal(before, group.Apart(observer))) {
			t.Fatalf("void: %v, or the state is another", verdict)
		}
		all := members
		if members = nil; all == nil {
			all = tr.copies()
		}
		same := verdict != nil
		for i, r := range all {
			pub, secret := group.Dump(r.Member)
			_, err := r.Apply(bytes.Clone(frame), tr.now)
			joining := group.IsJoining(r.Public()) && len(frame) > 3 && frame[3] == kindMessage
			if err != verdict && !joining {
				t.Fatalf("%v: verdict %v, the observer's is %v", r, err, verdict)
			}
			if err != nil {
				pub2, secret2 := group.Dump(r.Member)
				sameButEchoes(t, pub, pub2, "public")
				same = same && maps.EqualFunc(secret, secret2, bytes.Equal)
				sameButEchoes(t, secret, secret2, "member") // which notes forks
			}
			r.save()
			complete(t, r)
			if i == int(which)%len(all) {
				tr.goesOn(t, r, verdict)
			}
		}
		if same {
			members = all
		}
	})
}

// frame is what the input of the fuzzer comes to.
func (tr *traffic) frame(which, other, signer uint8, edits []byte) []byte {
	if which == 255 {
		return edits
	}
	pick := func(n uint8) []byte { return tr.frames[int(n)%len(tr.frames)] }
	frame := mutate(pick(which), pick(other), edits)
	switch signers := []*group.Member{tr.mallory, tr.alice.Member, tr.bob.Member, tr.kate.Member}; {
	case signer == 0 || len(frame) < frameHeader+2*64:
	case int(signer) <= len(signers):
		return group.SignAgain(frame, tr.stage.RoomID(), group.LeafKey(signers[signer-1]))
	case frame[3] == kindJoin: // by the friend, or mallory again
		return tr.signJoin(frame, []string{"friend", "mallory"}[signer%2])
	}
	return frame
}

// signJoin signs as the identity does; the leaf key is of a fresh leaf.
func (tr *traffic) signJoin(frame []byte, name string) []byte {
	body := slices.Clone(frame[:len(frame)-2*64])
	body = append(body, sign(tr.stage.actor(name).id, "sign join by identity", body)...)
	return append(body, sign(group.LeafKey(tr.mallory), "sign join by leaf key", body)...)
}

// bounded applies a frame and holds that it costs no more memory than a full
// commit of its size could.
func bounded(t testing.TB, p *group.Public, frame []byte) error {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := p.Apply(bytes.Clone(frame))
	runtime.ReadMemStats(&after)
	if cost := after.TotalAlloc - before.TotalAlloc; cost > 1<<20+64*uint64(len(frame)) {
		t.Fatalf("%d bytes cost %d of memory", len(frame), cost)
	}
	return err
}

func (tr *traffic) copies() (out []*reader) {
	for _, r := range tr.readers {
		m, err := group.RestoreMember(r.id, maps.Clone(r.stored[0]), maps.Clone(r.stored[1]))
		must(tr.t, err)
		out = append(out, &reader{Member: m, id: r.id, stored: r.copyStore()})
	}
	return out
}

// goesOn holds that what r stored restores, and that after a void frame what
// comes next is valid for it and shown to whoever can read.
func (tr *traffic) goesOn(t testing.TB, r *reader, verdict error) {
	m, err := group.RestoreMember(r.id, maps.Clone(r.stored[0]), maps.Clone(r.stored[1]))
	if err != nil {
		t.Fatalf("what was stored after the frame does not restore: %v", err)
	}
	read := m.Status() == group.Active && r.id.Name() != "alice"
	shown := 0
	for _, frame := range tr.next {
		events, err := m.Apply(bytes.Clone(frame), tr.now)
		if verdict != nil {
			must(t, err)
		}
		for _, ev := range events {
			if _, ok := ev.(group.Received); ok {
				shown++
			}
		}
	}
	if verdict != nil && read && shown != 2 {
		t.Fatalf("%v was shown %d of what came next", m, shown)
	}
	exercise(m)
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
