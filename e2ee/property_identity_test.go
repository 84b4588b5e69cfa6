package e2ee_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-e2ee/parley/e2ee"
	"github.com/parley-e2ee/parley/e2ee/group"
	"github.com/parley-e2ee/parley/envelope/compositekem"
	"github.com/parley-e2ee/parley/transport"
)

// forgeBundle signs, with p's own key, a bundle that p would not make.
func forgeBundle(p *person, change func(*specPerson, *[]byte)) []byte {
	key := p.Identity().Public()
	kem := p.Identity().DecapsulationKey().EncapsulationKey().Bytes()
	b := &specPerson{
		Name: p.Name(), Serial: 1, IdentityKey: key[:],
		NotBefore: uint64(time.Now().Add(-time.Hour).Unix()), NotAfter: uint64(time.Now().Add(time.Hour).Unix()),
	}
	change(b, &kem)
	return signBundle(p, specBundle(b, kem))
}

func signBundle(p *person, raw []byte) []byte {
	return append(raw, ed25519.Sign(p.Identity().SigningKey(), append([]byte("parley bundle v1\x00"), raw...))...)
}

func publish(t testing.TB, dir transport.Directory, name string, raw []byte) {
	t.Helper()
	must(t, dir.Publish(t.Context(), "id:"+name, raw))
}

func TestProperty01_SwappedIdentity(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		relay := transport.NewMemory(nil)
		alice, bob := newPerson(t, "alice", relay, relay), newPerson(t, "bob", relay, relay)
		_, err := alice.Lookup(t.Context(), "bob")
		must(t, err)
		mallory := takeOver(t, "bob", relay) // and its bundle is the directory's now
		_, err = alice.Lookup(t.Context(), "bob")
		var changed *e2ee.IdentityChangedError
		if !errors.As(err, &changed) || !errors.Is(err, e2ee.ErrIdentityChanged) ||
			changed.Pinned != bob.Identity().Fingerprint() || changed.Seen != mallory.Identity().Fingerprint() {
			t.Fatalf("Lookup: %v, want both fingerprints", err)
		}
		a, err := alice.Create(t.Context(), "Secure", &e2ee.RoomOptions{Admission: e2ee.Open})
		must(t, err)
		m, err := mallory.JoinLink(t.Context(), linkOf(t, a), nil)
		must(t, err)
		until[e2ee.Waiting](t, m, nil) // alice does not serve this bob
		carol, err := newPerson(t, "carol", relay, relay).JoinLink(t.Context(), linkOf(t, a), nil)
		must(t, err)
		send(t, a, "queued before")
		until[e2ee.Entered](t, carol, nil)
		until[e2ee.Entered](t, m, nil) // but carol, who never heard of bob
		imposter := func(w e2ee.Warning) bool { return errors.Is(w.Reason, e2ee.ErrIdentityChanged) && w.Who.Name == "bob" }
		until(t, a, imposter) // it asks
		until(t, a, func(j e2ee.Joined) bool { return j.Who.Name == "bob" })
		until(t, a, imposter) // it is in
		if _, err := a.Send(t.Context(), []byte("secret")); !errors.Is(err, e2ee.ErrIdentityChanged) {
			t.Errorf("Send: %v, want ErrIdentityChanged", err)
		}
		alice.crash()
		a = alice.room()
		if _, err := a.Send(t.Context(), []byte("secret")); !errors.Is(err, e2ee.ErrIdentityChanged) {
			t.Errorf("Send after a restart: %v, want ErrIdentityChanged", err)
		}
		must(t, alice.AcceptIdentity("bob", mallory.Identity().Fingerprint()))
		send(t, a, "accepted")
		untilText(t, m, "accepted")
		if alice.Verified("bob") {
			t.Error("an accepted identity counts as verified")
		}
	})
}

