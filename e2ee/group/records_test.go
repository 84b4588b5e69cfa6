package group_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/parley-e2ee/parley/e2ee/group"
)

// A Message changes three records, whatever the room's size and history.
func TestMessageChangesThreeRecords(t *testing.T) {
	s := commitStage(t, group.Open)
	s.Changes()
	for range 3 {
		s.ok(s.message("bob").frame())
		changes := s.Changes()
		if names := slices.Sorted(maps.Keys(changes)); len(names) != 3 {
			t.Fatalf("changed %v", names)
		}
		for name, value := range changes {
			if len(value) > 300 {
				t.Errorf("%s takes %d bytes", name, len(value))
			}
		}
	}
	s.refuse(nil, group.ErrMalformed)
	if names := slices.Collect(maps.Keys(s.Changes())); !slices.Equal(names, []string{"public"}) {
		t.Errorf("a void frame changed %v", names)
	}
	if changes := s.Changes(); len(changes) != 0 {
		t.Errorf("nothing changed %v", changes)
	}
}

// The first Changes are all records; before, nothing piles up for them.
func TestFirstChangesAreEverything(t *testing.T) {
	s := commitStage(t, group.Open)
	s.ok(s.message("bob").frame())
	if n := group.Wait(s.Public); n != 0 {
		t.Fatalf("%d names wait for nobody", n)
	}
	store := s.Changes()
	if !maps.EqualFunc(store, group.RecordsOf(s.Public), bytes.Equal) {
		t.Fatal("records are missing")
	}
	p, err := group.RestorePublic(store)
	must(t, err)
	if !bytes.Equal(state(t, p), state(t, s.Public)) {
		t.Fatal("another state")
	}
}

// Records kept from Changes are those of the state, from before the Create to
// past the window in which served Joins are remembered.
func TestRecordsFollowTheState(t *testing.T) {
	s := newStage(t, group.Open)
	create := s.log[0]
	s.Public = group.NewPublic(s.RoomID())
	s.quick = true
	store := s.Changes()
	keep := func() {
		t.Helper()
		for name, value := range s.Changes() {
			if value == nil {
				delete(store, name)
			} else {
				store[name] = value
			}
		}
		if !maps.EqualFunc(store, group.RecordsOf(s.Public), bytes.Equal) {
			t.Fatalf("epoch %d: records differ", s.Epoch())
		}
	}
	s.ok(create)
	keep()
	for e := range uint64(group.JoinWindow + 4) {
		if e == 0 || e == 2 {
			s.add(fmt.Sprint("m", e))
		}
		s.ok(s.commit("alice").frame())
		s.ok(s.message("alice").frame())
		keep()
	}
	if group.Used(s.Public) != 0 {
		t.Fatal("Joins are remembered for longer")
	}
}

// Records of others in the same store are passed over; records that are
// missing or damaged are ErrState.
func TestRestorePublic(t *testing.T) {
	s := commitStage(t, group.Open)
	s.ok(s.message("bob").frame())
	s.ok(s.leave("dave").frame())
	all := group.RecordsOf(s.Public)
	more := maps.Clone(all)
	for _, name := range []string{"member", "", "/", "seat", "seats/00", "SEAT/00", "seat/1", "seat/0G", "seat/+1", "seat/0A", "used/1", "ratchet/00"} {
		more[name] = []byte("somebody else's")
	}
	p, err := group.RestorePublic(more)
	must(t, err)
	if !bytes.Equal(state(t, p), state(t, s.Public)) {
		t.Fatal("another state")
	}
	for name, value := range all {
		less := maps.Clone(all)
		delete(less, name)
		_, err := group.RestorePublic(less)
		wantErr(t, err, group.ErrState)
		less[name] = append(slices.Clone(value), 0)
		_, err = group.RestorePublic(less)
		wantErr(t, err, group.ErrState)
	}
	moved := maps.Clone(all)
	moved["sender/09"] = moved["sender/01"]
	delete(moved, "sender/01")
	_, err = group.RestorePublic(moved)
	wantErr(t, err, group.ErrState)
}

