package group_test

import (
	"slices"
	"testing"

	"github.com/parley-e2ee/parley/e2ee/group"
)

func TestMessageRules(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*stage, *messageSpec)
		want   error
	}{
		"valid":                {nil, nil},
		"token empty":          {func(_ *stage, m *messageSpec) { m.token = nil }, nil},
		"epoch 0":              {func(s *stage, m *messageSpec) { m.epoch, m.transcript = 0, mustM(s, 0) }, group.ErrMalformed},
		"epoch before":         {func(s *stage, m *messageSpec) { m.epoch, m.transcript = 1, mustM(s, 1) }, group.ErrEpoch},
		"epoch before, this M": {func(_ *stage, m *messageSpec) { m.epoch = 1 }, group.ErrTranscript},
		"epoch to come":        {func(_ *stage, m *messageSpec) { m.epoch++ }, group.ErrEpoch},
		"other history":        {func(_ *stage, m *messageSpec) { m.transcript[5] ^= 1 }, group.ErrTranscript},
		"empty seat":           {func(_ *stage, m *messageSpec) { m.sender = 200 }, group.ErrNotMember},
		"another's seat":       {func(_ *stage, m *messageSpec) { m.sender = 0 }, group.ErrSignature},
		"not signed":           {func(_ *stage, m *messageSpec) { m.by = nil }, group.ErrSignature},
		"generation 0":         {func(_ *stage, m *messageSpec) { m.generation = 0 }, group.ErrMalformed},
		"generation 1000":      {func(_ *stage, m *messageSpec) { m.generation = 1000 }, nil},
		"generation 1001":      {func(_ *stage, m *messageSpec) { m.generation = 1001 }, group.ErrTooFar},
		"generation 2^31":      {func(_ *stage, m *messageSpec) { m.generation = 1 << 31 }, group.ErrTooFar},
		"generation 2^63":      {func(_ *stage, m *messageSpec) { m.generation = 1 << 63 }, group.ErrTooFar},
		"generation 2^64−1":    {func(_ *stage, m *messageSpec) { m.generation = 1<<64 - 1 }, group.ErrTooFar},
		"has seen more":        {func(_ *stage, m *messageSpec) { m.seenCount = 1 << 63 }, nil},
		"has seen other":       {func(_ *stage, m *messageSpec) { m.seenHash[0] ^= 1 }, nil},
		"other previous":       {func(_ *stage, m *messageSpec) { m.previous[0] ^= 1 }, nil},
		"other end":            {func(_ *stage, m *messageSpec) { m.end[0] ^= 1 }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := commitStage(t, group.Open)
			m := s.message("bob")
			if c.change != nil {
				c.change(s, &m)
			}
			_, err := s.apply(m.frame())
			wantErr(t, err, c.want)
			if n := s.Messages(); (n == 1) != (c.want == nil) {
				t.Fatalf("%d Messages", n)
			}
		})
	}
}

// A generation is used once, and jumps by at most 1000 from the last.
func TestGenerations(t *testing.T) {
	s := commitStage(t, group.Open)
	at := func(generation uint64) []byte {
		m := s.message("bob")
		m.generation = generation
		return m.frame()
	}
	first := at(1)
	s.ok(first)
	s.refuse(first, group.ErrReplay)
	s.refuse(at(1), group.ErrReplay)
	s.refuse(at(1002), group.ErrTooFar)
	s.ok(at(1001))
	s.refuse(at(1001), group.ErrReplay)
	s.refuse(at(500), group.ErrReplay)
	s.refuse(at(2002), group.ErrTooFar)
	s.ok(at(2001))
	s.ok(s.message("alice").frame()) // one sender's generations are its own
	s.ok(s.commit("carol").frame())
	s.refuse(first, group.ErrEpoch)
	s.ok(at(1))
}

