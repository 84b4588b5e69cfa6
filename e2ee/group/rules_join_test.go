package group_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/parley-e2ee/parley/e2ee/group"
)

// joinCase is a Join that the public rules judge both where it stands in the
// log, with everything pending done, and where alice's commit adds it.
type joinCase struct {
	mode  group.Admission
	setup func(*stage)
	join  func(*stage) joinSpec
	want  error
}

func (c joinCase) run(t *testing.T) {
	s := newStage(t, c.mode)
	s.add("bob", "carol")
	if c.setup != nil {
		c.setup(s)
	}
	frame := c.join(s).frame()
	before := group.Apart(s.Public)
	_, err := s.apply(frame)
	wantErr(t, err, c.want)
	if !slices.Equal(before, group.Apart(s.Public)) {
		t.Fatal("a Join changed the state")
	}
	commit := s.commit("alice")
	commit.adds = [][]byte{frame}
	_, err = s.apply(s.addressed(commit).frame())
	wantErr(t, err, c.want)
}

// as is somebody's Join with something changed, everything signed anew.
func as(name string, change func(*stage, *joinSpec)) func(*stage) joinSpec {
	return func(s *stage) joinSpec {
		j := s.join(name)
		if change != nil {
			change(s, &j)
		}
		return j
	}
}

func noProof(_ *stage, j *joinSpec) { j.proof = nil }

func TestJoinRules(t *testing.T) {
	for name, c := range map[string]joinCase{
		"invited":         {group.Invite, nil, as("dave", nil), nil},
		"uninvited":       {group.Invite, nil, as("dave", noProof), group.ErrInviteNeeded},
		"open":            {group.Open, nil, as("dave", noProof), nil},
		"open with proof": {group.Open, nil, as("dave", nil), nil},
		"by admins":       {group.Admins, nil, as("dave", noProof), nil},
		"proof of another key": {group.Open, nil, as("dave", func(s *stage, j *joinSpec) {
			j.proof = signingKey(s.t)
		}), group.ErrInvite},
		"proof of the key before": {group.Invite, nil, func(s *stage) joinSpec {
			j := s.join("dave")
			s.ok(s.rotating(s.commit("alice")).frame())
			return j
		}, group.ErrInvite},
		"epoch to come": {group.Open, nil, as("dave", func(_ *stage, j *joinSpec) { j.epoch++ }), group.ErrEpoch},
		"other history": {group.Open, nil, as("dave", func(_ *stage, j *joinSpec) { j.transcript[0] ^= 1 }), group.ErrTranscript},
		"epoch before": {group.Open, nil, func(s *stage) joinSpec {
			j := s.join("dave")
			s.ok(s.commit("alice").frame())
			return j
		}, nil},
		"epoch before, this history": {group.Open, nil, as("dave", func(_ *stage, j *joinSpec) { j.epoch = 0 }), group.ErrTranscript},
		"name of another":            {group.Open, nil, as("dave", func(_ *stage, j *joinSpec) { j.leaf.name = "bob" }), group.ErrNameTaken},
		"identity of another": {group.Open, nil, as("dave", func(s *stage, j *joinSpec) {
			j.byIdentity = s.actor("bob").id
			j.leaf.byIdentity, j.leaf.identity = j.byIdentity, public(j.byIdentity)
		}), group.ErrNameTaken},
		"name of one, identity of another": {group.Open, nil, as("bob", func(_ *stage, j *joinSpec) { j.leaf.name = "carol" }), group.ErrNameTaken},
		"leaf key of another": {group.Open, nil, as("dave", func(s *stage, j *joinSpec) {
			j.byKey = s.actor("bob").leaf
			j.leaf.byKey, j.leaf.signing = j.byKey, public(j.byKey)
		}), group.ErrKey},
		"leaf key is an identity": {group.Open, nil, as("dave", func(s *stage, j *joinSpec) {
			j.byKey = s.actor("bob").id
			j.leaf.byKey, j.leaf.signing = j.byKey, public(j.byKey)
		}), group.ErrKey},
		"identity is a leaf key": {group.Open, nil, as("dave", func(s *stage, j *joinSpec) {
			j.byIdentity = s.actor("bob").leaf
			j.leaf.byIdentity, j.leaf.identity = j.byIdentity, public(j.byIdentity)
		}), group.ErrKey},
		"not signed by identity": {group.Open, nil, as("dave", func(_ *stage, j *joinSpec) { j.byIdentity = nil }), group.ErrSignature},
		"not signed by leaf key": {group.Open, nil, as("dave", func(_ *stage, j *joinSpec) { j.byKey = nil }), group.ErrSignature},
		"signed the wrong way round": {group.Open, nil, as("dave", func(_ *stage, j *joinSpec) {
			j.byIdentity, j.byKey = j.byKey, j.byIdentity
		}), group.ErrSignature},
		"banned": {group.Open, func(s *stage) { s.expel("bob", true) }, as("bob", nil), group.ErrBanned},
		"removed": {group.Open, func(s *stage) { s.expel("bob", false) }, as("bob", func(s *stage, j *joinSpec) {
			j.proof = nil
		}), nil},
		"name of one who left": {group.Open, func(s *stage) {
			s.ok(s.leave("bob").frame())
			s.ok(s.commit("alice").frame())
			delete(s.people, "bob")
		}, as("bob", nil), nil},
		"rejoin":               {group.Invite, nil, as("bob", noProof), nil},
		"rejoin by admins":     {group.Admins, nil, as("bob", noProof), nil},
		"rejoin, wrong proof":  {group.Invite, nil, as("bob", func(s *stage, j *joinSpec) { j.proof = signingKey(s.t) }), group.ErrInvite},
		"rejoin, new device":   {group.Invite, nil, as("bob", func(_ *stage, j *joinSpec) { j.proof, j.replaced = nil, nil }), nil},
		"rejoin, same leaf":    {group.Open, nil, as("bob", sameLeaf), group.ErrKey},
		"far beyond the years": {group.Open, nil, as("dave", func(_ *stage, j *joinSpec) { j.expiry = 1<<64 - 1 }), nil},
	} {
		t.Run(name, c.run)
	}
}

