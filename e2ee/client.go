package e2ee

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/parley-e2ee/parley/e2ee/group"
	"github.com/parley-e2ee/parley/keystore"
	"github.com/parley-e2ee/parley/transport"
)

// Config is what a client needs. Store and Relay are required.
type Config struct {
	// Name is who this client is to others: 1 to 64 bytes of UTF-8 in normal
	// form C, without control characters. It has to be the store's own once
	// that has one, and may then be empty.
	Name string
	// Store keeps identity, pins, rooms, outbox and events. The client is its
	// one owner until Close, and does not close it.
	Store keystore.Store
	// Relay carries the rooms. Its calls have to end when their context does.
	Relay transport.Relay
	// Directory finds people and rooms by name. Without one Lookup,
	// SafetyNumber and Join by bare name are ErrNoDirectory; links work.
	Directory transport.Directory
	// TakeOver lets a new identity take a name that the directory has already,
	// for people who lost their store: whoever pinned the lost one is warned,
	// and has to accept this one. Without it that is ErrNameTaken.
	TakeOver bool
	// Admit, if set, is asked before this client serves a request to join, and
	// again when the request is repeated. It can refuse what the room's rules
	// allow, not allow what they refuse, and another member may still serve
	// the request: members who come back with new keys are asked about, too.
	// It may take its time, for a person to decide; the room goes on, and only
	// those who ask wait. It may call the client, but neither Forget nor Close,
	// which wait for it. Without it the room's rules alone decide: in an Admins
	// room, every admin's client lets in whoever asks.
	Admit func(room group.RoomID, who group.JoinRequest) bool
	// RekeyMessages and RekeyAge say when a new epoch is due [1000 messages,
	// 7 days], and RekeyAge also when this client's own leaf keys are replaced.
	// An age below a minute is a minute.
	RekeyMessages uint64
	RekeyAge      time.Duration
}

func (cfg Config) withDefaults() Config {
	if cfg.RekeyMessages == 0 {
		cfg.RekeyMessages = 1000
	}
	if cfg.RekeyAge == 0 {
		cfg.RekeyAge = 7 * 24 * time.Hour
	}
	cfg.RekeyAge = max(cfg.RekeyAge, time.Minute)
	return cfg
}

// Client is one person on one device: an identity and its rooms. It runs two
// goroutines a room, which end with Close. All methods may be called from any
// number of goroutines.
type Client struct {
	cfg      Config
	identity Identity
	release  func()
	ctx      context.Context
	cancel   context.CancelFunc
	loops    sync.WaitGroup
	ended    chan struct{} // closed when Close is done

	gate sync.RWMutex // held for reading by every write to the store
	shut bool         // guarded by gate: the store is no longer ours

	mu       sync.Mutex // guards what follows; no room's is taken while it is held
	pins     map[string]pin
	pinned   uint64 // how often pins changed
	rooms    map[group.RoomID]*Room
	entering map[group.RoomID]bool // rooms that Create or Join is at work on
	closed   bool

	unpublished bool // the directory does not have the own bundle yet
}

// NewClient opens the store's identity, or makes one under cfg.Name, publishes
// its bundle, which is signed anew when a quarter of its year is left, and goes
// on with the store's rooms. A store that was opened to read only serves what
// reads: Rooms, Members, Export. It returns ErrConfig, ErrName, ErrState,
// keystore.ErrLocked, and the errors of the store. A new identity needs the
// directory, whose errors it returns, and ErrNameTaken where that has somebody
// under the name: then the store is as it was. One that has been published
// before opens without, and Lookup tries to publish it again. ctx bounds the
// call alone.
func NewClient(ctx context.Context, cfg Config) (*Client, error) {
	if cfg.Store == nil || cfg.Relay == nil {
		return nil, ErrConfig
	}
	release, err := cfg.Store.Claim()
	if err != nil {
		return nil, err
	}
	c := &Client{
		cfg:      cfg.withDefaults(),
		release:  release,
		ended:    make(chan struct{}),
		entering: make(map[group.RoomID]bool),
	}
	c.ctx, c.cancel = context.WithCancel(context.WithoutCancel(ctx))
	if err := c.open(ctx); err != nil {
		c.cancel()
		release()
		return nil, err
	}
	for _, r := range c.rooms {
		r.start()
	}
	return c, nil
}

func (c *Client) open(ctx context.Context) (err error) {
	fresh := false
	if c.identity, fresh, err = openIdentity(ctx, c.cfg.Store, c.cfg.Name, time.Now()); err != nil {
		return err
	}
	if c.pins, err = loadPins(ctx, c.cfg.Store); err != nil {
		return err
	}
	if c.rooms, err = loadRooms(ctx, c); err != nil {
		return err
	}
	err = c.publishBundle(ctx, fresh)
	switch {
	case err == nil:
	case fresh: // nobody has seen it yet
		return errors.Join(err, forgetIdentity(context.WithoutCancel(ctx), c.cfg.Store))
	default:
		c.unpublished = true // Lookup tries again
	}
	return nil
}

// Identity is who the client is.
func (c *Client) Identity() Identity { return c.identity }

// Name is the client's own name.
func (c *Client) Name() string { return c.identity.Name() }

// Close stops the client: it ends its goroutines, its subscriptions and every
// call that waits, and gives the store back. What was sent and has not come
// back stays in the store and is the *UnsentError that Close returns; nil says
// that everything came back. An event whose loop body has not ended comes again
// when the store is opened again. Closing again waits for the first to end, and
// returns nil.
func (c *Client) Close() error {
	c.mu.Lock()
	again := c.closed
	c.closed = true
	c.mu.Unlock()
	if again {
		<-c.ended
		return nil
	}
	defer close(c.ended)
	c.cancel()
	c.loops.Wait()
	c.storeRead()
	c.gate.Lock()
	c.shut = true
	c.gate.Unlock()
	defer c.release()
	return c.unsent()
}

// storeRead stores which events have been dealt with. What cannot be stored
// comes again.
func (c *Client) storeRead() {
	c.mu.Lock()
	rooms := slices.Collect(maps.Values(c.rooms))
	c.mu.Unlock()
	for _, r := range rooms {
		r.mu.Lock()
		if r.refresh() == nil {
			_ = r.storeRead()
		}
		r.mu.Unlock()
	}
}

// update is Store.Update for as long as the store is this client's: a call that
// was under way when Close came must not write to the next owner's.
func (c *Client) update(ctx context.Context, fn func(keystore.WriteTx) error) error {
	c.gate.RLock()
	defer c.gate.RUnlock()
	if c.shut {
		return ErrClosed
	}
	return c.cfg.Store.Update(ctx, fn)
}
