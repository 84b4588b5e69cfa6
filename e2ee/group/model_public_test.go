package group_test

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/leanovate/gopter"
	"github.com/leanovate/gopter/commands"
	"github.com/leanovate/gopter/gen"

	"github.com/parley-e2ee/parley/e2ee/group"
	"github.com/parley-e2ee/parley/internal/proptest"
)

// TestModelPublic runs random interleavings of frames, honest and not, past an
// independent oracle and past every way of reading a log, and holds after each:
//
//   - valid is what the oracle calls valid, for every reader;
//   - a void frame changes nothing but the position;
//   - some member's commit is valid, and at least one admin stays;
//   - names, identities, leaf signing keys and KEM keys of the roster are unique;
//   - who started at Create, who goes on from marshalled bytes, from records
//     and in batches, has the same state to the byte, and a joiner has it but
//     for what a joiner lacks.
//
// PARLEY_SEED repeats a run.
func TestModelPublic(t *testing.T) {
	t.Parallel()
	params := proptest.Parameters(t, 32, 8)
	params.MinSize, params.MaxSize = 40, 60
	params.MaxShrinkCount = 200
	tally := make(map[string]int)
	properties := gopter.NewProperties(params)
	properties.Property("all readers agree with the oracle", commands.Prop(&commands.ProtoCommands{
		InitialStateGen: gen.IntRange(0, 11),
		NewSystemUnderTestFunc: func(initial commands.State) commands.SystemUnderTest {
			return newTheatre(t, initial.(int), tally)
		},
		GenCommandFunc: func(commands.State) gopter.Gen {
			return gen.UInt64().Map(func(v uint64) commands.Command { return move(v) })
		},
	}))
	properties.TestingRun(t)
	t.Logf("frames %v", tally)
	for _, kind := range []string{"join", "leave", "remove", "commit", "message"} {
		if tally[kind+" valid"] == 0 || tally[kind+" void"] == 0 {
			t.Errorf("no %s was valid, or none void: %v", kind, tally)
		}
	}
}

// move is one step of a play; its number decides everything about it.
type move uint64

var kinds = []string{
	"join", "join", "join", "leave", "remove", "commit", "commit", "commit", "commit", "commit",
	"message", "message", "replay", "garble", "enter", "reread",
}

func (m move) kind() string { return kinds[m%move(len(kinds))] }

func (m move) Run(sut commands.SystemUnderTest) commands.Result {
	s := sut.(*theatre)
	s.Rand = rand.New(rand.NewPCG(uint64(m), 1))
	return s.play(m.kind())
}

func (m move) NextState(s commands.State) commands.State { return s }
func (m move) PreCondition(commands.State) bool          { return true }
func (m move) String() string                            { return fmt.Sprintf("%s(%#x)", m.kind(), uint64(m)) }

func (m move) PostCondition(_ commands.State, result commands.Result) *gopter.PropResult {
	if err, failed := result.(error); failed && err != nil {
		return &gopter.PropResult{Status: gopter.PropError, Error: err}
	}
	return gopter.NewPropResult(true, "")
}

// theatre is a stage, the oracle that judges it, and the other readers.
type theatre struct {
	*stage
	*rand.Rand
	oracle   *oracle
	tales    []*tale // everything said
	tally    map[string]int
	parsed   *group.Public
	restored *group.Public
	store    group.Records
	batching *group.Public
	joiners  []*joiner
}

// joiner reads as somebody does whose Join is not served yet.
type joiner struct {
	*group.Public
	own group.Hash
}

// newTheatre opens in one of three modes with one to four members.
func newTheatre(t testing.TB, opening int, tally map[string]int) *theatre {
	mode := group.Admission(1 + opening%3)
	s := newStage(t, mode)
	w := &theatre{stage: s, tally: tally, store: make(group.Records)}
	alice := s.actor("alice")
	w.oracle = (&oracle{
		room: s.RoomID(), m: map[uint64]group.Hash{0: s.Transcript()}, admission: mode, invite: s.InviteKey(),
		seats:  map[uint8]oracleSeat{0: {"alice", public(alice.id), public(alice.leaf), "", alice.membership, 0}},
		admins: map[group.Membership]bool{alice.membership: true}, bans: map[[32]byte]bool{},
		used: map[group.Hash]bool{}, last: map[uint8]uint64{},
	}).clone()
	w.parsed, w.restored, w.batching = group.NewPublic(s.RoomID()), group.NewPublic(s.RoomID()), group.NewPublic(s.RoomID())
	for _, p := range []*group.Public{w.parsed, w.restored} {
		_, err := p.Apply(s.log[0])
		must(t, err)
	}
	w.keep()
	w.tales = []*tale{{frame: s.log[0], void: true}}
	for _, name := range cast[1 : 1+opening/3] {
		j, c := w.join(name), w.commit("alice")
		t := &tale{join: &j, frame: j.frame()}
		c.adds = [][]byte{t.frame}
		c = w.addressed(c)
		must(s.t, w.post("add", &tale{commit: &c, adds: []*tale{t}, frame: c.frame()}))
	}
	return w
}

// keep stores what changed.
func (w *theatre) keep() {
	for name, value := range w.restored.Changes() {
		if value == nil {
			delete(w.store, name)
		} else {
			w.store[name] = value
		}
	}
}

