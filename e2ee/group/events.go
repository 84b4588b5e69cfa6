package group

import "time"

// An Event is what a frame meant. Public yields Created, Requested, Pending,
// Committed, Accepted, Gap and Forked; Member yields them all.
type Event interface{ isEvent() }

// Created is the first frame of the room.
type Created struct {
	RoomName string
	By       Person
}

// Requested is a Join that a commit could serve now.
type Requested struct{ Join JoinRequest }

// Pending is a Leave (Who is By) or Remove that the next commit serves.
type Pending struct {
	Who, By     Person
	Remove, Ban bool
}

// Committed is the start of an epoch.
type Committed struct {
	Epoch        uint64
	By           Person
	Added        []Person
	Rejoined     []Rejoined
	Removed      []Departed
	Policy       bool // admission, admins or bans changed
	Rotated      bool // links made before are dead
	KeysReplaced bool // the committer has new leaf keys
}

// Rejoined is a member with a new leaf. NewDevice says that the leaf it
// replaces did not sign it: another device, or one that lost its keys.
type Rejoined struct {
	Who       Person
	NewDevice bool
}

// Departed is a member that left, or that By removed.
type Departed struct {
	Who         Person
	Remove, Ban bool
	By          []Person // who asked, in the order of the requests
}

// Accepted is a valid Message; what it says, only members know.
type Accepted struct {
	From       Person
	Generation uint64
	Size       int // of its token, in bytes
}

// Gap says that frames are missing before one from From: Generations of its
// own were skipped, its Previous Message is not the one known here, or it had
// read Ahead Messages more than have arrived here.
type Gap struct {
	From        Person
	Generations uint64
	Previous    bool
	Ahead       uint64
}

// Forked says that From has seen another history than this log's.
type Forked struct{ From Person }

// Received is a message of the application.
type Received struct {
	From   Person
	ID     MessageID
	Kind   uint8
	Text   []byte
	SentAt time.Time // when it was sealed, by the sender's clock, in seconds
}

// Delivered says that an own Message is valid in the log.
type Delivered struct{ IDs []MessageID }

// Unsent says that an own sealed Message can never become valid: its content
// has to be sealed anew, under the same IDs.
type Unsent struct{ IDs []MessageID }

// Undecryptable is a valid Message that this member cannot read. Reason is
// ErrDecrypt, ErrPlaintext or, for a member without keys, ErrConfirmation.
type Undecryptable struct {
	From   Person
	Reason error
}

// Admitted says that the room has taken this member in.
type Admitted struct{ Epoch uint64 }

// Expelled says that this member is in the room no longer.
type Expelled struct{ Departed }

// Replaced says that another device of this identity took this one's place.
type Replaced struct{}

// Keyless says that this member has no keys for the epoch (ErrConfirmation).
type Keyless struct{ Epoch uint64 }

// InviteMismatch says that this member lacks the room's invite seed
// (ErrInviteSeed) until the next rotation.
type InviteMismatch struct{}

// CommitLost says that an own commit can never become valid any more.
type CommitLost struct{}

// RolledBack says that the log holds, valid, something that this member's
// store does not know it sent: an old copy of the store is in use. The keys are
// gone; Join gets new ones.
type RolledBack struct{}

// JoinRefused says why no commit can serve this member's Join; it is given up.
type JoinRefused struct{ Reason error }

// RemovalRefused says why a Leave or Remove that this member sent is void.
type RemovalRefused struct {
	Who    Person
	Reason error
}

func (JoinRefused) isEvent()    {}
func (RemovalRefused) isEvent() {}
func (RolledBack) isEvent()     {}
func (Created) isEvent()        {}
func (Requested) isEvent()      {}
func (Pending) isEvent()        {}
func (Committed) isEvent()      {}
func (Accepted) isEvent()       {}
func (Gap) isEvent()            {}
func (Forked) isEvent()         {}
func (Received) isEvent()       {}
func (Delivered) isEvent()      {}
func (Unsent) isEvent()         {}
func (Undecryptable) isEvent()  {}
func (Admitted) isEvent()       {}
func (Expelled) isEvent()       {}
func (Replaced) isEvent()       {}
func (Keyless) isEvent()        {}
func (InviteMismatch) isEvent() {}
func (CommitLost) isEvent()     {}
