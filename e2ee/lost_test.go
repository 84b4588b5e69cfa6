package e2ee_test

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-e2ee/parley/e2ee"
	"github.com/parley-e2ee/parley/e2ee/group"
	"github.com/parley-e2ee/parley/keystore"
)

func isLost(w e2ee.Warning) bool { return errors.Is(w.Reason, e2ee.ErrRoomLost) }

// loseKeys puts old copies of the stores of some back, all at once.
func (c *cast) loseKeys(t *testing.T, who ...int) {
	t.Helper()
	synctest.Wait()
	old := make(map[int]*keystore.Memory)
	for _, i := range who {
		old[i] = c.people[i].store.Clone()
	}
	c.talk(t, "gone with the keys")
	synctest.Wait()
	for _, r := range c.rooms {
		pending(t, r)
	}
	for _, i := range who {
		p := c.people[i]
		_ = p.Close()
		p.store, p.cfg.Store = old[i], old[i]
	}
	for _, i := range who {
		c.people[i].open()
		c.rooms[i] = c.people[i].room()
		until(t, c.rooms[i], func(w e2ee.Warning) bool { return errors.Is(w.Reason, e2ee.ErrStateRollback) })
	}
}

// TestRoomLost has everybody lose the keys: once all have said so, all are told.
func TestRoomLost(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newCast(t, 3, e2ee.Open)
		c.loseKeys(t, 0, 1, 2)
		told := make([]int, 3)
		listen := func() {
			time.Sleep(time.Hour)
			for i, r := range c.rooms {
				for _, w := range all[e2ee.Warning](pending(t, r)) {
					if isLost(w) {
						told[i]++
					}
				}
			}
		}
		for i, want := range [][]int{{0, 0, 0}, {0, 0, 1}, {1, 1, 1}} {
			must(t, c.rooms[i].Rejoin(t.Context()))
			if i == 0 { // who asked is remembered over a restart
				c.reopen(1, (*person).restart)
			}
			if listen(); !slices.Equal(told, want) {
				t.Fatalf("%d have asked, and %v were told, want %v", i+1, told, want)
			}
		}
		if _, err := c.people[0].Create(t.Context(), "Secure", nil); !errors.Is(err, e2ee.ErrRoomListed) {
			t.Errorf("Create: %v, want ErrRoomListed", err)
		}
		next, err := c.people[0].Create(t.Context(), "Secure", &e2ee.RoomOptions{Admission: e2ee.Open, Replaces: c.rooms[0]})
		must(t, err)
		found, err := c.people[1].Join(t.Context(), "Secure", nil)
		must(t, err)
		if found.ID() != next.ID() {
			t.Error("the name leads to the room that is lost")
		}
		must(t, c.people[0].Forget(t.Context(), c.rooms[0]))
	})
}

// TestRoomNotLost leaves one who has keys, and is away: he serves the others
// when he is back.
func TestRoomNotLost(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newCast(t, 3, e2ee.Open)
		c.loseKeys(t, 0, 1)
		_ = c.people[2].Close()
		must(t, c.rooms[0].Rejoin(t.Context()))
		must(t, c.rooms[1].Rejoin(t.Context()))
		time.Sleep(time.Hour)
		c.people[2].open()
		c.rooms[2] = c.people[2].room()
		for i := range 2 {
			until[e2ee.Entered](t, c.rooms[i], func(e2ee.Entered) bool { return true })
		}
		c.talk(t, "we are back")
		for i, r := range c.rooms {
			for _, w := range all[e2ee.Warning](pending(t, r)) {
				t.Errorf("%s is warned: %v", c.people[i].Name(), w.Reason)
			}
		}
	})
}

// TestRoomLostAlone loses the keys of a room that nobody else is in: to an old
// copy of the store, or to a new device.
func TestRoomLostAlone(t *testing.T) {
	for how, lose := range map[string]func(t *testing.T, c *cast) *e2ee.Room{
		"old store": func(t *testing.T, c *cast) *e2ee.Room {
			c.loseKeys(t, 0)
			return c.rooms[0]
		},
		"new device": func(t *testing.T, c *cast) *e2ee.Room {
			exported := exportOf(t, c.people[0])
			_ = c.people[0].Close()
			return newDevice(t, exported, c.people[0].cfg).room()
		},
	} {
		t.Run(how, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				r := lose(t, newCast(t, 1, e2ee.Open))
				until(t, r, isLost)
				if err := r.Rejoin(t.Context()); !errors.Is(err, e2ee.ErrRoomLost) {
					t.Errorf("Rejoin: %v, want ErrRoomLost", err)
				}
				if r.Status() == group.Active {
					t.Error("it is active")
				}
			})
		})
	}
}
