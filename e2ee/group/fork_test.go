package group_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/parley-e2ee/parley/e2ee/group"
)

// TestProperty11_ForkedLogs gives two members different commits of the same
// epoch: their authenticators differ, and the first frame that crosses tells.
func TestProperty11_ForkedLogs(t *testing.T) {
	w := newWorld(t)
	alice := w.create("alice", group.Open)
	bob := w.join("bob", alice, nil)
	sameEpoch(t, alice, bob)

	for _, m := range []*reader{alice, bob} {
		must(t, m.Commit(group.Changes{Rekey: true}, w.now, nil))
		for _, frame := range m.Unechoed() {
			_, err := m.Apply(frame, w.now)
			must(t, err)
		}
	}
	a, err := alice.Authenticator()
	must(t, err)
	b, err := bob.Authenticator()
	must(t, err)
	if a == b {
		t.Fatal("forked members have the same authenticator")
	}

	_, err = alice.Seal([]group.AppMessage{{ID: messageID(), Kind: 1, Text: []byte("across")}}, w.now)
	must(t, err)
	events, err := bob.Apply(alice.Unechoed()[0], w.now)
	if !errors.Is(err, group.ErrTranscript) {
		t.Fatalf("a message of the other history: %v", err)
	}
	if len(events) != 1 || events[0].(group.Forked).From.Name != "alice" {
		t.Fatalf("the fork was not reported: %v", events)
	}
	_, err = bob.Seal([]group.AppMessage{{ID: messageID(), Kind: 1}}, w.now)
	wantErr(t, err, group.ErrForked)
	bob.AcknowledgeFork()
	_, err = bob.Seal([]group.AppMessage{{ID: messageID(), Kind: 1}}, w.now)
	must(t, err)
}

// TestProperty28_WithheldCommit hides a commit from one member and shows it the
// Message that follows: of an epoch that its log has not reached.
func TestProperty28_WithheldCommit(t *testing.T) {
	w := newWorld(t)
	alice := w.create("alice", group.Open)
	bob := w.join("bob", alice, nil)
	must(t, alice.Commit(group.Changes{Rekey: true}, w.now, nil))
	_, err := alice.Apply(alice.Unechoed()[0], w.now)
	must(t, err)
	_, err = alice.Seal([]group.AppMessage{{ID: messageID(), Kind: 1, Text: []byte("later")}}, w.now)
	must(t, err)
	events, err := bob.Apply(alice.Unechoed()[0], w.now)
	wantErr(t, err, group.ErrEpoch)
	if len(events) != 1 || events[0].(group.Forked).From.Name != "alice" {
		t.Fatalf("the missing commit was not noticed: %v", events)
	}
	stranger := bytes.Clone(alice.Unechoed()[0])
	stranger[len(stranger)-1] ^= 1
	if events, _ := bob.Apply(stranger, w.now); len(events) != 0 {
		t.Fatalf("anybody can accuse: %v", events)
	}
}
