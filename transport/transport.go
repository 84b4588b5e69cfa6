// Package transport says what stands between the members of a room: a [Relay]
// that orders, stores and fans out frames, and a [Directory] in which names are
// looked up. Both see opaque bytes and never a key or a plaintext.
//
// It is for two kinds of reader. An application calls [NewMemory] for a relay
// and directory in its own process (tests, examples, a small server's core)
// and hands it on. Who connects another server implements [Relay], three
// methods, or [Directory], two, and runs the suites of package transporttest
// on the result; whatever else a relay can do is an optional interface that a
// caller asks for by type assertion.
//
// Neither is trusted: those who read a log or a bundle check signatures and
// the order of frames themselves. What a relay owes them is availability, and
// the contract written at each method. Who may write where is the operator's
// to decide, in front of the relay; [Memory] itself lets everybody.
package transport

import (
	"context"
	"iter"
)

// MaxFrame is the size in bytes up to which every [Relay] stores a payload.
// A relay may take larger ones.
const MaxFrame = 1 << 20

// MaxBundle is the size in bytes up to which every [Directory] stores a
// bundle. A directory may take larger ones.
const MaxBundle = 64 << 10

// A Frame is one entry of a room's log.
type Frame struct {
	// Seq is the frame's place in its room: 1 for the first, then one more
	// for each.
	Seq uint64
	// Payload is what was appended. It belongs to whoever received the Frame,
	// to keep and to change: no two Frames share memory.
	Payload []byte
}

// A Relay keeps one log of frames for each room. A room needs no creation: it
// is empty until something is appended to it. Rooms are named as [CheckName]
// demands, compared byte for byte; another name is [ErrBadName].
//
// All methods may be called from any number of goroutines.
type Relay interface {
	// Append stores payload as the next frame of room and returns its
	// sequence number. Sequence numbers of a room start at 1 and grow by 1;
	// no two frames share one. An empty payload is a frame like any other.
	//
	// The payload stays the caller's, who may change it as soon as Append has
	// returned. Once Append has returned nil the frame is there for every
	// Subscribe and counted by every Head that begin later. A frame refused
	// ([ErrTooLarge], [ErrFull], [ErrClosed], [ErrBadName]) is not stored and
	// takes no sequence number. After any other error, ctx.Err() when ctx
	// ended among them, it may or may not have been stored, or be stored yet.
	Append(ctx context.Context, room string, payload []byte) (seq uint64, err error)

	// Subscribe yields the frames of room with sequence numbers above after,
	// in order, each once and without a gap: first those stored, then each
	// new one as it is appended. With after at or above the head it waits for
	// frames above after.
	//
	// It ends when the consumer breaks out of the loop, and then yields
	// nothing more. Ending for any other reason, it yields exactly one
	// error, with a zero Frame, as the last thing: ctx.Err() when ctx ended
	// (frames already under way may come before it), a [*TruncatedError] when
	// the frame after the last one yielded is no longer stored, [ErrClosed],
	// [ErrBadName], [ErrFull] where the relay can carry no more subscriptions,
	// or what went wrong in between. When it has ended, nothing that it
	// started is left running.
	//
	// A consumer that is slow delays neither Append nor other subscriptions.
	// Nothing happens until the sequence is ranged over; each range begins
	// anew above after.
	Subscribe(ctx context.Context, room string, after uint64) iter.Seq2[Frame, error]

	// Head returns the sequence number of the last frame of room, 0 if there
	// is none yet. Dropping old frames does not change it.
	Head(ctx context.Context, room string) (seq uint64, err error)
}

// A Directory maps names to bundles: `id:alice` to an identity's signed
// bundle, `room:Secure` to a room's address. Names are as [CheckName] demands,
// compared byte for byte; another name is [ErrBadName].
//
// All methods may be called from any number of goroutines.
type Directory interface {
	// Publish makes bundle what Lookup finds under name, in place of an
	// earlier one. The bundle stays the caller's. A bundle refused
	// ([ErrTooLarge], [ErrFull], [ErrClosed], [ErrBadName]) changes nothing;
	// after any other error it may or may not have been stored.
	Publish(ctx context.Context, name string, bundle []byte) error

	// Lookup returns the bundle published last under name, as a slice of the
	// caller's own, or [ErrNotFound].
	Lookup(ctx context.Context, name string) ([]byte, error)
}
