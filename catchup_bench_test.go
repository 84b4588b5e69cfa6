package parley_test

import (
	"context"
	"crypto/ed25519"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/parley-e2ee/parley/e2ee"
	"github.com/parley-e2ee/parley/internal/keysource/keytest"
	"github.com/parley-e2ee/parley/keystore"
	"github.com/parley-e2ee/parley/transport"
)

// BenchmarkCatchUp opens a client whose log has grown by frames of 256-byte
// messages while it was away, and reads until it has shown the last. The
// part is what nobody is spared: one signature to verify for each.
func BenchmarkCatchUp(b *testing.B) {
	keytest.Use(b)
	frames := 20_000
	if testing.Short() {
		frames = 200
	}
	b.Run("store=memory", func(b *testing.B) { catchUp(b, keystore.NewMemory(), frames) })
	b.Run("store=file", func(b *testing.B) {
		store, err := keystore.Create(filepath.Join(b.TempDir(), "store"), keystore.Key([32]byte{1}), nil)
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = store.Close() })
		catchUp(b, store, frames)
	})
	pub, key, _ := ed25519.GenerateKey(nil)
	frame := make([]byte, 700)
	sig := ed25519.Sign(key, frame)
	b.Run("parts=verify", func(b *testing.B) {
		for b.Loop() {
			ed25519.Verify(pub, frame, sig)
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N), "ns/frame")
	})
}

func catchUp(b *testing.B, store keystore.Store, frames int) {
	relay := transport.NewMemory(nil)
	alice := benchClient(b, "alice", relay)
	a, err := alice.Create(b.Context(), "bench", &e2ee.RoomOptions{Admission: e2ee.Open})
	if err != nil {
		b.Fatal(err)
	}
	bob := e2ee.Config{Name: "bob", Store: store, Relay: relay, Directory: relay}
	client := open(b, bob)
	if _, err := client.Join(b.Context(), "bench", nil); err != nil {
		b.Fatal(err)
	}
	for onlyRoom(b, client).Epoch() == 0 {
		runtime.Gosched()
	}
	text, shown, most := make([]byte, 256), 0, uint64(0)
	for b.Loop() {
		b.StopTimer()
		_ = client.Close()
		for range frames {
			say(b, a, text)
		}
		last := say(b, a, text)
		before := heap()
		b.StartTimer()
		client = open(b, bob)
		for ev, err := range onlyRoom(b, client).Events(b.Context()) {
			if err != nil {
				b.Fatal(err)
			}
			m, ok := ev.(e2ee.Message)
			if ok && m.ID == last {
				break
			}
			if shown++; shown%4096 == 0 {
				most = max(most, inUse()-before)
			}
		}
	}
	_ = client.Close()
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*(frames+1)), "ns/frame")
	b.ReportMetric(float64(most), "heap-B")
}

func open(b *testing.B, cfg e2ee.Config) *e2ee.Client {
	c, err := e2ee.NewClient(context.Background(), cfg)
	if err != nil {
		b.Fatal(err)
	}
	return c
}

// say sends one message, and waits until it is in the log: it has a frame of
// its own.
func say(b *testing.B, r *e2ee.Room, text []byte) e2ee.MessageID {
	id, err := r.Send(b.Context(), text)
	if err != nil {
		b.Fatal(err)
	}
	for ev, err := range r.Events(b.Context()) {
		if err != nil {
			b.Fatal(err)
		}
		if sent, ok := ev.(e2ee.Sent); ok && sent.ID == id {
			break
		}
	}
	return id
}

func onlyRoom(b *testing.B, c *e2ee.Client) *e2ee.Room {
	rooms, err := c.Rooms()
	if err != nil || len(rooms) != 1 {
		b.Fatal(err, rooms)
	}
	return rooms[0]
}

// inUse is the heap with what the collector has not found yet.
func inUse() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
