package e2ee

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/parley-e2ee/parley/e2ee/group"
	"github.com/parley-e2ee/parley/keystore"
)

// kindText is the one kind of application message there is.
const kindText = 1

// outgoing is a message that has not come back from the relay. It is held by
// pointer so that nothing prints its text with the room.
type outgoing struct {
	order  uint64
	msg    group.AppMessage
	sealed bool // it is in the member's frame in flight
}

// Send puts a message of up to 64 KiB into the outbox and returns its ID: from
// then on it is delivered as long as the store lives, and Sent follows when it
// is in the log; NotSent, if this client's time in the room ends before. Who is
// in the room when it gets there reads it: a commit that comes in between, and
// whomever that admits, included (Joined comes before Sent then). An
// error means that it never leaves: ErrTooLarge, ErrNotMember, ErrForked,
// ErrClosed, an [*IdentityChangedError] for a member whose identity is not the
// one pinned, ctx's or the store's own. text is copied.
func (r *Room) Send(ctx context.Context, text []byte) (MessageID, error) {
	if len(text) > group.MaxTextSize {
		return MessageID{}, ErrTooLarge
	}
	p := &posting{ctx: ctx, out: &outgoing{msg: group.AppMessage{Kind: kindText, Text: slices.Clone(text)}}}
	rand.Read(p.out.msg.ID[:])
	r.posts.add(p)
	r.mu.Lock()
	defer r.mu.Unlock()
	if !p.done { // nobody who held r.mu meanwhile has taken it along
		r.postAll()
	}
	if p.err != nil {
		return MessageID{}, p.err
	}
	return p.out.msg.ID, nil
}

// A posting is a message on its way to the outbox. Those that wait for r.mu
// together are stored together, and sealed into one frame.
type posting struct {
	ctx  context.Context
	out  *outgoing
	done bool // this and err are guarded by r.mu
	err  error
}

type postings struct {
	mu  sync.Mutex
	all []*posting
}

func (p *postings) add(one *posting) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.all = append(p.all, one)
}

func (p *postings) take() (all []*posting) {
	p.mu.Lock()
	defer p.mu.Unlock()
	all, p.all = p.all, nil
	return all
}

// postAll puts into the outbox what is waiting to be. r.mu is held.
func (r *Room) postAll() {
	all := r.posts.take()
	ctx := r.ctx
	if len(all) == 1 {
		ctx = all[0].ctx
	}
	var b batch
	var live []*posting
	err := r.maySend(ctx)
	for _, p := range all {
		p.done = true
		if p.err = cmp.Or(err, p.ctx.Err()); p.err != nil {
			continue
		}
		p.out.order = r.order
		r.order++
		r.outbox = append(r.outbox, p.out)
		b.add, live = append(b.add, p.out), append(live, p)
		p.err = errUnstored // unless save returns
	}
	if len(live) == 0 {
		return
	}
	// What keeps it from being sealed now, the sending loop deals with.
	_ = r.seal(time.Now())
	err = r.save(ctx, b)
	for _, p := range live {
		p.err = err
	}
}

// errUnstored is for who waits with a Send whose store panics.
var errUnstored = errors.New("e2ee: the store did not return")

func (r *Room) maySend(ctx context.Context) error {
	if err := r.ready(ctx); err != nil {
		return err
	}
	switch {
	case r.isOver():
		return ErrNotMember
	case r.member.Forked():
		return ErrForked
	}
	return r.pinConflict()
}

// seal puts the queue into a frame, where one may go out now. It says what
// stands in the way otherwise. The caller saves. r.mu is held.
func (r *Room) seal(now time.Time) error {
	switch {
	case !r.caughtUp:
		return group.ErrNothing
	case len(r.member.InFlight()) > 0:
		return group.ErrInFlight
	}
	if err := r.pinConflict(); err != nil {
		return err
	}
	if _, err := r.member.Seal(r.queued(), now); err != nil {
		return err
	}
	r.markSealed()
	return nil
}

func (r *Room) queued() []group.AppMessage {
	queue := make([]group.AppMessage, 0, len(r.outbox))
	for _, out := range r.outbox {
		if !out.sealed {
			queue = append(queue, out.msg)
		}
	}
	return queue
}

// markSealed takes over from the member which messages are in flight.
func (r *Room) markSealed() {
	inFlight := setOf(r.member.InFlight())
	for _, out := range r.outbox {
		out.sealed = inFlight[out.msg.ID]
	}
}

func setOf(ids []MessageID) map[MessageID]bool {
	set := make(map[MessageID]bool, len(ids))
	for _, id := range ids {
		set[id] = true
	}
	return set
}

// emptyOutbox adds to b that no message of the outbox will ever leave.
func (r *Room) emptyOutbox(b *batch, reason error) {
	gone := setOf(b.gone)
	for _, out := range r.outbox {
		if !gone[out.msg.ID] {
			b.events = append(b.events, NotSent{out.msg.ID, reason})
			b.gone = append(b.gone, out.msg.ID)
		}
	}
}

// storeOutbox writes what enters and deletes what leaves.
func (r *Room) storeOutbox(tx keystore.WriteTx, b batch) error {
	var failed error
	for _, out := range b.add {
		value := append(append(out.msg.ID[:], out.msg.Kind), out.msg.Text...)
		failed = errors.Join(failed, tx.Store(bucketOutbox, roomNumber(r.id, out.order), value))
		clear(value)
	}
	if len(b.gone) == 0 {
		return failed
	}
	gone := setOf(b.gone)
	for _, out := range r.outbox {
		if gone[out.msg.ID] {
			failed = errors.Join(failed, tx.Delete(bucketOutbox, roomNumber(r.id, out.order)))
		}
	}
	return failed
}

// dropOutgoing takes messages out of memory, and notes which of the others are
// in flight now.
func (r *Room) dropOutgoing(ids []MessageID) {
	gone := setOf(ids)
	r.outbox = slices.DeleteFunc(r.outbox, func(out *outgoing) bool {
		if gone[out.msg.ID] {
			clear(out.msg.Text)
		}
		return gone[out.msg.ID]
	})
	r.markSealed()
}

// loadOutbox reads the messages of a room and the order of the next one.
func loadOutbox(tx keystore.Tx, id group.RoomID) (outbox []*outgoing, order uint64, err error) {
	for rec, err := range tx.Scan(bucketOutbox, id[:]) {
		if err != nil {
			return nil, 0, err
		}
		if len(rec.Key) != len(id)+8 || len(rec.Value) < 17 {
			return nil, 0, ErrState
		}
		out := &outgoing{order: binary.BigEndian.Uint64(rec.Key[len(id):])}
		out.msg = group.AppMessage{ID: MessageID(rec.Value[:16]), Kind: rec.Value[16], Text: rec.Value[17:]}
		outbox, order = append(outbox, out), out.order+1
	}
	return outbox, order, nil
}

// Unsent lists the messages that have not come back from the relay: those
// queued here, and those sealed in a frame that may have left.
func (r *Room) Unsent() (queued, sealed []MessageID) {
	defer r.look()()
	for _, out := range r.outbox {
		if out.sealed {
			sealed = append(sealed, out.msg.ID)
		} else {
			queued = append(queued, out.msg.ID)
		}
	}
	return queued, sealed
}