func sameLeaf(s *stage, j *joinSpec) {
	j.byKey = s.actor("bob").leaf
	j.leaf.byKey, j.leaf.signing = j.byKey, public(j.byKey)
}

// expel removes somebody by alice's hand.
func (s *stage) expel(name string, ban bool) {
	s.t.Helper()
	s.ok(s.remove("alice", name, ban).frame())
	s.ok(s.commit("alice").frame())
}

// KEM keys of the roster may be neither leaf nor init key of a newcomer.
func TestJoinWithKEMKeyOfTheRoster(t *testing.T) {
	for name, change := range map[string]func(j *joinSpec, bobs []byte){
		"leaf": func(j *joinSpec, bobs []byte) { j.leaf.kem = bobs },
		"init": func(j *joinSpec, bobs []byte) { j.init = bobs },
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, group.Open)
			bob := s.join("bob")
			c := s.commit("alice")
			c.adds = [][]byte{bob.frame()}
			s.ok(s.addressed(c).frame())
			for _, who := range []string{"bob", "carol"} {
				s.settle("bob", bob)
				j := s.join(who)
				change(&j, bob.leaf.kem)
				s.refuse(j.frame(), group.ErrKey)
			}
		})
	}
}

// A Join is good for 256 epochs, and remembered as long once served.
func TestJoinWindow(t *testing.T) {
	s := newStage(t, group.Open)
	s.quick = true
	early := s.join("carol")
	for range group.JoinWindow {
		s.ok(s.commit("alice").frame())
	}
	if e := s.Epoch() - early.epoch; e != 256 {
		t.Fatalf("%d epochs", e)
	}
	s.ok(s.wanting(early))
	s.ok(s.commit("alice").frame())
	s.refuse(s.wanting(early), group.ErrJoinExpired)
	s.refuse(early.frame(), group.ErrJoinExpired)
	if _, known := group.TranscriptAt(s.Public, s.Epoch()-257); known {
		t.Fatal("M is remembered for longer")
	}
}

// wanting is j without a proof, which rotations in between would have killed.
func (s *stage) wanting(j joinSpec) []byte {
	j.proof = nil
	return j.frame()
}

// A Join that was served is not served again: at once, after a removal, in the
// last epoch in which it is not too old.
func TestJoinUsedOnce(t *testing.T) {
	s := newStage(t, group.Open)
	s.quick = true
	j := s.join("bob")
	j.proof = nil
	add := func() []byte {
		c := s.commit("alice")
		c.adds = [][]byte{j.frame()}
		return s.addressed(c).frame()
	}
	twice := s.commit("alice")
	twice.adds = [][]byte{j.frame(), j.frame()}
	s.refuse(s.addressed(twice).frame(), group.ErrJoinUsed)
	s.ok(add())
	s.settle("bob", j)
	s.refuse(add(), group.ErrJoinUsed)
	s.refuse(j.frame(), group.ErrJoinUsed)
	s.expel("bob", false)
	s.refuse(add(), group.ErrJoinUsed)
	for s.Epoch() < group.JoinWindow {
		s.ok(s.commit("alice").frame())
	}
	s.refuse(j.frame(), group.ErrJoinUsed)
	s.ok(s.commit("alice").frame())
	s.refuse(j.frame(), group.ErrJoinExpired)
	if n := group.Used(s.Public); n != 1 {
		t.Fatalf("%d remembered, not the departure alone", n)
	}
	s.ok(s.commit("alice").frame())
	if n := group.Used(s.Public); n != 0 {
		t.Fatalf("%d Joins remembered", n)
	}
}

