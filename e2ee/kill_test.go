//go:build unix

package e2ee_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"math/rand/v2"
	"net/rpc"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/parley-e2ee/parley/e2ee"
	"github.com/parley-e2ee/parley/e2ee/group"
	"github.com/parley-e2ee/parley/keystore"
)

// patience is for what has to happen, on a machine with other things to do.
const patience = time.Minute

// soon waits, in real time, until ok.
func soon(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for began := time.Now(); !ok(); time.Sleep(time.Millisecond) {
		if time.Since(began) > patience {
			t.Fatalf("waited for %v: %s", patience, what)
		}
	}
}

// TestKillNine has a process with its store in a file send and receive in a
// busy room, and kills it with SIGKILL, again and again, at moments that it does
// not know. Then nothing is lost, nothing shown twice, no key used twice, and
// everybody can go on.
func TestKillNine(t *testing.T) {
	rounds := 300
	if testing.Short() {
		rounds = 20
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	k := newKilling(t, seed)
	for range rounds {
		k.round()
	}
	k.t.Logf("generation %d, epoch %d; she appended %v; died after %v", k.generation, k.bob.room.Epoch(), k.wire.attempts, k.deaths)
	k.settle()
	k.judge()
}

// listener is a member whose events are all kept.
type listener struct {
	*person
	room *e2ee.Room

	mu     sync.Mutex
	events []e2ee.Event
}

func (l *listener) listen() {
	r := l.room
	go func() {
		for ev, err := range r.Events(context.Background()) {
			if err != nil {
				return // closed, or forgotten
			}
			l.mu.Lock()
			l.events = append(l.events, ev)
			l.mu.Unlock()
		}
	}()
}

func (l *listener) heard() []e2ee.Event {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.events)
}

// killing is the whole of TestKillNine. Alice is who gets killed.
type killing struct {
	t       *testing.T
	rand    *rand.Rand
	wire    *wire
	path    string
	link    string
	bob     *listener // who made the room, and talks all along
	carol   *person   // who comes and goes
	stop    chan struct{}
	others  sync.WaitGroup // bob and carol
	desks   sync.WaitGroup
	bobSaid int // when others is done

	mu         sync.Mutex
	generation uint64
	existed    bool // there was a store
	begun      int  // the number of alice's last message
	said       map[int]e2ee.MessageID
	told       retold[json.RawMessage]
	events     []e2ee.Event   // what stands in it
	heard      int            // the number of bob's message among them that came last
	deaths     map[string]int // by what happened last
}

func newKilling(t *testing.T, seed uint64) *killing {
	k := &killing{
		told:   retold[json.RawMessage]{same: func(a, b json.RawMessage) bool { return bytes.Equal(a, b) }},
		t:      t,
		rand:   rand.New(rand.NewPCG(seed, 1)),
		wire:   newWire(seed),
		path:   filepath.Join(t.TempDir(), "store"),
		stop:   make(chan struct{}),
		said:   make(map[int]e2ee.MessageID),
		deaths: make(map[string]int),
	}
	relay := k.wire.Memory
	k.bob = &listener{person: openPerson(t, e2ee.Config{Name: "bob", Relay: relay, Directory: relay, RekeyMessages: 100})}
	k.carol = newPerson(t, "carol", relay, relay)
	var err error
	k.bob.room, err = k.bob.Create(t.Context(), "Secure", nil)
	must(t, err)
	k.link = linkOf(t, k.bob.room)
	k.bob.listen()
	k.others.Go(k.talk)
	k.others.Go(k.comeAndGo)
	t.Cleanup(func() { k.end(); k.desks.Wait() })
	return k
}

// end has bob and carol stop.
func (k *killing) end() {
	k.mu.Lock()
	select {
	case <-k.stop:
	default:
		close(k.stop)
	}
	k.mu.Unlock()
	k.others.Wait()
}

func (k *killing) over() bool {
	select {
	case <-k.stop:
		return true
	default:
		return false
	}
}

// talk is what bob does once alice is in: he sends, a few messages ahead of what
// she was shown.
func (k *killing) talk() {
	ctx := context.Background()
	for !k.over() {
		k.mu.Lock()
		heard := k.heard
		k.mu.Unlock()
		if k.bobSaid > heard+4 || !slices.ContainsFunc(k.bob.room.Members(), func(p e2ee.Person) bool { return p.Name == "alice" }) {
			time.Sleep(time.Millisecond)
			continue
		}
		if _, err := k.bob.room.Send(ctx, numbered("bob", k.bobSaid+1, 1<<10)); err != nil {
			k.t.Errorf("bob: %v", err)
			return
		}
		k.bobSaid++
	}
}

