package transport

import (
	"errors"
	"fmt"
)

var (
	// ErrFull reports that a bound on stored frames, bytes, rooms or
	// directory entries is reached: nothing was stored.
	ErrFull = errors.New("transport: full")
	// ErrTooLarge reports a payload or bundle above the size limit.
	ErrTooLarge = errors.New("transport: too large")
	// ErrClosed reports a relay or directory that was closed.
	ErrClosed = errors.New("transport: closed")
	// ErrBadName reports a room or directory name that [CheckName] refuses.
	ErrBadName = errors.New("transport: bad name")
	// ErrNotFound reports a directory name under which nothing is published.
	ErrNotFound = errors.New("transport: not found")
	// ErrTruncated is what every [*TruncatedError] is, for [errors.Is].
	ErrTruncated = errors.New("transport: log truncated")
)

// A TruncatedError reports that a subscription needs a frame that the relay
// has dropped.
type TruncatedError struct {
	// First is the lowest sequence number that can still be had: subscribing
	// after First-1 works.
	First uint64
}

// Error names the first frame that is left.
func (e *TruncatedError) Error() string {
	return fmt.Sprintf("%v: the first frame left is %d", ErrTruncated, e.First)
}

// Is reports whether target is [ErrTruncated].
func (e *TruncatedError) Is(target error) bool { return target == ErrTruncated }
