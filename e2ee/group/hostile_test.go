package group_test

import (
	"bytes"
	"crypto/ed25519"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/parley-e2ee/parley/e2ee/group"
)

// hostile is a member that holds real keys and obeys no rule. Around it is
// everybody who could be hurt: alice, who is admin, bob, kate, who has lost her
// keys, joe, whose Join waits, and an observer without any. dave is banned, and
// helps it.
//
// What mallory makes has three grades. Frames that break a public rule are
// written field by field by stage, which signs with mallory's keys and dave's
// and no others; secrets that are wrong go into a commit by
// [group.ForgeCommit]; a Message is [group.ForgeMessage].
type hostile struct {
	*world
	mallory               *group.Member
	alice, bob, kate, joe *reader
	observer              *group.Public
	stage                 *stage
}

// scenery is the room of all hostile tests, made once.
var scenery = sync.OnceValue(func() *hostile {
	w, all := invited(background, "alice", "bob", "mallory", "kate", "dave")
	alice, bob, kate, dave := all[0], all[1], all[3], all[4]
	must(w.t, alice.Remove(first(dave.Self()).Membership, true))
	w.flush(alice)
	w.read()
	w.commit(bob, group.Changes{})
	for _, r := range all[:3] {
		w.send(r, "before")
	}
	old := kate.copyStore()
	w.send(kate, "before")
	w.rollBack(kate, old)
	joe := w.newcomer("joe", must2(bob.Invitation()))
	must(w.t, joe.Join(w.now.Add(time.Hour)))
	w.flush(joe)
	w.read()
	return &hostile{world: w}
})

// background is for what outlives a test.
var background = &forever{}

type forever struct{ testing.TB }

func (*forever) Helper()                           {}
func (*forever) Fatal(args ...any)                 { panic(fmt.Sprint(args...)) }
func (*forever) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }

// newHostile gives a copy of the scenery.
func newHostile(t testing.TB) *hostile {
	t.Helper()
	base := scenery()
	h := &hostile{world: &world{t: t, now: base.now, log: slices.Clone(base.log), members: make(map[string]*reader)}}
	for name, r := range base.members {
		m, err := group.RestoreMember(r.id, maps.Clone(r.stored[0]), maps.Clone(r.stored[1]))
		must(t, err)
		h.members[name] = &reader{Member: m, id: r.id, at: len(h.log), stored: r.copyStore()}
	}
	h.alice, h.bob, h.kate, h.joe = h.members["alice"], h.members["bob"], h.members["kate"], h.members["joe"]
	h.mallory = h.members["mallory"].Member
	h.stage = h.newStage()
	h.observer = h.newStage().Public
	delete(h.members, "mallory")
	delete(h.members, "dave")
	return h
}

// newStage is the public side of the room, with the keys that mallory has.
func (h *hostile) newStage() *stage {
	s := &stage{t: h.t, people: make(map[string]*actor), invites: make(map[[32]byte]ed25519.PrivateKey)}
	s.Public = group.NewPublic(h.alice.Public().RoomID())
	for _, frame := range h.log {
		_, _ = s.Apply(slices.Clone(frame))
	}
	for _, who := range s.Roster() {
		s.actor(who.Name).membership = who.Membership
		s.actor(who.Name).id = nil
	}
	mallory, dave := s.actor("mallory"), s.actor("dave")
	mallory.id = ed25519.NewKeyFromSeed(identitySeed(h.mallory.Identity().Public()))
	mallory.leaf = group.LeafKey(h.mallory)
	dave.id = ed25519.NewKeyFromSeed(identitySeed(scenery().members["dave"].id.Public()))
	s.invites[s.InviteKey()] = group.ProofKey(h.mallory)
	return s
}

// before lets honest members act, and mallory read it.
func (h *hostile) before(frames ...[]byte) {
	h.t.Helper()
	for _, frame := range frames {
		h.put(frame)
		_, err := h.mallory.Apply(slices.Clone(frame), h.now)
		must(h.t, err)
		_, err = h.observer.Apply(slices.Clone(frame))
		must(h.t, err)
		_, err = h.stage.Apply(slices.Clone(frame))
		must(h.t, err)
	}
}

// ask lets an honest member make frames.
func (h *hostile) ask(r *reader, err error) [][]byte {
	h.t.Helper()
	must(h.t, err)
	r.save()
	return r.Unechoed()
}