// comeAndGo is what carol does: each time somebody has to let her in, and to
// change the keys when she is gone.
func (k *killing) comeAndGo() {
	for !k.over() {
		if err := k.visit(); err != nil {
			k.t.Errorf("carol: %v", err)
			return
		}
		time.Sleep(time.Second / 2) // between them all can talk
	}
}

func (k *killing) visit() error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	r, err := k.carol.JoinLink(ctx, k.link, nil)
	if err != nil {
		return err
	}
	for ev, err := range r.Events(ctx) {
		if err != nil {
			return err
		}
		switch ev := ev.(type) {
		case e2ee.Entered:
			if err := r.Leave(ctx); err != nil {
				return err
			}
		case e2ee.Left:
			if ev.You {
				return k.carol.Forget(ctx, r)
			}
		}
	}
	return nil
}

// round is one life of alice's, and its end.
func (k *killing) round() {
	v := k.bear()
	k.await(v)
	_ = v.cmd.Process.Kill()
	_ = v.cmd.Wait()
	<-v.silent
	v.cancel()
	status, ok := v.cmd.ProcessState.Sys().(syscall.WaitStatus)
	if !ok || !status.Signaled() || status.Signal() != syscall.SIGKILL {
		k.t.Errorf("the victim ended by itself: %v; %s", v.cmd.ProcessState, v.stderr.String())
	}
	if reused := k.wire.twice(); len(reused) > 0 {
		k.t.Errorf("keys were used twice: %v", reused)
	}
	if k.t.Failed() {
		k.t.FailNow()
	}
	k.deaths[v.last]++
}

// await returns when a victim is to die: some time after it began to open its
// store, or had a client, or just when a frame of its arrived.
func (k *killing) await(v *victim) {
	after, most, frames := up, 40*time.Millisecond, 0
	switch k.rand.IntN(8) {
	case 0, 1:
		after = opening
	case 2:
		most *= 4
	case 3, 4, 5:
		most, frames = 3*time.Millisecond, 1+k.rand.IntN(4)
	}
	select {
	case <-v.reached[after]:
	case <-v.silent:
	case <-time.After(patience):
		k.t.Errorf("waited for %v: %s", patience, after)
	}
	enough, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	for range frames {
		select {
		case <-v.desk.appends:
		case <-enough.Done():
		}
	}
	time.Sleep(time.Duration(k.rand.Int64N(int64(most))))
}

// victim is a process that alice lives in.
type victim struct {
	cmd     *exec.Cmd
	desk    *Desk
	cancel  func()                   // ends what it subscribed to
	stderr  bytes.Buffer             // to be read when it is dead
	reached map[string]chan struct{} // closed when its diary says so
	silent  chan struct{}            // closed when its diary ends
	last    string                   // what its diary ends with, when silent
}

func (k *killing) bear() *victim {
	k.mu.Lock()
	spec, err := json.Marshal(life{k.path, k.generation, k.link, k.begun + 1, k.rand.IntN(8) == 0})
	k.mu.Unlock()
	must(k.t, err)
	self, err := os.Executable()
	must(k.t, err)
	v := &victim{cmd: exec.Command(self), silent: make(chan struct{})}
	v.reached = map[string]chan struct{}{opening: make(chan struct{}), up: make(chan struct{})}
	v.cmd.Env = append(os.Environ(), lifeEnv+"="+string(spec))
	v.cmd.Stderr = &v.stderr
	in, toVictim := k.pipe()
	fromVictim, out := k.pipe()
	diary, diaryOut := k.pipe()
	v.cmd.Stdin, v.cmd.Stdout, v.cmd.ExtraFiles = in, out, []*os.File{diaryOut}
	must(k.t, v.cmd.Start())
	for _, f := range []*os.File{in, out, diaryOut} {
		must(k.t, f.Close())
	}
	ctx, cancel := context.WithCancel(context.Background())
	v.desk, v.cancel = &Desk{k.wire, ctx, make(chan struct{}, 1)}, cancel
	server := rpc.NewServer()
	must(k.t, server.Register(v.desk))
	k.desks.Go(func() { server.ServeConn(line{fromVictim, toVictim}) })
	go k.follow(v, diary)
	return v
}

