package e2ee

import (
	"github.com/parley-e2ee/parley/e2ee/group"
)

// translation is what the events of one frame mean to application and outbox.
type translation struct {
	events    []Event
	delivered []MessageID
	requested []group.JoinRequest
	refused   map[group.Membership]error // own Leaves and Removes
	failed    error                      // the own Join
	committed bool                       // a commit of this identity's won
	lost      bool                       // an own commit did not
}

// translate turns the protocol's events into the application's. Who was
// outside the room before the frame, and still is, hears of itself alone.
func (r *Room) translate(inner []group.Event, outside bool) translation {
	t := translation{refused: make(map[group.Membership]error)}
	self := r.client.identity.Public()
	for _, ev := range inner {
		t.own(ev, self)
		if !outside || r.member.Status() != group.Joining {
			t.of(ev, r, self)
		}
	}
	return t
}

func (t *translation) add(events ...Event) { t.events = append(t.events, events...) }

// own is what concerns this client's own frames.
func (t *translation) own(ev group.Event, self group.IdentityKey) {
	switch ev := ev.(type) {
	case group.Delivered:
		t.delivered = append(t.delivered, ev.IDs...)
		for _, id := range ev.IDs {
			t.add(Sent{id})
		}
	case group.JoinRefused:
		t.failed = ev.Reason
		t.add(JoinFailed{ev.Reason})
	case group.RemovalRefused:
		t.refused[ev.Who.Membership] = ev.Reason
	case group.Requested:
		t.requested = append(t.requested, ev.Join)
	case group.CommitLost:
		t.lost = true
	case group.Committed:
		t.committed = ev.By.Identity == self
	}
}

// of is what happens in the room.
func (t *translation) of(ev group.Event, r *Room, self group.IdentityKey) {
	switch ev := ev.(type) {
	case group.Created:
		t.add(Entered{})
	case group.Admitted:
		t.add(Entered{ev.Epoch})
		for _, who := range r.member.Public().Roster() {
			t.pinned(who, r)
		}
	case group.Requested:
		t.pinned(Person{Name: ev.Join.Name, Fingerprint: ev.Join.Fingerprint}, r)
	case group.Committed:
		clear(r.ahead)
		t.commit(ev, r, self)
	case group.Received:
		if ev.Kind != kindText {
			t.add(Undecryptable{ev.From, group.ErrPlaintext})
			return
		}
		t.add(Message{ev.From, ev.ID, ev.Text, ev.SentAt})
	case group.Undecryptable:
		t.add(Undecryptable{ev.From, ev.Reason})
	case group.Expelled:
		t.expelled(ev)
	case group.Gap:
		if r.isNews(ev) {
			t.add(Warning{Reason: ErrGap, Who: ev.From, Gap: Gap{ev.Generations, ev.Previous, ev.Ahead}})
		}
	case group.Forked:
		t.add(Warning{Reason: ErrForked, Who: ev.From})
	case group.Replaced:
		t.add(Warning{Reason: ErrReplaced})
	case group.Keyless:
		t.add(Warning{Reason: ErrConfirmation})
	case group.InviteMismatch:
		t.add(Warning{Reason: ErrInviteSeed})
	case group.RolledBack:
		t.add(Warning{Reason: ErrStateRollback})
	}
}

// isNews is false for the same messages again that a member has read and this
// client has not: each of the member's frames says so.
func (r *Room) isNews(gap group.Gap) bool {
	who := gap.From.Identity
	if gap.Ahead > 0 && gap.Ahead <= r.ahead[who] {
		return false
	}
	r.ahead[who] = max(r.ahead[who], gap.Ahead)
	return true
}

func (t *translation) expelled(ev group.Expelled) {
	if !ev.Remove {
		t.add(Left{ev.Who, true})
		return
	}
	t.add(Removed{Who: ev.Who, By: remover(ev.Departed), Banned: ev.Ban, You: true})
}

// remover is who asked for a removal last. A Leave is never the last: who is to
// be removed is not heard any more.
func remover(gone group.Departed) Person { return gone.By[len(gone.By)-1] }

func (t *translation) commit(ev group.Committed, r *Room, self group.IdentityKey) {
	for _, gone := range ev.Removed {
		switch {
		case gone.Who.Identity == self && r.member.Status() == group.Gone:
		case gone.Remove:
			t.add(Removed{Who: gone.Who, By: remover(gone), Banned: gone.Ban})
		default:
			t.add(Left{Who: gone.Who})
		}
	}
	for _, who := range ev.Added {
		if who.Identity != self {
			t.add(Joined{who, ev.By})
			t.pinned(who, r)
		}
	}
	for _, back := range ev.Rejoined {
		if back.NewDevice && back.Who.Identity != self {
			t.add(Warning{Reason: ErrNewDevice, Who: back.Who})
		}
	}
	if ev.Policy || ev.Rotated {
		t.add(PolicyChanged{ev.By, ev.Rotated})
	}
}

// pinned warns of a member, or of one who asks to be, who is not whom the pin
// says.
func (t *translation) pinned(who Person, r *Room) {
	if r.client.conflict(who.Name, who.Fingerprint) != nil {
		t.add(Warning{Reason: ErrIdentityChanged, Who: who})
	}
}
