package e2ee_test

import (
	"context"
	"errors"
	"iter"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-e2ee/parley/e2ee"
	"github.com/parley-e2ee/parley/e2ee/group"
	"github.com/parley-e2ee/parley/transport"
)

// meter is a relay that notes when what is called, and that can be down, or
// lose what is appended.
type meter struct {
	transport.Relay
	mu         sync.Mutex
	down, lose bool
	appends    []time.Time
	heads      int
}

func (m *meter) set(down, lose bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.down, m.lose, m.appends, m.heads = down, lose, nil, 0
}

func (m *meter) count() (appends []time.Time, heads int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.appends), m.heads
}

func (m *meter) Append(ctx context.Context, room string, payload []byte) (uint64, error) {
	m.mu.Lock()
	m.appends = append(m.appends, time.Now())
	down, lose := m.down, m.lose
	m.mu.Unlock()
	switch {
	case down:
		return 0, errNet
	case lose:
		return 1, nil
	}
	return m.Relay.Append(ctx, room, payload)
}

func (m *meter) Head(ctx context.Context, room string) (uint64, error) {
	m.mu.Lock()
	m.heads++
	down := m.down
	m.mu.Unlock()
	if down {
		return 0, errNet
	}
	return m.Relay.Head(ctx, room)
}

// Subscribe ends what is under way within a minute of an outage.
func (m *meter) Subscribe(ctx context.Context, room string, after uint64) iter.Seq2[transport.Frame, error] {
	return func(yield func(transport.Frame, error) bool) {
		ctx, cancel := context.WithTimeout(ctx, time.Minute)
		defer cancel()
		for f, err := range m.Relay.Subscribe(ctx, room, after) {
			if !yield(f, err) {
				return
			}
		}
	}
}

func gaps(times []time.Time) (out []time.Duration) {
	for i := 1; i < len(times); i++ {
		out = append(out, times[i].Sub(times[i-1]))
	}
	return out
}

// TestOutage takes the relay away for a day.
func TestOutage(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newCast(t, 2, e2ee.Open)
		m := &meter{Relay: c.relay}
		c.people[0].cfg.Relay = m
		c.reopen(0, (*person).restart)
		synctest.Wait()
		pending(t, c.rooms[0])
		m.set(true, false)
		send(t, c.rooms[0], "into the void")
		time.Sleep(24 * time.Hour)
		appends, heads := m.count()
		if n := 24 * 60 * 2; len(appends) < n/2 || len(appends) > 3*n || heads < n/2 || heads > 3*n {
			t.Errorf("%d appends and %d heads in a day: they are to come every 15 to 30 s", len(appends), heads)
		}
		warnings := all[e2ee.Warning](pending(t, c.rooms[0]))
		if len(warnings) != 1 || !errors.Is(warnings[0].Reason, e2ee.ErrRelay) {
			t.Errorf("warnings in a day: %+v, want ErrRelay once", warnings)
		}
		if err := c.rooms[0].RelayError(); !errors.Is(err, e2ee.ErrRelay) {
			t.Errorf("RelayError in the outage: %v", err)
		}
		m.set(false, false)
		time.Sleep(time.Minute)
		if got := texts(all[e2ee.Message](pending(t, c.rooms[1]))); !slices.Equal(got, []string{"into the void"}) {
			t.Errorf("bob reads %q", got)
		}
		if err := c.rooms[0].RelayError(); err != nil {
			t.Errorf("RelayError after the outage: %v", err)
		}
	})
}

// TestResend loses what is appended without a word: it goes out again after
// 15 s, 30 s and so on up to 5 min, and byte for byte, so it is shown once.
func TestResend(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newCast(t, 2, e2ee.Open)
		m := &meter{Relay: c.relay}
		c.people[0].cfg.Relay = m
		c.reopen(0, (*person).restart)
		synctest.Wait()
		m.set(false, true)
		send(t, c.rooms[0], "hello?")
		time.Sleep(20 * time.Minute)
		appends, _ := m.count()
		want := []time.Duration{15 * time.Second, 30 * time.Second, time.Minute, 2 * time.Minute, 4 * time.Minute, 5 * time.Minute, 5 * time.Minute}
		if got := gaps(appends); !slices.Equal(got, want[:min(len(got), len(want))]) || len(got) < 6 {
			t.Errorf("pauses are %v, want %v", got, want)
		}
		m.set(false, false)
		time.Sleep(10 * time.Minute)
		if got := texts(all[e2ee.Message](pending(t, c.rooms[1]))); !slices.Equal(got, []string{"hello?"}) {
			t.Errorf("bob reads %q", got)
		}
	})
}

