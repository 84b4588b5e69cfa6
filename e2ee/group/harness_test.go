package group_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/parley-e2ee/parley/e2ee/group"
	"github.com/parley-e2ee/parley/internal/keysource/keytest"
)

func TestMain(m *testing.M) {
	keytest.UsePool()
	os.Exit(m.Run())
}

// epochStart is the time of every test that does not move it.
var epochStart = time.Unix(1_800_000_000, 0)

// world is a log and the members who read it.
type world struct {
	t       testing.TB
	now     time.Time
	log     [][]byte
	members map[string]*reader
}

// reader is a member with what its application saw.
type reader struct {
	*group.Member
	id     group.Identity
	at     int // frames read
	events []group.Event
	errs   []error
	stored [2]group.Records
}

func newWorld(t testing.TB) *world {
	return &world{t: t, now: epochStart, members: make(map[string]*reader)}
}

func identity(t testing.TB, name string) group.Identity {
	t.Helper()
	_, key, err := ed25519.GenerateKey(nil)
	must(t, err)
	id, err := group.NewIdentity(name, key)
	must(t, err)
	identitySeeds.Store(id.Public(), key.Seed())
	return id
}

// identitySeeds are the secrets behind the identities of the tests.
var identitySeeds sync.Map

func identitySeed(k group.IdentityKey) []byte {
	seed, _ := identitySeeds.Load(k)
	return seed.([]byte)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantErr(t testing.TB, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("got error %v, want %v", err, want)
	}
}

// create starts a room with one member.
func (w *world) create(name string, mode group.Admission) *reader {
	w.t.Helper()
	id := identity(w.t, name)
	m, err := group.Create(id, "Secure", mode)
	must(w.t, err)
	r := w.enter(id, m)
	w.flush(r)
	w.read()
	return r
}

func (w *world) enter(id group.Identity, m *group.Member) *reader {
	r := &reader{Member: m, id: id, stored: [2]group.Records{{}, {}}}
	w.members[id.Name()] = r
	return r
}

// newcomer is somebody who has read the log and is no member.
func (w *world) newcomer(name string, link *group.Invitation) *reader {
	w.t.Helper()
	id := identity(w.t, name)
	m, err := group.Enter(id, w.anyone().Public().RoomID(), link)
	must(w.t, err)
	r := w.enter(id, m)
	w.readOne(r)
	return r
}

// join brings a newcomer in, served by server.
func (w *world) join(name string, server *reader, link *group.Invitation) *reader {
	w.t.Helper()
	r := w.newcomer(name, link)
	must(w.t, r.Join(w.now.Add(time.Hour)))
	w.flush(r)
	w.read()
	w.commit(server, group.Changes{})
	if r.Status() != group.Active {
		w.t.Fatalf("%s is %v after the commit", name, r.Status())
	}
	return r
}

func (w *world) commit(r *reader, c group.Changes) {
	w.t.Helper()
	must(w.t, r.Commit(c, w.now, nil))
	w.flush(r)
	w.read()
}

func (w *world) anyone() *reader {
	for _, r := range w.members {
		return r
	}
	return nil
}

// flush appends what a member has to send.
func (w *world) flush(r *reader) {
	r.save()
	w.log = append(w.log, r.Unechoed()...)
}

// read lets everybody read to the end of the log.
func (w *world) read() {
	for _, r := range w.members {
		w.readOne(r)
	}
}

func (w *world) readOne(r *reader) {
	for r.at < len(w.log) {
		w.step(r)
	}
	r.save()
}

// step applies one frame from memory that is used for something else after.
func (w *world) step(r *reader) {
	frame := bytes.Clone(w.log[r.at])
	events, err := r.Apply(frame, w.now)
	for i := range frame {
		frame[i] ^= 0xff
	}
	r.at++
	r.events = append(r.events, events...)
	r.errs = append(r.errs, err)
}

// put appends frames from anybody, and lets everybody read them.
func (w *world) put(frames ...[]byte) {
	w.log = append(w.log, frames...)
	w.read()
}

// save keeps the changed records as a store would.
func (r *reader) save() {
	public, secret := r.Changes()
	for i, changes := range []group.Records{public, secret} {
		for name, value := range changes {
			if value == nil {
				delete(r.stored[i], name)
			} else {
				r.stored[i][name] = append([]byte(nil), value...)
			}
		}
	}
}

