package group_test

import (
	"testing"

	"github.com/parley-e2ee/parley/e2ee/group"
)

// TestFullRoom fills a room up to its 256th member, and has it talk, change
// keys and remove somebody. No frame comes near the limit.
func TestFullRoom(t *testing.T) {
	w, alice, bob := crowd(t, group.MaxMembers-1)
	last := w.join("the last", bob, nil)
	if n := len(last.Public().Roster()); n != group.MaxMembers {
		t.Fatalf("%d members", n)
	}
	w.send(last, "hello, everybody")
	w.send(alice, "hello, you there")
	wantTexts(t, bob, "hello, everybody", "hello, you there")
	w.commit(bob, group.Changes{NewKeys: true})
	w.send(bob, "new keys for all")
	sameEpoch(t, alice, bob, last)

	victim, _ := alice.Public().Lookup(longName(100))
	must(t, alice.Remove(victim.Membership, true))
	w.flush(alice)
	w.read()
	w.commit(last, group.Changes{})
	w.send(last, "one less")
	sameEpoch(t, alice, bob, last)
	wantTexts(t, alice, "hello, everybody", "new keys for all", "one less")

	// The largest of the commits above served 16 joins, to 239 members and more.
	largest := 0
	for _, f := range w.log {
		largest = max(largest, len(f))
	}
	if largest > group.MaxFrameSize*2/3 {
		t.Errorf("the largest frame has %d bytes", largest)
	}
	t.Logf("the largest frame has %d bytes", largest)
}
