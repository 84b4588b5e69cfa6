package e2ee_test

import (
	"context"
	"crypto/ed25519"
	"errors"
	"iter"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-e2ee/parley/e2ee"
	"github.com/parley-e2ee/parley/e2ee/group"
	"github.com/parley-e2ee/parley/transport"
	"github.com/parley-e2ee/parley/transport/transporttest"
)

// outsider is an attacker's member, which follows a room's log by itself.
func outsider(t testing.TB, relay transport.Relay, r *e2ee.Room, name string, inv *group.Invitation) *group.Member {
	t.Helper()
	_, key, err := ed25519.GenerateKey(nil)
	must(t, err)
	id, err := group.NewIdentity(name, key)
	must(t, err)
	m, err := group.Enter(id, r.ID(), inv)
	must(t, err)
	for _, f := range logOf(t, relay, r) {
		_, _ = m.Apply(f, time.Now())
	}
	return m
}

// TestProperty08_InjectedJoin has the relay ask for itself in an Invite room.
func TestProperty08_InjectedJoin(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newCast(t, 3, e2ee.Open)
		// The room is open while mallory makes a Join that is well-formed, and
		// closed when it arrives.
		mallory := outsider(t, c.relay, c.rooms[0], "mallory", nil)
		must(t, mallory.Join(time.Now().Add(time.Hour)))
		must(t, c.rooms[0].SetAdmission(t.Context(), e2ee.Invite))
		seq := inject(t, c.relay, c.rooms[0], mallory.Unechoed()[0])
		time.Sleep(time.Hour)
		for i, r := range c.rooms {
			refused := all[e2ee.Refused](pending(t, r))
			if len(refused) != 1 || refused[0].Seq != seq || !errors.Is(refused[0].Reason, e2ee.ErrInviteNeeded) {
				t.Errorf("%s hears %+v, want frame %d: ErrInviteNeeded", c.people[i].Name(), refused, seq)
			}
			if len(r.Members()) != 3 {
				t.Errorf("%s sees %v", c.people[i].Name(), r.Members())
			}
		}
		c.talk(t, "nobody else")
		if m := outsider(t, c.relay, c.rooms[0], "mallory", nil); m.Status() != group.Joining {
			t.Errorf("mallory is %v", m.Status())
		}
	})
}

// swapped is a relay that shows one room's log under another's address.
type swapped struct {
	transport.Relay
	asked, shown string
}

func (s *swapped) address(room string) string {
	if room == s.asked {
		return s.shown
	}
	return room
}

func (s *swapped) Append(ctx context.Context, room string, payload []byte) (uint64, error) {
	return s.Relay.Append(ctx, s.address(room), payload)
}

func (s *swapped) Head(ctx context.Context, room string) (uint64, error) {
	return s.Relay.Head(ctx, s.address(room))
}

func (s *swapped) Subscribe(ctx context.Context, room string, after uint64) iter.Seq2[transport.Frame, error] {
	return s.Relay.Subscribe(ctx, s.address(room), after)
}

// TestProperty08_RoomOfTheRelaysOwn leads a link-holder elsewhere.
func TestProperty08_RoomOfTheRelaysOwn(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		relay := transport.NewMemory(nil)
		a, err := newPerson(t, "alice", relay, nil).Create(t.Context(), "Secure", nil)
		must(t, err)
		m, err := newPerson(t, "mallory", relay, nil).Create(t.Context(), "Secure", &e2ee.RoomOptions{Admission: e2ee.Open})
		must(t, err)
		before := len(logOf(t, relay, m))
		bob := newPerson(t, "bob", &swapped{relay, a.ID().String(), m.ID().String()}, nil)
		if _, err := bob.JoinLink(t.Context(), linkOf(t, a), nil); !errors.Is(err, group.ErrNotCreated) {
			t.Errorf("JoinLink: %v, want ErrNotCreated: none of these frames is the room's", err)
		}
		if n := len(logOf(t, relay, m)) - before; n != 0 {
			t.Errorf("bob wrote %d frames into it", n)
		}
	})
}

