package group

// Reasons lists every error of this package that an event or a refused frame
// can carry, so that a store can keep them by their text.
func Reasons() []error {
	return []error{
		ErrMalformed, ErrVersion, ErrSuite, ErrType, ErrTooLarge, ErrWrongRoom, ErrNotCreated, ErrCreated,
		ErrEpoch, ErrTranscript, ErrNotMember, ErrNotAdmin, ErrLastAdmin, ErrSignature, ErrKey, ErrName,
		ErrNameTaken, ErrBanned, ErrJoinUsed, ErrJoinExpired, ErrInviteNeeded, ErrInvite, ErrInviteExpired,
		ErrRepeated, ErrPending, ErrUnserved, ErrRecipientSet, ErrEntries, ErrOperation, ErrRotation, ErrFull,
		ErrReplay, ErrTooFar, ErrState, ErrConfirmation, ErrDecrypt, ErrPlaintext, ErrInFlight,
		ErrCommitFirst, ErrNothing, ErrForked, ErrInviteSeed,
	}
}
