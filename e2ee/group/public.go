package group

import (
	"slices"
)

// Public is what anyone computes from a room's log: epoch, roster, policy,
// what is pending and which frames count. It reads no clock and holds no key,
// so members, members without keys, joiners and the relay's operator arrive at
// the same. A Public is not safe for concurrent use.
type Public struct {
	room       RoomID
	created    bool
	name       string
	position   uint64
	epoch      uint64
	transcript Hash   // M_e
	past       []Hash // the M before it, oldest first, at most JoinWindow
	policy     policy
	seats      []*seat // MaxMembers of them; nil is free
	senders    [MaxMembers]sender
	pending    []*removal
	used       map[Hash]uint64 // Joins served and departures, by the epoch of the commit
	seenAt     []Hash          // rolling hash at every count of this epoch
	end        Hash            // rolling hash at the end of the epoch before
	endKnown   bool
	joining    bool // Messages are not judged yet: a joiner before its epoch
	sound      sound
	changed    map[string]struct{} // records, since Changes was first called; nil before
}

// seat is one index of the roster. A seat is never changed, only replaced.
type seat struct {
	leaf       *leaf
	membership Membership
	since      uint64 // the epoch into which it was added or rejoined
}

// sender is what is known of a member's Messages.
type sender struct {
	generation uint64 // of its last Message in this epoch
	at         uint64 // position of that Message, 0 for none
	previous   Hash   // its last valid Message, in whichever epoch
	baseline   bool   // previous is known
}

// NewPublic starts at the beginning of the log of a room.
func NewPublic(room RoomID) *Public {
	return &Public{
		room:  room,
		seats: make([]*seat, MaxMembers),
		used:  make(map[Hash]uint64),
		sound: make(sound),
	}
}

// outcome is what a frame did.
type outcome struct {
	events  []Event
	created bool
	join    *join
	removal *removal
	commit  *succession
	message *message
}

// Apply takes the frame at the next position of the log. An error says why it
// is void: then nothing has changed but the position.
func (p *Public) Apply(frame []byte) ([]Event, error) {
	out, err := p.apply(frame, nil)
	return out.events, err
}

// apply is Apply, with what is known of the frame before.
func (p *Public) apply(frame []byte, known *checked) (outcome, error) {
	p.position++
	p.touch(recordPublic)
	t, err := parseHeader(frame, p.room)
	switch {
	case err != nil:
		return outcome{}, err
	case t == typeCreate && p.created:
		return outcome{}, ErrCreated
	case t != typeCreate && !p.created:
		return outcome{}, ErrNotCreated
	}
	switch t {
	case typeCreate:
		return p.applyCreate(frame)
	case typeJoin:
		return p.applyJoin(frame, known)
	case typeLeave, typeRemove:
		return p.applyRemoval(frame)
	case typeCommit:
		return p.applyCommit(frame)
	default:
		return p.applyMessage(frame, known)
	}
}

func (p *Public) applyCreate(frame []byte) (outcome, error) {
	c, err := parseCreate(frame, p.room)
	if err != nil {
		return outcome{}, err
	}
	p.created, p.name = true, c.name
	p.transcript = nextTranscript(Hash{}, frame)
	creator := Membership(c.hash)
	p.policy = policy{admission: c.admission, admins: []Membership{creator}, invite: c.invite}
	p.seats[0] = &seat{leaf: c.leaf, membership: creator}
	p.senders[0].baseline = true
	p.seenAt = []Hash{seenStart(p.transcript).hash}
	p.touch(recordPolicy, seatRecord(0), senderRecord(0), seenRecord(0))
	return outcome{created: true, events: []Event{Created{RoomName: p.name, By: p.person(0)}}}, nil
}

// applyJoin judges the request as the next commit would, for what that says to
// a reader; it changes nothing.
func (p *Public) applyJoin(frame []byte, known *checked) (outcome, error) {
	j, err := known.parseJoin(frame, p.room)
	if err != nil {
		return outcome{}, err
	}
	p.sound.add(j, known.joinProof())
	out := outcome{join: j}
	if _, err := p.afterPending().admit(j); err != nil {
		out.events = p.forkByJoin(j)
		return out, err
	}
	out.events = []Event{Requested{j.request()}}
	return out, nil
}

// forkByJoin is forkEvent for a rejoin that the leaf key in the roster signed.
func (p *Public) forkByJoin(j *join) []Event {
	i := slices.IndexFunc(p.seats, func(s *seat) bool { return s != nil && s.leaf.identity == j.leaf.identity })
	if i < 0 {
		return nil
	}
	return p.forkEvent(j.epoch, j.transcript, uint8(i), signJoinReplaced, j.replacedOf, j.replaced)
}

func (p *Public) applyRemoval(frame []byte) (outcome, error) {
	f, err := parseRemoval(frame, p.room)
	if err != nil {
		return outcome{}, err
	}
	if err := (&succession{public: p, seats: p.seats, policy: p.policy, pending: p.pending}).judge(f); err != nil {
		return outcome{}, err
	}
	p.pending = append(p.pending, f)
	p.touch(recordPending)
	ev := Pending{Who: p.personOf(f.target), By: p.personOf(f.signer), Remove: f.remove, Ban: f.ban}
	return outcome{removal: f, events: []Event{ev}}, nil
}

// transcriptAt is M of an epoch, where it is still remembered.
func (p *Public) transcriptAt(epoch uint64) (Hash, bool) {
	if epoch == p.epoch {
		return p.transcript, p.created
	}
	if back := p.epoch - epoch; epoch < p.epoch && back <= uint64(len(p.past)) {
		return p.past[uint64(len(p.past))-back], true
	}
	return Hash{}, false
}

func (p *Public) seen() seen {
	n := len(p.seenAt) - 1
	return seen{uint64(n), p.seenAt[n]}
}

// indexOf finds a membership's seat.
func indexOf(seats []*seat, m Membership) (uint8, bool) {
	for i, s := range seats {
		if s != nil && s.membership == m {
			return uint8(i), true
		}
	}
	return 0, false
}

// isPending reports a Leave or Remove against m.
func isPending(pending []*removal, m Membership) bool {
	return slices.ContainsFunc(pending, func(f *removal) bool { return f.target == m })
}
