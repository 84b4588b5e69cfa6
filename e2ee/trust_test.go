package e2ee_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/parley-e2ee/parley/e2ee"
	"github.com/parley-e2ee/parley/e2ee/group"
	"github.com/parley-e2ee/parley/transport"
	"github.com/parley-e2ee/parley/transport/transporttest"
)

var errOutage = errors.New("test: directory is down")

// TestDirectoryDown opens a store that is known to the directory while that is
// out of reach; a store that is not known is left as it was.
func TestDirectoryDown(t *testing.T) {
	relay := transporttest.Misbehave(transport.NewMemory(nil), nil)
	alice := newPerson(t, "alice", relay, relay)
	fresh := newPerson(t, "unused", relay, nil)
	must(t, fresh.Close())
	must(t, relay.Publish(t.Context(), "id:alice", []byte("lost")))
	relay.Do(transporttest.Step{To: transporttest.Anyone, Name: transporttest.Anyone, Do: transporttest.Refuse(errOutage)})
	alice.crash()
	if _, err := alice.Lookup(t.Context(), "alice"); !errors.Is(err, errOutage) {
		t.Fatalf("Lookup without a directory: %v", err)
	}
	cfg := e2ee.Config{Name: "bob", Store: newStore(), Relay: relay, Directory: relay}
	if _, err := e2ee.NewClient(t.Context(), cfg); !errors.Is(err, errOutage) {
		t.Fatalf("a new identity without a directory: %v", err)
	}
	relay.Behave()
	b, err := alice.Lookup(t.Context(), "alice")
	must(t, err)
	if b.Fingerprint() != alice.Identity().Fingerprint() {
		t.Fatal("the bundle was not published again")
	}
	bob, err := e2ee.NewClient(t.Context(), cfg)
	must(t, err)
	must(t, bob.Close())
}

// TestPublishedAllTheSame keeps an identity that the directory has after all.
func TestPublishedAllTheSame(t *testing.T) {
	relay := transporttest.Misbehave(transport.NewMemory(nil), transporttest.Script{
		{By: transporttest.Anyone, Name: transporttest.Anyone, Do: transporttest.Deny(errOutage)},
	})
	alice := newPerson(t, "alice", relay, relay)
	alice.restart()
}

// TestTakenName has somebody sign up under a name that is taken: the store is
// good for another name, and taking over is a decision.
func TestTakenName(t *testing.T) {
	relay := transport.NewMemory(nil)
	alice := newPerson(t, "alice", relay, relay)
	cfg := e2ee.Config{Name: "alice", Store: newStore(), Relay: relay, Directory: relay}
	if _, err := e2ee.NewClient(t.Context(), cfg); !errors.Is(err, e2ee.ErrNameTaken) {
		t.Fatalf("a second alice: %v", err)
	}
	b, err := newPerson(t, "carol", relay, relay).Lookup(t.Context(), "alice")
	must(t, err)
	if b.Fingerprint() != alice.Identity().Fingerprint() {
		t.Fatal("the second alice was published")
	}
	cfg.Name = "alice two"
	other, err := e2ee.NewClient(t.Context(), cfg)
	must(t, err)
	must(t, other.Close())
	takeOver(t, "alice", relay)
}

// TestImpostersAreAnnounced has somebody who is not the one pinned ask to
// enter, and be there when one comes.
func TestImpostersAreAnnounced(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		relay := transport.NewMemory(nil)
		alice, dave := newPerson(t, "alice", relay, relay), newPerson(t, "dave", relay, relay)
		bob := newPerson(t, "bob", relay, relay)
		_, err := bob.Lookup(t.Context(), "dave")
		must(t, err)
		a, err := alice.Create(t.Context(), "Secure", &e2ee.RoomOptions{Admission: e2ee.Open})
		must(t, err)
		imposter := takeOver(t, "dave", relay)
		_, err = imposter.JoinLink(t.Context(), linkOf(t, a), nil)
		must(t, err)
		until[e2ee.Joined](t, a, nil)

		b, err := bob.JoinLink(t.Context(), linkOf(t, a), nil)
		must(t, err)
		warned := func(w e2ee.Warning) bool { return errors.Is(w.Reason, e2ee.ErrIdentityChanged) && w.Who.Name == "dave" }
		until(t, b, warned)
		until(t, a, func(j e2ee.Joined) bool { return j.Who.Name == "bob" })
		must(t, a.SetAdmins(t.Context(), "alice", "bob"))
		if err := b.SetAdmins(t.Context(), "alice", "bob", "dave"); !errors.Is(err, e2ee.ErrIdentityChanged) {
			t.Errorf("an imposter as admin: %v", err)
		}

		must(t, bob.AcceptIdentity("dave", imposter.Identity().Fingerprint()))
		must(t, a.Remove(t.Context(), "dave", false))
		for _, r := range []*e2ee.Room{a, b} {
			until(t, r, func(r e2ee.Removed) bool { return r.Who.Name == "dave" })
		}
		must(t, bob.AcceptIdentity("dave", group.Fingerprint{1}))
		_, err = dave.JoinLink(t.Context(), linkOf(t, a), nil)
		must(t, err)
		until(t, b, warned)
	})
}