// restart forgets what is in memory.
func (w *world) restart(r *reader) {
	w.t.Helper()
	complete(w.t, r)
	m, err := group.RestoreMember(r.id, maps.Clone(r.stored[0]), maps.Clone(r.stored[1]))
	must(w.t, err)
	r.Member = m
}

// send seals texts in one frame and lets everybody read it.
func (w *world) send(r *reader, texts ...string) {
	w.t.Helper()
	var queue []group.AppMessage
	for _, text := range texts {
		queue = append(queue, group.AppMessage{ID: messageID(), Kind: 1, Text: []byte(text)})
	}
	n, err := r.Seal(queue, w.now)
	must(w.t, err)
	if n != len(queue) {
		w.t.Fatalf("sealed %d of %d", n, len(queue))
	}
	w.flush(r)
	w.read()
}

func messageID() (id group.MessageID) {
	rand.Read(id[:])
	return id
}

// texts are the messages that a member's application saw.
func (r *reader) texts() (out []string) {
	for _, ev := range r.events {
		if msg, ok := ev.(group.Received); ok {
			out = append(out, string(msg.Text))
		}
	}
	return out
}

// complete holds that what was stored, change by change, is the whole state.
func complete(t testing.TB, r *reader) {
	t.Helper()
	must(t, r.stale())
}

// stale names a record that the store holds otherwise than the member.
func (r *reader) stale() error {
	pub, secret := group.Dump(r.Member)
	for i, want := range []group.Records{pub, secret} {
		for name := range want {
			if !bytes.Equal(want[name], r.stored[i][name]) {
				return fmt.Errorf("%v: record %q is stale in the store", r.Member, name)
			}
		}
		for name, value := range r.stored[i] {
			if _, ok := want[name]; !ok && len(value) > 0 {
				return fmt.Errorf("%v: record %q should be gone from the store", r.Member, name)
			}
		}
	}
	return nil
}

// copyStore is what a backup of the store holds.
func (r *reader) copyStore() [2]group.Records {
	return [2]group.Records{maps.Clone(r.stored[0]), maps.Clone(r.stored[1])}
}

// rollBack puts an old copy of the store in place, and reads on from there.
func (w *world) rollBack(r *reader, stored [2]group.Records) {
	w.t.Helper()
	m, err := group.RestoreMember(r.id, stored[0], stored[1])
	must(w.t, err)
	r.Member, r.stored, r.at = m, stored, int(m.Public().Position())
	r.events, r.errs = nil, nil
}

// rejoin gets new keys for a member without.
func (w *world) rejoin(r, server *reader) {
	w.t.Helper()
	must(w.t, r.Join(w.now.Add(time.Hour)))
	w.flush(r)
	w.read()
	w.commit(server, group.Changes{})
	if r.Status() != group.Active {
		w.t.Fatalf("%v is %v after its rejoin", r, r.Status())
	}
}

// eventsOf are the events of one kind that a member's application saw.
func eventsOf[E group.Event](r *reader) (out []E) {
	for _, ev := range r.events {
		if e, ok := ev.(E); ok {
			out = append(out, e)
		}
	}
	return out
}

// lastOf is the last of them.
func lastOf[E group.Event](t testing.TB, r *reader) E {
	t.Helper()
	all := eventsOf[E](r)
	if len(all) == 0 {
		t.Fatalf("%v saw no %T among %v", r, *new(E), r.events)
	}
	return all[len(all)-1]
}

// none holds that there was no such event.
func none[E group.Event](t testing.TB, r *reader) {
	t.Helper()
	if all := eventsOf[E](r); len(all) > 0 {
		t.Fatalf("%v saw %#v", r, all)
	}
}

// wantTexts holds what a member's application was shown, in order.
func wantTexts(t testing.TB, r *reader, want ...string) {
	t.Helper()
	if got := r.texts(); !slices.Equal(got, want) {
		t.Fatalf("%v read %q, want %q", r, got, want)
	}
}

func lastErr(r *reader) error { return r.errs[len(r.errs)-1] }

func sameEpoch(t testing.TB, readers ...*reader) {
	t.Helper()
	first, err := readers[0].Authenticator()
	must(t, err)
	for _, r := range readers[1:] {
		got, err := r.Authenticator()
		must(t, err)
		if got != first {
			t.Fatalf("%v and %v differ", readers[0], r)
		}
	}
}
