package e2ee_test

import (
	"crypto/ed25519"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-e2ee/parley/e2ee"
	"github.com/parley-e2ee/parley/e2ee/group"
	"github.com/parley-e2ee/parley/transport"
)

// Where a frame says what it is: version 1, suite 2, type 1, room 32 bytes.
const (
	atType       = 3
	frameJoin    = 2
	frameCommit  = 5
	frameMessage = 6
)

// logOf reads the frames that a relay has of a room.
func logOf(t testing.TB, relay transport.Relay, r *e2ee.Room) (out [][]byte) {
	t.Helper()
	head, err := relay.Head(t.Context(), r.ID().String())
	must(t, err)
	if head == 0 {
		return nil
	}
	for f, err := range relay.Subscribe(t.Context(), r.ID().String(), 0) {
		must(t, err)
		if out = append(out, f.Payload); f.Seq == head {
			break
		}
	}
	return out
}

// lastOf is the newest frame of a type.
func lastOf(t testing.TB, log [][]byte, kind byte) []byte {
	t.Helper()
	for _, f := range slices.Backward(log) {
		if f[atType] == kind {
			return slices.Clone(f)
		}
	}
	t.Fatalf("no frame of type %d", kind)
	return nil
}

func inject(t testing.TB, relay transport.Relay, r *e2ee.Room, frame []byte) uint64 {
	t.Helper()
	seq, err := relay.Append(t.Context(), r.ID().String(), frame)
	must(t, err)
	return seq
}

// TestBadInput appends, as the relay or anybody else can, what has no place in
// a room. Everybody hears of it, with the reason, and the room talks on.
func TestBadInput(t *testing.T) {
	flip := func(at int) func(*testing.T, *cast) []byte {
		return func(t *testing.T, c *cast) []byte {
			f := lastOf(t, logOf(t, c.relay, c.rooms[0]), frameMessage)
			if at < 0 {
				at += len(f)
			}
			f[at] ^= 1
			return f
		}
	}
	for _, tt := range []struct {
		name  string
		frame func(*testing.T, *cast) []byte
		want  error
	}{
		{"malformed frame", func(t *testing.T, c *cast) []byte {
			f := lastOf(t, logOf(t, c.relay, c.rooms[0]), frameMessage)
			return f[:len(f)-1]
		}, group.ErrMalformed},
		{"no frame at all", func(*testing.T, *cast) []byte { return []byte("hello") }, group.ErrMalformed},
		{"empty frame", func(*testing.T, *cast) []byte { return nil }, group.ErrMalformed},
		{"unknown version", flip(0), group.ErrVersion},
		{"unknown suite", flip(2), group.ErrSuite},
		{"unknown type", flip(atType), group.ErrType},
		{"frame for another room", func(t *testing.T, c *cast) []byte {
			r, err := c.people[0].Create(t.Context(), "Other", nil)
			must(t, err)
			send(t, r, "elsewhere")
			until[e2ee.Sent](t, r, nil)
			f := lastOf(t, logOf(t, c.relay, r), frameMessage)
			must(t, c.people[0].Forget(t.Context(), r))
			return f
		}, e2ee.ErrWrongRoom},
		{"forged signature", func(t *testing.T, c *cast) []byte {
			f := lastOf(t, logOf(t, c.relay, c.rooms[0]), frameMessage)
			f[headerEpoch+8+32+1+7]++ // the next generation, so that it is no replay
			return f
		}, group.ErrSignature},
		{"replay", func(t *testing.T, c *cast) []byte {
			return lastOf(t, logOf(t, c.relay, c.rooms[0]), frameMessage)
		}, e2ee.ErrReplay},
		{"commit of the past", func(t *testing.T, c *cast) []byte {
			return lastOf(t, logOf(t, c.relay, c.rooms[0]), frameCommit)
		}, group.ErrEpoch},
		{"join under somebody's name", func(t *testing.T, c *cast) []byte {
			return earlyJoin(t, c, "bob")
		}, e2ee.ErrNameTaken},
		{"join used before", func(t *testing.T, c *cast) []byte {
			return lastOf(t, logOf(t, c.relay, c.rooms[0]), frameJoin)
		}, group.ErrJoinUsed},
	} {
		bubble(t, tt.name, func(t *testing.T) {
			c := newCast(t, 3, e2ee.Open)
			c.talk(t, "before")
			synctest.Wait()
			for _, r := range c.rooms {
				pending(t, r)
			}
			seq := inject(t, c.relay, c.rooms[0], tt.frame(t, c))
			for i, r := range c.rooms {
				ref := until[e2ee.Refused](t, r, nil)
				if ref.Seq != seq || !errors.Is(ref.Reason, tt.want) {
					t.Errorf("%s hears %+v, want frame %d: %v", c.people[i].Name(), ref, seq, tt.want)
				}
			}
			c.reopen(1, (*person).crash)
			c.talk(t, "after")
			c.agree(t)
		})
	}
}