// TestProperty09_GhostIsVisible lets a stranger into an Open room: everybody
// hears of it before anything is encrypted to it.
func TestProperty09_GhostIsVisible(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newCast(t, 2, e2ee.Open)
		ghost := outsider(t, c.relay, c.rooms[0], "ghost", nil)
		must(t, ghost.Join(time.Now().Add(time.Hour)))
		send(t, c.rooms[0], "among us")
		until[e2ee.Sent](t, c.rooms[0], nil)
		inject(t, c.relay, c.rooms[0], ghost.Unechoed()[0])
		for i, r := range c.rooms {
			joined := until(t, r, func(j e2ee.Joined) bool { return j.Who.Name == "ghost" })
			if joined.By.Name == "" || len(r.Members()) != 3 {
				t.Errorf("%s hears %+v and sees %v", c.people[i].Name(), joined, r.Members())
			}
		}
		send(t, c.rooms[0], "with the ghost")
		until[e2ee.Sent](t, c.rooms[0], nil)
		var read []string
		for _, f := range logOf(t, c.relay, c.rooms[0])[ghost.Public().Position():] {
			events, _ := ghost.Apply(f, time.Now())
			for _, ev := range events {
				if m, ok := ev.(group.Received); ok {
					read = append(read, string(m.Text))
				}
			}
		}
		if !slices.Equal(read, []string{"with the ghost"}) {
			t.Errorf("the ghost reads %q", read)
		}
	})
}

// TestProperty15_RemovedReadsNothing seals a message, has the removal overtake
// it, and sees it sealed anew: shown once, and not to the one removed.
func TestProperty15_RemovedReadsNothing(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newCast(t, 3, e2ee.Open)
		m := &meter{Relay: c.relay}
		c.people[1].cfg.Relay = m
		c.reopen(1, (*person).restart)
		synctest.Wait()
		for _, r := range c.rooms {
			pending(t, r)
		}
		m.set(false, true)
		id := send(t, c.rooms[1], "not for carol")
		time.Sleep(time.Second)
		if queued, sealed := c.rooms[1].Unsent(); len(queued) != 0 || !slices.Equal(sealed, []e2ee.MessageID{id}) {
			t.Fatalf("unsent are %x and %x: the message should be sealed", queued, sealed)
		}
		must(t, c.rooms[0].Remove(t.Context(), "carol", false))
		waitFor(t, func() bool { return len(c.rooms[1].Members()) == 2 })
		m.set(false, false)
		time.Sleep(10 * time.Minute)
		got := all[e2ee.Message](pending(t, c.rooms[0]))
		if len(got) != 1 || got[0].ID != id || string(got[0].Text) != "not for carol" {
			t.Errorf("alice reads %+v, want it once, as %x", got, id)
		}
		if sent := all[e2ee.Sent](pending(t, c.rooms[1])); len(sent) != 1 || sent[0].ID != id {
			t.Errorf("bob hears %+v", sent)
		}
		if got := all[e2ee.Message](pending(t, c.rooms[2])); len(got) != 0 {
			t.Errorf("carol reads %+v", got)
		}
	})
}

// TestProperty24_ReplayAcrossRestart appends the whole log again, after
// everybody came back from a crash.
func TestProperty24_ReplayAcrossRestart(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newCast(t, 3, e2ee.Open)
		c.talk(t, "once")
		synctest.Wait()
		log := c.liar.Seen(c.rooms[0].ID().String())
		for i, r := range c.rooms {
			pending(t, r)
			c.reopen(i, (*person).crash)
		}
		for _, f := range log {
			must(t, c.liar.Inject(t.Context(), "", c.rooms[0].ID().String(), f))
		}
		time.Sleep(time.Minute)
		for i, r := range c.rooms {
			events := pending(t, r)
			if n := len(all[e2ee.Refused](events)); n != len(log) || len(events) != n {
				t.Errorf("%s hears %d refusals of %d frames in %+v", c.people[i].Name(), n, len(log), events)
			}
		}
		c.talk(t, "twice")
		c.agree(t)
	})
}

