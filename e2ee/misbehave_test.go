package e2ee_test

import (
	"errors"
	"math"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-e2ee/parley/e2ee"
	"github.com/parley-e2ee/parley/transport"
	"github.com/parley-e2ee/parley/transport/transporttest"
)

// reasonsOf are the reasons of r's warnings that are waiting to be read, each
// as often as it is there.
func reasonsOf(events []e2ee.Event) (reasons []error) {
	for _, w := range all[e2ee.Warning](events) {
		reasons = append(reasons, w.Reason)
	}
	return reasons
}

// heard reads all events that are there and forgets them.
func (c *cast) heard(t testing.TB) (events [][]e2ee.Event) {
	t.Helper()
	synctest.Wait()
	for _, r := range c.rooms {
		events = append(events, pending(t, r))
	}
	return events
}

// say sends and waits until it is in the log.
func say(t testing.TB, r *e2ee.Room, text string) {
	t.Helper()
	send(t, r, text)
	until[e2ee.Sent](t, r, nil)
}

// TestProperty11_ForkedReaders leaves bob alone with a history of his own. When
// frames cross, who reads the first of them is told, and sends nothing more
// before the application says so.
func TestProperty11_ForkedReaders(t *testing.T) {
	for _, tt := range []struct {
		name    string
		keys    bool // each side changes its keys
		crosses int  // whose frame is the first to cross
		told    []int
	}{
		{"from the log", false, 0, []int{1}},
		{"from the branch", false, 1, []int{0, 2}},
		{"from the log, in another epoch", true, 2, []int{1}},
	} {
		bubble(t, tt.name, func(t *testing.T) {
			c := newCast(t, 3, e2ee.Open)
			c.talk(t, "one history")
			c.heard(t)
			c.liar.Do(transporttest.Step{To: "bob", Do: transporttest.Fork("b")})
			if tt.keys {
				must(t, c.rooms[1].ReplaceKeys(t.Context()))
				must(t, c.rooms[0].ReplaceKeys(t.Context()))
			}
			say(t, c.rooms[1], "into the branch")
			say(t, c.rooms[0], "into the log")
			if got := texts(all[e2ee.Message](c.heard(t)[1])); len(got) != 0 {
				t.Errorf("bob reads %q of the other history", got)
			}
			first, err := c.rooms[0].Authenticator()
			must(t, err)
			if other, err := c.rooms[1].Authenticator(); err != nil || (other != first) != tt.keys {
				t.Errorf("authenticators differ: %v, want %v (%v)", other != first, tt.keys, err)
			}
			c.liar.Behave()
			send(t, c.rooms[tt.crosses], "across")
			time.Sleep(time.Minute)
			for i, events := range c.heard(t) {
				if told := slices.Contains(reasonsOf(events), e2ee.ErrForked); told != slices.Contains(tt.told, i) {
					t.Errorf("%s is told of the fork: %v; %+v", castNames[i], told, events)
				}
			}
			for _, i := range tt.told {
				if _, err := c.rooms[i].Send(t.Context(), []byte("into which?")); !errors.Is(err, e2ee.ErrForked) {
					t.Errorf("Send: %v, want ErrForked", err)
				}
			}
		})
	}
}

// TestProperty27_Reordered shows bob two frames of alice's the wrong way round:
// he is told of the gap at the first that he gets.
func TestProperty27_Reordered(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newCast(t, 2, e2ee.Open)
		c.talk(t, "order")
		c.heard(t)
		c.liar.Do(transporttest.Step{To: "bob", Times: 1, Do: transporttest.Hold(1)})
		say(t, c.rooms[0], "one")
		say(t, c.rooms[0], "two")
		time.Sleep(time.Minute)
		events := c.heard(t)[1]
		got, gap := texts(all[e2ee.Message](events)), all[e2ee.Warning](events)
		if !slices.ContainsFunc(gap, func(w e2ee.Warning) bool { return w.Gap == e2ee.Gap{Generations: 1, Previous: true} }) {
			t.Errorf("bob is warned of %+v, want a gap of one", gap)
		}
		if !slices.Equal(got, []string{"two"}) {
			t.Errorf("bob reads %q: want what came first, and the other refused", got)
		}
		c.talk(t, "what comes after")
		c.agree(t)
	})
}

// TestProperty22_CopiedIntoAnotherRoom has the relay put every frame of a room
// into another one of the same people.
func TestProperty22_CopiedIntoAnotherRoom(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newCast(t, 2, e2ee.Open)
		other := newRoom(t, c)
		c.heard(t)
		c.liar.Do(transporttest.Step{Room: c.rooms[0].ID().String(), Do: transporttest.Copy(other[0].ID().String())})
		say(t, c.rooms[0], "in one room")
		synctest.Wait()
		for i, r := range other {
			events := pending(t, r)
			refused := all[e2ee.Refused](events)
			if len(refused) != 1 || !errors.Is(refused[0].Reason, e2ee.ErrWrongRoom) || len(all[e2ee.Message](events)) != 0 {
				t.Errorf("%s hears %+v in the other room, want ErrWrongRoom", castNames[i], events)
			}
		}
		if got := texts(all[e2ee.Message](c.heard(t)[1])); !slices.Equal(got, []string{"in one room"}) {
			t.Errorf("bob reads %q in its own", got)
		}
	})
}

