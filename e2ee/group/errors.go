package group

import "errors"

// What makes a frame void, or an operation impossible. Every error that this
// package returns wraps one of these; none carries bytes of its input.
var (
	ErrMalformed    = errors.New("group: malformed frame")
	ErrVersion      = errors.New("group: unknown protocol version")
	ErrSuite        = errors.New("group: unknown suite")
	ErrType         = errors.New("group: unknown frame type")
	ErrTooLarge     = errors.New("group: frame or message too large")
	ErrWrongRoom    = errors.New("group: frame of another room")
	ErrNotCreated   = errors.New("group: frame before the room's Create")
	ErrCreated      = errors.New("group: room is created already")
	ErrEpoch        = errors.New("group: frame of another epoch")
	ErrTranscript   = errors.New("group: frame of another history")
	ErrNotMember    = errors.New("group: not a member")
	ErrNotAdmin     = errors.New("group: not an admin")
	ErrLastAdmin    = errors.New("group: the last admin hands over before it goes")
	ErrSignature    = errors.New("group: signature does not verify")
	ErrKey          = errors.New("group: key is malformed, weak or in the roster already")
	ErrName         = errors.New("group: name is empty, too long or holds control characters")
	ErrNameTaken    = errors.New("group: name or identity is another member's")
	ErrBanned       = errors.New("group: identity is banned")
	ErrJoinUsed     = errors.New("group: join was served already")
	ErrJoinExpired  = errors.New("group: join has expired")
	ErrInviteNeeded = errors.New("group: room admits by invitation")
	ErrInvite       = errors.New("group: invite proof does not verify")
	// ErrInviteExpired is for the holder of a link whose key was rotated away.
	ErrInviteExpired = errors.New("group: invite link has been replaced")
	ErrRepeated      = errors.New("group: the same removal is pending already")
	ErrPending       = errors.New("group: signer is about to be removed")
	ErrUnserved      = errors.New("group: commit leaves a pending Leave or Remove unserved")
	ErrRecipientSet  = errors.New("group: recipients are not exactly the members")
	ErrEntries       = errors.New("group: entries are not those the commit names")
	ErrOperation     = errors.New("group: operation of the commit is not allowed")
	ErrRotation      = errors.New("group: commit must rotate the invite key, or must not")
	ErrFull          = errors.New("group: room or list is full")
	ErrReplay        = errors.New("group: generation was used already")
	ErrTooFar        = errors.New("group: generation is too far ahead")
	ErrState         = errors.New("group: stored state is damaged")
)

// What a member with keys can meet.
var (
	// ErrConfirmation says that the epoch's secrets did not reach this member,
	// or not the ones the others hold: it is keyless until it rejoins.
	ErrConfirmation = errors.New("group: no keys for this epoch")
	// ErrDecrypt says that a Message valid in the log does not open.
	ErrDecrypt = errors.New("group: message does not decrypt")
	// ErrPlaintext says that an authentic Message holds no well-formed list.
	ErrPlaintext = errors.New("group: message content is malformed")
	// ErrInFlight says that a frame of this kind has not come back yet.
	ErrInFlight = errors.New("group: an own frame is still on its way")
	// ErrCommitFirst says that a commit has to come before the next Message:
	// in epoch 0, and where a Leave or Remove is pending.
	ErrCommitFirst = errors.New("group: a commit has to come first")
	// ErrNothing says that there is nothing to commit.
	ErrNothing = errors.New("group: nothing to commit")
	// ErrForked says that somebody saw another history of this room; Messages
	// wait until the application acknowledges it.
	ErrForked = errors.New("group: members see different histories")
	// ErrInviteSeed says that this member does not hold the room's invite
	// seed, until the next rotation.
	ErrInviteSeed = errors.New("group: invite seed does not match the room's key")
)
