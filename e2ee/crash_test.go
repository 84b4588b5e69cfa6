package e2ee_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parley-e2ee/parley/e2ee"
	"github.com/parley-e2ee/parley/transport"
)

// play is the scenario that things go wrong in: sends from all sides, joins,
// and a change of the room. It returns how many writes and appends the victim
// had.
func play(t *testing.T, victim string, kind blow, at int) int {
	relay := transport.NewMemory(nil)
	people := make(map[string]*actor)
	for _, name := range []string{"alice", "bob", "carol"} {
		k := none
		if name == victim {
			k = kind
		}
		people[name] = newActor(t, name, relay, relay, k, at)
	}
	alice, bob, carol := people["alice"], people["bob"], people["carol"]
	alice.enter(func(c *e2ee.Client) (*e2ee.Room, error) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		return c.Create(ctx, "Secure", &e2ee.RoomOptions{Admission: e2ee.Open, Unlisted: true})
	})
	link := ""
	alice.do(func(r *e2ee.Room) (err error) { link, err = r.InviteLink(); return err })
	join := func(c *e2ee.Client) (*e2ee.Room, error) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		return c.JoinLink(ctx, link, nil)
	}

	bob.enter(join)
	gather(t, alice, bob)
	alice.say("a1")
	alice.say("a2")
	bob.say("b1")
	meet(t, alice, bob)
	carol.enter(join)
	alice.say("a3")
	gather(t, alice, bob, carol)
	carol.say("c1")
	alice.do(func(r *e2ee.Room) error {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		return r.ReplaceKeys(ctx)
	})
	bob.say("b2")
	meet(t, alice, bob)
	meet(t, carol)
	for _, a := range people {
		judge(t, a, people)
	}
	return people[victim].fate.count
}

// gather waits until these are the members.
func gather(t *testing.T, people ...*actor) {
	t.Helper()
	for _, a := range people {
		waitFor(t, func() bool { return len(a.room().Members()) == len(people) })
	}
}

// meet waits until nothing that these sent is on its way.
func meet(t *testing.T, people ...*actor) {
	t.Helper()
	for _, a := range people {
		waitFor(t, func() bool {
			queued, sealed := a.room().Unsent()
			return len(queued)+len(sealed) == 0
		})
	}
}

// judge holds that a was shown what the others sent since it came in: each
// once, under one ID, in its sender's order; and all it sent itself came back.
func judge(t *testing.T, a *actor, people map[string]*actor) {
	t.Helper()
	for name, from := range people {
		want := from.accepted
		if a.name == "carol" && name != "carol" { // who came in when some was said
			from := slices.IndexFunc(want, func(s string) bool { return strings.HasPrefix(s, "b2") })
			want = want[max(from, 0):]
			if name == "alice" {
				want = nil
			}
		}
		waitFor(t, func() bool {
			a.up()
			if name == a.name {
				return len(all[e2ee.Sent](a.events())) >= len(want)
			}
			return len(a.heard(from)) >= len(want)
		})
		heard := a.heard(from)
		if a.name == "carol" {
			heard = slices.DeleteFunc(heard, func(s string) bool { return !slices.Contains(want, s) })
		}
		if name != a.name && !slices.Equal(slices.DeleteFunc(heard, from.doubts), want) {
			t.Errorf("%s hears from %s %q, want %q", a.name, name, heard, want)
		}
	}
	ids, said := make(map[e2ee.MessageID]bool), make(map[string]bool)
	for _, m := range all[e2ee.Message](a.events()) {
		if ids[m.ID] || said[string(m.Text)] {
			t.Errorf("%s is shown %q twice", a.name, m.Text)
		}
		ids[m.ID], said[string(m.Text)] = true, true
	}
	mine, err := a.room().Authenticator()
	must(t, err)
	waitFor(t, func() bool {
		theirs, err := people["alice"].room().Authenticator()
		return err == nil && theirs == mine
	})
}

func (a *actor) doubts(text string) bool { return slices.Contains(a.doubtful, text) }

func (a *actor) heard(from *actor) (out []string) {
	for _, m := range all[e2ee.Message](a.events()) {
		if m.From.Name == from.name {
			out = append(out, string(m.Text))
		}
	}
	return out
}

func TestProperty38_41_CrashAndFailureAtEveryWrite(t *testing.T) {
	for _, victim := range []string{"alice", "bob", "carol"} {
		moments := 0
		bubble(t, victim, func(t *testing.T) { moments = play(t, victim, none, 0) })
		t.Logf("%s writes and appends %d times", victim, moments)
		for _, kind := range []blow{failBefore, failAfter, killBefore, killAfter} {
			stride := 1
			switch {
			case testing.Short():
				stride = 13
			case kind <= failAfter: // which go over it from both sides
				stride = 2
			}
			for at := 1 + int(kind)%stride; at <= moments+2; at += stride { // how many varies a little
				parallelBubble(t, fmt.Sprintf("%s/%v/%d", victim, kind, at), func(t *testing.T) { play(t, victim, kind, at) })
			}
		}
	}
}