// newRoom is a second room of the same people.
func newRoom(t testing.TB, c *cast) (rooms []*e2ee.Room) {
	t.Helper()
	first, err := c.people[0].Create(t.Context(), "Another", &e2ee.RoomOptions{Admission: e2ee.Open})
	must(t, err)
	rooms = append(rooms, first)
	for _, p := range c.people[1:] {
		r, err := p.JoinLink(t.Context(), linkOf(t, first), nil)
		must(t, err)
		until[e2ee.Entered](t, r, nil)
		rooms = append(rooms, r)
	}
	for _, r := range rooms {
		waitFor(t, func() bool { return len(r.Members()) == len(c.people) })
		pending(t, r)
	}
	return rooms
}

// TestLiesAboutNumbers has the relay lie to alice, who comes back, about how
// long the log is and which number a frame has. She is told why nothing comes,
// goes on when the relay behaves, and nothing is lost.
func TestLiesAboutNumbers(t *testing.T) {
	const next, rest = 6, math.MaxInt64 // the frames that she has read end before next
	for _, tt := range []struct {
		name  string
		lie   transporttest.Step
		want  error // nil for no warning
		reads bool  // alice reads what bob says all the same
		sends bool  // and is heard
	}{
		{"none", transporttest.Step{Nth: rest, Do: transporttest.Skip()}, nil, true, true},
		{"head without end", transporttest.Step{Do: transporttest.SayHead(math.MaxUint64)}, e2ee.ErrWithheld, true, false},
		{"head one too high", transporttest.Step{Do: transporttest.ShiftHead(1)}, e2ee.ErrWithheld, true, false},
		{"head too high once", transporttest.Step{Times: 1, Do: transporttest.ShiftHead(100)}, e2ee.ErrWithheld, true, true},
		{"head 0", transporttest.Step{Do: transporttest.SayHead(0)}, e2ee.ErrTruncated, false, false},
		{"head two too low", transporttest.Step{Do: transporttest.ShiftHead(-2)}, e2ee.ErrTruncated, false, false},
		{"head too low once", transporttest.Step{Times: 1, Do: transporttest.ShiftHead(-2)}, e2ee.ErrTruncated, true, true},
		{"head as she left it", transporttest.Step{Do: transporttest.ShiftHead(-1)}, nil, true, true},
		{"a hole at the end", transporttest.Step{Nth: next, Do: transporttest.Skip()}, e2ee.ErrWithheld, false, false},
		{"nothing more", transporttest.Step{From: next, Do: transporttest.Skip()}, e2ee.ErrWithheld, false, false},
		{"numbers too high", transporttest.Step{From: next, Do: transporttest.Renumber(1)}, e2ee.ErrTruncated, false, false},
		{"numbers without end", transporttest.Step{From: next, Do: transporttest.Renumber(-next - 1)}, e2ee.ErrTruncated, false, false},
		{"old numbers", transporttest.Step{From: next, Do: transporttest.Renumber(-next + 1)}, e2ee.ErrWithheld, false, false},
		{"history cut off", transporttest.Step{Nth: next, Do: transporttest.Truncate()}, e2ee.ErrTruncated, false, false},
	} {
		bubble(t, tt.name, func(t *testing.T) {
			c := newCast(t, 2, e2ee.Open)
			c.talk(t, "numbers")
			c.heard(t)
			must(t, c.people[0].Close())
			if head, err := c.relay.Head(t.Context(), c.rooms[0].ID().String()); err != nil || head+1 != next {
				t.Fatalf("%d frames, %v, want %d", head, err, next-1)
			}
			tt.lie.To = "alice"
			c.liar.Do(tt.lie)
			send(t, c.rooms[1], "to alice")
			until[e2ee.Sent](t, c.rooms[1], nil)
			c.reopen(0, (*person).open)
			send(t, c.rooms[0], "to bob")
			time.Sleep(10 * time.Minute)
			early := c.heard(t)
			if got := slices.Compact(reasonsOf(early[0])); len(got) > 1 || tt.want != nil && !slices.Equal(got, []error{tt.want}) || tt.want == nil && len(got) > 0 {
				t.Errorf("alice is warned of %v, want %v", got, tt.want)
			}
			if got := len(all[e2ee.Message](early[0])) == 1; got != tt.reads {
				t.Errorf("alice reads: %v, want %v, in %+v", got, tt.reads, early[0])
			}
			if got := len(all[e2ee.Message](early[1])) == 1; got != tt.sends {
				t.Errorf("alice is heard: %v, want %v, in %+v", got, tt.sends, early[1])
			}
			if err := c.rooms[0].RelayError(); err == nil != tt.sends || err != nil && !errors.Is(err, tt.want) {
				t.Errorf("RelayError: %v, want %v", err, tt.want)
			}
			c.liar.Behave()
			time.Sleep(10 * time.Minute)
			for i, late := range c.heard(t) {
				if n := len(all[e2ee.Message](early[i])) + len(all[e2ee.Message](late)); n != 1 {
					t.Errorf("%s reads %d messages in the end", castNames[i], n)
				}
			}
			c.talk(t, "what was real")
			c.agree(t)
		})
	}
}

