package e2ee

import (
	"time"

	"github.com/parley-e2ee/parley/e2ee/group"
)

// MessageID names a message, 16 bytes, the same on every side and across every
// redelivery.
type MessageID = group.MessageID

// Person is a member of a room: name, identity, fingerprint, admin or not.
type Person = group.Person

// An Event is something that happened in a room: Entered, Waiting, JoinFailed,
// Message, Sent, NotSent, Joined, Left, Removed, PolicyChanged, Undecryptable,
// Refused or Warning.
type Event interface{ isEvent() }

// Entered says that this client is in the room now.
type Entered struct{ Epoch uint64 }

// Waiting says, once, that nobody has served this client's request to join
// yet. The request is repeated until it expires.
type Waiting struct{}

// JoinFailed says why this client's request to join cannot be served any more.
type JoinFailed struct{ Reason error }

// Message is a message of somebody else.
type Message struct {
	From   Person
	ID     MessageID
	Text   []byte
	SentAt time.Time // when it was sealed, by the sender's clock, in seconds
}

// Sent says that an own message is in the log: everyone in the room gets it.
type Sent struct{ ID MessageID }

// NotSent says that an own message will never be in the log, because this
// client's time in the room ended before: ErrNotMember, or why it was not let
// in.
type NotSent struct {
	ID     MessageID
	Reason error
}

// Joined says that By let Who in. What is sent from now on, Who reads.
type Joined struct{ Who, By Person }

// Left says that Who went; You, that it was this client.
type Left struct {
	Who Person
	You bool
}

// Removed says that By removed Who, for good if Banned; You, that it was this
// client.
type Removed struct {
	Who, By Person
	Banned  bool
	You     bool
}

// PolicyChanged says that By changed admission, admins or bans, or, Rotated,
// made every invite link of before useless. Room's Admission, Members and Bans
// say what is so now.
type PolicyChanged struct {
	By      Person
	Rotated bool
}

// Undecryptable is a message that is valid in the log and cannot be read here.
// Reason is ErrDecrypt, group.ErrPlaintext, or ErrConfirmation while this
// client has no keys.
type Undecryptable struct {
	From   Person
	Reason error
}

// Refused is a frame without effect, at its place Seq in the log: forged,
// replayed, malformed, of another room, or just overtaken by a commit. Reason
// is one of package group's errors. The room goes on.
type Refused struct {
	Seq    uint64
	Reason error
}

// Warning is something that people should know about. Reason says what, Who whom
// it is about, and Gap how many frames are missing where Reason is ErrGap. What
// there is to do:
//
//   - [ErrBareName]: compare Authenticator before trusting the room.
//   - [ErrRelay], [ErrTruncated], [ErrWithheld]: nothing, it is tried again;
//     RelayError has what the relay said. An attack where it stays so.
//   - [ErrGap]: messages are lost for this client; ask Who for them.
//   - [ErrForked]: Who has read another log. Nothing is sent until
//     AcknowledgeFork. Compare Authenticator by other means: where it differs,
//     the relay keeps people apart, and the room is to be left.
//   - [ErrIdentityChanged]: nothing is sent. Compare SafetyNumber with Who, then
//     Client's Verify or AcceptIdentity; or Remove Who.
//   - [ErrNewDevice]: nothing. Who is the same identity, with new keys.
//   - [ErrConfirmation], [ErrStateRollback]: this client has no keys that it may
//     use. Rejoin.
//   - [ErrReplaced]: this device is out; go on at the other, and Forget the room.
//   - [ErrInviteSeed]: no links from this client until an admin rotates them.
//   - [ErrRoomLost]: Create another room, with RoomOptions.Replaces.
//   - [ErrNotListed]: hand out InviteLink; nobody finds the room by its name.
type Warning struct {
	Reason error
	Who    Person
	Gap    Gap
}

// Gap counts what is missing: a sender's own messages, whether its previous
// one is unknown here, and messages of the epoch that it had read and that are
// not here. Of those there is no second Warning before it has read more of them.
type Gap struct {
	Generations uint64
	Previous    bool
	Ahead       uint64
}

func (Entered) isEvent()       {}
func (Waiting) isEvent()       {}
func (JoinFailed) isEvent()    {}
func (Message) isEvent()       {}
func (Sent) isEvent()          {}
func (NotSent) isEvent()       {}
func (Joined) isEvent()        {}
func (Left) isEvent()          {}
func (Removed) isEvent()       {}
func (PolicyChanged) isEvent() {}
func (Undecryptable) isEvent() {}
func (Refused) isEvent()       {}
func (Warning) isEvent()       {}
