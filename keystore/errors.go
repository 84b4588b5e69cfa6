package keystore

import "errors"

var (
	// ErrNotFound reports a key without a record.
	ErrNotFound = errors.New("keystore: not found")
	// ErrBadBucket reports a bucket whose name is empty, too long or has
	// other characters than a name may have.
	ErrBadBucket = errors.New("keystore: bad bucket name")
	// ErrBadKey reports a key that is empty or longer than MaxKey.
	ErrBadKey = errors.New("keystore: bad key size")
	// ErrTooLarge reports a value longer than MaxValue.
	ErrTooLarge = errors.New("keystore: value too large")
	// ErrTxDone reports the use of a transaction whose function has returned.
	ErrTxDone = errors.New("keystore: transaction is over")
	// ErrLocked reports a store that has an owner already.
	ErrLocked = errors.New("keystore: store has an owner")
	// ErrClosed reports a store that was closed.
	ErrClosed = errors.New("keystore: closed")
)