// show gives the frame to everybody. All come to the observer's verdict, and
// where it is void nothing changes for anybody, but that a fork is noted.
func (h *hostile) show(frame []byte, want error) (events []group.Event) {
	h.t.Helper()
	before := group.Apart(h.observer)
	events, err := h.observer.Apply(slices.Clone(frame))
	wantErr(h.t, err, want)
	if err != nil && !bytes.Equal(before, group.Apart(h.observer)) {
		h.t.Fatal("a void frame changed what the observer sees")
	}
	for _, r := range h.members {
		r.events, r.errs = nil, nil
	}
	h.log = append(h.log, frame)
	for name, r := range h.members {
		pub, secret := group.Dump(r.Member)
		h.readOne(r)
		if r == h.joe && frame[3] == kindMessage {
			continue // a joiner judges none before its epoch
		}
		wantErr(h.t, lastErr(r), want)
		complete(h.t, r)
		if !group.Agree(h.observer, r.Public()) {
			h.t.Fatalf("%s and the observer differ", name)
		}
		if err == nil {
			continue
		}
		pub2, secret2 := group.Dump(r.Member)
		sameButEchoes(h.t, pub, pub2, "public") // which holds the position
		if len(eventsOf[group.Forked](r)) > 0 {
			sameButEchoes(h.t, secret, secret2, "member")
		} else {
			sameButEchoes(h.t, secret, secret2)
		}
	}
	return events
}

// goOn is the proof that the act has wedged nobody: who lost the keys comes
// back, joe gets in, mallory is banned, and all talk and are heard, once.
func (h *hostile) goOn() {
	h.t.Helper()
	for range 12 {
		if h.settled() {
			break
		}
		h.round()
	}
	if who, in := h.alice.Public().Lookup("mallory"); in {
		h.append(h.alice, h.alice.Remove(who.Membership, true))
		for range 4 {
			h.round()
		}
		h.read()
	}
	if _, in := h.alice.Public().Lookup("mallory"); in || !h.settled() {
		h.t.Fatalf("wedged: mallory in %v, %v", in, h.members)
	}
	h.talk()
}

// append lets an honest member put its frames into the log.
func (h *hostile) append(r *reader, err error) {
	h.t.Helper()
	must(h.t, err)
	h.flush(r)
	h.read()
}

func (h *hostile) settled() bool {
	for _, r := range h.members {
		_, serve := r.Backoff(h.now)
		if r.Status() != group.Active && r.Status() != group.Gone || serve || len(r.Unechoed()) > 0 {
			return false
		}
	}
	return true
}

// round does for everybody what package e2ee does.
func (h *hostile) round() {
	h.t.Helper()
	for _, name := range slices.Sorted(maps.Keys(h.members)) {
		r := h.members[name]
		if r.Forked() {
			r.AcknowledgeFork()
		}
		waiting, _ := r.Asked()
		_, serve := r.Backoff(h.now)
		switch {
		case r.Status() == group.NoKeys && !waiting:
			h.append(r, r.Join(h.now.Add(time.Hour)))
		case r.Status() == group.Joining && !waiting:
			h.enterAgain(r)
		case serve:
			h.append(r, r.Commit(group.Changes{}, h.now, nil))
		default:
			h.append(r, nil)
		}
	}
}

// enterAgain gets joe a new link: the admin makes one where nobody has any.
func (h *hostile) enterAgain(r *reader) {
	h.t.Helper()
	link, err := h.alice.Invitation()
	if err != nil {
		h.append(h.alice, h.alice.Commit(group.Changes{Rotate: true}, h.now, nil))
		link = must2(h.alice.Invitation())
	}
	m, err := group.Enter(r.id, link.Room, link)
	must(h.t, err)
	*r = reader{Member: m, id: r.id, stored: [2]group.Records{{}, {}}}
	h.readOne(r)
	h.append(r, r.Join(h.now.Add(time.Hour)))
}

// talk lets everybody send, and holds that all the others are shown it once.
func (h *hostile) talk() {
	h.t.Helper()
	var in []*reader
	for _, name := range slices.Sorted(maps.Keys(h.members)) {
		r := h.members[name]
		r.events = nil
		if r.Status() == group.Active {
			in = append(in, r)
		}
	}
	sameEpoch(h.t, in...)
	var all []string
	for _, r := range in {
		all = append(all, r.id.Name())
		h.send(r, r.id.Name())
	}
	for _, r := range in {
		wantTexts(h.t, r, slices.DeleteFunc(slices.Clone(all), func(s string) bool { return s == r.id.Name() })...)
		none[group.Undecryptable](h.t, r)
	}
	observe(h.t, h.world, in...)
}
