package e2ee

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/parley-e2ee/parley/e2ee/group"
)

// Room is a client's end of one room. All methods may be called from any
// number of goroutines.
type Room struct {
	client *Client
	id     group.RoomID
	ctx    context.Context // ends with the client, or when the room is forgotten
	cancel context.CancelFunc
	loops  sync.WaitGroup
	wake   chan struct{} // buffered: the sending loop has something to look at

	posts postings // what Send waits with for mu

	mu       sync.Mutex // guards what follows; the client's may be taken while it is held
	member   *group.Member
	intent   intent
	outbox   []*outgoing
	order    uint64                       // of the next outgoing
	first    uint64                       // the oldest event in the store
	read     uint64                       // the oldest that has not been dealt with
	next     uint64                       // after the newest
	stale    bool                         // the last write failed: read the store before going on
	caughtUp bool                         // the log has been read to what was its head at the start
	lost     bool                         // nobody holds the room's keys, and the application knows
	ahead    map[group.IdentityKey]uint64 // Gap.Ahead, as told of each this epoch
	refused  map[group.Membership]error   // own Leaves and Removes that were void
	checked  conflictCheck
	relayErr error          // the last one of the relay, nil since a frame came
	warned   map[error]bool // what the application was told since a frame came
	sending  sendState
	changed  chan struct{} // closed and replaced whenever something happened
	reading  bool
}

// ID names the room; its log's address is the hex form.
func (r *Room) ID() group.RoomID { return r.id }

// Name is the room's name, or empty before its log was read.
func (r *Room) Name() string {
	defer r.look()()
	if name := r.member.Public().RoomName(); name != "" {
		return name
	}
	return r.intent.Name
}

// Members lists who is in the room, as far as its log has been read.
func (r *Room) Members() []Person {
	defer r.look()()
	return r.member.Public().Roster()
}

// Status is where this client stands: joining, active, without keys, gone or
// displaced. A room that was imported is without keys.
func (r *Room) Status() group.Status {
	defer r.look()()
	if r.returning() {
		return group.NoKeys
	}
	return r.member.Status()
}

// Epoch counts the changes of keys so far.
func (r *Room) Epoch() uint64 {
	defer r.look()()
	return r.member.Public().Epoch()
}

// Bans lists the identities that may not come back.
func (r *Room) Bans() []group.IdentityKey {
	defer r.look()()
	return r.member.Public().Bans()
}

// Admission is who may come in at the moment: Invite, Open or Admins.
func (r *Room) Admission() group.Admission {
	defer r.look()()
	return r.member.Public().Admission()
}

// Authenticator returns 60 digits that are equal on two devices exactly if
// they are in the same room with the same members and membership history. It
// returns ErrConfirmation without keys and ErrCommitFirst in a room that
// nobody has joined or written in yet.
func (r *Room) Authenticator() (string, error) {
	defer r.look()()
	return r.member.Authenticator()
}

// InviteLink returns the link of the moment. Whoever has it can ask to join
// until an admin rotates it or somebody is removed. It returns ErrInviteSeed
// where this client does not know it.
func (r *Room) InviteLink() (string, error) {
	defer r.look()()
	inv, err := r.member.Invitation()
	if err != nil {
		return "", err
	}
	return marshalLink(inv), nil
}

// look takes r.mu for reading what is stored, and returns what gives it back.
func (r *Room) look() (unlock func()) {
	r.mu.Lock()
	// Where the store cannot be read either, what is here has to do.
	_ = r.refresh()
	return r.mu.Unlock
}

// over reports that this client is in the room no longer, or is not let in, and
// that the store says so too.
func (r *Room) over() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.refresh() == nil && r.isOver()
}

// isOver is over by what is in memory. r.mu is held.
func (r *Room) isOver() bool {
	s := r.member.Status()
	return s == group.Gone || s == group.Displaced || r.intent.Failed != ""
}

// wait returns when done says so, with its error, or when ctx or the room ends.
// done is called with r.mu held, on what is stored.
func (r *Room) wait(ctx context.Context, done func() (bool, error)) error {
	for {
		r.mu.Lock()
		changed, ok, err := r.changed, false, error(nil)
		stored := r.refresh() == nil
		if stored {
			ok, err = done()
		}
		r.mu.Unlock()
		if ok || err != nil {
			return err
		}
		var retry <-chan time.Time
		if !stored {
			retry = time.After(storeRetry)
		}
		select {
		case <-changed:
		case <-retry:
		case <-ctx.Done():
			return errors.Join(ctx.Err(), r.RelayError())
		case <-r.ctx.Done():
			return ErrClosed
		}
	}
}

// announce tells whoever waits; r.mu is held.
func (r *Room) announce() {
	close(r.changed)
	r.changed = make(chan struct{})
	r.kick()
}

// kick has the sending loop look.
func (r *Room) kick() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// start runs the room's two loops until its context ends or it is over.
func (r *Room) start() {
	r.run(r.readLoop)
	r.run(r.sendLoop)
}

// run starts a goroutine that the client's Close and Forget wait for.
func (r *Room) run(f func()) {
	r.client.loops.Add(1)
	r.loops.Add(1)
	go func() {
		defer r.client.loops.Done()
		defer r.loops.Done()
		f()
	}()
}

// ended turns the end of the room's own context into ErrClosed.
func (r *Room) ended(err error) error {
	if errors.Is(err, context.Canceled) && r.ctx.Err() != nil {
		return ErrClosed
	}
	return err
}
