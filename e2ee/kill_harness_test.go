//go:build unix

package e2ee_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"math/rand/v2"
	"net/rpc"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/parley-e2ee/parley/e2ee"
	"github.com/parley-e2ee/parley/e2ee/group"
	"github.com/parley-e2ee/parley/internal/keysource/keytest"
	"github.com/parley-e2ee/parley/keystore"
	"github.com/parley-e2ee/parley/transport"
)

// The victim of TestKillNine is a process of this test binary. It reaches the
// relay over its standard input and output, and tells over diaryFile what it
// does. That is a pipe, too: what a process wrote there can be read when it is
// dead, and a line without an end is a write that had not returned.
const (
	lifeEnv   = "PARLEY_TEST_LIFE"
	diaryFile = 3

	eraseAfter = 20 * time.Millisecond // short, to be killed while it erases
	mostUnsent = 16
)

var killKey = keystore.Key([32]byte{9})

// life is what a victim has to know.
type life struct {
	Path          string
	MinGeneration uint64
	Link          string
	Next          int // number of its next message
	Rekey         bool
}

// entry is one line of a victim's diary.
type entry struct {
	What       string
	N          int             `json:",omitempty"`
	ID         e2ee.MessageID  `json:",omitzero"`
	Generation uint64          `json:",omitempty"`
	Event      json.RawMessage `json:",omitempty"`
}

const (
	opening   = "opening"   // it is about to open the store
	created   = "created"   // there was no store
	up        = "up"        // there is a client
	committed = "committed" // the store is at Generation
	saying    = "saying"    // it is about to Send message N
	said      = "said"      // Send returned ID and nil
	shown     = "shown"     // the loop over Events got Event, and its body is about to end
	failed    = "failed: "  // and why: it ends now
)

// init is where a victim begins: not in a test, of which it would be a part.
func init() {
	spec := os.Getenv(lifeEnv)
	if spec == "" {
		return
	}
	var l life
	err := json.Unmarshal([]byte(spec), &l)
	if err == nil {
		err = l.live()
	}
	write(entry{What: failed + fmt.Sprint(err)})
	os.Exit(1)
}

var diary = sync.OnceValue(func() *os.File { return os.NewFile(diaryFile, "diary") })

func write(e entry) {
	line, err := json.Marshal(e)
	if err == nil {
		_, err = diary().Write(append(line, '\n'))
	}
	if err != nil {
		os.Exit(2) // nobody is there to tell
	}
}

// live lives until it is killed.
func (l life) live() error {
	keytest.UsePool()
	ctx := context.Background()
	write(entry{What: opening})
	store, err := l.open()
	if err != nil {
		return err
	}
	far := remote{rpc.NewClient(pipes{})}
	c, err := e2ee.NewClient(ctx, aliceOn(store, far, far))
	if err != nil {
		return err
	}
	write(entry{What: up})
	r, err := enter(ctx, c, l.Link)
	if err != nil {
		return err
	}
	ends := make(chan error)
	go func() { ends <- read(ctx, r) }()
	go func() { ends <- l.talk(ctx, r) }()
	if l.Rekey && r.Status() == group.Active {
		go func() {
			if err := r.ReplaceKeys(ctx); err != nil {
				ends <- err
			}
		}()
	}
	return <-ends
}

func (l life) open() (*keystore.File, error) {
	opts := &keystore.Options{
		EraseAfter:    eraseAfter,
		MinGeneration: l.MinGeneration,
		Committed:     func(generation uint64) { write(entry{What: committed, Generation: generation}) },
	}
	store, err := keystore.Open(l.Path, killKey, opts)
	if errors.Is(err, fs.ErrNotExist) {
		write(entry{What: created})
		return keystore.Create(l.Path, killKey, opts)
	}
	return store, err
}

// aliceOn is who lives in the victims' store. New keys are due often.
func aliceOn(store keystore.Store, relay transport.Relay, dir transport.Directory) e2ee.Config {
	return e2ee.Config{Name: "alice", Store: store, Relay: relay, Directory: dir, RekeyMessages: 100}
}

// enter returns the only room, after joining it if need be.
func enter(ctx context.Context, c *e2ee.Client, link string) (*e2ee.Room, error) {
	switch rooms, err := c.Rooms(); {
	case err != nil:
		return nil, err
	case len(rooms) > 0:
		return rooms[0], nil
	}
	return c.JoinLink(ctx, link, nil)
}

func read(ctx context.Context, r *e2ee.Room) error {
	for ev, err := range r.Events(ctx) {
		if err != nil {
			return err
		}
		raw, err := e2ee.MarshalEvent(ev)
		if err != nil {
			return err
		}
		write(entry{What: shown, Event: raw})
	}
	return nil
}

func (l life) talk(ctx context.Context, r *e2ee.Room) error {
	for n := l.Next; ; n++ {
		for queued, sealed := r.Unsent(); len(queued)+len(sealed) >= mostUnsent; queued, sealed = r.Unsent() {
			time.Sleep(time.Millisecond)
		}
		write(entry{What: saying, N: n})
		id, err := r.Send(ctx, numbered("alice", n, 20<<10))
		if err != nil {
			return err
		}
		write(entry{What: said, N: n, ID: id})
	}
}

// numbered is text of different sizes, now and then of most bytes.
func numbered(name string, n, most int) []byte {
	text := fmt.Sprintf("%s %d ", name, n)
	size := n * 37 % 300
	if n%16 == 0 {
		size = most
	}
	return append([]byte(text), bytes.Repeat([]byte{'.'}, size)...)
}

