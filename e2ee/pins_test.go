package e2ee_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/parley-e2ee/parley/e2ee"
	"github.com/parley-e2ee/parley/e2ee/group"
	"github.com/parley-e2ee/parley/transport"
)

func TestVerify(t *testing.T) {
	relay := transport.NewMemory(nil)
	alice, bob := newPerson(t, "alice", relay, relay), newPerson(t, "bob", relay, relay)
	if err := alice.Verify("bob", ""); !errors.Is(err, e2ee.ErrNotPinned) {
		t.Errorf("before any look: %v, want ErrNotPinned", err)
	}
	mine, err := alice.SafetyNumber(t.Context(), "bob")
	must(t, err)
	yours, err := bob.SafetyNumber(t.Context(), "alice")
	must(t, err)
	if mine != yours || len(strings.ReplaceAll(mine, " ", "")) != 60 {
		t.Errorf("alice has %s, bob %s", mine, yours)
	}
	if err := alice.Verify("bob", strings.Repeat("12345 ", 12)); !errors.Is(err, e2ee.ErrSafetyNumber) || alice.Verified("bob") {
		t.Errorf("another number: %v, want ErrSafetyNumber", err)
	}
	must(t, alice.Verify("bob", "\n"+strings.ReplaceAll(yours, " ", "  ")))
	alice.crash()
	if !alice.Verified("bob") {
		t.Error("forgotten after a restart")
	}
	must(t, alice.AcceptIdentity("bob", bob.Identity().Fingerprint()))
	if !alice.Verified("bob") {
		t.Error("accepting the same identity again forgets that it is verified")
	}
	must(t, alice.AcceptIdentity("bob", group.Fingerprint{1}))
	if alice.Verified("bob") {
		t.Error("another identity is verified")
	}
	if _, err := alice.SafetyNumber(t.Context(), "bob"); !errors.Is(err, e2ee.ErrIdentityChanged) {
		t.Errorf("a number for another identity than the accepted one: %v", err)
	}
}

// TestOwnName has the directory claim to know better who oneself is.
func TestOwnName(t *testing.T) {
	relay := transport.NewMemory(nil)
	alice := newPerson(t, "alice", relay, relay)
	_, err := alice.Lookup(t.Context(), "alice")
	must(t, err)
	takeOver(t, "alice", relay)
	if _, err := alice.Lookup(t.Context(), "alice"); !errors.Is(err, e2ee.ErrIdentityChanged) {
		t.Errorf("another alice: %v, want ErrIdentityChanged", err)
	}
	if err := alice.AcceptIdentity("alice", group.Fingerprint{1}); !errors.Is(err, e2ee.ErrName) {
		t.Errorf("accepting another alice: %v, want ErrName", err)
	}
}

// TestRostersMakeNoPins talks with people and looks whom that pinned.
func TestRostersMakeNoPins(t *testing.T) {
	relay := transport.NewMemory(nil)
	alice, bob := newPerson(t, "alice", relay, nil), newPerson(t, "bob", relay, nil)
	a, err := alice.Create(t.Context(), "Secure", nil)
	must(t, err)
	b, err := bob.JoinLink(t.Context(), linkOf(t, a), nil)
	must(t, err)
	send(t, b, "hello")
	untilText(t, a, "hello")
	if err := alice.Verify("bob", ""); !errors.Is(err, e2ee.ErrNotPinned) {
		t.Errorf("after a talk: %v, want ErrNotPinned", err)
	}
	for call, err := range map[string]error{
		"Lookup": second(alice.Lookup(t.Context(), "bob")), "Join": second(alice.Join(t.Context(), "Secure", nil)),
		"SafetyNumber": second(alice.SafetyNumber(t.Context(), "bob")),
	} {
		if !errors.Is(err, e2ee.ErrNoDirectory) {
			t.Errorf("%s without a directory: %v, want ErrNoDirectory", call, err)
		}
	}
}

func TestLinks(t *testing.T) {
	relay := transport.NewMemory(nil)
	a, err := newPerson(t, "alice", relay, nil).Create(t.Context(), "Secure", nil)
	must(t, err)
	link := linkOf(t, a)
	_, fragment, _ := strings.Cut(link, "#")
	for _, good := range []string{link, "https://chat.example/join#" + fragment, "#" + fragment} {
		inv, err := e2ee.ParseLink(good)
		if err != nil || inv.Room != a.ID() || e2ee.MarshalLink(inv) != link {
			t.Errorf("%q: %v", good, err)
		}
	}
	for _, bad := range []string{
		"", "#", fragment, link + "=", link + "A", link + "\n", link[:len(link)-1], link + "#", " " + link + " ",
		"parley:join#" + fragment[:40] + "\n" + fragment[40:], "parley:join#B" + fragment[1:],
		"parley:join##" + fragment, strings.Repeat("x", 2048) + link, link[:len(link)-1] + "\x00",
	} {
		if _, err := e2ee.ParseLink(bad); !errors.Is(err, e2ee.ErrLink) {
			t.Errorf("%q: %v, want ErrLink", bad, err)
		}
	}
}

func TestConfig(t *testing.T) {
	relay := transport.NewMemory(nil)
	for name, cfg := range map[string]e2ee.Config{
		"no store": {Name: "alice", Relay: relay}, "no relay": {Name: "alice", Store: newStore()},
	} {
		if _, err := e2ee.NewClient(t.Context(), cfg); !errors.Is(err, e2ee.ErrConfig) {
			t.Errorf("%s: %v, want ErrConfig", name, err)
		}
	}
	alice := newPerson(t, "alice", relay, relay)
	if _, err := e2ee.NewClient(t.Context(), alice.cfg); err == nil {
		t.Error("two clients on one store")
	}
	if _, err := alice.Create(t.Context(), "Secure", nil); err != nil {
		t.Fatal(err)
	}
	if _, err := alice.Create(t.Context(), "Secure", nil); !errors.Is(err, e2ee.ErrRoomListed) {
		t.Errorf("the same name again: %v, want ErrRoomListed", err)
	}
	_, err := alice.Create(t.Context(), "Secure", &e2ee.RoomOptions{Unlisted: true})
	must(t, err)
	if _, err := alice.Join(t.Context(), "Nowhere", nil); !errors.Is(err, e2ee.ErrNoRoom) {
		t.Errorf("a room that is not there: %v, want ErrNoRoom", err)
	}
	if _, err := alice.Create(t.Context(), "x", &e2ee.RoomOptions{Admission: 77}); err == nil {
		t.Error("an admission mode that is none")
	}
}
