package e2ee_test

import (
	"context"
	"errors"
	"iter"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/parley-e2ee/parley/e2ee"
	"github.com/parley-e2ee/parley/keystore"
	"github.com/parley-e2ee/parley/transport"
)

var (
	errKilled = errors.New("test: killed")
	errDisk   = errors.New("test: disk")
)

// blow is what happens to a client at its n-th write or append.
type blow uint8

const (
	none       blow = iota
	failBefore      // the write is refused, the append is lost
	failAfter       // the write is rolled back at its end, the append arrives: both say that they failed
	killBefore      // the process dies before it
	killAfter       // the process dies after it
)

func (b blow) String() string {
	return []string{"none", "failBefore", "failAfter", "killBefore", "killAfter"}[b]
}

// fate is a client's store and relay, until the blow falls. A killed process
// reads and writes nothing any more.
type fate struct {
	keystore.Store
	relay transport.Relay

	mu    sync.Mutex
	kind  blow
	at    int // the write or append that it falls on
	count int
	dead  bool
}

// strike counts a moment, and says whether it fails before and after.
func (f *fate) strike() (before, after error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.dead {
		return errKilled, nil
	}
	f.count++
	if f.kind == none || f.count != f.at {
		return nil, nil
	}
	f.dead = f.kind >= killBefore
	switch f.kind {
	case failBefore:
		return errDisk, nil
	case failAfter:
		return nil, errDisk
	case killBefore:
		return errKilled, nil
	}
	return nil, errKilled
}

func (f *fate) died() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.dead
}

func (f *fate) alive() error {
	if f.died() {
		return errKilled
	}
	return nil
}

func (f *fate) View(ctx context.Context, fn func(keystore.Tx) error) error {
	if err := f.alive(); err != nil {
		return err
	}
	return f.Store.View(ctx, fn)
}

func (f *fate) Update(ctx context.Context, fn func(keystore.WriteTx) error) error {
	before, after := f.strike()
	if before != nil {
		return before
	}
	if errors.Is(after, errDisk) { // a write that fails is not stored
		return f.Store.Update(ctx, func(tx keystore.WriteTx) error { return errors.Join(fn(tx), after) })
	}
	return errors.Join(f.Store.Update(ctx, fn), after)
}

func (f *fate) Append(ctx context.Context, room string, payload []byte) (uint64, error) {
	before, after := f.strike()
	if before != nil {
		return 0, before
	}
	seq, err := f.relay.Append(ctx, room, payload)
	return seq, errors.Join(err, after)
}

func (f *fate) Head(ctx context.Context, room string) (uint64, error) {
	if err := f.alive(); err != nil {
		return 0, err
	}
	return f.relay.Head(ctx, room)
}

func (f *fate) Subscribe(ctx context.Context, room string, after uint64) iter.Seq2[transport.Frame, error] {
	return func(yield func(transport.Frame, error) bool) {
		for frame, err := range f.relay.Subscribe(ctx, room, after) {
			if f.died() {
				yield(transport.Frame{}, errKilled)
				return
			}
			if !yield(frame, err) {
				return
			}
		}
	}
}

// actor is a person to whom things happen, and an application that knows how
// to go on: it reads all events and tries again what failed.
type actor struct {
	t        testing.TB
	name     string
	relay    transport.Relay
	dir      transport.Directory
	store    *keystore.Memory
	fate     *fate
	client   *e2ee.Client
	reader   sync.WaitGroup
	accepted []string // texts that Send took, in order
	doubtful []string // texts whose Send was cut off

	mu    sync.Mutex
	shown retold[e2ee.Event]
}

func newActor(t testing.TB, name string, relay transport.Relay, dir transport.Directory, kind blow, at int) *actor {
	a := &actor{t: t, name: name, relay: relay, dir: dir, store: keystore.NewMemory()}
	a.shown.same = func(a, b e2ee.Event) bool { return reflect.DeepEqual(a, b) }
	a.fate = &fate{Store: a.store, relay: relay, kind: kind, at: at}
	t.Cleanup(a.stop)
	return a
}

func (a *actor) stop() {
	if a.client != nil {
		_ = a.client.Close()
		a.client = nil
	}
	a.reader.Wait()
}

// up returns a client that lives: it revives one that was killed from what its
// store held at that moment.
func (a *actor) up() *e2ee.Client {
	for range 10 {
		if a.fate.died() {
			a.stop()
			a.store = a.store.Clone()
			a.fate = &fate{Store: a.store, relay: a.relay}
		}
		if a.client != nil {
			return a.client
		}
		c, err := e2ee.NewClient(a.t.Context(), e2ee.Config{Name: a.name, Store: a.fate, Relay: a.fate, Directory: a.dir})
		if err != nil {
			continue
		}
		a.client = c
		if rooms, err := c.Rooms(); err == nil && len(rooms) > 0 {
			a.watch(rooms[0])
		}
	}
	a.t.Fatalf("%s does not come up", a.name)
	return nil
}

// watch reads events, and starts over when the store failed.
func (a *actor) watch(r *e2ee.Room) {
	ctx := a.t.Context()
	a.reader.Go(func() {
		for again := true; again; {
			again = false
			first := true
			for ev, err := range r.Events(ctx) {
				if err != nil {
					again = errors.Is(err, errDisk)
					break
				}
				a.show(ev, first)
				first = false
			}
		}
	})
}

// show notes an event that was not shown before.
func (a *actor) show(ev e2ee.Event, first bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if first {
		a.shown.begin()
	}
	a.shown.add(ev)
}

func (a *actor) events() []e2ee.Event {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.shown.all)
}

// enter creates or joins the room, however often that takes.
func (a *actor) enter(how func(*e2ee.Client) (*e2ee.Room, error)) {
	for range 10 {
		c := a.up()
		if rooms, err := c.Rooms(); err == nil && len(rooms) > 0 {
			return
		}
		if r, err := how(c); err == nil {
			a.watch(r)
			return
		}
	}
	a.t.Fatalf("%s does not get in", a.name)
}

// room is the room, once this client is in.
func (a *actor) room() (r *e2ee.Room) {
	waitFor(a.t, func() bool {
		rooms, err := a.up().Rooms()
		if err != nil || len(rooms) == 0 {
			return false
		}
		r = rooms[0]
		_, err = r.Authenticator()
		return err == nil || errors.Is(err, e2ee.ErrCommitFirst)
	})
	return r
}

// say sends text. An error says that it never leaves, unless it is the end.
func (a *actor) say(text string) {
	ctx, cancel := context.WithTimeout(a.t.Context(), time.Minute)
	defer cancel()
	_, err := a.room().Send(ctx, []byte(text))
	switch {
	case err == nil:
		a.accepted = append(a.accepted, text)
	case a.fate.died():
		a.doubtful = append(a.doubtful, text)
		a.say(text + ", after all")
	default:
		a.say(text + ", again")
	}
}

// do tries until it works.
func (a *actor) do(what func(*e2ee.Room) error) {
	for range 10 {
		if what(a.room()) == nil {
			return
		}
	}
	a.t.Fatalf("%s cannot do it", a.name)
}
