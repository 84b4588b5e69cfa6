package transport_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/parley-e2ee/parley/transport"
)

const benchSize = 512 // a room's frame with a short message

func BenchmarkAppend(b *testing.B) {
	m := transport.NewMemory(&transport.MemoryOptions{DropOldest: true, RoomFrames: 10_000})
	payload := make([]byte, benchSize)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := m.Append(b.Context(), "room", payload); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkAppendParallel has each goroutine append to a room of its own.
func BenchmarkAppendParallel(b *testing.B) {
	m := transport.NewMemory(&transport.MemoryOptions{DropOldest: true, RoomFrames: 10_000})
	payload := make([]byte, benchSize)
	var rooms atomic.Int64
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		room := fmt.Sprint(rooms.Add(1))
		for pb.Next() {
			m.Append(b.Context(), room, payload)
		}
	})
}

// BenchmarkFanOut appends a frame and has every subscriber read it; the time
// is for one frame to all of them.
func BenchmarkFanOut(b *testing.B) {
	for _, subscribers := range []int{1, 16, 256} {
		b.Run(fmt.Sprintf("subscribers=%d", subscribers), func(b *testing.B) {
			m := transport.NewMemory(&transport.MemoryOptions{RoomFrames: 1 << 30, RoomBytes: 1 << 40, TotalBytes: 1 << 40})
			payload := make([]byte, benchSize)
			var received, all sync.WaitGroup
			for range subscribers {
				all.Go(func() {
					for _, err := range m.Subscribe(b.Context(), "room", 0) {
						if err != nil {
							return
						}
						received.Done()
					}
				})
			}
			b.ReportAllocs()
			for b.Loop() {
				received.Add(subscribers)
				m.Append(b.Context(), "room", payload)
				received.Wait()
			}
			m.Close()
			all.Wait()
		})
	}
}

// BenchmarkCatchUp reads a stored log of 10,000 frames.
func BenchmarkCatchUp(b *testing.B) {
	const frames = 10_000
	m := transport.NewMemory(nil)
	appendN(b, m, "room", frames, benchSize)
	b.SetBytes(frames * benchSize)
	b.ReportAllocs()
	for b.Loop() {
		for f, err := range m.Subscribe(b.Context(), "room", 0) {
			if err != nil {
				b.Fatal(err)
			}
			if f.Seq == frames {
				break
			}
		}
	}
}
