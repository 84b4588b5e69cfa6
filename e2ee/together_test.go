package e2ee_test

import (
	"context"
	"iter"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-e2ee/parley/e2ee"
	"github.com/parley-e2ee/parley/transport"
)

// damRelay delivers nothing while it is shut, and then all at once. It counts
// subscriptions.
type damRelay struct {
	transport.Relay
	shut chan struct{} // closed when frames pass
	subs atomic.Int64
}

func (d *damRelay) Subscribe(ctx context.Context, room string, after uint64) iter.Seq2[transport.Frame, error] {
	d.subs.Add(1)
	return func(yield func(transport.Frame, error) bool) {
		for f, err := range d.Relay.Subscribe(ctx, room, after) {
			select {
			case <-d.shut:
			case <-ctx.Done():
			}
			if !yield(f, err) {
				return
			}
		}
	}
}

// open has frames pass.
func (d *damRelay) open() { close(d.shut) }

// TestIdleRelayIsLeftAlone: frames that were taken in together leave no watch
// behind on a relay that has no more.
func TestIdleRelayIsLeftAlone(t *testing.T) {
	for _, waiting := range []int{1, 2, 20} {
		inBubble(t, func(t *testing.T) {
			c := newCast(t, 2, e2ee.Open)
			synctest.Wait()
			_ = c.people[1].Close()
			for i := range waiting {
				send(t, c.rooms[0], strconv.Itoa(i))
				synctest.Wait()
			}
			dam := &damRelay{Relay: c.relay, shut: make(chan struct{})}
			c.people[1].cfg.Relay = dam
			c.people[1].open()
			synctest.Wait()
			dam.open()
			time.Sleep(time.Hour)
			if n := len(all[e2ee.Message](pending(t, c.people[1].room()))); n != waiting {
				t.Errorf("%d messages of %d", n, waiting)
			}
			if n := dam.subs.Load(); n != 1 {
				t.Errorf("%d subscriptions for %d frames", n, waiting)
			}
		})
	}
}

// TestChangeBeforeTheEnd: a change that came into force is reported as such
// although its maker was removed in a frame that was taken in with it.
func TestChangeBeforeTheEnd(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newCast(t, 2, e2ee.Open)
		synctest.Wait()
		must(t, c.rooms[0].SetAdmins(t.Context(), c.people[0].Name(), c.people[1].Name()))
		synctest.Wait()
		dam := &damRelay{Relay: c.relay, shut: make(chan struct{})}
		c.people[0].cfg.Relay = dam
		c.reopen(0, (*person).restart)
		synctest.Wait()
		rotated, late := make(chan error, 1), make(chan error, 1)
		go func() { rotated <- c.rooms[0].RotateInvite(t.Context()) }()
		waitFor(t, func() bool { return c.rooms[1].Epoch() > c.rooms[0].Epoch() })
		go func() { late <- c.rooms[0].SetAdmission(t.Context(), e2ee.Admins) }()
		must(t, c.rooms[1].Remove(t.Context(), c.people[0].Name(), false))
		synctest.Wait()
		select {
		case err := <-rotated:
			t.Fatalf("before anything came: %v", err)
		default:
		}
		dam.open()
		must(t, <-rotated)
		if err := <-late; err != e2ee.ErrNotMember {
			t.Errorf("a change that never left: %v", err)
		}
	})
}
