package interop_test

import (
	"encoding/hex"
	"testing"
	"time"

	"github.com/parley-e2ee/parley/e2ee/group"
	"github.com/parley-e2ee/parley/internal/keysource/keytest"
)

// pythonMember is a member of a room that Python plays.
type pythonMember struct {
	l      *roomLog
	name   string
	at     int
	digits string
	texts  []string
}

func (m *pythonMember) read() {
	m.l.t.Helper()
	for _, got := range readRoom(m.l.t, m.l.p, m.name, m.l.frames[m.at:]...) {
		if len(got.Findings) > 0 {
			m.l.t.Fatalf("frame %d: Python finds %q", got.Position, got.Findings)
		}
		if got.Epoch != nil {
			m.digits = got.Epoch.Digits
		}
		if got.Message != nil {
			for _, text := range got.Message.Messages {
				m.texts = append(m.texts, string(must(hex.DecodeString(text.Text))))
			}
		}
	}
	m.at = len(m.l.frames)
}

// send has a frame made and appended, and everybody read it; it has to be valid.
func (m *pythonMember) send(op string, a args) {
	m.l.t.Helper()
	a["name"] = m.name
	m.l.append(ask[octets](m.l.t, m.l.p, op, a))
	if !m.l.valid[len(m.l.valid)-1] {
		m.l.t.Fatalf("%s made a void frame", op)
	}
	m.l.readAll()
	m.read()
	m.agree()
}

// agree holds every member that has keys to the same authenticator.
func (m *pythonMember) agree() {
	m.l.t.Helper()
	for _, d := range m.l.devices {
		if d.Status() == group.Active && d.Public().Epoch() > 0 {
			wantEqual(m.l.t, d.name+": authenticator", m.digits, must(d.Authenticator()))
		}
	}
}

// say sends a text, some generations on, to everybody.
func (m *pythonMember) say(text string, skip int) {
	m.l.t.Helper()
	before := m.l.seen["group.Received"]
	id := m.l.r.bytes(16)
	m.send("room_message", args{"messages": []args{{"id": id, "kind": 7, "text": []byte(text)}}, "at": m.l.now.Unix(), "skip": skip})
	readers := 0
	for _, d := range m.l.devices {
		if d.Status() == group.Active {
			readers++
		}
	}
	if got := m.l.seen["group.Received"] - before; got != readers {
		m.l.t.Fatalf("%d of %d members read Python's Message", got, readers)
	}
}

// TestRoomWithPythonMember has a member that Python plays, from the specification,
// write into a room of the library's members: a Join, Messages, Commits and a Leave.
func TestRoomWithPythonMember(t *testing.T) {
	keytest.Use(t)
	p, r := python.get(t), newRandom(t)
	l := newRoomLog(t, p, r, "with Python", group.Invite)
	alice := l.devices[0]
	m := &pythonMember{l: l, name: "Python's member"}
	ask[int](t, p, "room_member", args{"name": m.name, "room": l.watcher.RoomID().String(), "person": "pia"})
	m.read()
	seed := must(alice.Invitation()).Reveal()
	m.send("room_join", args{"expiry": l.now.Add(time.Hour).Unix(), "invite_seed": seed[:]})
	l.commit(alice, group.Changes{})
	m.read()
	m.agree()
	l.say(alice, "Welcome")
	m.read()
	m.say("Thank you", 0)
	m.say("All of you", 5)

	bob := l.joins("bob", alice)
	m.read()
	m.send("room_commit", args{"adds": [][]byte{l.frames[len(l.frames)-1]}})
	l.say(bob, "Served by Python")
	m.read()
	m.say(string(r.bytes(3000)), 0)
	m.send("room_commit", args{"new_leaf": true})
	m.say("Under new keys", 999)

	self, _ := bob.Self()
	l.check(alice.Remove(self.Membership, true))
	l.sendAll(alice)
	m.read()
	m.send("room_commit", args{}) // rotates
	carol := l.joins("carol", alice)
	m.read()
	m.send("room_commit", args{"adds": [][]byte{l.frames[len(l.frames)-1]}})
	l.say(carol, "By a link of after the rotation")
	m.read()
	m.say("So it is", 1)
	m.send("room_leave", args{})
	l.commit(alice, group.Changes{})
	l.say(carol, "Gone")
	m.read()
	if texts := len(m.texts); texts != 8 || bob.Status() != group.Gone || l.watcher.Epoch() != 6 || len(l.watcher.Roster()) != 2 {
		t.Fatalf("%d texts, bob %v, epoch %d, roster %v", texts, bob.Status(), l.watcher.Epoch(), l.watcher.Roster())
	}
}
