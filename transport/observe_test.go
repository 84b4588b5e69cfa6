package transport_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/parley-e2ee/parley/transport"
)

// TestObserveComesFirst calls the relay from its hook.
func TestObserveComesFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m *transport.Memory
		var reader *follower
		var seen []uint64
		m = transport.NewMemory(&transport.MemoryOptions{Observe: func(room string, f transport.Frame) {
			if room != "room" {
				return
			}
			expectHead(t, m, room, f.Seq-1)
			synctest.Wait()
			if len(reader.seqs) != int(f.Seq)-1 {
				t.Errorf("in the hook of frame %d a subscriber has %v", f.Seq, reader.seqs)
			}
			if seqs, err := numbers(t, m, room, 0); f.Seq > 1 && (len(seqs) != int(f.Seq)-1 || err != nil) {
				t.Errorf("in the hook of frame %d a subscription yields %v, %v", f.Seq, seqs, err)
			}
			appendN(t, m, "another", 1, 1)
			seen = append(seen, f.Seq)
			clear(f.Payload)
		}})
		reader = follow(t, m, "room", 0)
		for seq := range uint64(5) {
			if _, err := m.Append(t.Context(), "room", []byte("frame")); err != nil {
				t.Fatal(err)
			}
			if len(seen) != int(seq)+1 {
				t.Errorf("append %d returned and the hook has seen %v", seq+1, seen)
			}
		}
		synctest.Wait()
		if len(reader.seqs) != 5 {
			t.Errorf("the subscriber has %v", reader.seqs)
		}
		for f, err := range m.Subscribe(t.Context(), "room", 4) {
			if string(f.Payload) != "frame" || err != nil {
				t.Errorf("the hook changed a stored frame: %q, %v", f.Payload, err)
			}
			break
		}
		reader.cancel()
	})
}

func TestObserveOrder(t *testing.T) {
	var mu sync.Mutex
	seen := make(map[string]uint64)
	m := transport.NewMemory(&transport.MemoryOptions{Observe: func(room string, f transport.Frame) {
		mu.Lock()
		defer mu.Unlock()
		if seen[room]++; seen[room] != f.Seq {
			t.Errorf("hook number %d of a room is for frame %d", seen[room], f.Seq)
		}
	}})
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() { appendN(t, m, fmt.Sprint(w%2), 100, 1) })
	}
	wg.Wait()
	if seen["0"] != 400 || seen["1"] != 400 {
		t.Errorf("seen %v, want 400 each", seen)
	}
}

// TestSlowObserve holds the hook of one room: other rooms go on, and who waits
// for the same one can give up or sees the relay close.
func TestSlowObserve(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hold := make(chan struct{})
		m := transport.NewMemory(&transport.MemoryOptions{Observe: func(room string, f transport.Frame) {
			if room == "held" {
				<-hold
			}
		}})
		results := make(map[string]error)
		start := func(name string, ctx context.Context) {
			go func() {
				seq, err := m.Append(ctx, "held", []byte(name))
				if err == nil && seq != 1 {
					err = fmt.Errorf("got number %d", seq)
				}
				results[name] = err
			}()
			synctest.Wait()
		}
		start("held", t.Context())
		ctx, cancel := context.WithCancel(t.Context())
		start("gives up", ctx)
		appendN(t, m, "free", 3, 1)
		expectHead(t, m, "held", 0)
		cancel()
		synctest.Wait()
		start("waits", t.Context())
		m.Close()
		synctest.Wait()
		close(hold)
		synctest.Wait()
		if results["held"] != nil || results["gives up"] != context.Canceled || results["waits"] != transport.ErrClosed {
			t.Errorf("appends returned %v", results)
		}
	})
}

func TestObservePanics(t *testing.T) {
	panics := true
	m := transport.NewMemory(&transport.MemoryOptions{Observe: func(_ string, f transport.Frame) {
		if panics {
			panic(errors.New("the hook's own"))
		}
	}})
	for range 2 {
		func() {
			defer func() {
				if recover() == nil {
					t.Error("a hook's panic was swallowed")
				}
			}()
			m.Append(t.Context(), "room", []byte("never"))
		}()
	}
	if m.Rooms() != 0 || m.Audit() != nil {
		t.Errorf("%d rooms are left, %v", m.Rooms(), m.Audit())
	}
	panics = false
	appendN(t, m, "room", 1, 1)
	expectHead(t, m, "room", 1)
}
