package e2ee_test

import (
	"context"
	"crypto/fips140"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"testing/cryptotest"
	"testing/synctest"
	"time"

	"github.com/parley-e2ee/parley/e2ee"
	"github.com/parley-e2ee/parley/e2ee/group"
	"github.com/parley-e2ee/parley/keystore"
	"github.com/parley-e2ee/parley/transport"
	"github.com/parley-e2ee/parley/transport/transporttest"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func newStore() keystore.Store { return keystore.NewMemory() }

// person is a client with the means to come back.
type person struct {
	*e2ee.Client
	t     testing.TB
	cfg   e2ee.Config
	store *keystore.Memory
}

func newPerson(t testing.TB, name string, relay transport.Relay, dir transport.Directory) *person {
	t.Helper()
	return openPerson(t, e2ee.Config{Name: name, Relay: relay, Directory: dir})
}

// openPerson gives cfg a new store.
func openPerson(t testing.TB, cfg e2ee.Config) *person {
	t.Helper()
	p := &person{t: t, cfg: cfg, store: keystore.NewMemory()}
	p.cfg.Store = p.store
	p.open()
	t.Cleanup(func() { _ = p.Close() })
	return p
}

func (p *person) open() {
	p.t.Helper()
	c, err := e2ee.NewClient(p.t.Context(), p.cfg)
	must(p.t, err)
	p.Client = c
}

// crash stops the client as a killed process stops: what its store holds at
// this moment is all that remains.
func (p *person) crash() {
	p.t.Helper()
	left := p.store.Clone()
	_ = p.Close()
	p.store, p.cfg.Store = left, left
	p.open()
}

// restart closes the client in order and opens it again.
func (p *person) restart() {
	p.t.Helper()
	var unsent *e2ee.UnsentError
	if err := p.Close(); err != nil && !errors.As(err, &unsent) {
		p.t.Fatal(err)
	}
	p.open()
}

// room is a person's only room.
func (p *person) room() *e2ee.Room {
	p.t.Helper()
	rooms, err := p.Rooms()
	must(p.t, err)
	if len(rooms) != 1 {
		p.t.Fatalf("%s has %d rooms, want 1", p.Name(), len(rooms))
	}
	return rooms[0]
}

// until reads events up to the first of type E that want accepts.
func until[E e2ee.Event](t testing.TB, r *e2ee.Room, want func(E) bool) E {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var seen []e2ee.Event
	for ev, err := range r.Events(ctx) {
		if err != nil {
			var zero E
			t.Fatalf("waiting for %T: %v, after %+v", zero, err, seen)
		}
		if got, ok := ev.(E); ok && (want == nil || want(got)) {
			return got
		}
		seen = append(seen, ev)
	}
	panic("events ended without an error")
}

func untilText(t testing.TB, r *e2ee.Room, text string) e2ee.Message {
	t.Helper()
	return until(t, r, func(m e2ee.Message) bool { return string(m.Text) == text })
}

func send(t testing.TB, r *e2ee.Room, text string) e2ee.MessageID {
	t.Helper()
	id, err := r.Send(t.Context(), []byte(text))
	must(t, err)
	return id
}

// pending reads the events that are there, in a bubble in which nobody has
// anything to do.
func pending(t testing.TB, r *e2ee.Room) (out []e2ee.Event) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Nanosecond)
	defer cancel()
	for ev, err := range r.Events(ctx) {
		if err != nil {
			return out
		}
		out = append(out, ev)
	}
	return out
}

// all picks the events of one type.
func all[E e2ee.Event](events []e2ee.Event) (out []E) {
	for _, ev := range events {
		if e, ok := ev.(E); ok {
			out = append(out, e)
		}
	}
	return out
}

func texts(messages []e2ee.Message) (out []string) {
	for _, m := range messages {
		out = append(out, string(m.Text))
	}
	return out
}

