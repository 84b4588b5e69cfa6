package e2ee_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/parley-e2ee/parley/e2ee"
	"github.com/parley-e2ee/parley/transport"
	"github.com/parley-e2ee/parley/transport/transporttest"
)

var errNet = errors.New("test: network")

// TestChaos has people talk, come, change keys and restart over a relay that
// does what bad networks and hostile relays do to everybody alike. Whatever it
// did is over when it behaves: all was delivered, once, in order.
func TestChaos(t *testing.T) {
	runs := 12
	if testing.Short() {
		runs = 3
	}
	for name, steps := range map[string][]transporttest.Step{
		"faults": transporttest.Faults(),
		"lies":   append(transporttest.Faults(), transporttest.Lies()...),
	} {
		for range runs {
			seed := rand.Uint64()
			parallelBubble(t, fmt.Sprint(name, " ", seed), func(t *testing.T) {
				relay := transporttest.Misbehave(transport.NewMemory(nil), transporttest.Random(seed, 0.1, steps...))
				defer func() {
					if t.Failed() {
						for _, deed := range relay.Deeds() {
							t.Log(deed)
						}
					}
				}()
				chaosRun(t, relay)
			})
		}
	}
}

// overcome are the warnings of a client that gets over what the relay does.
var overcome = []error{e2ee.ErrRelay, e2ee.ErrTruncated, e2ee.ErrWithheld}

func chaosRun(t *testing.T, relay *transporttest.Liar) {
	alice := newActor(t, "alice", relay.For("alice"), nil, none, 0)
	bob := newActor(t, "bob", relay.For("bob"), nil, none, 0)
	alice.enter(func(c *e2ee.Client) (*e2ee.Room, error) { return c.Create(t.Context(), "Secure", nil) })
	link := linkOf(t, alice.room())
	bob.enter(func(c *e2ee.Client) (*e2ee.Room, error) { return c.JoinLink(t.Context(), link, nil) })
	gather(t, alice, bob)
	for i := range 12 {
		alice.say(fmt.Sprintf("a%d", i))
		bob.say(fmt.Sprintf("b%d", i))
		switch i % 6 {
		case 1:
			alice.do(func(r *e2ee.Room) error { return r.RotateInvite(t.Context()) })
		case 3:
			bob.do(func(r *e2ee.Room) error { return r.ReplaceKeys(t.Context()) })
		case 5:
			bob.stop() // and up again when it next speaks
		}
	}
	relay.Behave()
	meet(t, alice, bob)
	for a, other := range map[*actor]*actor{alice: bob, bob: alice} {
		waitFor(t, func() bool { a.up(); return len(a.heard(other)) >= len(other.accepted) })
		if got := a.heard(other); !slices.Equal(got, other.accepted) {
			t.Errorf("%s hears %q, want %q", a.name, got, other.accepted)
		}
		if mine := all[e2ee.Sent](a.events()); len(mine) != len(a.accepted) {
			t.Errorf("%s has %d Sent events for %d messages", a.name, len(mine), len(a.accepted))
		}
		for _, w := range all[e2ee.Warning](a.events()) {
			if !slices.Contains(overcome, w.Reason) {
				t.Errorf("%s is warned: %v", a.name, w.Reason)
			}
		}
	}
	x, err := alice.room().Authenticator()
	must(t, err)
	if y, err := bob.room().Authenticator(); err != nil || x != y {
		t.Errorf("authenticators differ (%v)", err)
	}
}
