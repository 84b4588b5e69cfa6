package interop_test

import (
	"runtime"
	"runtime/metrics"
	"slices"
	"testing"
	"time"

	"github.com/parley-e2ee/parley/e2ee/group"
)

// backlog is what waits for a reader.
type backlog struct {
	frames [][]byte
	reader func() (readAll func(frames [][]byte))
}

var backlogs = []struct {
	name string
	new  func(tb testing.TB) backlog
}{
	{"parts", func(tb testing.TB) backlog { return newBacklog(newPartsMessenger(tb)) }},
	{"goolm", func(tb testing.TB) backlog { return newBacklog(newGoolm(tb)) }},
	{"parley", newParleyBacklog},
}

// madeBacklogs are kept: to make one takes as long as to read it.
var madeBacklogs = make(map[string]backlog)

func backlogOf(tb testing.TB, name string, create func(testing.TB) backlog) backlog {
	if _, made := madeBacklogs[name]; !made {
		madeBacklogs[name] = create(tb)
	}
	return madeBacklogs[name]
}

// backlogSize is in messages.
func backlogSize() int {
	if testing.Short() {
		return 2000
	}
	return 100_000
}

func newBacklog(m messenger) backlog {
	return backlog{sealed(m, backlogSize()), func() func([][]byte) {
		open := m.fresh()
		return func(frames [][]byte) {
			for _, frame := range frames {
				open(frame)
			}
		}
	}}
}

// newParleyBacklog has new keys every rekeyAfter messages.
func newParleyBacklog(tb testing.TB) backlog {
	const rekeyAfter = 1000
	r := newRoom(tb, 2)
	var frames [][]byte
	post := func(frame []byte) {
		r.alice.apply(frame)
		frames = append(frames, frame)
	}
	queue := benchQueue(1)
	for i := range backlogSize() {
		if i > 0 && i%rekeyAfter == 0 {
			post(r.commit(group.Changes{Rekey: true}))
		}
		must(r.alice.Seal(queue, benchNow))
		post(r.alice.Unechoed()[0])
	}
	return backlog{frames, func() func([][]byte) {
		m := r.bob.restored()
		return func(frames [][]byte) { wantMessages(catchUp(m, frames), backlogSize()) }
	}}
}

// catchUp reads frames as package e2ee does, 250 at a time, each time with what
// there is to store, and returns how many messages were in them.
func catchUp(m *group.Member, frames [][]byte) (messages int) {
	for batch := range slices.Chunk(frames, 250) {
		m.ApplyAll(batch, benchNow, func(_ int, events []group.Event, void error) bool {
			messages += received(must(events, void))
			return true
		})
		m.Changes()
	}
	return messages
}

// benchCatchUp gives peak-B, by how much the heap grew, what is no longer used
// included, and live-B, by how much what the collector found in use did.
func benchCatchUp(b *testing.B, waiting backlog) {
	var peak heapSize
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		readAll := waiting.reader()
		stop := watchHeap()
		b.StartTimer()
		readAll(waiting.frames)
		b.StopTimer()
		peak = peak.max(stop())
		b.StartTimer()
	}
	perMessage(b, backlogSize())
	b.ReportMetric(float64(peak.all), "peak-B")
	b.ReportMetric(float64(peak.live), "live-B")
}

// heapSize is in bytes: all objects, and those that the last collection kept.
type heapSize struct{ all, live uint64 }

func (h heapSize) max(other heapSize) heapSize {
	return heapSize{max(h.all, other.all), max(h.live, other.live)}
}

// watchHeap samples the heap until stop, which returns its greatest growth.
func watchHeap() (stop func() heapSize) {
	runtime.GC()
	start := readHeap()
	done, result := make(chan struct{}), make(chan heapSize)
	go func() {
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		peak := start
		for {
			select {
			case <-tick.C:
				peak = peak.max(readHeap())
			case <-done:
				peak = peak.max(readHeap())
				result <- heapSize{peak.all - start.all, peak.live - start.live}
				return
			}
		}
	}()
	return func() heapSize { close(done); return <-result }
}

func readHeap() heapSize {
	samples := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/gc/heap/live:bytes"}}
	metrics.Read(samples)
	return heapSize{samples[0].Value.Uint64(), samples[1].Value.Uint64()}
}