// TestProperty01_QueueWaits has the conflict come up between Send and sealing:
// what waits stays where it is until the application decides.
func TestProperty01_QueueWaits(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newCast(t, 2, e2ee.Open)
		alice, m := c.people[0], &meter{Relay: c.relay}
		alice.cfg.Relay = m
		c.reopen(0, (*person).restart)
		synctest.Wait()
		m.set(true, false)
		send(t, c.rooms[0], "in flight")
		send(t, c.rooms[0], "queued")
		must(t, alice.AcceptIdentity("bob", group.Fingerprint{1}))
		m.set(false, false)
		time.Sleep(time.Hour)
		if got := texts(all[e2ee.Message](pending(t, c.rooms[1]))); !slices.Equal(got, []string{"in flight"}) {
			t.Errorf("bob reads %q", got)
		}
		must(t, alice.AcceptIdentity("bob", c.people[1].Identity().Fingerprint()))
		untilText(t, c.rooms[1], "queued")
	})
}

func TestProperty02_03_04_Bundles(t *testing.T) {
	relay := transport.NewMemory(nil)
	alice, bob := newPerson(t, "alice", relay, relay), newPerson(t, "bob", relay, relay)
	first, err := relay.Lookup(t.Context(), "id:bob")
	must(t, err)
	second := forgeBundle(bob, func(p *specPerson, _ *[]byte) { p.Serial = 7 })
	publish(t, relay, "bob", second)
	_, err = alice.Lookup(t.Context(), "bob")
	must(t, err)
	other, err := compositekem.GenerateKey(compositekem.RSA2048)
	must(t, err)
	larger, err := compositekem.GenerateKey(compositekem.RSA3072)
	must(t, err)
	unsigned := slices.Clone(second)
	copy(unsigned[len(unsigned)-64-16-1454:], other.EncapsulationKey().Bytes())
	lowered := func(at int, to byte) []byte {
		raw := slices.Clone(second[:len(second)-64])
		raw[at] = to
		return signBundle(bob, raw)
	}
	serial8 := func(change func(*specPerson, *[]byte)) []byte {
		return forgeBundle(bob, func(p *specPerson, kem *[]byte) { p.Serial = 8; change(p, kem) })
	}
	for _, tt := range []struct {
		name string
		raw  []byte
		want error
	}{
		{"KEM key that the identity did not sign", unsigned, e2ee.ErrBadBundle},
		{"older serial", first, e2ee.ErrBundleRollback},
		{"same serial, other bytes", forgeBundle(bob, func(p *specPerson, _ *[]byte) { p.Serial, p.NotAfter = 7, p.NotAfter+1 }), e2ee.ErrBundleRollback},
		{"version 0", lowered(0, 0), e2ee.ErrDowngrade},
		{"suite 0", lowered(2, 0), e2ee.ErrDowngrade},
		{"without ML-KEM", serial8(func(_ *specPerson, kem *[]byte) { *kem = (*kem)[1184:] }), e2ee.ErrDowngrade},
		{"without RSA", serial8(func(_ *specPerson, kem *[]byte) { *kem = (*kem)[:1184] }), e2ee.ErrDowngrade},
		{"larger RSA", serial8(func(_ *specPerson, kem *[]byte) { *kem = larger.EncapsulationKey().Bytes() }), e2ee.ErrDowngrade},
		{"garbled KEM key", serial8(func(_ *specPerson, kem *[]byte) { (*kem)[1190] ^= 1 }), e2ee.ErrBadBundle},
		{"expired", serial8(func(p *specPerson, _ *[]byte) { p.NotAfter = p.NotBefore + 1 }), e2ee.ErrBundleExpired},
		{"not valid yet", serial8(func(p *specPerson, _ *[]byte) { p.NotBefore = p.NotAfter - 1 }), e2ee.ErrBundleExpired},
		{"ends before it begins", serial8(func(p *specPerson, _ *[]byte) { p.NotAfter = p.NotBefore - 1 }), e2ee.ErrBadBundle},
		{"somebody else's name", serial8(func(p *specPerson, _ *[]byte) { p.Name = "carol" }), e2ee.ErrBadBundle},
		{"name not in normal form", serial8(func(p *specPerson, _ *[]byte) { p.Name = "bo\u0308b" }), e2ee.ErrBadBundle},
		{"trailing byte", append(slices.Clone(second), 0), e2ee.ErrBadBundle},
		{"cut off", second[:len(second)-1], e2ee.ErrBadBundle},
		{"empty", nil, e2ee.ErrBadBundle},
	} {
		publish(t, relay, "bob", tt.raw)
		if b, err := alice.Lookup(t.Context(), "bob"); !errors.Is(err, tt.want) || b != nil {
			t.Errorf("%s: %v, want %v and no bundle", tt.name, err, tt.want)
		}
	}
	alice.crash()
	publish(t, relay, "bob", first)
	if _, err := alice.Lookup(t.Context(), "bob"); !errors.Is(err, e2ee.ErrBundleRollback) {
		t.Errorf("older serial after a restart: %v, want ErrBundleRollback", err)
	}
	publish(t, relay, "bob", serial8(func(*specPerson, *[]byte) {}))
	if b, err := alice.Lookup(t.Context(), "bob"); err != nil || b.Serial != 8 {
		t.Errorf("the next bundle: %v", err)
	}
}

