package e2ee_test

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-e2ee/parley/e2ee"
	"github.com/parley-e2ee/parley/e2ee/group"
	"github.com/parley-e2ee/parley/keystore"
	"github.com/parley-e2ee/parley/transport"
	"github.com/parley-e2ee/parley/transport/transporttest"
)

// TestRedeliveryChangesNothing delivers every frame three times.
func TestRedeliveryChangesNothing(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newCast(t, 2, e2ee.Open)
		synctest.Wait()
		pending(t, c.rooms[1])
		c.liar.Do(transporttest.Step{To: "bob", Do: transporttest.Redeliver(2)})
		for _, text := range []string{"1", "2", "3"} {
			send(t, c.rooms[0], text)
			until[e2ee.Sent](t, c.rooms[0], nil)
		}
		send(t, c.rooms[1], "4")
		time.Sleep(time.Minute)
		events := pending(t, c.rooms[1])
		if got := texts(all[e2ee.Message](events)); !slices.Equal(got, []string{"1", "2", "3"}) || len(events) != 4 {
			t.Errorf("bob hears %+v", events)
		}
	})
}

// TestChangeOvertaken loses a commit and has another one win: what the caller
// wanted is proposed again.
func TestChangeOvertaken(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newCast(t, 2, e2ee.Open)
		m := &meter{Relay: c.relay}
		c.people[0].cfg.Relay = m
		c.reopen(0, (*person).restart)
		synctest.Wait()
		before := linkOf(t, c.rooms[1])
		m.set(false, true)
		done := make(chan error)
		go func() { done <- c.rooms[0].RotateInvite(t.Context()) }()
		time.Sleep(time.Second)
		must(t, c.rooms[1].ReplaceKeys(t.Context()))
		time.Sleep(time.Second)
		m.set(false, false)
		must(t, <-done)
		waitFor(t, func() bool { return linkOf(t, c.rooms[1]) != before })
		c.talk(t, "what won")
		c.agree(t)
	})
}

// TestChangeWithdrawn has a caller give up before its change was proposed.
func TestChangeWithdrawn(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newCast(t, 2, e2ee.Open)
		m := &meter{Relay: c.relay}
		c.people[0].cfg.Relay = m
		c.reopen(0, (*person).restart)
		synctest.Wait()
		before := linkOf(t, c.rooms[0])
		m.set(false, true)
		done := make(chan error)
		go func() { done <- c.rooms[0].ReplaceKeys(t.Context()) }()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := c.rooms[0].RotateInvite(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("RotateInvite: %v, want its context's end", err)
		}
		m.set(false, false)
		must(t, <-done)
		time.Sleep(time.Hour)
		if linkOf(t, c.rooms[0]) != before {
			t.Error("the change that was given up is in force")
		}
	})
}

// TestRemovedWhileLeaving bans somebody whose Leave nobody has served yet.
func TestRemovedWhileLeaving(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newCast(t, 2, e2ee.Open)
		isCommit := func(frame []byte) bool { return frame[atType] == frameCommit }
		c.liar.Do(transporttest.Step{By: "alice", If: isCommit, Do: transporttest.Drop()})
		must(t, c.rooms[1].Leave(t.Context()))
		must(t, c.rooms[0].Remove(t.Context(), "bob", true))
		c.liar.Behave()
		for i, r := range c.rooms {
			gone := until[e2ee.Removed](t, r, nil)
			if gone.By.Name != "alice" || gone.Who.Name != "bob" || !gone.Banned || gone.You != (i == 1) {
				t.Errorf("%s hears %+v", c.people[i].Name(), gone)
			}
		}
		if len(c.rooms[0].Bans()) != 1 {
			t.Error("bob is not banned")
		}
	})
}

