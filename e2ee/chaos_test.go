package e2ee_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/parley-e2ee/parley/e2ee"
	"github.com/parley-e2ee/parley/transport"
)

var errNet = errors.New("test: network")

// chaos is a relay behind a bad network: it loses, doubles and delays what is
// appended, says so or does not, and breaks subscriptions off.
type chaos struct {
	transport.Relay
	mu   sync.Mutex
	rand *rand.Rand
	calm bool
}

func newChaos(relay transport.Relay, seed uint64) *chaos {
	return &chaos{Relay: relay, rand: rand.New(rand.NewPCG(seed, 0))}
}

func (c *chaos) roll(sides int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.calm {
		return -1
	}
	return c.rand.IntN(sides)
}

func (c *chaos) settle() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calm = true
}

func (c *chaos) Append(ctx context.Context, room string, payload []byte) (uint64, error) {
	switch c.roll(8) {
	case 0: // lost, and said so
		return 0, errNet
	case 1: // lost, and not said so
		return 1, nil
	case 2: // stored, and said to be lost
		_, err := c.Relay.Append(ctx, room, payload)
		return 0, errors.Join(errNet, err)
	case 3: // doubled
		_, _ = c.Relay.Append(ctx, room, payload)
	case 4: // delayed
		select {
		case <-time.After(time.Duration(1+c.roll(40)) * time.Second):
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
	return c.Relay.Append(ctx, room, payload)
}

func (c *chaos) Head(ctx context.Context, room string) (uint64, error) {
	if c.roll(8) == 0 {
		return 0, errNet
	}
	return c.Relay.Head(ctx, room)
}

func (c *chaos) Subscribe(ctx context.Context, room string, after uint64) iter.Seq2[transport.Frame, error] {
	return func(yield func(transport.Frame, error) bool) {
		for f, err := range c.Relay.Subscribe(ctx, room, after) {
			if c.roll(6) == 0 {
				yield(transport.Frame{}, errNet)
				return
			}
			if !yield(f, err) {
				return
			}
		}
	}
}

// TestChaos has people talk, come, change keys and restart over such a relay.
// Whatever it did is over when it behaves: all was delivered, once, in order.
func TestChaos(t *testing.T) {
	runs := 12
	if testing.Short() {
		runs = 3
	}
	for range runs {
		seed := rand.Uint64()
		parallelBubble(t, fmt.Sprint(seed), func(t *testing.T) { chaosRun(t, seed) })
	}
}

func chaosRun(t *testing.T, seed uint64) {
	relay := newChaos(transport.NewMemory(nil), seed)
	alice, bob := newActor(t, "alice", relay, nil, none, 0), newActor(t, "bob", relay, nil, none, 0)
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
	relay.settle()
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
			if !errors.Is(w.Reason, e2ee.ErrRelay) {
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
