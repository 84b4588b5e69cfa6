package group

import (
	"bytes"
	"fmt"
	"log/slog"
)

// Status is where a member stands.
type Status uint8

const (
	// Joining: not in the room yet.
	Joining Status = 1 + iota
	// Active: in the room, with the keys of its epoch.
	Active
	// NoKeys: in the room without keys (ErrConfirmation); Join gets new ones.
	NoKeys
	// Gone: left or removed.
	Gone
	// Displaced: another device of this identity took the place.
	Displaced
)

// String returns the status in words.
func (s Status) String() string {
	switch s {
	case Joining:
		return "joining"
	case Active:
		return "active"
	case NoKeys:
		return "without keys"
	case Gone:
		return "gone"
	case Displaced:
		return "displaced"
	}
	return "invalid"
}

// Member is one participant of one room: Public, and the secrets that are its
// own. It takes frames and gives events; it makes frames and leaves their
// sending to the caller, who stores Changes first. It does no I/O, starts no
// goroutine and reads no clock. A Member is not safe for concurrent use.
type Member struct {
	public *Public
	id     Identity
	s      *vault
}

// vault is one pointer more than package fmt follows for a verb that does not
// fit, so that no copy of a Member prints its secrets.
type vault struct{ *secrets }

// secrets is everything that only this member knows or decides.
type secrets struct {
	status     Status
	membership Membership
	index      uint8
	keys       leafKeys
	keysSince  int64         // Unix seconds at which the keys came into the roster
	epoch      *epochSecrets // nil without keys
	invite     *inviteSeed   // nil where it is not known
	since      int64         // Unix seconds at which the epoch arrived here
	created    []byte        // own Create on its way
	request    *ownJoin
	abandoned  Hash // the last own Join given up, which may be served all the same
	proposal   *proposal
	sealed     *sealed
	removals   []*removal // own Leave and Remove frames on their way
	refused    []Hash     // own ones that came back void, and may yet become valid
	waiting    []waitingJoin
	accusers   map[IdentityKey]struct{} // of forks, so that each is heard once
	forked     bool                     // not acknowledged yet
	changed    map[string]struct{}
}

// maxRefused and maxAccusers bound what strangers make a member remember.
const (
	maxRefused  = 64
	maxAccusers = 1024
)

// ownJoin is a Join that this member sent.
type ownJoin struct {
	join   *join
	keys   initKeys
	seed   *inviteSeed // what its proof rests on
	echoed bool
}

// waitingJoin is a servable Join of somebody else, and its place in the log.
type waitingJoin struct {
	*join
	at uint64
}

// sealed is a Message that this member sent and has not seen come back.
type sealed struct {
	frame []byte
	ids   []MessageID
}

// Public is the member's view of the room, for reading only.
func (m *Member) Public() *Public { return m.public }

// Identity is who the member is.
func (m *Member) Identity() Identity { return m.id }

// Status is where the member stands.
func (m *Member) Status() Status { return m.s.status }

// Self is the member's own entry in the roster, where it has one.
func (m *Member) Self() (Person, bool) {
	if !m.rostered() {
		return Person{}, false
	}
	return m.public.person(m.s.index), true
}

func (m *Member) rostered() bool { return m.s.status == Active || m.s.status == NoKeys }

// Format and its like show nothing of a Member but its name and room.
func (m *Member) Format(f fmt.State, _ rune) { fmt.Fprint(f, m.String()) }

// String names member, room and epoch.
func (m *Member) String() string {
	return fmt.Sprintf("group.Member(%q, room %s, epoch %d)", m.id.name, m.public.room, m.public.epoch)
}

// GoString is String.
func (m *Member) GoString() string { return m.String() }

// LogValue is String.
func (m *Member) LogValue() slog.Value { return slog.StringValue(m.String()) }

// MarshalJSON refuses: a Member is stored by Changes.
func (m *Member) MarshalJSON() ([]byte, error) { return nil, ErrState }