// TestAdmitTakesItsTime lets a person think about a stranger for a day: the
// room goes on, and removals above all.
func TestAdmitTakesItsTime(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		relay := transport.NewMemory(nil)
		decided := make(chan bool)
		alice := openPerson(t, e2ee.Config{Name: "alice", Relay: relay, Admit: func(_ group.RoomID, who group.JoinRequest) bool {
			return who.Name == "bob" || <-decided
		}})
		a, err := alice.Create(t.Context(), "Secure", &e2ee.RoomOptions{Admission: e2ee.Admins})
		must(t, err)
		b, err := newPerson(t, "bob", relay, nil).JoinLink(t.Context(), linkOf(t, a), nil)
		must(t, err)
		until[e2ee.Entered](t, b, nil)
		stranger, err := newPerson(t, "stranger", relay, nil).JoinLink(t.Context(), linkOf(t, a), &e2ee.JoinOptions{Expiry: 72 * time.Hour})
		must(t, err)
		time.Sleep(24 * time.Hour)
		send(t, a, "meanwhile")
		untilText(t, b, "meanwhile")
		must(t, a.Remove(t.Context(), "bob", true))
		until(t, b, func(r e2ee.Removed) bool { return r.You })
		// The removal rotated the link: the stranger's request died with it.
		until[e2ee.JoinFailed](t, stranger, nil)
		decided <- true
	})
}

// TestLookAlikes refuses names that look like others, one's own and those of
// who asks.
func TestLookAlikes(t *testing.T) {
	relay := transport.NewMemory(nil)
	for _, name := range []string{
		"alice ", " alice", "al  ice", "alice\u200b", "\u202ealice", "ali\u00adce", "alice\u2028", "ali\u00a0ce", "alice\U000e0041", "alice\ue000",
	} {
		_, err := e2ee.NewClient(t.Context(), e2ee.Config{Name: name, Store: newStore(), Relay: relay})
		if !errors.Is(err, e2ee.ErrName) {
			t.Errorf("%+q: %v", name, err)
		}
	}
	for _, name := range []string{"Alice B. Carol", "Ålice", "爱丽丝", "الیس", "o'neill"} {
		c, err := e2ee.NewClient(t.Context(), e2ee.Config{Name: name, Store: newStore(), Relay: relay})
		must(t, err)
		must(t, c.Close())
	}
}

// TestRelayErrorIsKept shows an application what its own relay said.
func TestRelayErrorIsKept(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		relay := transport.NewMemory(&transport.MemoryOptions{RoomFrames: 1})
		alice := newPerson(t, "alice", relay, nil)
		r, err := alice.Create(t.Context(), "Secure", nil)
		must(t, err)
		must(t, r.RelayError())
		send(t, r, "one too many")
		until(t, r, func(w e2ee.Warning) bool { return errors.Is(w.Reason, e2ee.ErrRelay) })
		if err := r.RelayError(); !errors.Is(err, e2ee.ErrRelay) || !errors.Is(err, transport.ErrFull) {
			t.Errorf("RelayError: %v", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := r.RotateInvite(ctx); !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, transport.ErrFull) {
			t.Errorf("RotateInvite: %v", err)
		}
	})
}

// TestAcceptedFromTheRoster has a directory that knows the wrong bob: alice
// accepts the fingerprint that the true one read to her, and compares numbers.
func TestAcceptedFromTheRoster(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		relay := transport.NewMemory(nil)
		alice, bob := newPerson(t, "alice", relay, relay), newPerson(t, "bob", relay, relay)
		takeOver(t, "bob", relay)
		a, err := alice.Create(t.Context(), "Secure", nil)
		must(t, err)
		must(t, alice.AcceptIdentity("bob", bob.Identity().Fingerprint()))
		if err := alice.Verify("bob", ""); !errors.Is(err, e2ee.ErrNotPinned) {
			t.Errorf("Verify before bob was seen: %v", err)
		}
		b, err := bob.JoinLink(t.Context(), linkOf(t, a), nil)
		must(t, err)
		until[e2ee.Entered](t, b, nil)
		until[e2ee.Joined](t, a, nil)
		number, err := bob.SafetyNumber(t.Context(), "alice")
		must(t, err)
		got, err := alice.SafetyNumber(t.Context(), "bob")
		must(t, err)
		if got != number {
			t.Errorf("alice reads %s, bob %s", got, number)
		}
		must(t, alice.Verify("bob", number))
		if !alice.Verified("bob") {
			t.Error("bob is not verified")
		}
	})
}
