package group_test

import (
	"testing"

	"github.com/parley-e2ee/parley/e2ee/group"
)

// A relay shows bob a Message before the Commit that overtook it in the log.
// Its sender seals it anew under the same ID; bob is told that the sender has
// seen another history before he is shown it again.
func TestOvertakenMessageShownToOne(t *testing.T) {
	w, all := invited(t, "alice", "bob", "carol")
	alice, bob, carol := all[0], all[1], all[2]
	id := messageID()
	queue := []group.AppMessage{{ID: id, Text: []byte("overtaken")}}
	must2(alice.Seal(queue, w.now))
	must(t, carol.Commit(group.Changes{Rekey: true}, w.now, nil))
	message, commit := alice.Unechoed()[0], carol.Unechoed()[0]
	there := w.fork(bob)
	there.put(message, commit)
	w.put(commit, message)
	wantErr(t, lastErr(carol), group.ErrEpoch)
	if lost := lastOf[group.Unsent](t, alice); lost.IDs[0] != id {
		t.Fatalf("unsent: %v", lost)
	}
	must2(alice.Seal(queue, w.now))
	again := alice.Unechoed()[0]
	w.put(again)
	wantTexts(t, carol, "overtaken")

	bob.events = nil
	there.put(again)
	if len(bob.events) < 2 || !isForked(bob.events[0]) || lastOf[group.Received](t, bob).ID != id {
		t.Fatalf("bob saw %+v", bob.events)
	}
	_, err := bob.Seal(queue, w.now)
	wantErr(t, err, group.ErrForked)
}