func (w *theatre) play(kind string) error {
	switch kind {
	case "enter":
		return w.enter()
	case "reread":
		return w.reread()
	case "replay":
		return w.post(kind, w.tales[w.IntN(len(w.tales))])
	case "garble":
		t := w.tales[w.IntN(len(w.tales))]
		frame := bytes.Clone(t.frame)
		frame[w.IntN(len(frame))] ^= 1 << w.IntN(8)
		return w.post(kind, &tale{frame: frame, void: true})
	}
	t := map[string]func() *tale{
		"join": w.aJoin, "leave": w.aLeave, "remove": w.aRemove, "commit": w.aCommit, "message": w.aMessage,
	}[kind]()
	w.tales = append(w.tales, t)
	return w.post(kind, t)
}

// post appends a frame, and holds what must hold.
func (w *theatre) post(kind string, t *tale) error {
	next, before := w.oracle.judge(t), group.Apart(w.Public)
	w.log = append(w.log, t.frame)
	lent := bytes.Clone(t.frame)
	_, err := w.Apply(lent)
	clear(lent)
	w.tally["seats"] += len(w.Roster())
	w.tally[kind+map[bool]string{true: " valid", false: " void"}[err == nil]]++
	switch {
	case (err == nil) != (next != nil):
		return fmt.Errorf("%s: verdict %v, oracle says valid %v", kind, err, next != nil)
	case err != nil && !bytes.Equal(before, group.Apart(w.Public)):
		return fmt.Errorf("%s: a void frame (%w) changed the state", kind, err)
	case err == nil:
		w.settleAll(t, next)
	}
	for name, p := range map[string]*group.Public{"parsed": w.parsed, "restored": w.restored} {
		if _, theirs := p.Apply(t.frame); theirs != err {
			return fmt.Errorf("%s: verdict %v, but %v of the %s reader", kind, err, theirs, name)
		}
	}
	w.keep()
	for _, j := range w.joiners {
		if theirs := group.ApplyJoining(j.Public, t.frame, j.own); t.frame[3] != kindMessage && theirs != err {
			return fmt.Errorf("%s: verdict %v, but %v of a joiner", kind, err, theirs)
		}
	}
	return w.hold()
}

// settleAll takes over what a valid frame made of oracle and keys.
func (w *theatre) settleAll(t *tale, next *oracle) {
	w.oracle = next
	if t.commit == nil {
		return
	}
	w.oracle.m[w.Epoch()] = w.Transcript()
	for _, j := range t.adds {
		w.settle(j.join.leaf.name, *j.join)
	}
	if t.leaf != nil {
		w.actor(t.leaf.name).leaf = t.leaf.byKey
	}
}

// hold checks the invariants.
func (w *theatre) hold() error {
	admins, able := 0, ""
	for _, who := range w.Roster() {
		if group.IsPending(w.Public, who.Membership) {
			continue
		}
		if able = who.Name; who.Admin {
			admins++
		}
	}
	if admins == 0 || len(w.Roster()) != len(w.oracle.seats) {
		return fmt.Errorf("%d admins stay, %d members of %d", admins, len(w.Roster()), len(w.oracle.seats))
	}
	if err := group.Judge(w.Public, w.commit(able).frame()); err != nil {
		return fmt.Errorf("%s cannot commit: %w", able, err)
	}
	if err := group.Unique(w.Public); err != nil {
		return err
	}
	full := state(w.t, w.Public)
	for name, p := range map[string]*group.Public{"parsed": w.parsed, "restored": w.restored} {
		if !bytes.Equal(full, state(w.t, p)) {
			return fmt.Errorf("the %s reader has another state", name)
		}
	}
	if !maps.EqualFunc(group.RecordsOf(w.restored), w.store, bytes.Equal) {
		return fmt.Errorf("records kept are not the state's")
	}
	for _, j := range w.joiners {
		if !group.Agree(w.Public, j.Public) {
			return fmt.Errorf("a joiner has another state")
		}
	}
	return nil
}

// enter starts a joiner of somebody who is not in, at the head of the log.
func (w *theatre) enter() error {
	t := w.aJoin()
	w.tales = append(w.tales, t)
	j := &joiner{group.NewJoining(w.RoomID()), group.Digest("frame", t.frame)}
	for _, frame := range w.log {
		_ = group.ApplyJoining(j.Public, frame, j.own)
	}
	if w.joiners = append(w.joiners, j); len(w.joiners) > 3 {
		w.joiners = slices.Delete(w.joiners, 0, 1)
	}
	return w.post("join", t)
}

// reread lets the readers forget what is in memory, and the one of batches
// read on.
func (w *theatre) reread() (err error) {
	if w.parsed, err = group.ParsePublic(state(w.t, w.parsed)); err != nil {
		return err
	}
	if w.restored, err = group.RestorePublic(maps.Clone(w.store)); err != nil {
		return err
	}
	for i, j := range w.joiners {
		if w.joiners[i].Public, err = group.ParsePublic(state(w.t, j.Public)); err != nil {
			return err
		}
	}
	var shared [1 << 16]byte // one buffer for all frames of the batch
	for _, frame := range w.log[w.batching.Position():] {
		_, _ = w.batching.Apply(shared[:copy(shared[:], frame)])
	}
	if !bytes.Equal(state(w.t, w.batching), state(w.t, w.Public)) {
		return fmt.Errorf("who reads in batches has another state")
	}
	return w.hold()
}