// Bytes that no state has are ErrState: ParsePublic takes what MarshalBinary
// gives and nothing else.
func TestParsePublicRefuses(t *testing.T) {
	s := commitStage(t, group.Open)
	s.ok(s.message("bob").frame())
	s.ok(s.leave("dave").frame())
	s.ok(s.remove("alice", "bob", false).frame())
	good := group.RecordsOf(s.Public)
	change := func(name string, f func([]byte) []byte) func(group.Records) {
		return func(r group.Records) { r[name] = f(slices.Clone(r[name])) }
	}
	patch := func(at int, to byte) func([]byte) []byte {
		return func(v []byte) []byte { v[at] = to; return v }
	}
	flip := func(at int) func([]byte) []byte {
		return func(v []byte) []byte { v[at] ^= 0xff; return v }
	}
	for name, spoil := range map[string]func(group.Records){
		"foreign record":      func(r group.Records) { r["member"] = []byte{1} },
		"empty record":        func(r group.Records) { r["used/0000000000000000"] = nil },
		"version":             change("public", patch(0, 2)),
		"created flag":        change("public", patch(33, 2)),
		"not created":         change("public", patch(33, 0)),
		"room name":           change("public", patch(35, '\n')),
		"epoch":               change("public", patch(56, 9)),
		"count":               change("public", patch(96, 9)),
		"past too short":      change("past", func(v []byte) []byte { return v[32:] }),
		"past cut":            change("past", func(v []byte) []byte { return v[1:] }),
		"admission":           change("policy", patch(0, 9)),
		"no admins":           change("policy", func(v []byte) []byte { return slices.Concat(v[:33], []byte{0, 0, 0, 0}) }),
		"admin without seat":  change("policy", flip(40)),
		"leaver without seat": change("pending", flip(2+36)),
		"signer without seat": change("pending", flip(2+132+2+36)),
		"target without seat": change("pending", flip(2+132+2+36+32)),
		"pending malformed":   change("pending", func(v []byte) []byte { return v[1:] }),
		"seat from to come":   change("seat/01", patch(39, 9)),
		"seat of other room":  change("seat/01", flip(45)),
		"seat cut":            change("seat/01", func(v []byte) []byte { return v[:100] }),
		"sender without seat": func(r group.Records) { r["sender/09"] = r["sender/01"] },
		"sender empty":        func(r group.Records) { r["sender/09"] = make([]byte, 49) },
		"used out of order":   change("used/0000000000000000", func(v []byte) []byte { return slices.Concat(v[32:64], v[:32], v[64:]) }),
		"used cut":            change("used/0000000000000000", func(v []byte) []byte { return v[1:] }),
		"used to come":        func(r group.Records) { r["used/0000000000000009"] = make([]byte, 32) },
		"used too many":       func(r group.Records) { r["used/0000000000000001"] = make([]byte, 32) },
		"used now": func(r group.Records) {
			r["used/0000000000000002"] = r["used/0000000000000000"]
			delete(r, "used/0000000000000000")
		},
		"seen beyond": func(r group.Records) { r["seen/0000000000000009"] = make([]byte, 32) },
		"seen short":  func(r group.Records) { r["seen/0000000000000001"] = make([]byte, 31) },
	} {
		t.Run(name, func(t *testing.T) {
			r := maps.Clone(good)
			spoil(r)
			_, err := group.ParsePublic(group.MarshalRecords(r))
			wantErr(t, err, group.ErrState)
		})
	}
	data := state(t, s.Public)
	for i := range data {
		if _, err := group.ParsePublic(data[:i]); err != group.ErrState {
			t.Fatalf("cut at %d: %v", i, err)
		}
	}
	twice := slices.Concat(data, data)
	_, err := group.ParsePublic(twice)
	wantErr(t, err, group.ErrState)
}

// A state that parses marshals to the same bytes and takes frames without a
// panic, whatever byte of it was changed.
func TestParsePublicOfChangedBytes(t *testing.T) {
	tr := oneOfEach(t)
	step := 19
	if testing.Short() {
		step = 97
	}
	for i := 0; i < len(tr.state); i += step {
		p, err := group.ParsePublic(patched(tr.state, i, tr.state[i]^0x55))
		if err != nil {
			wantErr(t, err, group.ErrState)
			continue
		}
		if !bytes.Equal(state(t, p), patched(tr.state, i, tr.state[i]^0x55)) {
			t.Fatalf("byte %d is not kept", i)
		}
		for _, frame := range tr.frames {
			_, _ = p.Apply(frame)
		}
	}
}

// A state before the Create is one too.
func TestPublicBeforeCreate(t *testing.T) {
	s := newStage(t, group.Invite)
	p := group.NewPublic(s.RoomID())
	_, err := p.Apply([]byte("no frame"))
	wantErr(t, err, group.ErrMalformed)
	again, err := group.ParsePublic(state(t, p))
	must(t, err)
	if again.Position() != 1 || len(again.Roster()) != 0 || again.Messages() != 0 || again.Pending() || again.RoomName() != "" {
		t.Fatalf("position %d, roster %v", again.Position(), again.Roster())
	}
	_, err = again.Apply(s.log[0])
	must(t, err)
	if again.RoomID() != s.RoomID() || again.RoomName() != "Secure" || again.Admission() != group.Invite {
		t.Fatal("another room")
	}
}

// Records print their number, and go to no JSON.
func TestRecordsPrintNothing(t *testing.T) {
	r := group.Records{"keys": []byte("secret")}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%q", "%d"} {
		if got := fmt.Sprintf(verb, r); got != "group.Records(1)" {
			t.Errorf("%s prints %q", verb, got)
		}
	}
	if _, err := json.Marshal(struct{ R group.Records }{r}); err == nil {
		t.Error("records went to JSON")
	}
}