// headerEpoch is where a Message's epoch 8, M 32, index 1, generation 8 begin.
const headerEpoch = 36

// earlyJoin is a Join of a new identity under a name that is taken by now, made
// by a client that has read no more than the room's Create.
func earlyJoin(t testing.TB, c *cast, name string) []byte {
	t.Helper()
	log := logOf(t, c.relay, c.rooms[0])
	_, key, err := ed25519.GenerateKey(nil)
	must(t, err)
	id, err := group.NewIdentity(name, key)
	must(t, err)
	m, err := group.Enter(id, c.rooms[0].ID(), nil)
	must(t, err)
	_, err = m.Apply(log[0], time.Now()) // the room of its first moment
	must(t, err)
	must(t, m.Join(time.Now().Add(time.Hour)))
	return m.Unechoed()[0]
}

// TestNameNotInNormalForm asks to join under a name that the protocol allows
// and that looks like another: nobody here adds it.
func TestNameNotInNormalForm(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newCast(t, 2, e2ee.Open)
		m := outsider(t, c.relay, c.rooms[0], "e\u0301ric", nil)
		must(t, m.Join(time.Now().Add(48*time.Hour)))
		epoch := c.rooms[0].Epoch()
		inject(t, c.relay, c.rooms[0], m.Unechoed()[0])
		time.Sleep(24 * time.Hour)
		if c.rooms[0].Epoch() != epoch || len(c.rooms[1].Members()) != 2 {
			t.Errorf("the room is in epoch %d with %v", c.rooms[0].Epoch(), c.rooms[1].Members())
		}
		c.talk(t, "spelling")
	})
}

// TestJoinUnderSomebodysName is the joiner's side of it.
func TestJoinUnderSomebodysName(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newCast(t, 2, e2ee.Open)
		impostor := newPerson(t, "bob", c.relay, nil)
		if _, err := impostor.JoinLink(t.Context(), linkOf(t, c.rooms[0]), nil); !errors.Is(err, e2ee.ErrNameTaken) {
			t.Errorf("a second bob: %v, want ErrNameTaken", err)
		}
		c.talk(t, "impostors")
	})
}

// TestJoinFailsLater has the link die while its holder waits to be served.
func TestJoinFailsLater(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		relay := transport.NewMemory(nil)
		alice := openPerson(t, e2ee.Config{Name: "alice", Relay: relay, Admit: func(group.RoomID, group.JoinRequest) bool { return false }})
		bob := newPerson(t, "bob", relay, nil)
		a, err := alice.Create(t.Context(), "Secure", nil)
		must(t, err)
		b, err := bob.JoinLink(t.Context(), linkOf(t, a), nil)
		must(t, err)
		id := send(t, b, "as soon as I am in")
		must(t, a.RotateInvite(t.Context()))
		if f := until[e2ee.JoinFailed](t, b, nil); !errors.Is(f.Reason, e2ee.ErrInviteExpired) {
			t.Errorf("bob hears %v, want ErrInviteExpired", f.Reason)
		}
		if n := until[e2ee.NotSent](t, b, nil); n.ID != id || !errors.Is(n.Reason, e2ee.ErrInviteExpired) {
			t.Errorf("bob hears %+v of his message %x", n, id)
		}
		if _, err := b.Send(t.Context(), []byte("?")); !errors.Is(err, e2ee.ErrNotMember) {
			t.Errorf("bob sends: %v, want ErrNotMember", err)
		}
		bob.restart()
		time.Sleep(time.Hour)
		if again := pending(t, bob.room()); len(again) != 0 {
			t.Errorf("after a restart bob hears %+v", again)
		}
		if _, err := bob.JoinLink(t.Context(), linkOf(t, a), nil); err != nil {
			t.Errorf("with a new link: %v", err)
		}
	})
}