// A Join that its sender gave up is not served once it is seated by another,
// nor after it left: nobody has the keys.
func TestAbandonedJoinIsVoid(t *testing.T) {
	s := newStage(t, group.Open)
	s.quick = true
	old, j := s.join("bob"), s.join("bob")
	old.proof, j.proof = nil, nil
	add := func(j joinSpec) []byte {
		c := s.commit("alice")
		c.adds = [][]byte{j.frame()}
		return s.addressed(c).frame()
	}
	s.ok(add(j))
	s.settle("bob", j)
	s.refuse(add(old), group.ErrJoinExpired)
	s.refuse(old.frame(), group.ErrJoinExpired)
	back := s.join("bob")
	back.proof = nil
	s.expel("bob", false)
	s.refuse(add(old), group.ErrJoinExpired)
	s.refuse(add(back), group.ErrJoinExpired)
	again := s.join("bob")
	again.proof = nil
	s.ok(add(again))
}

// An identity is added once per commit, under whatever Join.
func TestIdentityAddedOncePerCommit(t *testing.T) {
	for _, name := range []string{"dave", "bob"} { // a newcomer, and a rejoin
		s := newStage(t, group.Open)
		s.add("bob")
		c := s.commit("alice")
		c.adds = [][]byte{s.join(name).frame(), s.join(name).frame()}
		s.refuse(s.addressed(c).frame(), group.ErrJoinUsed)
	}
}

// TestAddsAreJudgedInOrder has two Joins that are void for different reasons,
// one of them by itself.
func TestAddsAreJudgedInOrder(t *testing.T) {
	for name, c := range map[string]struct {
		first, second string
		want          error
	}{
		"void here first":      {"uninvited", "malformed", group.ErrInviteNeeded},
		"void by itself first": {"malformed", "uninvited", group.ErrMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, group.Invite)
			bob := s.join("bob")
			bob.proof = nil
			carol := s.join("carol").frame()
			joins := map[string][]byte{"uninvited": bob.frame(), "malformed": carol[:len(carol)-1]}
			commit := s.commit("alice")
			commit.adds = [][]byte{joins[c.first], joins[c.second]}
			_, err := s.apply(commit.frame())
			wantErr(t, err, c.want)
		})
	}
}

// One commit serves 16 Joins and no more.
func TestAddLimit(t *testing.T) {
	s := newStage(t, group.Open)
	c := s.commit("alice")
	for i := range group.MaxAdds {
		c.adds = append(c.adds, s.join(fmt.Sprint("m", i)).frame())
	}
	over := c
	over.adds = append(slices.Clone(c.adds), s.join("one more").frame())
	s.refuse(s.addressed(over).frame(), group.ErrMalformed)
	s.ok(s.addressed(c).frame())
	if n := len(s.Roster()); n != 17 {
		t.Fatalf("%d members", n)
	}
}

// Nobody takes a signature off a Join and has another Join of the same keys:
// that would put off "used once" and make a rejoin look like a new device.
func TestJoinIsNotMalleable(t *testing.T) {
	s := newStage(t, group.Open)
	s.add("bob")
	frame := s.join("bob").frame()
	const optional = 1 + 64
	signed := frame[len(frame)-128:]
	body := frame[:len(frame)-128-2*optional]
	proof, replaced := frame[len(body):][:optional], frame[len(body)+optional:][:optional]
	for name, forged := range map[string][]byte{
		"no proof":           slices.Concat(body, []byte{0}, replaced, signed),
		"no replaced":        slices.Concat(body, proof, []byte{0}, signed),
		"other replaced":     slices.Concat(body, proof, []byte{64}, make([]byte, 64), signed),
		"neither":            slices.Concat(body, []byte{0, 0}, signed),
		"replaced for proof": slices.Concat(body, replaced, proof, signed),
	} {
		t.Run(name, func(t *testing.T) {
			s.t = t
			s.refuse(forged, group.ErrSignature)
		})
	}
	s.ok(frame)
}

// An optional signature has 64 bytes or none.
func TestJoinSignatureLength(t *testing.T) {
	s := newStage(t, group.Open)
	s.add("bob")
	for _, odd := range []int{-64, -63, -1, 1} {
		proof, replaced := s.join("carol"), s.join("bob")
		proof.odd, replaced.odd = odd, odd
		replaced.proof = nil
		for _, j := range []joinSpec{proof, replaced} {
			if odd == -64 {
				s.ok(j.frame()) // none
				continue
			}
			s.refuse(j.frame(), group.ErrMalformed)
		}
	}
}

// The admission mode decides whose commit may add.
func TestOnlyAdminsAdd(t *testing.T) {
	s := newStage(t, group.Admins)
	s.add("bob")
	by := func(name string) []byte {
		c := s.commit(name)
		c.adds = [][]byte{s.join("dave").frame()}
		return s.addressed(c).frame()
	}
	s.refuse(by("bob"), group.ErrNotAdmin)
	s.ok(by("alice"))
	s.ok(s.policyBy("alice", func(c *commitSpec) { c.admission = uint8(group.Open) }))
	delete(s.people, "dave")
	c := s.commit("bob")
	c.adds = [][]byte{s.join("erin").frame()}
	s.ok(s.addressed(c).frame())
}
