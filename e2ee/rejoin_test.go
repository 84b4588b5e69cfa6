package e2ee_test

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-e2ee/parley/e2ee"
	"github.com/parley-e2ee/parley/e2ee/group"
	"github.com/parley-e2ee/parley/transport/transporttest"
)

// TestProperty39_RestoredStore goes on with an old copy of a store: that is
// found out before anything is sent, and Rejoin gets new keys.
func TestProperty39_RestoredStore(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newCast(t, 3, e2ee.Open)
		bob := c.people[1]
		c.talk(t, "old")
		synctest.Wait()
		old := bob.store.Clone()
		c.talk(t, "new")
		synctest.Wait()
		_ = bob.Close()
		bob.store, bob.cfg.Store = old, old
		before := len(logOf(t, c.relay, c.rooms[0]))
		bob.open()
		r := bob.room()
		c.rooms[1] = r
		send(t, r, "sent with old keys?")
		until(t, r, func(w e2ee.Warning) bool { return errors.Is(w.Reason, e2ee.ErrStateRollback) })
		time.Sleep(time.Hour)
		if log := logOf(t, c.relay, r); len(log) != before {
			t.Errorf("%d frames left", len(log)-before)
		}
		if r.Status() != group.NoKeys {
			t.Errorf("bob is %v", r.Status())
		}
		if _, err := r.Authenticator(); !errors.Is(err, e2ee.ErrConfirmation) {
			t.Errorf("Authenticator: %v, want ErrConfirmation", err)
		}
		if err := r.ReplaceKeys(t.Context()); !errors.Is(err, e2ee.ErrConfirmation) {
			t.Errorf("ReplaceKeys: %v, want ErrConfirmation", err)
		}
		must(t, r.Rejoin(t.Context()))
		c.reopen(1, (*person).crash)
		r = c.rooms[1]
		until[e2ee.Entered](t, r, nil)
		if m := untilText(t, c.rooms[0], "sent with old keys?"); m.From.Name != "bob" {
			t.Errorf("from %q", m.From.Name)
		}
		if err := r.Rejoin(t.Context()); err == nil {
			t.Error("who has keys rejoins")
		}
		c.talk(t, "once more")
		c.agree(t)
	})
}

// TestRejoinExpires has nobody serve a rejoin: who is in the room stays, and
// may ask again.
func TestRejoinExpires(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newCast(t, 2, e2ee.Open)
		bob := c.people[1]
		synctest.Wait()
		old := bob.store.Clone()
		c.talk(t, "new")
		synctest.Wait()
		_ = bob.Close()
		_ = c.people[0].Close()
		bob.store, bob.cfg.Store = old, old
		bob.open()
		r := bob.room()
		until(t, r, func(w e2ee.Warning) bool { return errors.Is(w.Reason, e2ee.ErrStateRollback) })
		id := send(t, r, "patience")
		must(t, r.Rejoin(t.Context()))
		time.Sleep(25 * time.Hour)
		events := pending(t, r)
		if f := all[e2ee.JoinFailed](events); len(f) != 1 || !errors.Is(f[0].Reason, e2ee.ErrJoinExpired) {
			t.Errorf("bob hears %+v", events)
		}
		if queued, _ := r.Unsent(); !slices.Equal(queued, []e2ee.MessageID{id}) {
			t.Errorf("queued are %x", queued)
		}
		must(t, r.Rejoin(t.Context()))
		c.reopen(0, (*person).open)
		until[e2ee.Entered](t, r, nil)
		untilText(t, c.rooms[0], "patience")
	})
}

// TestReplacedDevice opens the same store's copy as a second device: the later
// one wins, and the first is told and stops.
func TestReplacedDevice(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newCast(t, 2, e2ee.Open)
		first, r := c.people[1], c.rooms[1]
		device := &person{t: t, cfg: first.cfg, store: first.store.Clone()}
		device.cfg.Store = device.store
		device.open()
		t.Cleanup(func() { _ = device.Close() })
		must(t, device.Forget(t.Context(), device.room()))
		second, err := device.JoinLink(t.Context(), linkOf(t, c.rooms[0]), nil)
		must(t, err)
		until[e2ee.Entered](t, second, nil)
		until(t, r, func(w e2ee.Warning) bool { return errors.Is(w.Reason, e2ee.ErrReplaced) })
		until(t, c.rooms[0], func(w e2ee.Warning) bool { return errors.Is(w.Reason, e2ee.ErrNewDevice) && w.Who.Name == "bob" })
		if _, err := r.Send(t.Context(), []byte("?")); !errors.Is(err, e2ee.ErrNotMember) {
			t.Errorf("the first device sends: %v, want ErrNotMember", err)
		}
		first.restart()
		if err := first.room().Rejoin(t.Context()); !errors.Is(err, e2ee.ErrNotMember) {
			t.Errorf("the first device rejoins: %v, want ErrNotMember", err)
		}
		c.rooms[1] = second
		c.talk(t, "devices")
		c.agree(t)
	})
}

// TestRemovedWithUnsent removes somebody who has something to say: each
// message ends in an event.
func TestRemovedWithUnsent(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newCast(t, 2, e2ee.Open)
		m := &meter{Relay: c.relay}
		c.people[1].cfg.Relay = m
		c.reopen(1, (*person).restart)
		synctest.Wait()
		m.set(false, true)
		want := []e2ee.MessageID{send(t, c.rooms[1], "sealed"), send(t, c.rooms[1], "queued")}
		must(t, c.rooms[0].Remove(t.Context(), "bob", false))
		until[e2ee.Removed](t, c.rooms[1], nil)
		synctest.Wait()
		var got []e2ee.MessageID
		for _, n := range all[e2ee.NotSent](pending(t, c.rooms[1])) {
			got = append(got, n.ID)
		}
		if !slices.Equal(got, want) {
			t.Errorf("not sent are %x, want %x", got, want)
		}
		if err := c.people[1].Close(); err != nil {
			t.Errorf("Close: %v, though nothing will ever be sent", err)
		}
	})
}

// TestForkIsAcknowledged shows two members different orders of the log.
func TestForkIsAcknowledged(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newCast(t, 3, e2ee.Open)
		synctest.Wait()
		from := uint64(len(logOf(t, c.relay, c.rooms[0])))
		c.liar.Do(transporttest.Step{To: "bob", Nth: from + 1, Do: transporttest.Drop()})
		send(t, c.rooms[0], "withheld")
		until[e2ee.Sent](t, c.rooms[0], nil)
		send(t, c.rooms[2], "shown")
		untilText(t, c.rooms[1], "shown")
		send(t, c.rooms[1], "I have seen one message")
		until(t, c.rooms[0], func(w e2ee.Warning) bool { return errors.Is(w.Reason, e2ee.ErrForked) && w.Who.Name == "bob" })
		if _, err := c.rooms[0].Send(t.Context(), []byte("?")); !errors.Is(err, e2ee.ErrForked) {
			t.Errorf("Send: %v, want ErrForked", err)
		}
		c.reopen(0, (*person).crash)
		if _, err := c.rooms[0].Send(t.Context(), []byte("?")); !errors.Is(err, e2ee.ErrForked) {
			t.Errorf("Send after a crash: %v, want ErrForked", err)
		}
		must(t, c.rooms[0].AcknowledgeFork(t.Context()))
		send(t, c.rooms[0], "so be it")
		untilText(t, c.rooms[2], "so be it")
	})
}
