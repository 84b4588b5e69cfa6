//go:build !js && !wasip1

package keystore

import (
	"context"
	"sync/atomic"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/parley-e2ee/parley/internal/xaes"
)

// A File is a [Store] in a file, path, with a small key file, path.keys,
// beside it. Copies need both, taken while the store is closed.
//
// Every record is encrypted and bound to its place; the names of buckets and
// keys are encrypted too. What stays visible are the sizes and the number of
// records and when they change. [Open] reads and authenticates all of it, and
// takes [ErrCorrupt] rather than a record that is missing, exchanged or put
// back: the file is one that a commit left, as a whole. An older copy of the
// whole is such a file, too: see Options.MinGeneration.
//
// A deleted or overwritten record of an erasable bucket can be read, by whoever
// has both files and the passphrase, until the data key is replaced:
// Options.EraseAfter later, on Close and on Erase. Then it is gone, except where
// a file system with copies on write or snapshots, a flash disk that moves what
// is overwritten, or a backup still has the 8 KiB of the key file that held the
// key. Records of other buckets leave old copies in the file.
//
// Updates that come while another is being committed share the next commit, and
// with it the two times that the disk is waited for. Views wait for nobody.
//
// A View that lasts keeps in memory what is replaced meanwhile.
//
// In memory are, for each record, its key and some 200 bytes, and the whole of
// the erasable records while the data key is replaced. Values are decrypted when
// they are read.
type File struct {
	secret
	s *file
}

var _ Store = (*File)(nil)

// Options change how a [File] is opened or made. Nil is the zero Options.
type Options struct {
	// ReadOnly opens the file without ever writing to it. Others may do the same at
	// the same time, but nobody may have it open to write, nor open it so.
	ReadOnly bool

	// EraseAfter is how long what was deleted or overwritten in an erasable
	// bucket may still be readable, for whoever has the file and what unlocks
	// it; 0 means a minute. All records of erasable buckets are encrypted anew
	// as often as that, while there is something to erase. Below 0 it happens on
	// Close and on Erase alone.
	EraseAfter time.Duration

	// MinGeneration is the oldest generation that Open takes: what Committed
	// was called with last, if that was kept where a thief of the file cannot
	// change it, on a server or in a TPM. With an older file Open returns
	// ErrRollback.
	MinGeneration uint64

	// Committed, if not nil, is called after each commit with its generation,
	// before the Updates of that commit return, one call at a time, and already
	// while Open erases. It must not use the store.
	Committed func(generation uint64)

	seam seam // for tests
}

// A file is behind a pointer so that nothing prints it.
type file struct {
	*core[*record]
	opts Options
	db   *bolt.DB
	keys *keyFile // nil if opened to read only

	rawKeys []byte // the key file, while Open is at it
	store   storeID
	master  *[32]byte
	sealKey *xaes.AEAD // of the state
	sums    summer
	kept    *sealer

	commits chan struct{} // held by whoever commits; capacity 1

	// Guarded by the turn.
	erasable *sealer

	// Guarded by core.mu.
	tip        *tip
	pending    *batch // to be committed next, or nil
	committing *batch // being committed, or nil
	timer      *time.Timer

	// With commits.
	state   fileState
	data    *slot // the data key that counts
	wrapped *slot // the master key
	failed  atomic.Pointer[error]
}

// View implements [Store].
func (f *File) View(ctx context.Context, fn func(Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := f.s.begin(); err != nil {
		return err
	}
	defer f.s.end()
	v := f.s.acquire()
	defer f.s.release(v)
	t := &tx[*record]{&txState[*record]{root: v.root, values: f.s}}
	defer t.end()
	return fn(t)
}

// Claim implements [Store]. Two processes, or two Opens, share no File: the
// second gets [ErrLocked] from Open already.
func (f *File) Claim() (release func(), err error) { return f.s.claim() }

// Generation is the number of commits that the file has seen. It grows.
func (f *File) Generation() uint64 {
	f.s.commits <- struct{}{}
	defer func() { <-f.s.commits }()
	return f.s.state.generation
}

// Close implements [Store]. It erases what is to be erased, as Erase does, whose
// error it returns; the store is closed all the same.
func (f *File) Close() error {
	if !f.s.close() {
		return nil
	}
	return f.s.shut()
}

// open implements values.
func (s *file) open(n *node[*record]) (value []byte, err error) {
	err = s.withRow(n.value, func(row []byte) error {
		treeKey, v, err := n.value.sealer.decrypt(n.value.id, row)
		if err == nil && string(treeKey) != string(n.key) {
			err = corrupt("a record")
		}
		value = v
		return err
	})
	if err != nil {
		return nil, err
	}
	return value, nil
}

// seal implements values.
func (s *file) seal(key, value []byte) *record {
	if key[len(bucketOf(key))] == classErasable {
		return s.erasable.seal(key, value)
	}
	return s.kept.seal(key, value)
}

// withRow calls fn with the row of a record, which is not to be kept.
func (s *file) withRow(r *record, fn func(row []byte) error) error {
	if held := r.held.Load(); held != nil {
		return fn(*held)
	}
	done := false
	err := s.db.View(func(tx *bolt.Tx) error {
		row := tx.Bucket(rowsOf(r.sealer.class)).Get(r.id[:])
		if len(row) < len(r.nonce) || string(row[:len(r.nonce)]) != string(r.nonce[:]) {
			return nil
		}
		done = true
		return fn(row)
	})
	if err != nil || done {
		return err
	}
	// A commit has replaced it meanwhile, and keeps it for those who may ask.
	if held := r.held.Load(); held != nil {
		return fn(*held)
	}
	return corrupt("a record is gone")
}

// The buckets of the database, in the order in which they are read.
var (
	bucketState    = []byte("1 state")
	bucketKept     = []byte("2 kept")
	bucketErasable = []byte("3 erasable")

	buckets = [][]byte{bucketState, bucketKept, bucketErasable}

	keyState = []byte("state")
)

func rowsOf(class byte) []byte {
	if class == classErasable {
		return bucketErasable
	}
	return bucketKept
}

// A seam stands between a File and the disk. Tests have calls fail there.
type seam func(what string, call func() error) error

func (s seam) call(what string, call func() error) error {
	if s == nil {
		return call()
	}
	return s(what, call)
}
