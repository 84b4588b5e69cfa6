package e2ee_test

import (
	"errors"
	"fmt"
	"strconv"
	"testing"
	"testing/synctest"

	"github.com/parley-e2ee/parley/e2ee"
	"github.com/parley-e2ee/parley/transport"
)

// backlog has bob hear 200 numbered messages that he has not
// been shown.
func backlog(t *testing.T) *person {
	relay := transport.NewMemory(nil)
	alice := newPerson(t, "alice", relay, relay)
	a, err := alice.Create(t.Context(), "Secure", &e2ee.RoomOptions{Admission: e2ee.Open})
	must(t, err)
	bob := newPerson(t, "bob", relay, relay)
	r, err := bob.Join(t.Context(), "Secure", nil)
	must(t, err)
	until[e2ee.Entered](t, r, nil)
	for i := range 200 {
		send(t, a, strconv.Itoa(i))
	}
	synctest.Wait()
	return bob
}

// TestAcknowledgementsShareAWrite reads a backlog: few writes, and after a kill
// at any event no more than 64 come again, in order; none after a Close or a
// panic but the one of that moment.
func TestAcknowledgementsShareAWrite(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		bob := backlog(t)
		store := &gate{Store: bob.store}
		bob.cfg.Store = store
		bob.restart()
		begun := store.updates.Load()
		if got := len(all[e2ee.Message](pending(t, bob.room()))); got != 200 {
			t.Errorf("bob hears %d messages, want 200", got)
		}
		if n := store.updates.Load() - begun; n > 10 {
			t.Errorf("%d writes for 200 events", n)
		}
	})
	for _, at := range []int{0, 1, 62, 63, 64, 65, 100, 199} {
		for how, most := range map[string]int{"crash": 64, "close": 1, "panic": 1} {
			t.Run(fmt.Sprint(how, " at ", at), func(t *testing.T) {
				inBubble(t, func(t *testing.T) { leaveAt(t, at, how, most) })
			})
		}
	}
}

// leaveAt ends bob while he is shown a message, and compares what he is shown
// afterwards.
func leaveAt(t *testing.T, at int, how string, most int) {
	bob := backlog(t)
	func() {
		defer func() { _ = recover() }()
		for ev, err := range bob.room().Events(t.Context()) {
			if errors.Is(err, e2ee.ErrClosed) {
				return
			}
			must(t, err)
			if m, ok := ev.(e2ee.Message); !ok || string(m.Text) != strconv.Itoa(at) {
				continue
			}
			switch how {
			case "crash":
				bob.crash()
			case "close":
				bob.restart()
			case "panic":
				panic(how)
			}
		}
	}()
	heard := all[e2ee.Message](pending(t, bob.room()))
	first, err := strconv.Atoi(string(heard[0].Text))
	must(t, err)
	if first > at || first <= at-most {
		t.Errorf("after message %d comes %d", at, first)
	}
	for i, m := range heard {
		if string(m.Text) != strconv.Itoa(first+i) {
			t.Errorf("%q comes in place of %d", m.Text, first+i)
		}
	}
	if first+len(heard) != 200 {
		t.Errorf("the last is %d", first+len(heard)-1)
	}
}