// TestBundleOutrunsRestoredStore has an old copy of a store publish: what
// others have seen meanwhile must not be undercut.
func TestBundleOutrunsRestoredStore(t *testing.T) {
	relay := transport.NewMemory(nil)
	alice, bob := newPerson(t, "alice", relay, relay), newPerson(t, "bob", relay, relay)
	publish(t, relay, "bob", forgeBundle(bob, func(p *specPerson, _ *[]byte) { p.Serial = 41 }))
	_, err := alice.Lookup(t.Context(), "bob")
	must(t, err)
	bob.crash()
	b, err := alice.Lookup(t.Context(), "bob")
	if err != nil || b.Serial != 42 || b.Fingerprint() != bob.Identity().Fingerprint() {
		t.Errorf("bob's bundle after that: %+v, %v", b, err)
	}
}

// TestBundleIsRenewed opens a store when its bundle's year is nearly over.
func TestBundleIsRenewed(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		relay := transport.NewMemory(nil)
		alice, bob := newPerson(t, "alice", relay, relay), newPerson(t, "bob", relay, relay)
		_, err := alice.Lookup(t.Context(), "bob")
		must(t, err)
		_ = bob.Close()
		time.Sleep(300 * 24 * time.Hour)
		bob.open()
		time.Sleep(300 * 24 * time.Hour)
		if b, err := alice.Lookup(t.Context(), "bob"); err != nil || b.Serial != 2 {
			t.Errorf("after 600 days: %v", err)
		}
	})
}

func TestProperty05_NamesAreNoKeys(t *testing.T) {
	relay := transport.NewMemory(nil)
	alice := newPerson(t, "alice", relay, relay)
	r, err := alice.Create(t.Context(), "Secure", nil)
	must(t, err)
	fingerprint := alice.Identity().Fingerprint()
	posing := newPerson(t, hex.EncodeToString(fingerprint[:]), relay, relay)
	if posing.Identity().Fingerprint() == fingerprint {
		t.Error("a name became a fingerprint")
	}
	// Rooms and people are apart in the directory, whatever they are called.
	newPerson(t, "room:Secure", relay, relay)
	if raw, err := relay.Lookup(t.Context(), "room:Secure"); err != nil || string(raw) != r.ID().String() {
		t.Errorf("a person's bundle took a room's place: %v", err)
	}
	_, err = alice.Create(t.Context(), "id:alice", nil)
	must(t, err)
	if _, err := posing.Lookup(t.Context(), "alice"); err != nil {
		t.Errorf("a room took a person's place: %v", err)
	}
	// And what is of one kind is refused as the other.
	bundle, err := relay.Lookup(t.Context(), "id:alice")
	must(t, err)
	must(t, relay.Publish(t.Context(), "room:trap", bundle))
	if _, err := posing.Join(t.Context(), "trap", nil); !errors.Is(err, e2ee.ErrNoRoom) {
		t.Errorf("a bundle as a room: %v, want ErrNoRoom", err)
	}
	must(t, relay.Publish(t.Context(), "id:trap", []byte(r.ID().String())))
	if _, err := posing.Lookup(t.Context(), "trap"); err == nil {
		t.Error("a room as a bundle is accepted")
	}
	for _, name := range []string{"", "a\x00b", "a\u0085b", "\xff", strings.Repeat("n", 65), "e\u0301"} {
		if _, err := e2ee.NewClient(t.Context(), e2ee.Config{Name: name, Store: newStore(), Relay: relay}); !errors.Is(err, e2ee.ErrName) {
			t.Errorf("a client called %q: %v, want ErrName", name, err)
		}
		for call, err := range map[string]error{
			"Lookup": second(alice.Lookup(t.Context(), name)), "Create": second(alice.Create(t.Context(), name, nil)),
			"Join": second(alice.Join(t.Context(), name, nil)), "Accept": alice.AcceptIdentity(name, fingerprint),
		} {
			if !errors.Is(err, e2ee.ErrName) {
				t.Errorf("%s(%q): %v, want ErrName", call, name, err)
			}
		}
	}
}

