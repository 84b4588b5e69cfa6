package e2ee_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-e2ee/parley/e2ee"
	"github.com/parley-e2ee/parley/keystore"
	"github.com/parley-e2ee/parley/transport"
)

// A gate is a store whose Updates can be held up, and fail.
type gate struct {
	keystore.Store
	hold    atomic.Pointer[chan struct{}]
	fail    atomic.Bool
	updates atomic.Int32
}

func (g *gate) Update(ctx context.Context, fn func(keystore.WriteTx) error) error {
	g.updates.Add(1)
	if hold := g.hold.Load(); hold != nil {
		<-*hold
	}
	if g.fail.Load() {
		return errDisk
	}
	return g.Store.Update(ctx, fn)
}

// TestSendsShareAWrite: messages that wait for one another are stored in one
// transaction and travel in few frames; each Send has its own answer.
func TestSendsShareAWrite(t *testing.T) {
	for _, fails := range []bool{false, true} {
		t.Run(fmt.Sprintf("fails=%v", fails), func(t *testing.T) { sendTogether(t, fails) })
	}
}

func eventually(t *testing.T, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it does not come")
		}
	}
}

func sendTogether(t *testing.T, fails bool) {
	const n = 50
	relay := transport.NewMemory(nil)
	store := &gate{Store: keystore.NewMemory()}
	alice, err := e2ee.NewClient(t.Context(), e2ee.Config{Name: "alice", Store: store, Relay: relay, Directory: relay})
	must(t, err)
	defer alice.Close()
	bob := newPerson(t, "bob", relay, relay)
	defer bob.Close()
	room, err := alice.Create(t.Context(), "room", &e2ee.RoomOptions{Admission: e2ee.Open})
	must(t, err)
	theirs, err := bob.Join(t.Context(), "room", nil)
	must(t, err)
	until[e2ee.Joined](t, room, nil)

	hold := make(chan struct{})
	store.hold.Store(&hold)
	store.updates.Store(0)
	var all sync.WaitGroup
	var mu sync.Mutex
	ids := make(map[e2ee.MessageID]bool)
	failed := 0
	ended, cancel := context.WithCancel(t.Context())
	sends := func(ctx context.Context) {
		id, err := room.Send(ctx, []byte("text"))
		mu.Lock()
		defer mu.Unlock()
		if err == nil {
			ids[id] = true
		} else if failed++; !errors.Is(err, errDisk) && (ctx != ended || !errors.Is(err, context.Canceled)) {
			t.Error(err)
		}
	}
	all.Go(func() { sends(t.Context()) })
	eventually(t, func() bool { return store.updates.Load() > 0 })
	for i := range n {
		ctx := t.Context()
		if i == n/2 {
			ctx = ended
		}
		all.Go(func() { sends(ctx) })
	}
	eventually(t, func() bool { return room.Posts() >= n })
	cancel()
	store.fail.Store(fails)
	store.hold.Store(nil)
	close(hold)
	all.Wait()
	if fails {
		if len(ids) != 0 || failed != n+1 {
			t.Errorf("%d sent and %d failed, want none and %d", len(ids), failed, n+1)
		}
		store.fail.Store(false)
		_, err := room.Send(t.Context(), []byte("text"))
		must(t, err)
		return
	}
	if got := store.updates.Load(); got > 8 { // theirs are two; echoes and the rest of joining are others
		t.Errorf("%d writes for %d messages", got, n+1)
	}
	if len(ids) != n || failed != 1 {
		t.Errorf("%d sent and %d failed, want %d and one", len(ids), failed, n)
	}
	for len(ids) > 0 {
		m := until[e2ee.Message](t, theirs, nil)
		if !ids[m.ID] {
			t.Fatalf("a message that was not sent, or is there twice: %v", m.ID)
		}
		delete(ids, m.ID)
	}
}