func (k *killing) pipe() (r, w *os.File) {
	r, w, err := os.Pipe()
	must(k.t, err)
	return r, w
}

// line is two pipes as one connection.
type line struct {
	*os.File
	to *os.File
}

func (l line) Write(b []byte) (int, error) { return l.to.Write(b) }
func (l line) Close() error                { return errors.Join(l.File.Close(), l.to.Close()) }

// follow reads a victim's diary.
func (k *killing) follow(v *victim, diary *os.File) {
	defer close(v.silent)
	defer diary.Close()
	first := true // of the events
	for r := bufio.NewReader(diary); ; {
		raw, err := r.ReadBytes('\n')
		if err != nil {
			return // what stands in raw was not written to its end
		}
		var e entry
		if err := json.Unmarshal(raw, &e); err != nil {
			k.t.Errorf("diary: %v", err)
			return
		}
		v.last = e.What
		if c := v.reached[e.What]; c != nil {
			close(c)
		}
		if e.What == shown {
			k.show(e.Event, first)
			first = false
			continue
		}
		k.learn(e)
	}
}

func (k *killing) learn(e entry) {
	k.mu.Lock()
	defer k.mu.Unlock()
	switch e.What {
	case opening:
	case up:
		k.existed = true
	case created:
		if k.existed {
			k.t.Error("the store is gone")
		}
	case committed:
		if e.Generation <= k.generation {
			k.t.Errorf("generation %d after %d", e.Generation, k.generation)
		}
		k.generation = e.Generation
	case saying:
		k.begun = e.N
	case said:
		k.said[e.N] = e.ID
	default:
		k.t.Error(e.What)
	}
}

// show takes note of an event that was not shown before.
func (k *killing) show(raw json.RawMessage, first bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if first {
		k.told.begin()
	}
	k.told.add(bytes.Clone(raw))
	for _, raw := range k.told.all[len(k.events):] {
		k.learnOf(raw)
	}
}

func (k *killing) learnOf(raw json.RawMessage) {
	ev, err := e2ee.ParseEvent(raw)
	if err != nil {
		k.t.Errorf("%s: %v", raw, err)
	}
	k.events = append(k.events, ev)
	if w, ok := ev.(e2ee.Warning); ok { // said now: it may be why nothing goes on
		k.t.Errorf("alice is warned: %v", w.Reason)
	}
	if m, ok := ev.(e2ee.Message); ok {
		_, k.heard = numberOf(m.Text)
	}
}

// settle has alice live on in this process, unharmed, twice: the second time on
// the store that the first closed.
func (k *killing) settle() {
	k.end()
	for range 2 {
		store, err := keystore.Open(k.path, killKey, &keystore.Options{MinGeneration: k.generation})
		must(k.t, err)
		alice, err := e2ee.NewClient(k.t.Context(), aliceOn(store, k.wire, k.wire))
		must(k.t, err)
		k.t.Cleanup(func() { _ = alice.Close() })
		r, err := enter(k.t.Context(), alice, k.link)
		must(k.t, err)
		done := make(chan error, 1)
		go func() { done <- k.watch(r) }()
		k.farewell(r)
		must(k.t, alice.Close())
		if err := <-done; !errors.Is(err, e2ee.ErrClosed) {
			k.t.Errorf("events end with %v", err)
		}
		generation := store.Generation()
		must(k.t, store.Close())
		if generation < k.generation {
			k.t.Errorf("generation %d after %d", generation, k.generation)
		}
		k.generation = generation
	}
}

func (k *killing) watch(r *e2ee.Room) error {
	first := true
	for ev, err := range r.Events(context.Background()) {
		if err != nil {
			return err
		}
		raw, err := e2ee.MarshalEvent(ev)
		if err != nil {
			return err
		}
		k.show(raw, first)
		first = false
	}
	return nil
}