func TestProperty06_SafetyNumber(t *testing.T) {
	var keys [2]group.IdentityKey
	for i := range keys {
		private := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{byte(i + 1)}, 32))
		keys[i] = group.IdentityKey(private.Public().(ed25519.PublicKey))
	}
	number := e2ee.SafetyNumber("alice", keys[0], "bob", keys[1])
	const golden = "24061 57430 06613 58809 30990 19527 95567 35667 07921 29677 03950 20635"
	sides := []string{specSide("alice", keys[0][:]), specSide("bob", keys[1][:])}
	slices.Sort(sides)
	if number != golden || strings.Join(sides, " ") != golden {
		t.Errorf("alice and bob have %s, want %s", number, golden)
	}
	if e2ee.SafetyNumber("bob", keys[1], "alice", keys[0]) != number {
		t.Error("not symmetric")
	}
	for name, other := range map[string]string{
		"name":          e2ee.SafetyNumber("alice", keys[0], "bob2", keys[1]),
		"key":           e2ee.SafetyNumber("alice", keys[0], "bob", keys[0]),
		"names swapped": e2ee.SafetyNumber("bob", keys[0], "alice", keys[1]),
		"name boundary": e2ee.SafetyNumber("alic", keys[0], "ebob", keys[1]),
	} {
		if other == number {
			t.Errorf("another %s has the same number", name)
		}
	}
}

func TestProperty07_WeakKeysAtPinning(t *testing.T) {
	relay := transport.NewMemory(nil)
	alice, bob := newPerson(t, "alice", relay, relay), newPerson(t, "bob", relay, relay)
	// Under the neutral element everybody signs: R is it too, and S is 0.
	one := append([]byte{1}, make([]byte, 31)...)
	forged := append(slices.Clone(one), make([]byte, 32)...)
	if !ed25519.Verify(one, []byte("anything"), forged) {
		t.Fatal("crypto/ed25519 refuses it by itself: choose another point")
	}
	noncanonical := slices.Clone(one)
	noncanonical[0], noncanonical[31] = 0xee, 0x7f // 1 + p
	for i := 1; i < 31; i++ {
		noncanonical[i] = 0xff
	}
	for name, key := range map[string][]byte{"small order": one, "not canonical": noncanonical} {
		raw := forgeBundle(bob, func(p *specPerson, _ *[]byte) { p.IdentityKey = key })
		publish(t, relay, "bob", append(raw[:len(raw)-64], forged...))
		if _, err := alice.Lookup(t.Context(), "bob"); !errors.Is(err, e2ee.ErrBadBundle) {
			t.Errorf("%s: %v, want ErrBadBundle", name, err)
		}
	}
	if err := alice.Verify("bob", strings.Repeat("0", 60)); !errors.Is(err, e2ee.ErrNotPinned) {
		t.Errorf("Verify: %v, want ErrNotPinned: nothing was pinned", err)
	}
}