// TestJoinIsResent loses the request to join: it is resent as any frame is, and
// nobody is told to wait who has not asked yet.
func TestJoinIsResent(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newCast(t, 1, e2ee.Open)
		m := &meter{Relay: c.relay}
		m.set(false, true)
		bob := newPerson(t, "bob", m, nil)
		done := make(chan error)
		go func() { done <- second(bob.JoinLink(t.Context(), linkOf(t, c.rooms[0]), nil)) }()
		time.Sleep(time.Minute)
		appends, _ := m.count()
		if got := gaps(appends); !slices.Equal(got, []time.Duration{15 * time.Second, 30 * time.Second}) {
			t.Errorf("pauses are %v", got)
		}
		m.set(false, false)
		must(t, <-done)
		until[e2ee.Entered](t, bob.room(), nil)
	})
}

// TestWaiting has nobody serve a joiner: it hears so once, repeats the request
// with growing pauses, and gives up when that expires.
func TestWaiting(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		relay := transport.NewMemory(nil)
		m := &meter{Relay: relay}
		alice, bob := newPerson(t, "alice", relay, nil), newPerson(t, "bob", m, nil)
		a, err := alice.Create(t.Context(), "Secure", nil)
		must(t, err)
		link := linkOf(t, a)
		_ = alice.Close()
		b, err := bob.JoinLink(t.Context(), link, &e2ee.JoinOptions{Expiry: time.Hour})
		must(t, err)
		start := time.Now()
		until[e2ee.Waiting](t, b, nil)
		if d := time.Since(start); d < 10*time.Second || d > 11*time.Second {
			t.Errorf("Waiting comes after %v, want 10 s", d)
		}
		bob.crash()
		time.Sleep(2 * time.Hour)
		appends, _ := m.count()
		if len(appends) < 12 || len(appends) > 30 {
			t.Errorf("asked %d times in an hour", len(appends))
		}
		log := logOf(t, relay, a)
		for _, f := range log[2:] {
			if !slices.Equal(f, log[1]) {
				t.Error("the requests differ")
			}
		}
		events := pending(t, bob.room())
		failed := all[e2ee.JoinFailed](events)
		if len(failed) != 1 || !errors.Is(failed[0].Reason, e2ee.ErrJoinExpired) || len(all[e2ee.Waiting](events)) > 1 {
			t.Errorf("bob hears %+v", events)
		}
		alice.open()
		b, err = bob.JoinLink(t.Context(), link, nil)
		must(t, err)
		until[e2ee.Entered](t, b, nil)
	})
}

// TestServedLate serves a joiner when somebody comes back at last.
func TestServedLate(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		relay := transport.NewMemory(nil)
		alice, bob := newPerson(t, "alice", relay, nil), newPerson(t, "bob", relay, nil)
		a, err := alice.Create(t.Context(), "Secure", nil)
		must(t, err)
		link := linkOf(t, a)
		_ = alice.Close()
		b, err := bob.JoinLink(t.Context(), link, nil)
		must(t, err)
		send(t, b, "written while I waited")
		time.Sleep(12 * time.Hour)
		bob.crash()
		alice.open()
		until[e2ee.Entered](t, bob.room(), nil)
		untilText(t, alice.room(), "written while I waited")
	})
}

