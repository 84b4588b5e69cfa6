package e2ee_test

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-e2ee/parley/e2ee"
	"github.com/parley-e2ee/parley/keystore"
	"github.com/parley-e2ee/parley/transport"
)

// stuck is a relay whose Append waits for the end of its context, from a
// moment on; what it was handed arrives all the same if leaks.
type stuck struct {
	transport.Relay
	on    chan struct{}
	leaks bool
}

func (s *stuck) Append(ctx context.Context, room string, payload []byte) (uint64, error) {
	select {
	case <-s.on:
	default:
		return s.Relay.Append(ctx, room, payload)
	}
	if s.leaks {
		_, _ = s.Relay.Append(ctx, room, payload)
	}
	<-ctx.Done()
	return 0, ctx.Err()
}

func TestCloseInMidSend(t *testing.T) {
	for name, leaks := range map[string]bool{"lost": false, "arrived": true} {
		bubble(t, name, func(t *testing.T) {
			c := newCast(t, 2, e2ee.Open)
			bob := c.rooms[1]
			relay := &stuck{Relay: c.relay, on: make(chan struct{}), leaks: leaks}
			c.people[0].cfg.Relay = relay
			c.reopen(0, (*person).restart)
			synctest.Wait()
			close(relay.on)
			alice := c.rooms[0]
			first := send(t, alice, "in the frame")
			second := send(t, alice, "behind it")
			if !leaks {
				synctest.Wait()
				if queued, sealed := alice.Unsent(); !slices.Equal(queued, []e2ee.MessageID{second}) || !slices.Equal(sealed, []e2ee.MessageID{first}) {
					t.Errorf("unsent are %x and %x", queued, sealed)
				}
			}
			start := time.Now()
			err := c.people[0].Close()
			if time.Since(start) > 0 {
				t.Errorf("Close took %v", time.Since(start))
			}
			var unsent *e2ee.UnsentError
			if !errors.As(err, &unsent) {
				t.Fatalf("Close: %v, want *UnsentError", err)
			}
			if !leaks && (!slices.Equal(unsent.Queued, []e2ee.MessageID{second}) || !slices.Equal(unsent.Sealed, []e2ee.MessageID{first})) {
				t.Errorf("Close: %x queued and %x sealed, want %x and %x", unsent.Queued, unsent.Sealed, second, first)
			}
			must(t, c.people[0].Close())
			c.people[0].cfg.Relay = c.relay
			c.people[0].open()
			c.rooms[0] = c.people[0].room()
			time.Sleep(time.Minute)
			got := all[e2ee.Message](pending(t, bob))
			if !slices.Equal(texts(got), []string{"in the frame", "behind it"}) || got[0].ID != first || got[1].ID != second {
				t.Errorf("bob reads %+v", got)
			}
			if queued, sealed := c.rooms[0].Unsent(); len(queued)+len(sealed) != 0 {
				t.Errorf("%x and %x are left", queued, sealed)
			}
		})
	}
}

// TestCloseEndsEverything closes a client in which every call that can wait
// does.
func TestCloseEndsEverything(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newCast(t, 2, e2ee.Open)
		relay := &stuck{Relay: c.relay, on: make(chan struct{})}
		close(relay.on)
		c.people[0].cfg.Relay = relay
		c.reopen(0, (*person).restart)
		alice, r := c.people[0], c.rooms[0]
		calls := []func() error{
			func() error { return r.Remove(t.Context(), "bob", false) },
			func() error { return r.RotateInvite(t.Context()) },
			func() error { _, err := alice.Create(t.Context(), "Other", nil); return err },
			func() error {
				for _, err := range r.Events(t.Context()) {
					if err != nil {
						return err
					}
				}
				return nil
			},
		}
		done := make(chan error, len(calls))
		for _, call := range calls {
			go func() { done <- call() }()
		}
		synctest.Wait()
		closed := make(chan error, 2)
		for range 2 {
			go func() { closed <- alice.Close() }()
		}
		for range calls {
			if err := <-done; !errors.Is(err, e2ee.ErrClosed) {
				t.Errorf("a call ends with %v, want ErrClosed", err)
			}
		}
		<-closed
		<-closed
		for name, err := range map[string]error{
			"Send":    second(r.Send(t.Context(), []byte("?"))),
			"Leave":   r.Leave(t.Context()),
			"Forget":  alice.Forget(t.Context(), r),
			"Accept":  alice.AcceptIdentity("bob", c.people[1].Identity().Fingerprint()),
			"Lookup":  second(alice.Lookup(t.Context(), "bob")),
			"Room":    second(alice.Room(r.ID())),
			"Link":    second(alice.JoinLink(t.Context(), linkOf(t, c.rooms[1]), nil)),
			"Rejoin":  r.Rejoin(t.Context()),
			"Replace": r.ReplaceKeys(t.Context()),
		} {
			if !errors.Is(err, e2ee.ErrClosed) {
				t.Errorf("%s after Close: %v, want ErrClosed", name, err)
			}
		}
		for _, err := range r.Events(t.Context()) {
			if !errors.Is(err, e2ee.ErrClosed) {
				t.Errorf("Events after Close: %v, want ErrClosed", err)
			}
		}
	})
}