// farewell has alice and bob say something and hear it.
func (k *killing) farewell(r *e2ee.Room) {
	k.begun++
	id, err := r.Send(k.t.Context(), numbered("alice", k.begun, 20<<10))
	must(k.t, err)
	k.said[k.begun] = id
	// Whoever is not in when bob speaks is not to hear it.
	soon(k.t, "alice is in", func() bool {
		return slices.ContainsFunc(k.bob.room.Members(), func(p e2ee.Person) bool { return p.Name == "alice" })
	})
	k.bobSaid++
	_, err = k.bob.room.Send(k.t.Context(), numbered("bob", k.bobSaid, 1<<10))
	must(k.t, err)
	soon(k.t, "bob hears alice", func() bool {
		return slices.ContainsFunc(all[e2ee.Message](k.bob.heard()), func(m e2ee.Message) bool { return m.ID == id })
	})
	soon(k.t, "alice hears bob", func() bool {
		k.mu.Lock()
		defer k.mu.Unlock()
		return k.heard == k.bobSaid
	})
	soon(k.t, "alice's came back", func() bool {
		k.mu.Lock()
		defer k.mu.Unlock()
		return slices.Contains(all[e2ee.Sent](k.events), e2ee.Sent{ID: id})
	})
	mine, err := r.Authenticator()
	must(k.t, err)
	if theirs, err := k.bob.room.Authenticator(); err != nil || mine != theirs {
		k.t.Errorf("authenticators differ (%v)", err)
	}
}

func (k *killing) judge() {
	fromAlice, fromBob := all[e2ee.Message](k.bob.heard()), all[e2ee.Message](k.events)
	missing := maps.Clone(k.said)
	last := 0
	var ids []e2ee.Sent
	for _, m := range fromAlice {
		name, n := numberOf(m.Text)
		if id, ok := k.said[n]; name != "alice" || n <= last || n > k.begun || ok && id != m.ID || !bytes.Equal(m.Text, numbered("alice", n, 20<<10)) {
			k.t.Errorf("bob hears %s's message %d under %v, after %d; Send's ID is %v", name, n, m.ID, last, id)
		}
		last = n
		delete(missing, n)
		ids = append(ids, e2ee.Sent{ID: m.ID})
	}
	if len(missing) > 0 {
		k.t.Errorf("bob never hears %v, of %d", slices.Sorted(maps.Keys(missing)), len(k.said))
	}
	if sent := all[e2ee.Sent](k.events); !slices.Equal(sent, ids) {
		k.t.Errorf("alice has %d Sent for %d messages, or others, or in another order", len(sent), len(ids))
	}
	for i, m := range fromBob {
		if !bytes.Equal(m.Text, numbered("bob", i+1, 1<<10)) {
			name, n := numberOf(m.Text)
			k.t.Fatalf("alice hears %s's message %d in place of %d", name, n, i+1)
		}
	}
	if len(fromBob) != k.bobSaid {
		k.t.Errorf("alice hears %d messages of %d", len(fromBob), k.bobSaid)
	}
	k.onlyGood("alice", k.events)
	k.onlyGood("bob", k.bob.heard())
	if reused := k.wire.twice(); len(reused) > 0 {
		k.t.Errorf("keys were used twice: %v", reused)
	}
	k.t.Logf("%d of alice's %d messages were said, %d of those that were not arrived; %d of bob's", len(k.said), k.begun, len(ids)-len(k.said), k.bobSaid)
}

// harmless are the reasons why a frame is void that arrived twice, or that a
// Leave or a commit had overtaken.
var harmless = []error{e2ee.ErrReplay, group.ErrEpoch, group.ErrJoinUsed, group.ErrUnserved}

// onlyGood holds that nothing was seen that a kill must not make.
func (k *killing) onlyGood(name string, events []e2ee.Event) {
	for _, ev := range events {
		switch ev := ev.(type) {
		case e2ee.Entered, e2ee.Waiting, e2ee.Message, e2ee.Sent, e2ee.Joined:
		case e2ee.Left:
			if ev.Who.Name == "carol" {
				continue
			}
			k.t.Errorf("%s is told that %s left", name, ev.Who.Name)
		case e2ee.Refused:
			if !slices.ContainsFunc(harmless, func(reason error) bool { return errors.Is(ev.Reason, reason) }) {
				k.t.Errorf("%s hears %+v", name, ev)
			}
		default:
			k.t.Errorf("%s hears %T %+v", name, ev, ev)
		}
	}
	if n := len(all[e2ee.Entered](events)); n != 1 && name == "alice" {
		k.t.Errorf("alice enters %d times", n)
	}
}