// TestRelayLosesItsTail restarts a client on a relay that was restored from an
// old copy: that is said, and nothing is sent into it.
func TestRelayLosesItsTail(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newCast(t, 2, e2ee.Open)
		c.talk(t, "what will be lost")
		synctest.Wait()
		pending(t, c.rooms[0])
		old := transport.NewMemory(nil)
		log := logOf(t, c.relay, c.rooms[0])
		for _, f := range log[:len(log)-1] {
			inject(t, old, c.rooms[0], f)
		}
		c.people[0].cfg.Relay = old
		c.reopen(0, (*person).restart)
		send(t, c.rooms[0], "not into this one")
		time.Sleep(time.Hour)
		warnings := all[e2ee.Warning](pending(t, c.rooms[0]))
		if len(warnings) != 1 || !errors.Is(warnings[0].Reason, e2ee.ErrTruncated) {
			t.Errorf("warnings are %+v, want ErrTruncated once", warnings)
		}
		if n := len(logOf(t, old, c.rooms[0])); n != len(log)-1 {
			t.Errorf("the log has %d frames, want %d", n, len(log)-1)
		}
		c.people[0].cfg.Relay = c.relay
		c.reopen(0, (*person).restart)
		untilText(t, c.rooms[1], "not into this one")
	})
}

// hung is a relay that never answers.
type hung struct{ transport.Relay }

func (hung) Head(ctx context.Context, _ string) (uint64, error) {
	<-ctx.Done()
	return 0, ctx.Err()
}

// TestInFlightIsKnownAfterRestart asks what is unsent before the log was read.
func TestInFlightIsKnownAfterRestart(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newCast(t, 2, e2ee.Open)
		m := &meter{Relay: c.relay}
		c.people[0].cfg.Relay = m
		c.reopen(0, (*person).restart)
		synctest.Wait()
		m.set(true, false)
		first, second := send(t, c.rooms[0], "sealed"), send(t, c.rooms[0], "queued")
		c.people[0].cfg.Relay = hung{c.relay}
		c.reopen(0, (*person).crash)
		want := []e2ee.MessageID{second}
		for range 2 {
			if queued, sealed := c.rooms[0].Unsent(); !slices.Equal(sealed, []e2ee.MessageID{first}) || !slices.Equal(queued, want) {
				t.Errorf("unsent are %x and %x, want %x and %x", queued, sealed, want, first)
			}
			want = append(want, send(t, c.rooms[0], "queued too"))
		}
	})
}

// slowEnd is a relay whose Append takes its time to end, as a connection does.
type slowEnd struct {
	transport.Relay
	under atomic.Int32
}

func (s *slowEnd) Append(ctx context.Context, room string, payload []byte) (uint64, error) {
	s.under.Add(1)
	defer s.under.Add(-1)
	<-ctx.Done()
	time.Sleep(time.Second)
	return 0, ctx.Err()
}

func TestCloseWaitsForAppend(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newCast(t, 2, e2ee.Open)
		relay := &slowEnd{Relay: c.relay}
		c.people[0].cfg.Relay = relay
		c.reopen(0, (*person).restart)
		send(t, c.rooms[0], "slow")
		synctest.Wait()
		if relay.under.Load() != 1 {
			t.Fatal("nothing is under way")
		}
		if err := c.people[0].Close(); err == nil || relay.under.Load() != 0 {
			t.Errorf("Close: %v, with %d appends under way", err, relay.under.Load())
		}
	})
}

// slowDirectory answers when it is told to.
type slowDirectory struct {
	transport.Directory
	hold chan struct{}
}

func (s *slowDirectory) Lookup(ctx context.Context, name string) ([]byte, error) {
	if s.hold != nil {
		<-s.hold
	}
	return s.Directory.Lookup(ctx, name)
}

// TestCreateOutlivesClose has a call come back from the directory when its
// client is closed: the store is another owner's by then.
func TestCreateOutlivesClose(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		relay := transport.NewMemory(nil)
		dir := &slowDirectory{Directory: relay}
		alice := newPerson(t, "alice", relay, dir)
		_, err := alice.Lookup(t.Context(), "alice")
		must(t, err)
		dir.hold = make(chan struct{})
		done := make(chan error)
		go func() { done <- second(alice.Create(t.Context(), "Secure", nil)) }()
		go func() { done <- second(alice.Lookup(t.Context(), "alice")) }()
		synctest.Wait()
		must(t, alice.Close())
		close(dir.hold)
		for range 2 {
			if err := <-done; err != nil && !errors.Is(err, e2ee.ErrClosed) {
				t.Errorf("ends with %v, want ErrClosed", err)
			}
		}
		alice.open()
		if rooms, err := alice.Rooms(); err != nil || len(rooms) != 0 {
			t.Errorf("a closed client wrote %v, %v", rooms, err)
		}
	})
}

