package group_test

import (
	"bytes"
	"crypto/ed25519"
	"slices"
	"testing"

	"github.com/parley-e2ee/parley/e2ee/group"
)

// stage is a log with one reader, and the signing keys of everybody in it.
type stage struct {
	t testing.TB
	*group.Public
	people  map[string]*actor
	invites map[[32]byte]ed25519.PrivateKey // by public key
	log     [][]byte
	quick   bool // do not compare states around void frames
}

type actor struct {
	name       string
	id, leaf   ed25519.PrivateKey
	membership group.Membership
}

// newStage is a room that alice created, at epoch 0.
func newStage(t testing.TB, mode group.Admission) *stage {
	s := &stage{t: t, people: make(map[string]*actor), invites: make(map[[32]byte]ed25519.PrivateKey)}
	alice := s.actor("alice")
	c := newCreateSpec(t, "alice", alice.id, s.newInvite())
	c.admission = mode
	frame := c.frame()
	s.Public = group.NewPublic(c.room())
	alice.leaf = c.by
	alice.membership = group.Membership(group.Digest("frame", frame))
	s.ok(frame)
	return s
}

// newInvite is the public half of a fresh invite key.
func (s *stage) newInvite() [32]byte {
	key := signingKey(s.t)
	s.invites[public(key)] = key
	return public(key)
}

// actor is somebody, in the room or not.
func (s *stage) actor(name string) *actor {
	if s.people[name] == nil {
		s.people[name] = &actor{name: name, id: signingKey(s.t)}
	}
	return s.people[name]
}

// index is where somebody sits.
func (s *stage) index(name string) uint8 {
	s.t.Helper()
	who, ok := s.Lookup(name)
	if !ok {
		s.t.Fatalf("%s has no seat", name)
	}
	return who.Index
}

// apply appends a frame, and holds that a void one changes but the position.
func (s *stage) apply(frame []byte) ([]group.Event, error) {
	s.t.Helper()
	s.log = append(s.log, bytes.Clone(frame))
	at := s.Position()
	var before []byte
	if !s.quick {
		before = group.Apart(s.Public)
	}
	lent := bytes.Clone(frame)
	events, err := s.Apply(lent)
	clear(lent) // nothing may be kept of it
	if s.Position() != at+1 {
		s.t.Fatalf("position %d after %d", s.Position(), at)
	}
	if err != nil && !s.quick && !bytes.Equal(group.Apart(s.Public), before) {
		s.t.Fatalf("a void frame (%v) changed the state", err)
	}
	return events, err
}

func (s *stage) ok(frame []byte) []group.Event {
	s.t.Helper()
	events, err := s.apply(frame)
	must(s.t, err)
	return events
}

func (s *stage) refuse(frame []byte, want error) []group.Event {
	s.t.Helper()
	events, err := s.apply(frame)
	wantErr(s.t, err, want)
	return events
}

// join is the Join that somebody makes now, with a proof, and, from the
// roster, signed by the leaf key that it replaces.
func (s *stage) join(name string) joinSpec {
	a := s.actor(name)
	l := newLeafSpec(s.t, s.RoomID(), name, a.id)
	j := joinSpec{
		room: s.RoomID(), epoch: s.Epoch(), transcript: s.Transcript(), leaf: l, init: kemKey(s.t),
		expiry: uint64(epochStart.Unix()), proof: s.invites[s.InviteKey()], byIdentity: a.id, byKey: l.byKey,
	}
	if _, in := s.Lookup(name); in {
		j.replaced = a.leaf
	}
	return j
}

// settle notes the keys of an actor whose Join won.
func (s *stage) settle(name string, j joinSpec) {
	who, ok := s.Lookup(name)
	if !ok {
		s.t.Fatalf("%s is not in", name)
	}
	a := s.actor(name)
	a.leaf, a.membership = j.byKey, who.Membership
}

// add brings people in by commits of alice's.
func (s *stage) add(names ...string) {
	s.t.Helper()
	for some := range slices.Chunk(names, group.MaxAdds) {
		c := s.commit("alice")
		joins := make(map[string]joinSpec)
		for _, name := range some {
			joins[name] = s.join(name)
			c.adds = append(c.adds, joins[name].frame())
		}
		s.ok(s.addressed(c).frame())
		for name, j := range joins {
			s.settle(name, j)
		}
	}
}

