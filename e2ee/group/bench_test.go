package group_test

import (
	"fmt"
	"testing"

	"github.com/parley-e2ee/parley/e2ee/group"
)

// hundred is a room of 100 members.
func hundred(b *testing.B) *stage {
	s := newStage(b, group.Open)
	s.quick = true
	var names []string
	for i := range 99 {
		names = append(names, fmt.Sprintf("member %02d", i))
	}
	s.add(names...)
	return s
}

// BenchmarkPublicApplyMessage is what a Message costs a reader without keys in
// a room of 100: a signature to verify, whatever the size of the room.
func BenchmarkPublicApplyMessage(b *testing.B) {
	s := hundred(b)
	start := state(b, s.Public)
	frames := make([][]byte, 1000)
	for i := range frames {
		m := s.message("member 50")
		m.generation, m.token = uint64(i+1), make([]byte, 200)
		frames[i] = m.frame()
	}
	b.SetBytes(int64(len(frames[0])))
	b.ReportAllocs()
	p, next := s.Public, 0
	for b.Loop() {
		if next == len(frames) {
			b.StopTimer()
			p, next = again(b, start), 0
			b.StartTimer()
		}
		_, err := p.Apply(frames[next])
		must(b, err)
		next++
	}
}

// BenchmarkPublicApplyCommit is what a commit costs that reader: one that adds
// a member, and one without operations.
func BenchmarkPublicApplyCommit(b *testing.B) {
	s := hundred(b)
	start := state(b, s.Public)
	for name, frame := range map[string][]byte{
		"adds one": s.serve("alice", s.join("one more")),
		"empty":    s.commit("alice").frame(),
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(frame)))
			b.ReportAllocs()
			for b.Loop() {
				b.StopTimer()
				p := again(b, start)
				b.StartTimer()
				_, err := p.Apply(frame)
				must(b, err)
			}
		})
	}
}

func again(b *testing.B, state []byte) *group.Public {
	p, err := group.ParsePublic(state)
	must(b, err)
	return p
}
