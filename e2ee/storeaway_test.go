package e2ee_test

import (
	"context"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-e2ee/parley/e2ee"
	"github.com/parley-e2ee/parley/keystore"
)

// awayStore cannot be read or written while it is away.
type awayStore struct {
	keystore.Store
	away   atomic.Bool
	writes atomic.Int64 // until it is away, 0 for never
}

func (s *awayStore) Update(ctx context.Context, fn func(keystore.WriteTx) error) error {
	if s.writes.Load() > 0 && s.writes.Add(-1) == 0 {
		s.away.Store(true)
	}
	if s.away.Load() {
		return errDisk
	}
	return s.Store.Update(ctx, fn)
}

func (s *awayStore) View(ctx context.Context, fn func(keystore.Tx) error) error {
	if s.away.Load() {
		return errDisk
	}
	return s.Store.View(ctx, fn)
}

// withAwayStore is two people in a room, the second with a store that may go away.
func withAwayStore(t *testing.T) (*cast, *awayStore) {
	c := newCast(t, 2, e2ee.Open)
	synctest.Wait()
	bob := c.people[1]
	store := &awayStore{Store: bob.store}
	bob.cfg.Store = store
	c.reopen(1, (*person).restart)
	synctest.Wait()
	pending(t, c.rooms[1])
	return c, store
}

// TestExpelledWhileStoreIsAway: what was not stored has not happened, and happens
// when the store is back.
func TestExpelledWhileStoreIsAway(t *testing.T) {
	for writes := range int64(3) {
		inBubble(t, func(t *testing.T) {
			c, store := withAwayStore(t)
			store.writes.Store(writes)
			store.away.Store(writes == 0)
			must(t, c.rooms[0].Remove(t.Context(), c.people[1].Name(), false))
			time.Sleep(time.Minute)
			if writes < 2 && !store.away.Load() { // what comes may be stored together
				t.Fatal("the store never went away")
			}
			store.away.Store(false)
			time.Sleep(time.Hour)
			removed := all[e2ee.Removed](pending(t, c.rooms[1]))
			if len(removed) != 1 || !removed[0].You {
				t.Errorf("after %d writes, bob hears of %+v", writes, removed)
			}
			if _, err := c.rooms[1].Send(t.Context(), nil); err != e2ee.ErrNotMember {
				t.Errorf("after %d writes, Send: %v", writes, err)
			}
		})
	}
}

// TestMessageWhileStoreIsAway: it is shown when the store is back, and nobody is
// warned of a relay that did nothing.
func TestMessageWhileStoreIsAway(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c, store := withAwayStore(t)
		store.away.Store(true)
		send(t, c.rooms[0], "one")
		time.Sleep(time.Minute)
		store.away.Store(false)
		time.Sleep(time.Hour)
		events := pending(t, c.rooms[1])
		send(t, c.rooms[0], "two")
		time.Sleep(time.Second)
		events = append(events, pending(t, c.rooms[1])...)
		if got := texts(all[e2ee.Message](events)); len(got) != 2 || len(events) != 2 {
			t.Errorf("bob hears %+v", events)
		}
	})
}

// TestReaderWaitsForTheStore: who waits for an event is shown it once the store
// can be read.
func TestReaderWaitsForTheStore(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c, store := withAwayStore(t)
		send(t, c.rooms[0], "stored")
		synctest.Wait()
		store.away.Store(true)
		if _, err := c.rooms[1].Send(t.Context(), []byte("not stored")); err != errDisk {
			t.Errorf("Send: %v", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		shown := make(chan e2ee.Event, 1)
		go func() {
			for ev, err := range c.rooms[1].Events(ctx) {
				if err != nil {
					t.Error(err)
				}
				shown <- ev
				return
			}
		}()
		time.Sleep(time.Minute)
		store.away.Store(false)
		if m, ok := (<-shown).(e2ee.Message); !ok || string(m.Text) != "stored" {
			t.Errorf("bob is shown %+v", m)
		}
	})
}

// patientStore takes a while for its next write, or gives it up with its context.
type patientStore struct {
	keystore.Store
	slow    atomic.Bool
	started chan struct{}
}

func (s *patientStore) Update(ctx context.Context, fn func(keystore.WriteTx) error) error {
	if s.slow.CompareAndSwap(true, false) {
		close(s.started)
		// Not by the clock, which stands while somebody waits for a mutex.
		for range 100_000 {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			runtime.Gosched()
		}
	}
	return s.Store.Update(ctx, fn)
}

// TestCloseWhileEventsAreAcknowledged: an orderly end shows nothing twice.
func TestCloseWhileEventsAreAcknowledged(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newCast(t, 2, e2ee.Open)
		synctest.Wait()
		bob := c.people[1]
		store := &patientStore{Store: bob.store, started: make(chan struct{})}
		bob.cfg.Store = store
		c.reopen(1, (*person).restart)
		synctest.Wait()
		pending(t, c.rooms[1])
		const n = 30
		for range n {
			send(t, c.rooms[0], "x")
			synctest.Wait()
		}
		room := c.rooms[1]
		go func() {
			shown := 0
			for range room.Events(context.Background()) {
				if shown++; shown == n {
					store.slow.Store(true)
				}
			}
		}()
		<-store.started
		c.reopen(1, (*person).restart)
		if again := pending(t, c.rooms[1]); len(again) > 0 {
			t.Errorf("%d events come again", len(again))
		}
	})
}
