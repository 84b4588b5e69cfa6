// Package keystore keeps what a member of a room must not lose and must not
// show: identities, pins, ratchets, outbox and cursors, as records that are
// bytes under a key in a [Bucket]. It is transactional and has one owner at a
// time, and knows nothing of what the bytes mean.
//
// [Open] and [Create] keep a store in a file, encrypted; [NewMemory] makes one
// that lives as long as its process, for tests and for programs that may forget.
// Hand it to a client and leave it to the client, which claims it; close it when
// the client is closed:
//
//	ks, err := keystore.Open("alice.db", keystore.Passphrase(passphrase), nil)
//	if errors.Is(err, fs.ErrNotExist) {
//		ks, err = keystore.Create("alice.db", keystore.Passphrase(passphrase), nil)
//	}
//	if err != nil {
//		return err
//	}
//	defer ks.Close()
//
// Files are not there where there is no file system (js/wasm). Their format is
// spec/keystore-v1.md.
//
// Who writes a client calls [Store.Claim] once, then [Store.View] and
// [Store.Update] for everything else. Who writes another [Store] runs the
// suite of package keystoretest on it.
//
// Records hold secrets. A store never prints them, and no error carries a key
// or a value; what a caller was handed is the caller's to wipe. Go may have
// copied bytes while moving stacks or in the operating system's swap: wiping
// shortens how long a secret can be read, and promises no more.
package keystore

import (
	"context"
	"iter"
)

// Sizes in bytes. A key has at least one byte; a value may be empty.
const (
	MaxBucketName = 64       // of Bucket.Name, at least one
	MaxKey        = 1 << 10  // 1 KiB
	MaxValue      = 16 << 20 // 16 MiB
)

// A Bucket is a space of keys. Two Buckets that differ in a field are
// different buckets; none needs creation. Name has 1 to [MaxBucketName] bytes,
// letters, digits, '-', '_', '.' and '/' of ASCII; another Bucket is
// [ErrBadBucket].
type Bucket struct {
	Name string
	// Erasable means that a record deleted or overwritten leaves no readable
	// trace: for ratchets, epoch secrets, outbox and events. It costs more
	// than where it is false.
	Erasable bool
}

// A Record is a key and its value. Both slices belong to whoever received
// them. Printed or logged by itself it shows nothing.
type Record struct {
	Key, Value []byte
}

// A Tx is one transaction's view of a store: what was committed when it began
// and, in an Update, its own writes. It is good inside the function it was
// handed to and for one goroutine at a time; afterwards everything gives
// [ErrTxDone].
type Tx interface {
	// Load returns the value under key, as a slice of the caller's own, or
	// [ErrNotFound]. Errors: [ErrBadBucket], [ErrBadKey].
	Load(b Bucket, key []byte) ([]byte, error)

	// Scan yields the records whose keys begin with prefix, in the order of
	// bytes.Compare; an empty prefix yields all. It yields them as they were
	// when ranging began, so the loop body may Store and Delete. An error is
	// yielded as the last thing, with a zero Record.
	Scan(b Bucket, prefix []byte) iter.Seq2[Record, error]
}

// A WriteTx is a [Tx] that writes.
type WriteTx interface {
	Tx

	// Store puts value under key, in place of an earlier one. Both slices
	// stay the caller's. Errors: [ErrBadBucket], [ErrBadKey], [ErrTooLarge].
	Store(b Bucket, key, value []byte) error

	// Delete removes key and its value. Without such a record it does
	// nothing. Errors: [ErrBadBucket], [ErrBadKey].
	Delete(b Bucket, key []byte) error
}

// A Store holds records. All methods may be called from any number of
// goroutines, but none from inside a transaction's function: some stores wait
// there for ever.
type Store interface {
	// View calls fn with a consistent view of what is committed, and returns
	// its error. It waits for no View and for no Update's function; an Update
	// may have to wait for Views, so fn is better short. When ctx has ended
	// before fn is called View returns ctx.Err().
	View(ctx context.Context, fn func(Tx) error) error

	// Update calls fn, at most once, and commits what it wrote when it
	// returns nil: all of it, and before Update returns nil, so that every
	// transaction that begins later sees it. When fn returns an error, which
	// Update returns as it is, or panics, which goes on through Update, or
	// leaves by runtime.Goexit, nothing is written. An error of one write is
	// fn's to return: ignoring it commits the others.
	//
	// Updates run one after another. When ctx ends while Update waits for its
	// turn, or has ended before, it returns ctx.Err() and fn is not called;
	// once called, fn is not interrupted.
	Update(ctx context.Context, fn func(WriteTx) error) error

	// Claim makes the caller the store's one owner until it calls release,
	// which does nothing the second time. While there is an owner Claim
	// returns [ErrLocked]. It guards against two clients on one store;
	// transactions do not ask for it.
	Claim() (release func(), err error)

	// Close refuses new transactions and those still waiting with
	// [ErrClosed], lets those whose function runs end, and releases what the
	// store holds. Closing again does nothing.
	Close() error
}