func TestProperty27_28_GapIsReported(t *testing.T) {
	for name, tt := range map[string]struct {
		hide  uint64 // how many of alice's messages
		next  int    // who speaks next
		want  e2ee.Gap
		after string // what happens in between
	}{
		"at the sender's next":   {1, 0, e2ee.Gap{Generations: 1, Previous: true}, ""},
		"two of them":            {2, 0, e2ee.Gap{Generations: 2, Previous: true}, ""},
		"at another's who saw":   {1, 2, e2ee.Gap{Ahead: 1}, ""},
		"across an epoch, later": {1, 0, e2ee.Gap{Previous: true}, "commit"},
	} {
		bubble(t, name, func(t *testing.T) {
			c := newCast(t, 3, e2ee.Open)
			c.talk(t, "nothing yet")
			synctest.Wait()
			from := uint64(len(logOf(t, c.relay, c.rooms[0])))
			c.liar.Do(transporttest.Step{To: "bob", From: from + 1, Until: from + tt.hide, Do: transporttest.Drop()})
			pending(t, c.rooms[1])
			for range tt.hide {
				send(t, c.rooms[0], "withheld")
				until[e2ee.Sent](t, c.rooms[0], nil)
			}
			if tt.after != "" {
				must(t, c.rooms[0].ReplaceKeys(t.Context()))
			}
			time.Sleep(time.Second)
			send(t, c.rooms[tt.next], "shown")
			time.Sleep(time.Second)
			events := pending(t, c.rooms[1])
			var gap []e2ee.Warning
			for _, w := range all[e2ee.Warning](events) {
				if errors.Is(w.Reason, e2ee.ErrGap) && !(tt.after != "" && w.Gap.Ahead > 0) {
					gap = append(gap, w)
				}
			}
			ahead := slices.ContainsFunc(gap, func(w e2ee.Warning) bool { return w.Gap.Ahead == tt.hide })
			own := slices.ContainsFunc(gap, func(w e2ee.Warning) bool { return w.Gap == tt.want && w.Who.Name == castNames[tt.next] })
			if !own || tt.after == "" && !ahead {
				t.Errorf("bob is warned of %+v, want %+v; all: %+v", gap, tt.want, events)
			}
			if got := texts(all[e2ee.Message](events)); !slices.Equal(got, []string{"shown"}) {
				t.Errorf("bob reads %q", got)
			}
		})
	}
}

// TestProperty34_LengthsAreBucketed looks at the sizes of frames.
func TestProperty34_LengthsAreBucketed(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newCast(t, 2, e2ee.Open)
		size := func(text string) int {
			send(t, c.rooms[0], text)
			until[e2ee.Sent](t, c.rooms[0], nil)
			return len(lastOf(t, logOf(t, c.relay, c.rooms[0]), frameMessage))
		}
		short := size("")
		for n := 1; n <= 41; n += 8 {
			if got := size(strings.Repeat("x", n)); got != short {
				t.Errorf("%d bytes make a frame of %d, and none one of %d", n, got, short)
			}
		}
		random := make([]byte, 1500)
		for i := range random {
			random[i] = byte(i*i*31 + i>>3)
		}
		if a, b := size(strings.Repeat("x", len(random))), size(string(random)); a != b {
			t.Errorf("what repeats itself makes a frame of %d, what does not one of %d", a, b)
		}
		sizes := make(map[int]bool)
		for n := 1000; n < 1200; n += 10 {
			sizes[size(strings.Repeat("x", n))] = true
		}
		if len(sizes) > 8 {
			t.Errorf("20 lengths make %d sizes", len(sizes))
		}
	})
}