func second[T any](_ T, err error) error { return err }

// slowStore has every Update wait, once it is told to, as a disk may.
type slowStore struct {
	keystore.Store
	slow    atomic.Bool
	reached chan struct{}
	hold    chan struct{}
}

func (s *slowStore) Update(ctx context.Context, fn func(keystore.WriteTx) error) error {
	if s.slow.CompareAndSwap(true, false) {
		close(s.reached)
		<-s.hold
	}
	return s.Store.Update(ctx, fn)
}

// TestCloseWaitsForWrites holds that the store is given back only when nothing
// writes to it any more: the next owner's records would be overwritten.
func TestCloseWaitsForWrites(t *testing.T) {
	// The relay has room for the Create alone: what is sent stays unsent.
	relay, base := transport.NewMemory(&transport.MemoryOptions{RoomFrames: 1}), keystore.NewMemory()
	store := &slowStore{Store: base, reached: make(chan struct{}), hold: make(chan struct{})}
	alice, err := e2ee.NewClient(t.Context(), e2ee.Config{Name: "alice", Store: store, Relay: relay})
	must(t, err)
	r, err := alice.Create(t.Context(), "Secure", nil)
	must(t, err)
	sent, closed := make(chan error, 1), make(chan error, 1)
	store.slow.Store(true)
	go func() { sent <- second(r.Send(t.Context(), []byte("slow"))) }()
	<-store.reached
	go func() { closed <- alice.Close() }()
	stillOwned(t, base)
	close(store.hold)
	must(t, <-sent)
	var unsent *e2ee.UnsentError
	if err := <-closed; !errors.As(err, &unsent) || len(unsent.Queued)+len(unsent.Sealed) != 1 {
		t.Errorf("Close: %v, want the message as unsent", err)
	}
	release, err := base.Claim()
	must(t, err)
	release()
}

// stillOwned gives others every chance to give the store back.
func stillOwned(t *testing.T, store keystore.Store) {
	t.Helper()
	for range 1000 {
		runtime.Gosched()
		if _, err := store.Claim(); !errors.Is(err, keystore.ErrLocked) {
			t.Fatalf("the store is claimed again while a write is under way: %v", err)
		}
	}
}

// TestForgetInEveryState forgets a room from under its readers and senders.
func TestForgetInEveryState(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newCast(t, 2, e2ee.Open)
		bob, r := c.people[1], c.rooms[1]
		send(t, r, "unread")
		for ev, err := range r.Events(t.Context()) {
			if err != nil {
				if !errors.Is(err, e2ee.ErrClosed) {
					t.Errorf("Events of a forgotten room: %v, want ErrClosed", err)
				}
				break
			}
			_ = ev
			must(t, bob.Forget(t.Context(), r)) // from the loop's own body
		}
		if err := c.people[0].Forget(t.Context(), r); !errors.Is(err, e2ee.ErrNoRoom) {
			t.Errorf("another's room: %v, want ErrNoRoom", err)
		}
		back, err := bob.JoinLink(t.Context(), linkOf(t, c.rooms[0]), nil)
		must(t, err)
		must(t, bob.Forget(t.Context(), r)) // the old handle
		until[e2ee.Entered](t, back, nil)
		if _, err := bob.Room(back.ID()); err != nil {
			t.Errorf("the new room went with the old handle: %v", err)
		}
		bob.crash()
		send(t, bob.room(), "still here")
		untilText(t, c.rooms[0], "still here")
	})
}