// The leaf key of a Message is the one in the roster at its place.
func TestMessageUnderReplacedKeys(t *testing.T) {
	s := commitStage(t, group.Open)
	l := newLeafSpec(t, s.RoomID(), "bob", s.actor("bob").id)
	c := s.commit("bob")
	c.newLeaf = l.bytes()
	s.ok(c.frame())
	s.refuse(s.message("bob").frame(), group.ErrSignature)
	s.actor("bob").leaf = l.byKey
	s.ok(s.message("bob").frame())
	s.ok(s.leave("bob").frame())
	s.ok(s.message("bob").frame()) // until the commit
	void := s.message("bob")
	s.ok(s.commit("carol").frame())
	s.refuse(void.frame(), group.ErrEpoch)
	void.epoch, void.transcript = s.Epoch(), s.Transcript()
	s.refuse(void.frame(), group.ErrNotMember)
}

// What a valid Message or Commit says about other frames is reported.
func TestGapsAndForks(t *testing.T) {
	setup := func(t *testing.T) (*stage, group.Person) {
		s := commitStage(t, group.Open)
		s.ok(s.message("bob").frame())
		s.ok(s.message("carol").frame())
		s.ok(s.commit("alice").frame())
		s.ok(s.message("bob").frame())
		bob, _ := s.Lookup("bob")
		return s, bob
	}
	for name, c := range map[string]struct {
		change func(*stage, *messageSpec)
		want   func(bob group.Person) []group.Event
	}{
		"nothing": {nil, nil},
		"skipped generations": {func(_ *stage, m *messageSpec) { m.generation += 7 }, func(p group.Person) []group.Event {
			return []group.Event{group.Gap{From: p, Generations: 7}}
		}},
		"another Message before": {func(_ *stage, m *messageSpec) { m.previous[0] ^= 1 }, func(p group.Person) []group.Event {
			return []group.Event{group.Gap{From: p, Previous: true}}
		}},
		"has read more": {func(_ *stage, m *messageSpec) { m.seenCount = 4 }, func(p group.Person) []group.Event {
			return []group.Event{group.Gap{From: p, Ahead: 3}}
		}},
		"has read less": {func(s *stage, m *messageSpec) {
			m.seenCount, m.seenHash = 0, group.Digest("seen start", slices.Clone(m.transcript[:]))
		}, nil},
		"has read other": {func(_ *stage, m *messageSpec) { m.seenHash[0] ^= 1 }, func(p group.Person) []group.Event {
			return []group.Event{group.Forked{From: p}}
		}},
		"has read other before": {func(_ *stage, m *messageSpec) { m.seenCount = 0 }, func(p group.Person) []group.Event {
			return []group.Event{group.Forked{From: p}}
		}},
		"the epoch before ended otherwise": {func(_ *stage, m *messageSpec) { m.end = group.Hash{} }, func(p group.Person) []group.Event {
			return []group.Event{group.Forked{From: p}}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s, bob := setup(t)
			m := s.message("bob")
			if c.change != nil {
				c.change(s, &m)
			}
			events := s.ok(m.frame())
			want := []group.Event{group.Accepted{From: bob, Generation: m.generation, Size: 5}}
			if c.want != nil {
				want = append(c.want(bob), want...)
			}
			if !slices.Equal(events, want) {
				t.Fatalf("events %v, want %v", events, want)
			}
		})
	}
	t.Run("commit", func(t *testing.T) {
		s, bob := setup(t)
		c := s.commit("bob")
		c.seenHash[0] ^= 1
		if events := s.ok(c.frame()); len(events) != 2 || events[0] != (group.Forked{From: bob}) {
			t.Fatalf("events %v", events)
		}
	})
	t.Run("another M", func(t *testing.T) {
		s, bob := setup(t)
		m := s.message("bob")
		m.transcript[0] ^= 1
		if events := s.refuse(m.frame(), group.ErrTranscript); !slices.Equal(events, []group.Event{group.Forked{From: bob}}) {
			t.Fatalf("events %v", events)
		}
		m.epoch = 1
		if events := s.refuse(m.frame(), group.ErrTranscript); !slices.Equal(events, []group.Event{group.Forked{From: bob}}) {
			t.Fatalf("events %v of an epoch before", events)
		}
		m.by = nil
		if events := s.refuse(m.frame(), group.ErrTranscript); len(events) != 0 {
			t.Fatalf("events %v of who knows whom", events)
		}
	})
}

