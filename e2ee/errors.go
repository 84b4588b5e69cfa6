package e2ee

import (
	"errors"
	"fmt"

	"github.com/parley-e2ee/parley/e2ee/group"
)

// Errors of this package, for errors.Is.
var (
	// ErrClosed is returned by everything once the client is closed, and by a
	// Room that was forgotten.
	ErrClosed = errors.New("e2ee: client is closed, or room is forgotten")
	// ErrName reports a name that is empty, over 64 bytes, not in Unicode
	// normal form C, holds control characters, or is not the store's.
	ErrName = errors.New("e2ee: unusable name")
	// ErrConfig reports a Config without a store or a relay.
	ErrConfig = errors.New("e2ee: store and relay are needed")
	// ErrNoDirectory reports a call that needs a Directory.
	ErrNoDirectory = errors.New("e2ee: no directory is configured")
	// ErrBadBundle reports a directory entry that its identity did not sign,
	// that is malformed, or that is somebody else's.
	ErrBadBundle = errors.New("e2ee: bundle is not authentic")
	// ErrBundleExpired reports a bundle out of its validity.
	ErrBundleExpired = errors.New("e2ee: bundle is out of its validity")
	// ErrBundleRollback reports an older bundle than one seen before.
	ErrBundleRollback = errors.New("e2ee: bundle is older than one seen before")
	// ErrDowngrade reports a bundle of another version or suite.
	ErrDowngrade = errors.New("e2ee: bundle names a weaker version or suite")
	// ErrIdentityChanged is what every [*IdentityChangedError] is.
	ErrIdentityChanged = errors.New("e2ee: identity is not the one pinned under this name")
	// ErrNotPinned reports a name that was never looked up or accepted.
	ErrNotPinned = errors.New("e2ee: no identity is pinned under this name")
	// ErrSafetyNumber reports a number that is not this conversation's.
	ErrSafetyNumber = errors.New("e2ee: safety number differs")
	// ErrLink reports text that is no invite link.
	ErrLink = errors.New("e2ee: not an invite link")
	// ErrNoRoom reports a name under which no room is listed, or a room that
	// this client does not have.
	ErrNoRoom = errors.New("e2ee: no such room")
	// ErrRoomListed reports a room name that the directory has already.
	ErrRoomListed = errors.New("e2ee: another room is listed under this name")
	// ErrInRoom reports a room that this client is in, or asks to enter.
	ErrInRoom = errors.New("e2ee: already in this room")
	// ErrReading reports a second reader of a room's events.
	ErrReading = errors.New("e2ee: events are being read already")
	// ErrState reports stored records that this package did not write.
	ErrState = errors.New("e2ee: stored state is damaged")
)

// What the room protocol says; package group has more. Each is the same value
// as group's, so that either name works with errors.Is.
var (
	ErrTooLarge      = group.ErrTooLarge
	ErrNotMember     = group.ErrNotMember
	ErrNotAdmin      = group.ErrNotAdmin
	ErrLastAdmin     = group.ErrLastAdmin
	ErrNameTaken     = group.ErrNameTaken
	ErrBanned        = group.ErrBanned
	ErrInviteNeeded  = group.ErrInviteNeeded
	ErrInviteExpired = group.ErrInviteExpired
	ErrJoinExpired   = group.ErrJoinExpired
	ErrConfirmation  = group.ErrConfirmation
	ErrForked        = group.ErrForked
	ErrWrongRoom     = group.ErrWrongRoom
	ErrReplay        = group.ErrReplay
	ErrTooFar        = group.ErrTooFar
	ErrDecrypt       = group.ErrDecrypt
	ErrInviteSeed    = group.ErrInviteSeed
	ErrCommitFirst   = group.ErrCommitFirst
)

// Reasons of a [Warning], which has what to do about each, with
// ErrIdentityChanged, ErrForked, ErrConfirmation and ErrInviteSeed.
var (
	// ErrBareName: the room was found by name, on the directory's word alone.
	// Compare authenticators before trusting it.
	ErrBareName = errors.New("e2ee: room was found by bare name")
	// ErrRelay: the relay cannot be reached or refuses; it is tried again, after
	// pauses that grow to 30 seconds. RelayError has what it said.
	ErrRelay = errors.New("e2ee: relay is not reachable")
	// ErrTruncated: the relay does not have the frame that comes next, and
	// nothing goes on before it has.
	ErrTruncated = errors.New("e2ee: relay lost frames of this room")
	// ErrWithheld: the relay says that there are more frames than it delivers.
	// It is asked again, and nothing is sent before the first log that it
	// speaks of has been read.
	ErrWithheld = errors.New("e2ee: relay does not deliver frames that it says it has")
	// ErrGap: frames are missing; Gap has the numbers.
	ErrGap = errors.New("e2ee: frames are missing")
	// ErrStateRollback: the log has what this store does not know it sent. Its
	// keys are not used again: Rejoin gets new ones. Messages that were queued
	// in the old copy may have been sent by the newer one: they show twice,
	// under one ID.
	ErrStateRollback = errors.New("e2ee: store is older than the log")
	// ErrRoomLost: nobody is left who holds the room's keys, as far as the log
	// says: all who are in it have asked for new ones. Messages stay unread and
	// unsent; Create makes another room, with RoomOptions.Replaces in its place.
	// Ask the others first: one who asks from a new device may have the keys on
	// the old one, and the relay may not have shown the whole log. Where somebody
	// serves this client after all, Entered follows. A restart tells it again.
	ErrRoomLost = errors.New("e2ee: nobody holds the room's keys any more")
	// ErrNewDevice: a member came back without its former keys.
	ErrNewDevice = errors.New("e2ee: member came back from a new device")
	// ErrReplaced: another device of this identity took this one's place.
	ErrReplaced = errors.New("e2ee: another device took this one's place")
	// ErrNotListed: the directory does not list the new room.
	ErrNotListed = errors.New("e2ee: room is not listed in the directory")
)

// IdentityChangedError says that a name has another identity than the pinned
// one. Nothing is sent to it until AcceptIdentity.
type IdentityChangedError struct {
	Name         string
	Pinned, Seen group.Fingerprint
}

// Error says the same of everybody; who it is, the fields say.
func (e *IdentityChangedError) Error() string { return ErrIdentityChanged.Error() }

// Is makes it ErrIdentityChanged.
func (e *IdentityChangedError) Is(target error) bool { return target == ErrIdentityChanged }

// UnsentError says at Close what has not come back from the relay. It is kept
// in the store and goes on when the store is opened again.
type UnsentError struct {
	// Queued messages have not left.
	Queued []MessageID
	// Sealed ones may have left: they are in a frame that was, or was about
	// to be, handed to the relay.
	Sealed []MessageID
}

// Error gives the numbers.
func (e *UnsentError) Error() string {
	return fmt.Sprintf("e2ee: %d messages have not left, %d may have", len(e.Queued), len(e.Sealed))
}