// commit is what somebody would commit now: it serves what is pending.
func (s *stage) commit(name string) commitSpec {
	s.t.Helper()
	count, hash := group.Seen(s.Public)
	c := commitSpec{
		room: s.RoomID(), epoch: s.Epoch(), transcript: s.Transcript(), committer: s.index(name),
		removes: group.PendingAgainst(s.Public), seenCount: count, seenHash: hash, by: s.actor(name).leaf,
	}
	for _, frame := range slices.Concat(c.removes...) {
		if frame[3] == kindRemove {
			c = s.rotating(c)
		}
	}
	return s.addressed(c)
}

func (s *stage) rotating(c commitSpec) commitSpec {
	if !c.rotate {
		c.rotate, c.invite = true, s.newInvite()
	}
	return c
}

// addressed gives c the recipients that its removals and adds ask for.
func (s *stage) addressed(c commitSpec) commitSpec {
	if c.fixed {
		return c
	}
	var taken [group.MaxMembers + 1]string
	for _, who := range s.Roster() {
		taken[who.Index] = who.Name
	}
	for _, frame := range slices.Concat(c.removes...) {
		if i := slices.IndexFunc(s.Roster(), func(p group.Person) bool { return p.Membership == targetOf(frame) }); i >= 0 {
			taken[s.Roster()[i].Index] = ""
		}
	}
	for _, frame := range c.adds {
		if frame[3] != kindJoin {
			continue
		}
		if name := joinerOf(frame); !slices.Contains(taken[:], name) {
			taken[slices.Index(taken[:], "")] = name
		}
	}
	c.recipients = nil
	for i, name := range taken[:group.MaxMembers] {
		if name != "" && i != int(c.committer) {
			c.recipients = append(c.recipients, uint8(i))
		}
	}
	return c
}

const frameHeader = 1 + 2 + 1 + 32

// targetOf is whom a Leave or Remove is against.
func targetOf(frame []byte) group.Membership {
	if frame[3] == kindRemove {
		return group.Membership(frame[frameHeader+32:][:32])
	}
	return group.Membership(frame[frameHeader:][:32])
}

// joinerOf is the name in a Join.
func joinerOf(frame []byte) string {
	leaf := frame[frameHeader+8+32+2+32:]
	return string(leaf[1 : 1+leaf[0]])
}

// leave and remove are made by somebody's leaf key.
func (s *stage) leave(name string) removalSpec {
	a := s.actor(name)
	return removalSpec{room: s.RoomID(), signer: a.membership, by: a.leaf}
}

func (s *stage) remove(by, target string, ban bool) removalSpec {
	a := s.actor(by)
	return removalSpec{
		room: s.RoomID(), signer: a.membership, target: s.actor(target).membership,
		remove: true, ban: ban, by: a.leaf,
	}
}

// message is the next Message of somebody.
func (s *stage) message(name string) messageSpec {
	s.t.Helper()
	i := s.index(name)
	count, hash := group.Seen(s.Public)
	generation, previous := group.Sender(s.Public, i)
	return messageSpec{
		room: s.RoomID(), epoch: s.Epoch(), transcript: s.Transcript(), sender: i, generation: generation + 1,
		previous: previous, seenCount: count, seenHash: hash, end: group.End(s.Public),
		token: []byte("token"), by: s.actor(name).leaf,
	}
}

// policyBy is a commit that only changes policy.
func (s *stage) policyBy(name string, change func(*commitSpec)) []byte {
	c := s.commit(name)
	change(&c)
	return s.addressed(c).frame()
}

// admins makes these the admins.
func (s *stage) admins(names ...string) {
	s.t.Helper()
	s.ok(s.policyBy("alice", func(c *commitSpec) { c.admins = s.memberships(names...) }))
}

func (s *stage) memberships(names ...string) (out []group.Membership) {
	for _, name := range names {
		out = append(out, s.actor(name).membership)
	}
	slices.SortFunc(out, func(a, b group.Membership) int { return bytes.Compare(a[:], b[:]) })
	return out
}
