package group_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/parley-e2ee/parley/e2ee/group"
)

func TestParseRoomID(t *testing.T) {
	id := group.RoomID{1, 0xab, 31: 0xff}
	got, err := group.ParseRoomID(id.String())
	must(t, err)
	if got != id {
		t.Fatalf("%v became %v", id, got)
	}
	for _, bad := range []string{
		"", "00", strings.ToUpper(id.String()), id.String() + "0", id.String() + "00", id.String()[2:],
		" " + id.String()[1:], strings.Repeat("g", 64),
	} {
		if _, err := group.ParseRoomID(bad); err != group.ErrMalformed {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestNewIdentity(t *testing.T) {
	key := signingKey(t)
	_, err := group.NewIdentity("", key)
	wantErr(t, err, group.ErrName)
	_, err = group.NewIdentity("alice\n", key)
	wantErr(t, err, group.ErrName)
	_, err = group.NewIdentity("alice", nil)
	wantErr(t, err, group.ErrKey)
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	_, err = group.NewIdentity("alice", other)
	wantErr(t, err, group.ErrKey)
	_, err = group.NewIdentityKey(ed25519.PublicKey("short"))
	wantErr(t, err, group.ErrKey)
	_, err = group.ParseIdentityKey(make([]byte, 33))
	wantErr(t, err, group.ErrKey)

	id, err := group.NewIdentity("alice", key)
	must(t, err)
	if id.Name() != "alice" || id.Public() != group.IdentityKey(public(key)) {
		t.Fatal("another identity")
	}
}

// A key that signs wrongly, or not, makes no room.
func TestIdentityThatCannotSign(t *testing.T) {
	for _, broken := range []error{nil, fmt.Errorf("the token is gone")} {
		id, err := group.NewIdentity("alice", brokenSigner{signingKey(t), broken})
		must(t, err)
		_, err = group.Create(id, "Secure", group.Open)
		wantErr(t, err, group.ErrSignature)
	}
}

type brokenSigner struct {
	ed25519.PrivateKey
	err error
}

func (b brokenSigner) Sign(_ io.Reader, _ []byte, o crypto.SignerOpts) ([]byte, error) {
	return make([]byte, 64), b.err
}

// An identity prints its name and no key, in whatever it is kept.
func TestIdentityPrintsNoKey(t *testing.T) {
	key := signingKey(t)
	id, err := group.NewIdentity("alice", key)
	must(t, err)
	secrets := []string{
		fmt.Sprintf("%x", key.Seed()), fmt.Sprintf("%v", key.Seed()[:8]), fmt.Sprintf("%X", key.Seed()),
		fmt.Sprint([]byte(key.Seed()))[1:20], string(key.Seed()),
	}
	for _, holder := range []any{id, &id, struct{ ID group.Identity }{id}, struct{ id group.Identity }{id}, []group.Identity{id}, map[string]any{"id": id}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%X", "%q", "%d"} {
			got := fmt.Sprintf(verb, holder)
			for _, secret := range secrets {
				if strings.Contains(got, secret) {
					t.Errorf("%s of %T prints the key", verb, holder)
				}
			}
		}
		if raw, err := json.Marshal(holder); err == nil && strings.Contains(string(raw), "alice") {
			t.Errorf("%T went to JSON", holder)
		}
	}
}

// A fingerprint is of the key and its type.
func TestFingerprint(t *testing.T) {
	a, b := group.IdentityKey(public(signingKey(t))), group.IdentityKey(public(signingKey(t)))
	if a.Fingerprint() == b.Fingerprint() || len(a.Fingerprint().String()) != 64 {
		t.Fatal("fingerprints do not tell keys apart")
	}
	if a.Fingerprint() == group.Fingerprint(a) {
		t.Fatal("a fingerprint is the key")
	}
}

// What the public sees of a Join; an expiry that a stranger chose is a time.
func TestJoinRequest(t *testing.T) {
	s := newStage(t, group.Invite)
	j := s.join("bob")
	j.expiry = 1<<64 - 1
	events := s.ok(j.frame())
	got := events[0].(group.Requested).Join
	if got.Name != "bob" || !got.Proof || got.Fingerprint != group.IdentityKey(public(s.actor("bob").id)).Fingerprint() {
		t.Fatalf("request %+v", got)
	}
	if !got.Expiry.After(time.Now().AddDate(10000, 0, 0)) {
		t.Fatalf("expires %v", got.Expiry)
	}
}