// cast is people who share a relay and an Open room, all of them in it. Each
// has a view of its own of the liar, which keeps its logs in the relay and does
// as it is told: nothing at first.
type cast struct {
	relay  *transport.Memory
	liar   *transporttest.Liar
	people []*person
	rooms  []*e2ee.Room
}

var castNames = []string{"alice", "bob", "carol", "dave", "erin", "frank"}

// newCast has the first create the room, the others join it by name.
func newCast(t testing.TB, n int, mode group.Admission) *cast {
	t.Helper()
	c := &cast{relay: transport.NewMemory(nil)}
	c.liar = transporttest.Misbehave(c.relay, nil)
	for i, name := range castNames[:n] {
		p := newPerson(t, name, c.liar.For(name), c.liar.For(name))
		r, err := p.Create(t.Context(), "Secure", &e2ee.RoomOptions{Admission: mode, Unlisted: i > 0})
		if i > 0 {
			must(t, p.Forget(t.Context(), r))
			link, err := c.rooms[0].InviteLink()
			must(t, err)
			r, err = p.JoinLink(t.Context(), link, nil)
			must(t, err)
			until[e2ee.Entered](t, r, nil)
		}
		must(t, err)
		c.people, c.rooms = append(c.people, p), append(c.rooms, r)
	}
	for _, r := range c.rooms {
		waitFor(t, func() bool { return len(r.Members()) == n })
	}
	return c
}

// waitFor looks, in a bubble's time, until ok.
func waitFor(t testing.TB, ok func() bool) {
	t.Helper()
	for range 3600 {
		if ok() {
			return
		}
		time.Sleep(time.Second)
	}
	t.Fatal("waited for an hour")
}

// reopen has person i come back by crash or restart, and finds its room.
func (c *cast) reopen(i int, how func(*person)) {
	how(c.people[i])
	c.rooms[i] = c.people[i].room()
}

// agree holds that all have the same authenticator.
func (c *cast) agree(t testing.TB) {
	t.Helper()
	var first string
	for i, r := range c.rooms {
		a, err := r.Authenticator()
		must(t, err)
		if i > 0 && a != first {
			t.Errorf("%s and %s have different authenticators", c.people[0].Name(), c.people[i].Name())
		}
		first = a
	}
}

// talk has everybody say something and everybody else read it.
func (c *cast) talk(t testing.TB, about string) {
	t.Helper()
	for i, r := range c.rooms {
		send(t, r, c.people[i].Name()+" on "+about)
	}
	for i, r := range c.rooms {
		want := make([]string, 0, len(c.rooms))
		for j, p := range c.people {
			if j != i {
				want = append(want, p.Name()+" on "+about)
			}
		}
		var got []string
		for len(got) < len(want) {
			m := until[e2ee.Message](t, r, nil)
			if text := string(m.Text); text == m.From.Name+" on "+about {
				got = append(got, text)
			}
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s reads %q, want %q", c.people[i].Name(), got, want)
		}
	}
}

// seeds are for the bubbles of a FIPS 140-3 run.
var seeds atomic.Uint64

// inBubble runs a test in its own time. In FIPS 140-3 mode the source of
// randomness measures time to seed itself, which stands still there: the test
// gets another.
func inBubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	if fips140.Enabled() {
		cryptotest.SetGlobalRandom(t, seeds.Add(1))
	}
	synctest.Test(t, f)
}

// bubble is inBubble as a subtest.
func bubble(t *testing.T, name string, f func(t *testing.T)) {
	t.Helper()
	t.Run(name, func(t *testing.T) { inBubble(t, f) })
}

// parallelBubble is bubble beside others, where randomness is not global.
func parallelBubble(t *testing.T, name string, f func(t *testing.T)) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		if !fips140.Enabled() {
			t.Parallel()
		}
		inBubble(t, f)
	})
}

// takeOver is somebody else under a name that the directory has.
func takeOver(t testing.TB, name string, relay *transport.Memory) *person {
	t.Helper()
	return openPerson(t, e2ee.Config{Name: name, Relay: relay, Directory: relay, TakeOver: true})
}