// numberOf takes a text of numbered apart.
func numberOf(text []byte) (name string, n int) {
	_, err := fmt.Sscanf(strings.TrimRight(string(text), "."), "%s %d ", &name, &n)
	if err != nil {
		return err.Error(), -1
	}
	return name, n
}

// pipes are standard input and output as one connection.
type pipes struct{}

func (pipes) Read(b []byte) (int, error)  { return os.Stdin.Read(b) }
func (pipes) Write(b []byte) (int, error) { return os.Stdout.Write(b) }
func (pipes) Close() error                { return errors.Join(os.Stdin.Close(), os.Stdout.Close()) }

// remote is the relay and directory of another process.
type remote struct{ *rpc.Client }

// Args and Reply are what any call takes and gives.
type (
	Args struct {
		Name  string
		After uint64
		Bytes []byte
	}
	Reply struct {
		Seq     uint64
		Bytes   []byte
		Missing bool
	}
)

func (r remote) do(ctx context.Context, method string, args Args) (Reply, error) {
	reply := new(Reply)
	call := r.Go("Desk."+method, args, reply, make(chan *rpc.Call, 1))
	select {
	case <-call.Done:
		return *reply, call.Error
	case <-ctx.Done():
		return Reply{}, ctx.Err()
	}
}

func (r remote) Append(ctx context.Context, room string, payload []byte) (uint64, error) {
	reply, err := r.do(ctx, "Append", Args{Name: room, Bytes: payload})
	return reply.Seq, err
}

func (r remote) Head(ctx context.Context, room string) (uint64, error) {
	reply, err := r.do(ctx, "Head", Args{Name: room})
	return reply.Seq, err
}

func (r remote) Subscribe(ctx context.Context, room string, after uint64) iter.Seq2[transport.Frame, error] {
	return func(yield func(transport.Frame, error) bool) {
		for {
			next, err := r.do(ctx, "Next", Args{Name: room, After: after})
			if err != nil {
				yield(transport.Frame{}, err)
				return
			}
			after = next.Seq
			if !yield(transport.Frame{Seq: next.Seq, Payload: next.Bytes}, nil) {
				return
			}
		}
	}
}

func (r remote) Publish(ctx context.Context, name string, bundle []byte) error {
	_, err := r.do(ctx, "Publish", Args{Name: name, Bytes: bundle})
	return err
}

func (r remote) Lookup(ctx context.Context, name string) ([]byte, error) {
	reply, err := r.do(ctx, "Lookup", Args{Name: name})
	if reply.Missing {
		return nil, transport.ErrNotFound
	}
	return reply.Bytes, err
}

// Desk serves one life. The subscriptions end with it; what is appended arrives
// all the same.
type Desk struct {
	wire    *wire
	life    context.Context
	appends chan struct{} // something arrived
}

func (d *Desk) Append(args Args, reply *Reply) (err error) {
	select {
	case d.appends <- struct{}{}:
	default:
	}
	reply.Seq, err = d.wire.Append(context.Background(), args.Name, args.Bytes)
	return err
}

func (d *Desk) Head(args Args, reply *Reply) (err error) {
	reply.Seq, err = d.wire.Head(d.life, args.Name)
	return err
}

func (d *Desk) Next(args Args, reply *Reply) error {
	for f, err := range d.wire.Subscribe(d.life, args.Name, args.After) {
		reply.Seq, reply.Bytes = f.Seq, f.Payload
		return err
	}
	return io.ErrUnexpectedEOF
}

func (d *Desk) Publish(args Args, _ *Reply) error {
	return d.wire.Publish(d.life, args.Name, args.Bytes)
}

func (d *Desk) Lookup(args Args, reply *Reply) (err error) {
	reply.Bytes, err = d.wire.Lookup(d.life, args.Name)
	if errors.Is(err, transport.ErrNotFound) { // errors are but text there
		reply.Missing, err = true, nil
	}
	return err
}

// wire is the way from the victims to the relay. It sees what they try to send,
// however that ends for them, and takes its time now and then: a frame may come
// when whoever sent it is dead, or has sent it again.
type wire struct {
	*transport.Memory

	mu       sync.Mutex
	rand     *rand.Rand
	attempts map[byte]int      // by type
	sent     map[string][]byte // by epoch, sender and generation
	reused   []string
}

func newWire(seed uint64) *wire {
	return &wire{
		Memory:   transport.NewMemory(nil),
		rand:     rand.New(rand.NewPCG(seed, 2)),
		attempts: make(map[byte]int),
		sent:     make(map[string][]byte),
	}
}

func (w *wire) Append(ctx context.Context, room string, payload []byte) (uint64, error) {
	before, after := w.note(payload)
	time.Sleep(before)
	seq, err := w.Memory.Append(ctx, room, payload)
	time.Sleep(after)
	return seq, err
}

func (w *wire) note(payload []byte) (before, after time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.attempts[payload[atType]]++
	if payload[atType] == frameMessage {
		epoch, use := payload[headerEpoch:][:8], payload[headerEpoch+8+32:][:1+8]
		at := fmt.Sprintf("%x/%x", epoch, use)
		if was, ok := w.sent[at]; ok && !bytes.Equal(was, payload) {
			w.reused = append(w.reused, at)
		}
		w.sent[at] = bytes.Clone(payload)
	}
	pauses := []time.Duration{0, 0, 0, 0, 0, 0, time.Millisecond, 4 * time.Millisecond}
	return pauses[w.rand.IntN(len(pauses))], pauses[w.rand.IntN(len(pauses))]
}

// twice lists the generations under which two frames were to be sent.
func (w *wire) twice() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.reused)
}
