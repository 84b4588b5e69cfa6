package e2ee_test

import (
	"testing"

	"github.com/parley-e2ee/parley/e2ee"
	"github.com/parley-e2ee/parley/transport"
)

func TestTwoPeopleTalk(t *testing.T) {
	relay := transport.NewMemory(nil)
	alice, bob := newPerson(t, "alice", relay, relay), newPerson(t, "bob", relay, relay)
	a, err := alice.Create(t.Context(), "Secure", &e2ee.RoomOptions{Admission: e2ee.Open})
	must(t, err)
	b, err := bob.Join(t.Context(), "Secure", nil)
	must(t, err)
	until[e2ee.Entered](t, b, nil)
	_, err = a.Send(t.Context(), []byte("Test message"))
	must(t, err)
	got := untilText(t, b, "Test message")
	if got.From.Name != "alice" {
		t.Fatalf("from %q", got.From.Name)
	}
	_, err = b.Send(t.Context(), []byte("Reply received"))
	must(t, err)
	untilText(t, a, "Reply received")
}
