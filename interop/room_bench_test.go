package interop_test

import (
	"testing"

	"github.com/parley-e2ee/parley/e2ee/group"
)

func BenchmarkRoom(b *testing.B) {
	for _, op := range []struct {
		name string
		run  func(b *testing.B, create func(testing.TB) messenger)
	}{{"seal", benchRoomSeal}, {"open", benchRoomOpen}, {"open+changes", benchRoomStore}} {
		for _, impl := range messengers {
			b.Run("op="+op.name+"/impl="+impl.name, func(b *testing.B) {
				b.ReportAllocs()
				op.run(b, impl.new)
			})
		}
	}
	for _, impl := range bursts {
		b.Run("op=burst/impl="+impl.name, func(b *testing.B) { benchBurst(b, impl.new(b)) })
	}
	for _, impl := range backlogs {
		b.Run("op=catchup/impl="+impl.name, func(b *testing.B) { benchCatchUp(b, backlogOf(b, impl.name, impl.new)) })
	}
}

// benchRoomSeal seals a message in each of several rooms, and has the readers keep
// up outside the clock. To stop it takes longer than to seal.
func benchRoomSeal(b *testing.B, create func(testing.TB) messenger) {
	const together = 8
	var rooms [together]messenger
	var frames [together][]byte
	for i := range rooms {
		rooms[i] = create(b)
	}
	for i := 0; b.Loop(); i = (i + 1) % together {
		frames[i] = rooms[i].seal()
		if i == together-1 && rooms[i].settle != nil {
			b.StopTimer()
			for j, m := range rooms {
				m.settle(frames[j])
				m.open(frames[j])
				m.store()
			}
			b.StartTimer()
		}
	}
}

func benchRoomOpen(b *testing.B, create func(testing.TB) messenger) {
	m := create(b)
	forSealed(b, m, m.open)
}

// benchRoomStore has the reader's new state as well, as what is to be stored.
func benchRoomStore(b *testing.B, create func(testing.TB) messenger) {
	m := create(b)
	if m.store == nil {
		b.Skip("nothing to store")
	}
	forSealed(b, m, func(sealed []byte) {
		m.open(sealed)
		m.store()
	})
}

// forSealed times do, with messages that are sealed outside the clock.
func forSealed(b *testing.B, m messenger, do func(sealed []byte)) {
	const together = 256
	batch := sealed(m, together)
	for b.Loop() {
		do(batch[0])
		if batch = batch[1:]; len(batch) == 0 {
			b.StopTimer()
			if m.store != nil {
				m.store()
			}
			batch = sealed(m, together)
			b.StartTimer()
		}
	}
	for _, rest := range batch {
		m.open(rest)
	}
}

func sealed(m messenger, n int) [][]byte {
	out := make([][]byte, n)
	for i := range out {
		out[i] = m.seal()
		if m.settle != nil {
			m.settle(out[i])
		}
	}
	return out
}

const burstSize = 10_000

// bursts send what was queued while there was no relay, and read it.
var bursts = []struct {
	name string
	new  func(tb testing.TB) (burst func())
}{
	{"parts", newPartsBurst},
	{"goolm", newGoolmBurst},
	{"parley", newParleyBurst},
}

func benchBurst(b *testing.B, burst func()) {
	b.ReportAllocs()
	for b.Loop() {
		burst()
	}
	perMessage(b, burstSize)
}

func perMessage(b *testing.B, n int) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/msg")
}

func newGoolmBurst(tb testing.TB) func() {
	m := newGoolm(tb)
	return func() {
		for range burstSize {
			m.open(m.seal())
		}
	}
}

// newParleyBurst fills frames; the next one can be made when the one before is back.
func newParleyBurst(tb testing.TB) func() {
	r := roomOf(tb, 2)
	return func() {
		for queue := benchQueue(burstSize); len(queue) > 0; {
			n := must(r.alice.Seal(queue, benchNow))
			frame := r.alice.Unechoed()[0]
			r.alice.apply(frame)
			wantMessages(received(must(r.bob.Apply(frame, benchNow))), n)
			r.bob.Changes()
			queue = queue[n:]
		}
	}
}

func benchQueue(n int) []group.AppMessage {
	queue, text := make([]group.AppMessage, n), benchMessage(roomMessageSize)
	for i := range queue {
		queue[i] = group.AppMessage{ID: group.MessageID(randomBytes(16)), Text: text}
	}
	return queue
}

// newPartsBurst makes, and verifies and opens, as many frames as Parley, of the
// same size. The sender does not read what it made.
func newPartsBurst(tb testing.TB) func() {
	const frames = (burstSize + group.MaxMessages - 1) / group.MaxMessages
	r := roomOf(tb, 2)
	must(r.alice.Seal(benchQueue(burstSize/frames), benchNow))
	frame := r.alice.Unechoed()[0]
	r.follow(frame)
	p, sender, reader := newParts(frame), randomBytes(32), randomBytes(32)
	return func() {
		for range frames {
			p.open(reader, p.seal(sender))
		}
	}
}