// Who came into this epoch knows neither its end before nor, after a rejoin,
// its own last Message.
func TestNewcomersHaveNoHistory(t *testing.T) {
	s := commitStage(t, group.Open)
	s.ok(s.message("bob").frame())
	bob, erin := s.join("bob"), s.join("erin")
	s.ok(s.serve("alice", bob, erin))
	s.settle("bob", bob)
	s.settle("erin", erin)
	for _, name := range []string{"bob", "erin"} {
		m := s.message(name)
		m.end = group.Hash{}
		if m.previous != (group.Hash{}) {
			t.Fatalf("%s has sent before", name)
		}
		if events := s.ok(m.frame()); len(events) != 1 {
			t.Fatalf("events %v", events)
		}
	}
}

// Who only replaced its leaf keys is no newcomer.
func TestReplacedKeysKeepHistory(t *testing.T) {
	s := commitStage(t, group.Open)
	s.ok(s.message("bob").frame())
	l := newLeafSpec(t, s.RoomID(), "bob", s.actor("bob").id)
	c := s.commit("bob")
	c.newLeaf = l.bytes()
	s.ok(c.frame())
	s.actor("bob").leaf = l.byKey
	m := s.message("bob")
	if m.previous == (group.Hash{}) {
		t.Fatal("the Message chain starts anew")
	}
	m.end = group.Hash{}
	bob, _ := s.Lookup("bob")
	if events := s.ok(m.frame()); len(events) != 2 || events[0] != (group.Forked{From: bob}) {
		t.Fatalf("events %v", events)
	}
}

// A joiner judges Messages from its own epoch on, and reports no gap where it
// cannot know.
func TestJoinerJudgesFromItsEpoch(t *testing.T) {
	s := commitStage(t, group.Open)
	s.ok(s.message("bob").frame())
	erin := s.join("erin")
	s.ok(s.serve("alice", erin))
	p := group.NewJoining(s.RoomID())
	for _, frame := range s.log {
		must(t, group.ApplyJoining(p, frame, group.Digest("frame", erin.frame())))
		if p.Messages() != 0 {
			t.Fatal("a Message from before the joiner's epoch counts")
		}
	}
	if group.IsJoining(p) {
		t.Fatal("not in")
	}
	m := s.message("bob")
	m.seenCount = 0
	events, err := p.Apply(m.frame())
	must(t, err)
	bob, _ := p.Lookup("bob")
	if want := (group.Accepted{From: bob, Generation: 1, Size: 5}); !slices.Equal(events, []group.Event{want}) {
		t.Fatalf("events %v", events)
	}
	s.ok(m.frame())
	next := s.message("bob")
	next.previous[0] ^= 1
	events, err = p.Apply(next.frame())
	must(t, err)
	if len(events) != 2 || events[0] != (group.Gap{From: bob, Previous: true}) {
		t.Fatalf("events %v", events)
	}
}

// Whoever sent last in this epoch ranks first, then the hash decides: the
// ranks of those who may commit are 0, 1, 2 …
func TestRank(t *testing.T) {
	s := commitStage(t, group.Open)
	s.ok(s.message("carol").frame())
	s.ok(s.message("bob").frame())
	ranks := func(names ...string) (out []int) {
		for _, name := range names {
			out = append(out, group.Rank(s.Public, s.index(name)))
		}
		return out
	}
	if got := ranks("bob", "carol"); !slices.Equal(got, []int{0, 1}) {
		t.Fatalf("ranks %v", got)
	}
	others := ranks("alice", "dave")
	slices.Sort(others)
	if !slices.Equal(others, []int{2, 3}) {
		t.Fatalf("ranks %v", others)
	}
	s.ok(s.leave("bob").frame())
	if got := ranks("carol"); got[0] != 0 {
		t.Fatalf("rank %v behind one who leaves", got)
	}
	s.ok(s.commit("carol").frame())
	got := ranks("alice", "carol", "dave")
	slices.Sort(got)
	if !slices.Equal(got, []int{0, 1, 2}) {
		t.Fatalf("ranks %v in a new epoch", got)
	}
}