// TestAdmitRefusesOne has the application refuse one joiner: others are served,
// the refused one is asked about again when it repeats its request, and no
// loop spins on it.
func TestAdmitRefusesOne(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		relay := transport.NewMemory(nil)
		var mu sync.Mutex
		asked, trusted := make(map[string]int), false
		alice := openPerson(t, e2ee.Config{Name: "alice", Relay: relay, Admit: func(_ group.RoomID, who group.JoinRequest) bool {
			mu.Lock()
			defer mu.Unlock()
			asked[who.Name]++
			return who.Name != "mallory" || trusted
		}})
		a, err := alice.Create(t.Context(), "Secure", &e2ee.RoomOptions{Admission: e2ee.Admins})
		must(t, err)
		mallory, err := newPerson(t, "mallory", relay, nil).JoinLink(t.Context(), linkOf(t, a), nil)
		must(t, err)
		for _, name := range []string{"bob", "carol"} {
			time.Sleep(time.Second)
			r, err := newPerson(t, name, relay, nil).JoinLink(t.Context(), linkOf(t, a), nil)
			must(t, err)
			until[e2ee.Entered](t, r, nil)
		}
		send(t, a, "without mallory")
		time.Sleep(5 * time.Second)
		mu.Lock()
		if asked["bob"] != 1 || asked["carol"] != 1 || asked["mallory"] != 1 {
			t.Errorf("asked %v, want once about each", asked)
		}
		trusted = true
		mu.Unlock()
		until[e2ee.Entered](t, mallory, nil)
	})
}

// TestAdmitMayCallTheClient calls back from Admit, which would stop for ever
// were a lock held.
func TestAdmitMayCallTheClient(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		relay := transport.NewMemory(nil)
		var alice *person
		alice = openPerson(t, e2ee.Config{Name: "alice", Relay: relay, Directory: relay, Admit: func(id group.RoomID, who group.JoinRequest) bool {
			b, err := alice.Lookup(context.Background(), who.Name)
			r, roomErr := alice.Room(id)
			return err == nil && roomErr == nil && len(r.Members()) > 0 && b.Fingerprint() == who.Fingerprint
		}})
		a, err := alice.Create(t.Context(), "Secure", nil)
		must(t, err)
		r, err := newPerson(t, "bob", relay, relay).JoinLink(t.Context(), linkOf(t, a), nil)
		must(t, err)
		until[e2ee.Entered](t, r, nil)
	})
}

// TestRekeyByTheClock leaves a room alone for 30 days: keys change all the
// same, at most about once a week and member.
func TestRekeyByTheClock(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newCast(t, 3, e2ee.Open)
		before := c.rooms[0].Epoch()
		time.Sleep(30 * 24 * time.Hour)
		if n := c.rooms[0].Epoch() - before; n < 4 || n > 13 {
			t.Errorf("%d epochs in 30 days", n)
		}
		by := replacements(t, logOf(t, c.relay, c.rooms[0]), c.rooms[0].ID())
		for _, name := range castNames[:3] {
			if n := by[name]; n < 3 || n > 4 {
				t.Errorf("%s replaced its own keys %d times in 30 days", name, n)
			}
		}
		c.talk(t, "locks")
		c.agree(t)
	})
}

func TestRekeyByMessages(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		relay := transport.NewMemory(nil)
		alice := openPerson(t, e2ee.Config{Name: "alice", Relay: relay, RekeyMessages: 5})
		a, err := alice.Create(t.Context(), "Secure", nil)
		must(t, err)
		for range 21 {
			send(t, a, "x")
			until[e2ee.Sent](t, a, nil)
		}
		if n := a.Epoch(); n < 4 || n > 6 {
			t.Errorf("epoch %d after 21 messages, 5 an epoch", n)
		}
	})
}

// TestSendsShareAFrame queues up what is said while a frame is in flight.
func TestSendsShareAFrame(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newCast(t, 2, e2ee.Open)
		m := &meter{Relay: c.relay}
		c.people[0].cfg.Relay = m
		c.reopen(0, (*person).restart)
		synctest.Wait()
		m.set(true, false)
		var want []string
		for _, text := range []string{"one", "two", "three", "four"} {
			send(t, c.rooms[0], text)
			want = append(want, text)
		}
		time.Sleep(time.Second)
		before := len(logOf(t, c.relay, c.rooms[0]))
		m.set(false, false)
		time.Sleep(time.Minute)
		if n := len(logOf(t, c.relay, c.rooms[0])) - before; n != 2 {
			t.Errorf("%d frames, want 2", n)
		}
		if got := texts(all[e2ee.Message](pending(t, c.rooms[1]))); !slices.Equal(got, want) {
			t.Errorf("bob reads %q, want %q", got, want)
		}
	})
}
