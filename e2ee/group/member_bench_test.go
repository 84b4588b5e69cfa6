package group_test

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/parley-e2ee/parley/e2ee/group"
)

// crowd is a room of n members, of whom two can act. The others asked to join
// when they had read its first frame.
func crowd(b testing.TB, n int) (*world, *reader, *reader) {
	w := newWorld(b)
	alice := w.create("alice", group.Open)
	bob := w.join("bob", alice, nil)
	for i := 2; i < n; {
		for ; i < n && group.Waiting(alice.Member) < group.MaxAdds; i++ {
			m := must2(group.Enter(identity(b, longName(i)), alice.Public().RoomID(), nil))
			must2(m.Apply(bytes.Clone(w.log[0]), w.now))
			must(b, m.Join(w.now.Add(time.Hour)))
			w.put(m.Unechoed()...)
		}
		w.commit(alice, group.Changes{})
	}
	w.commit(alice, group.Changes{Rekey: true})
	return w, alice, bob
}

// longName is one of the longest.
func longName(i int) string { return fmt.Sprintf("%0*d", group.MaxNameSize, i) }

func BenchmarkSeal256(b *testing.B) {
	w, alice, _ := crowd(b, 2)
	queue := []group.AppMessage{{ID: messageID(), Text: make([]byte, 256)}}
	b.ReportAllocs()
	for b.Loop() {
		must2(alice.Seal(queue, w.now))
		b.StopTimer()
		must2(alice.Apply(alice.Unechoed()[0], w.now))
		alice.Changes()
		b.StartTimer()
	}
}

func BenchmarkOpen256(b *testing.B) {
	w, alice, bob := crowd(b, 2)
	queue := []group.AppMessage{{ID: messageID(), Text: make([]byte, 256)}}
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		must2(alice.Seal(queue, w.now))
		frame := alice.Unechoed()[0]
		must2(alice.Apply(bytes.Clone(frame), w.now))
		b.StartTimer()
		must2(bob.Apply(frame, w.now))
		bob.Changes()
	}
}

func BenchmarkCommit(b *testing.B) {
	for _, n := range []int{10, 100, 256} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			w, alice, _ := crowd(b, n)
			stored := alice.copyStore()
			b.ReportAllocs()
			for b.Loop() {
				must(b, alice.Commit(group.Changes{Rekey: true}, w.now, nil))
				b.StopTimer()
				alice.Member = must2(group.RestoreMember(alice.id, stored[0], stored[1]))
				b.StartTimer()
			}
		})
	}
}

func BenchmarkFollowCommit(b *testing.B) {
	for _, n := range []int{10, 100, 256} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			w, alice, bob := crowd(b, n)
			stored := bob.copyStore()
			must(b, alice.Commit(group.Changes{Rekey: true}, w.now, nil))
			frame := alice.Unechoed()[0]
			b.SetBytes(int64(len(frame)))
			b.ReportAllocs()
			for b.Loop() {
				b.StopTimer()
				bob.Member = must2(group.RestoreMember(bob.id, stored[0], stored[1]))
				b.StartTimer()
				must2(bob.Apply(frame, w.now))
				bob.Changes()
			}
		})
	}
}

// BenchmarkJoin is a newcomer's way in: read the log, ask, be welcomed.
func BenchmarkJoin(b *testing.B) {
	w, alice, _ := crowd(b, 2)
	stored := alice.copyStore()
	b.ReportAllocs()
	for b.Loop() {
		log := w.log
		r := w.newcomer("carol", nil)
		must(b, r.Join(w.now.Add(time.Hour)))
		w.flush(r)
		b.StopTimer()
		w.readOne(alice)
		must(b, alice.Commit(group.Changes{}, w.now, nil))
		w.flush(alice)
		b.StartTimer()
		w.readOne(r)
		b.StopTimer()
		delete(w.members, "carol")
		w.log, alice.at = log, len(log)
		alice.Member = must2(group.RestoreMember(alice.id, stored[0], stored[1]))
		b.StartTimer()
	}
}