// TestCreateIsUnderWayAtClose is the other order: the write has begun.
func TestCreateIsUnderWayAtClose(t *testing.T) {
	relay, base := transport.NewMemory(nil), keystore.NewMemory()
	store := &slowStore{Store: base, reached: make(chan struct{}), hold: make(chan struct{})}
	alice, err := e2ee.NewClient(t.Context(), e2ee.Config{Name: "alice", Store: store, Relay: relay})
	must(t, err)
	made, closed := make(chan error, 1), make(chan error, 1)
	store.slow.Store(true)
	go func() { made <- second(alice.Create(t.Context(), "Secure", nil)) }()
	<-store.reached
	go func() { closed <- alice.Close() }()
	stillOwned(t, base)
	close(store.hold)
	if err := <-made; !errors.Is(err, e2ee.ErrClosed) {
		t.Errorf("Create: %v, want ErrClosed", err)
	}
	must(t, <-closed)
}

// TestTwoJoinsAtOnce has the second come while the first is being stored.
func TestTwoJoinsAtOnce(t *testing.T) {
	relay, base := transport.NewMemory(nil), keystore.NewMemory()
	a, err := newPerson(t, "alice", relay, nil).Create(t.Context(), "Secure", nil)
	must(t, err)
	store := &slowStore{Store: base, reached: make(chan struct{}), hold: make(chan struct{})}
	bob, err := e2ee.NewClient(t.Context(), e2ee.Config{Name: "bob", Store: store, Relay: relay})
	must(t, err)
	defer bob.Close()
	link, first := linkOf(t, a), make(chan error, 1)
	store.slow.Store(true)
	go func() { first <- second(bob.JoinLink(t.Context(), link, nil)) }()
	<-store.reached
	if _, err := bob.JoinLink(t.Context(), link, nil); !errors.Is(err, e2ee.ErrInRoom) {
		t.Errorf("the second: %v, want ErrInRoom", err)
	}
	close(store.hold)
	must(t, <-first)
	r, err := bob.Room(a.ID())
	must(t, err)
	until[e2ee.Entered](t, r, nil)
}

// replacements counts the commits of a log that replace the committer's keys.
func replacements(t testing.TB, log [][]byte, room group.RoomID) (by map[string]int) {
	t.Helper()
	by = make(map[string]int)
	p := group.NewPublic(room)
	for _, f := range log {
		events, _ := p.Apply(f)
		for _, ev := range events {
			if c, ok := ev.(group.Committed); ok && c.KeysReplaced {
				by[c.By.Name]++
			}
		}
	}
	return by
}

// TestGapIsToldOnce: what is missing is not told again with every frame of those
// who have it.
func TestGapIsToldOnce(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newCast(t, 3, e2ee.Open)
		c.talk(t, "nothing yet")
		synctest.Wait()
		pending(t, c.rooms[1])
		say := func(who int, lost bool) {
			if lost {
				c.liar.Do(transporttest.Step{To: "bob", Times: 1, Do: transporttest.Drop()})
			}
			send(t, c.rooms[who], "x")
			synctest.Wait()
		}
		told := func(want ...e2ee.Gap) {
			t.Helper()
			var got []e2ee.Gap
			for _, w := range all[e2ee.Warning](pending(t, c.rooms[1])) {
				if w.Reason != e2ee.ErrGap {
					t.Errorf("bob is warned of %v", w)
				}
				got = append(got, w.Gap)
			}
			if !slices.Equal(got, want) {
				t.Errorf("bob misses %+v, want %+v", got, want)
			}
		}
		own := e2ee.Gap{Generations: 1, Previous: true}
		say(0, true)
		say(0, false)
		told(e2ee.Gap{Ahead: 1}, own)
		say(0, false)
		told()
		say(2, false)
		say(2, false)
		told(e2ee.Gap{Ahead: 1})
		say(0, true)
		say(0, false)
		told(e2ee.Gap{Ahead: 2}, own)
		must(t, c.rooms[0].ReplaceKeys(t.Context()))
		synctest.Wait()
		told()
	})
}
