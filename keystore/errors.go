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
	ErrLocked = errors.New("keystore: in use, here or in another process")
	// ErrClosed reports a store that was closed.
	ErrClosed = errors.New("keystore: closed")
	// ErrPassphrase reports a wrong passphrase or key for a file.
	ErrPassphrase = errors.New("keystore: wrong passphrase or key")
	// ErrCorrupt reports a file, or a record of it, that is not what the store
	// wrote. The file is not touched; see Salvage.
	ErrCorrupt = errors.New("keystore: damaged")
	// ErrVersion reports a file of a newer version.
	ErrVersion = errors.New("keystore: file of an unknown version")
	// ErrRollback reports a file that is older than it may be.
	ErrRollback = errors.New("keystore: an older copy of the file")
	// ErrReadOnly reports an Update of a store that was opened to read.
	ErrReadOnly = errors.New("keystore: opened to read only")
	// ErrFailed reports that an earlier write failed in a way that left open
	// whether it took place: the file has to be opened anew.
	ErrFailed = errors.New("keystore: an earlier write failed, open the store again")
	// ErrFIPS reports a passphrase that was stretched with Argon2id, in FIPS
	// 140-3 mode.
	ErrFIPS = errors.New("keystore: Argon2id is not approved in FIPS 140-3 mode")
)

// A damage is an ErrCorrupt that says where.
type damage struct {
	what string
	err  error // if there is more to say
}

func corrupt(what string) error { return &damage{what: what} }

func (d *damage) Error() string {
	s := ErrCorrupt.Error() + ": " + d.what
	if d.err != nil {
		s += ": " + d.err.Error()
	}
	return s
}

func (d *damage) Unwrap() []error {
	if d.err == nil {
		return []error{ErrCorrupt}
	}
	return []error{ErrCorrupt, d.err}
}
