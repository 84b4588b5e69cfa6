package group_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/parley-e2ee/parley/e2ee/group"
)

// TestSpecDerivation recomputes every value of the recorded room from its
// frames and the secrets that nothing else gives.
func TestSpecDerivation(t *testing.T) {
	v := readSpecVector(t)
	want, err := json.MarshalIndent(v, "", " ")
	must(t, err)
	got, err := json.MarshalIndent(specRead(t, v.only()), "", " ")
	must(t, err)
	if bytes.Equal(got, want) {
		return
	}
	g, w := bytes.Split(got, []byte("\n")), bytes.Split(want, []byte("\n"))
	for i := range min(len(g), len(w)) {
		if !bytes.Equal(g[i], w[i]) {
			t.Fatalf("line %d:\n got %.200s\nwant %.200s", i+1, g[i], w[i])
		}
	}
	t.Fatalf("%d lines, want %d", len(g), len(w))
}

// TestSpecFramesReencode reads every recorded frame and writes it again.
func TestSpecFramesReencode(t *testing.T) {
	v := readSpecVector(t)
	for _, f := range v.Log {
		again, err := group.Reencode(f.Frame, group.RoomID(v.RoomID))
		must(t, err)
		if !bytes.Equal(again, f.Frame) {
			t.Errorf("frame %d, %s, is written differently", f.Seq, f.Type)
		}
	}
}

// TestSpecPublic has the public rules read the recorded room.
func TestSpecPublic(t *testing.T) {
	v := readSpecVector(t)
	p := group.NewPublic(group.RoomID(v.RoomID))
	for _, f := range v.Log {
		_, err := p.Apply(f.Frame)
		if got := specVerdict(err); got != f.Verdict {
			t.Fatalf("frame %d is %s, want %s", f.Seq, got, f.Verdict)
		}
		if f.Type == "Create" || f.Type == "Commit" {
			specSameEpoch(t, p, v.Epochs[p.Epoch()])
		}
		if f.Message != nil {
			if _, hash := group.Seen(p); !bytes.Equal(hash[:], f.Message.SeenAfter) {
				t.Errorf("frame %d: another seen hash", f.Seq)
			}
		}
	}
	if got := p.Epoch(); got != 4 {
		t.Errorf("epoch %d", got)
	}
}

func specVerdict(err error) string {
	switch err {
	case nil:
		return "valid"
	case group.ErrReplay:
		return "ErrReplay"
	}
	return err.Error()
}

// specSameEpoch compares what is public at the start of an epoch.
func specSameEpoch(t *testing.T, p *group.Public, want specEpoch) {
	t.Helper()
	m, invite := p.Transcript(), p.InviteKey()
	_, start := group.Seen(p)
	var roster []byte
	for _, who := range p.Roster() {
		roster = slices.Concat(roster, []byte{who.Index}, who.Membership[:])
	}
	var members []byte
	for entry := range slices.Chunk([]byte(want.Roster), 65) {
		members = append(members, entry[:33]...)
	}
	if !bytes.Equal(m[:], want.Transcript) || !bytes.Equal(invite[:], want.InviteKey) ||
		!bytes.Equal(start[:], want.SeenStart) || !bytes.Equal(roster, members) {
		t.Errorf("epoch %d is another", want.Epoch)
	}
}

// TestSpecMembers has the joiners of the recorded room read it: bob until he
// speaks, carol until she does.
func TestSpecMembers(t *testing.T) {
	v := readSpecVector(t)
	for _, c := range []struct {
		name            string
		leaf, join, end int // place of the leaf, of the Join, of the first own Message
		digits          []uint64
	}{
		{"bob", 1, 2, 6, []uint64{1}},
		{"carol", 2, 8, 18, []uint64{2, 3, 4}},
		{"bob", 3, 11, 13, []uint64{3}},
	} {
		t.Run(fmt.Sprintf("%s, leaf %d", c.name, c.leaf), func(t *testing.T) {
			m := specMember(t, v, c.leaf)
			var digits []uint64
			for _, f := range v.Log[:c.end-1] {
				if f.Seq == c.join {
					specAwait(t, v, m, c.leaf, f.Frame)
				}
				events, err := m.Apply(f.Frame, epochStart)
				if got := specVerdict(err); got != f.Verdict && f.Message != nil {
					t.Fatalf("frame %d is %s, want %s", f.Seq, got, f.Verdict)
				}
				specReceived(t, f, events, m.Status())
				if d, err := m.Authenticator(); err == nil {
					if want := v.Epochs[m.Public().Epoch()].Digits; d != want {
						t.Fatalf("frame %d: authenticator %s, want %s", f.Seq, d, want)
					}
					digits = slices.Compact(append(digits, m.Public().Epoch()))
				}
			}
			if !slices.Equal(digits, c.digits) {
				t.Errorf("has keys in epochs %d, want %d", digits, c.digits)
			}
		})
	}
}

// specMember is somebody of the recorded room who has read nothing yet.
func specMember(t *testing.T, v *specVector, leaf int) *group.Member {
	t.Helper()
	k := v.Leaves[leaf]
	at := slices.IndexFunc(v.People, func(p specPerson) bool { return p.Name == k.Name })
	id, err := group.NewIdentity(k.Name, ed25519.NewKeyFromSeed(v.People[at].IdentitySeed))
	must(t, err)
	m, err := group.Enter(id, group.RoomID(v.RoomID), specLink(v))
	must(t, err)
	return m
}

func specLink(v *specVector) *group.Invitation {
	return group.NewInvitation(group.RoomID(v.RoomID), [32]byte(v.InviteSeed0))
}

// specAwait gives it the keys behind the Join that the log has next.
func specAwait(t *testing.T, v *specVector, m *group.Member, leaf int, join []byte) {
	t.Helper()
	k := v.Leaves[leaf]
	keys := slices.Concat(k.SigningSeed, specVec(2, k.KEMPrivate))
	must(t, group.SpecAwait(m, join, keys, k.InitPrivate, specLink(v)))
}

// specReceived holds that a member reads what the vector says it reads.
func specReceived(t *testing.T, f specFrame, events []group.Event, status group.Status) {
	t.Helper()
	var got []specApp
	for _, ev := range events {
		switch ev := ev.(type) {
		case group.Received:
			got = append(got, specApp{ev.ID[:], ev.Kind, string(ev.Text)})
			if uint64(ev.SentAt.Unix()) != f.Message.SentAt {
				t.Errorf("frame %d was sealed at %v", f.Seq, ev.SentAt)
			}
		case group.Gap, group.Forked, group.Undecryptable, group.Keyless, group.InviteMismatch, group.RolledBack:
			t.Errorf("frame %d: %T %v", f.Seq, ev, ev)
		}
	}
	if f.Message == nil || status != group.Active {
		return
	}
	same := func(a, b specApp) bool { return bytes.Equal(a.ID, b.ID) && a.Kind == b.Kind && a.Text == b.Text }
	if !slices.EqualFunc(got, f.Message.Texts, same) {
		t.Errorf("frame %d reads %q, want %q", f.Seq, got, f.Message.Texts)
	}
}

// TestSpecFingerprints compares identities.
func TestSpecFingerprints(t *testing.T) {
	for _, p := range readSpecVector(t).People {
		id, err := group.NewIdentity(p.Name, ed25519.NewKeyFromSeed(p.IdentitySeed))
		must(t, err)
		key := id.Public()
		if !bytes.Equal(key[:], p.IdentityKey) || key.Fingerprint().String() != hex.EncodeToString(p.Fingerprint) {
			t.Errorf("%s is somebody else", p.Name)
		}
	}
}