// TestLiveFramesUnderOldNumbers has alice read all there is, and then get what
// comes under numbers that she has had: she asks again, and is told.
func TestLiveFramesUnderOldNumbers(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newCast(t, 2, e2ee.Open)
		c.talk(t, "numbers")
		c.heard(t)
		c.liar.Do(transporttest.Step{To: "alice", Do: transporttest.Renumber(-3)})
		say(t, c.rooms[1], "to alice")
		time.Sleep(10 * time.Minute)
		if got := reasonsOf(c.heard(t)[0]); !slices.Equal(got, []error{e2ee.ErrWithheld}) {
			t.Errorf("alice is warned of %v, want ErrWithheld once", got)
		}
		c.liar.Behave()
		untilText(t, c.rooms[0], "to alice")
		c.talk(t, "what was real")
	})
}

// TestSlowRelay takes most of a minute for each frame: that is no reason to
// warn anybody.
func TestSlowRelay(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newCast(t, 2, e2ee.Open)
		c.talk(t, "nothing yet")
		c.heard(t)
		must(t, c.people[0].Close())
		head, err := c.relay.Head(t.Context(), c.rooms[1].ID().String())
		must(t, err)
		for i := range time.Duration(5) {
			c.liar.Do(transporttest.Step{To: "alice", Nth: head + 1 + uint64(i), Do: transporttest.Delay((i + 1) * 50 * time.Second)})
			say(t, c.rooms[1], "more")
		}
		c.reopen(0, (*person).open)
		time.Sleep(10 * time.Minute)
		events := c.heard(t)[0]
		if got := reasonsOf(events); len(got) != 0 || len(all[e2ee.Message](events)) != 5 {
			t.Errorf("alice is warned of %v and hears %+v", got, events)
		}
	})
}

// TestJoinAgainstLies enters a room on a relay whose head has no end: whoever
// gives up waiting hears why, and who does not gets in when it behaves.
func TestJoinAgainstLies(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newCast(t, 1, e2ee.Open)
		c.liar.Do(transporttest.Step{To: "bob", Do: transporttest.SayHead(math.MaxUint64)})
		bob := newPerson(t, "bob", c.liar.For("bob"), nil)
		done := make(chan error)
		go func() { done <- second(bob.JoinLink(t.Context(), linkOf(t, c.rooms[0]), nil)) }()
		time.Sleep(5 * time.Minute)
		select {
		case err := <-done:
			t.Errorf("JoinLink: %v, without having read the log", err)
		default:
			rooms, err := bob.Rooms()
			must(t, err)
			if len(rooms) == 1 && !errors.Is(rooms[0].RelayError(), e2ee.ErrWithheld) {
				t.Errorf("RelayError: %v, want ErrWithheld", rooms[0].RelayError())
			}
			c.liar.Behave()
			must(t, <-done)
		}
		until[e2ee.Entered](t, bob.room(), nil)
	})
}

// TestProperty01_03_SwappedForOne answers one reader's look-ups with what is
// somebody else's, or old; everybody else gets what is true.
func TestProperty01_03_SwappedForOne(t *testing.T) {
	liar := transporttest.Misbehave(transport.NewMemory(nil), nil)
	people := make(map[string]*person)
	for _, name := range []string{"alice", "bob", "carol", "mallory"} {
		people[name] = newPerson(t, name, liar.For(name), liar.For(name))
	}
	must(t, liar.For("bob").Publish(t.Context(), "id:bob", forgeBundle(people["bob"], func(p *specPerson, _ *[]byte) { p.Serial = 7 })))
	b, err := people["alice"].Lookup(t.Context(), "bob")
	must(t, err)
	for _, tt := range []struct {
		act  transporttest.Act
		want error
	}{
		{transporttest.Swap("id:mallory"), e2ee.ErrBadBundle},
		{transporttest.Replay(0), e2ee.ErrBundleRollback},
		{transporttest.Flip(99), e2ee.ErrBadBundle},
		{transporttest.Drop(), transport.ErrNotFound},
		{transporttest.Replace(forgeBundle(people["mallory"], func(p *specPerson, _ *[]byte) { p.Name = "bob" })), e2ee.ErrIdentityChanged},
	} {
		liar.Do(transporttest.Step{To: "alice", Name: "id:bob", Do: tt.act})
		if _, err := people["alice"].Lookup(t.Context(), "bob"); !errors.Is(err, tt.want) {
			t.Errorf("%v: %v, want %v", tt.act, err, tt.want)
		}
		if other, err := people["carol"].Lookup(t.Context(), "bob"); err != nil || other.Fingerprint() != b.Fingerprint() {
			t.Errorf("%v for alice: carol finds %v", tt.act, err)
		}
		liar.Behave()
		if again, err := people["alice"].Lookup(t.Context(), "bob"); err != nil || again.Fingerprint() != b.Fingerprint() {
			t.Errorf("after %v: %v", tt.act, err)
		}
	}
}
