package e2ee_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/parley-e2ee/parley/e2ee"
	"github.com/parley-e2ee/parley/e2ee/group"
)

func FuzzParseLink(f *testing.F) {
	f.Add(e2ee.MarshalLink(group.NewInvitation(group.RoomID{1}, [32]byte{2})))
	f.Fuzz(func(t *testing.T, link string) {
		inv, err := e2ee.ParseLink(link)
		if err != nil {
			if !errors.Is(err, e2ee.ErrLink) || inv != nil {
				t.Fatalf("%v with %v", err, inv)
			}
			return
		}
		_, fragment, _ := strings.Cut(link, "#")
		if again := e2ee.MarshalLink(inv); again != "parley:join#"+fragment {
			t.Fatalf("parses, and is written as %q", again)
		}
	})
}

// FuzzParseBundle takes what a directory holds. Every field is written again by
// the spec, apart from the bytes that Bundle keeps.
func FuzzParseBundle(f *testing.F) {
	f.Fuzz(func(t *testing.T, raw []byte) {
		b, err := e2ee.ParseBundle(raw)
		if err != nil {
			if !errors.Is(err, e2ee.ErrBadBundle) && !errors.Is(err, e2ee.ErrDowngrade) || b != nil {
				t.Fatalf("%v with %v", err, b)
			}
			return
		}
		p := &specPerson{
			Name: b.Name, Serial: b.Serial, IdentityKey: b.Identity[:],
			NotBefore: uint64(b.NotBefore.Unix()), NotAfter: uint64(b.NotAfter.Unix()),
		}
		body := specBundle(p, b.KEM.Bytes())
		if !bytes.Equal(raw, b.Marshal()) || !bytes.Equal(raw[:len(raw)-64], body) {
			t.Fatal("parses, and is written differently")
		}
	})
}

func FuzzEvent(f *testing.F) {
	for _, ev := range []e2ee.Event{
		e2ee.Entered{Epoch: 7}, e2ee.Waiting{}, e2ee.Joined{Who: somebody, By: somebody},
		e2ee.Message{From: somebody, ID: e2ee.MessageID{1}, Text: []byte("text"), SentAt: time.Unix(1_800_000_000, 0)},
		e2ee.Warning{Reason: e2ee.ErrGap, Who: somebody, Gap: e2ee.Gap{Generations: 1}},
		e2ee.Refused{Seq: 9, Reason: group.ErrSignature}, e2ee.NotSent{Reason: e2ee.ErrNotMember},
	} {
		raw, err := e2ee.MarshalEvent(ev)
		must(f, err)
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		ev, err := e2ee.ParseEvent(raw)
		if err != nil {
			if !errors.Is(err, e2ee.ErrState) || ev != nil {
				t.Fatalf("%v with %v", err, ev)
			}
			return
		}
		again, err := e2ee.MarshalEvent(ev)
		if err != nil || !bytes.Equal(again, raw) {
			t.Fatalf("%+v is written as %s, %v", ev, again, err)
		}
	})
}