// Create makes a room and its first frame. The room exists once that frame
// has come back from the relay through Apply.
func Create(id Identity, roomName string, admission Admission) (*Member, error) {
	if !ValidName(roomName) {
		return nil, ErrName
	}
	if !admission.valid() {
		return nil, ErrOperation
	}
	seed := newInviteSeed(random32())
	header := marshalCreateHeader(roomName, admission, seed.public(), id.name, id.Public(), random32())
	room := RoomID(digest(labelRoom, header))
	l, keys, err := newLeafFor(id, room)
	if err != nil {
		return nil, err
	}
	m := newMember(id, room)
	m.s.keys, m.s.invite = keys, seed
	m.s.epoch = &epochSecrets{init: random32(), ratchets: map[uint8]*ratchet{}}
	m.s.created = marshalCreate(room, header, l, keys)
	m.s.membership = Membership(digest(labelFrame, m.s.created))
	m.touch(recordKeys, recordEpoch, recordCreated)
	return m, nil
}

// Enter starts a member that is not in the room: it reads the log from its
// beginning, then calls Join. link is nil without an invite.
func Enter(id Identity, room RoomID, link *Invitation) (*Member, error) {
	m := newMember(id, room)
	m.public.joining = true
	if link != nil {
		if link.Room != room {
			return nil, ErrWrongRoom
		}
		m.s.invite = link.seed
		m.touch(recordEpoch)
	}
	return m, nil
}

func newMember(id Identity, room RoomID) *Member {
	m := &Member{public: NewPublic(room), id: id, s: &vault{&secrets{
		status:   Joining,
		accusers: make(map[IdentityKey]struct{}),
		changed:  make(map[string]struct{}),
	}}}
	m.touch(recordMember)
	return m
}

func (m *Member) touch(names ...string) {
	for _, name := range names {
		m.s.changed[name] = struct{}{}
	}
}

// Authenticator returns the epoch authenticator: 60 digits in 12 groups of
// five. Members who compare it and find it equal are in the same room with the
// same members and membership history. Epoch 0 has none (ErrCommitFirst).
func (m *Member) Authenticator() (string, error) {
	switch {
	case m.s.status != Active:
		return "", ErrConfirmation
	case m.public.epoch == 0:
		return "", ErrCommitFirst
	}
	return Digits(m.s.epoch.authenticator), nil
}

// Invitation is an invite link: the room, and the secret with which to ask to
// join. It never prints the secret.
type Invitation struct {
	Room RoomID
	seed *inviteSeed
}

// NewInvitation takes a room and the 32-byte secret of its link.
func NewInvitation(room RoomID, secret [32]byte) *Invitation {
	return &Invitation{room, newInviteSeed(secret[:])}
}

// Reveal returns the 32-byte secret that makes a link.
func (i *Invitation) Reveal() [32]byte { return *i.seed.secret }

// Invitation returns the link of the moment, or ErrInviteSeed.
func (m *Member) Invitation() (*Invitation, error) {
	if !m.rostered() || !m.s.invite.matches(m.public.policy.invite) {
		return nil, ErrInviteSeed
	}
	return &Invitation{m.public.room, m.s.invite}, nil
}

// unechoedRemovals are the own Removes, or the own Leave, on their way.
func (m *Member) unechoedRemovals(remove bool) (out [][]byte) {
	for _, f := range m.s.removals {
		if f.remove == remove {
			out = append(out, bytes.Clone(f.raw))
		}
	}
	return out
}

// Unechoed lists the own frames to append to the log: those that have not come
// back. Removes come first, so that no member puts off its removal by voiding
// what else there is to send; the rest in the order in which they do not void
// each other, a Leave after the last Message. After a restart,
// read to the head of the log before asking. Appending one twice does no harm.
// A member without keys holds its Commit back: where it was appended before, it
// may still win.
func (m *Member) Unechoed() [][]byte {
	var out [][]byte
	if m.s.created != nil {
		out = append(out, bytes.Clone(m.s.created))
	}
	if m.s.request != nil && !m.s.request.echoed {
		out = append(out, bytes.Clone(m.s.request.join.raw))
	}
	out = append(out, m.unechoedRemovals(true)...)
	if m.s.sealed != nil {
		out = append(out, bytes.Clone(m.s.sealed.frame))
	}
	out = append(out, m.unechoedRemovals(false)...)
	if m.s.proposal != nil && m.s.status == Active {
		out = append(out, bytes.Clone(m.s.proposal.frame))
	}
	return out
}
