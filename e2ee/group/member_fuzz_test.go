package group_test

import (
	"bytes"
	"maps"
	"slices"
	"testing"

	"github.com/parley-e2ee/parley/e2ee/group"
)

// FuzzRestoreMember damages a record of a store: it is refused, or the member
// that it makes works without panic and stores itself completely.
func FuzzRestoreMember(f *testing.F) {
	extra := []string{"keys", "epoch", "request", "proposal", "sealed", "removals", "created", "ratchet/ff", "ratchet/+1", "waiting/"}
	for i := range 20 {
		f.Add(uint8(i), uint8(i), []byte{0, byte(i), 0, 1})
		f.Add(uint8(1), uint8(i), []byte{0, 5, 2, 0})
		f.Add(uint8(2), uint8(i), []byte{0, 5, 3, 0})
	}
	readers := stores(f)
	frames := newTraffic(f).frames
	f.Fuzz(func(t *testing.T, who, which uint8, edits []byte) {
		r := readers[int(who)%len(readers)]
		stored := r.copyStore()
		names := append(slices.Sorted(maps.Keys(stored[1])), extra...)
		name := names[int(which)%len(names)]
		stored[1][name] = mutate(append(bytes.Clone(stored[1][name]), edits...), nil, edits)
		m, err := group.RestoreMember(r.id, stored[0], stored[1])
		if err != nil {
			wantErr(t, err, group.ErrState)
			return
		}
		for _, frame := range frames {
			m.Apply(frame, epochStart)
		}
		exercise(m)
	})
}
