//go:build !js && !wasip1

package e2ee_test

import (
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-e2ee/parley/e2ee"
	"github.com/parley-e2ee/parley/keystore"
	"github.com/parley-e2ee/parley/transport"
)

// TestClockGoesBack: with stores on the disk, whose data keys change by the clock,
// people talk on after their clocks have gone back by months. Every bubble begins
// at the same time.
func TestClockGoesBack(t *testing.T) {
	dir := t.TempDir()
	names := []string{"alice", "bob"}
	open := func(t *testing.T, how func(string, keystore.Unlock, *keystore.Options) (*keystore.File, error), relay transport.Relay) []*e2ee.Client {
		var clients []*e2ee.Client
		for _, name := range names {
			store, err := how(filepath.Join(dir, name), keystore.Key([32]byte{1}), nil)
			must(t, err)
			c, err := e2ee.NewClient(t.Context(), e2ee.Config{Name: name, Store: store, Relay: relay, Directory: relay.(transport.Directory)})
			must(t, err)
			t.Cleanup(func() { must(t, c.Close()); must(t, store.Close()) })
			clients = append(clients, c)
		}
		return clients
	}
	talk := func(t *testing.T, rooms []*e2ee.Room, text string) {
		for i, r := range rooms {
			send(t, r, names[i]+text)
		}
		synctest.Wait()
		for i, r := range rooms {
			events := pending(t, r)
			if got := texts(all[e2ee.Message](events)); !slices.Contains(got, names[1-i]+text) {
				t.Errorf("%s reads %q", names[i], got)
			}
			for _, ev := range events {
				switch ev.(type) {
				case e2ee.Warning, e2ee.Undecryptable, e2ee.NotSent:
					t.Errorf("%s is told: %+v", names[i], ev)
				}
			}
		}
	}
	frames := make(map[string][][]byte)
	bubble(t, "before", func(t *testing.T) {
		time.Sleep(24 * time.Hour)
		relay := transport.NewMemory(nil)
		clients := open(t, keystore.Create, relay)
		alice, err := clients[0].Create(t.Context(), "Secure", &e2ee.RoomOptions{Admission: e2ee.Open})
		must(t, err)
		bob, err := clients[1].Join(t.Context(), "Secure", nil)
		must(t, err)
		until[e2ee.Entered](t, bob, nil)
		for range 4 {
			talk(t, []*e2ee.Room{alice, bob}, " long before")
			time.Sleep(30 * 24 * time.Hour)
		}
		talk(t, []*e2ee.Room{alice, bob}, " before")
		frames[alice.ID().String()] = logOf(t, relay, alice)
	})
	bubble(t, "after", func(t *testing.T) {
		relay := transport.NewMemory(nil)
		for room, all := range frames {
			for _, f := range all {
				_, err := relay.Append(t.Context(), room, f)
				must(t, err)
			}
		}
		var rooms []*e2ee.Room
		for _, c := range open(t, keystore.Open, relay) {
			all, err := c.Rooms()
			must(t, err)
			rooms = append(rooms, all[0])
		}
		for range 3 {
			talk(t, rooms, " after")
			time.Sleep(24 * time.Hour)
		}
	})
}
