package interop_test

import (
	"crypto/ed25519"
	"fmt"
	"maps"
	"runtime"
	"testing"
	"time"

	"github.com/parley-e2ee/parley/e2ee/group"
	"github.com/parley-e2ee/parley/internal/keysource/keytest"
)

// benchNow is the time in the rooms of the benchmarks, which do not wait.
var benchNow = time.Unix(1_800_000_000, 0)

// actor is a member that can act, and what it stored.
type actor struct {
	*group.Member
	id     group.Identity
	stored [2]group.Records
}

func newIdentity(name string) group.Identity {
	return must(group.NewIdentity(name, ed25519.NewKeyFromSeed(randomBytes(ed25519.SeedSize))))
}

func newActor(id group.Identity, m *group.Member) *actor {
	return &actor{m, id, [2]group.Records{{}, {}}}
}

func (a *actor) save() {
	public, secret := a.Changes()
	for i, changes := range []group.Records{public, secret} {
		maps.Copy(a.stored[i], changes)
		maps.DeleteFunc(a.stored[i], func(_ string, value []byte) bool { return value == nil })
	}
}

func (a *actor) restored() *group.Member {
	return must(group.RestoreMember(a.id, a.stored[0], a.stored[1]))
}

func (a *actor) follow(frames ...[]byte) {
	a.read(frames...)
	a.save()
}

// apply is follow for members that are not restored: it forgets what there is to
// store.
func (a *actor) apply(frames ...[]byte) {
	a.read(frames...)
	a.Changes()
}

func (a *actor) read(frames ...[]byte) {
	a.ApplyAll(frames, benchNow, func(_ int, events []group.Event, void error) bool {
		must(events, void)
		return true
	})
}

// benchRoom has n members, of whom alice and bob can act.
type benchRoom struct {
	alice, bob *actor
	log        [][]byte // until the last member is in
	late       *actor   // the last member; it stored what it was when it had sent its Join
	lateAt     int      // where in the log that Join is

	live, restored, committing uint64 // bytes of the heap that bob holds
}

// benchRooms are made when first asked for: a room of 256 takes seconds.
var benchRooms = make(map[int]*benchRoom)

func roomOf(tb testing.TB, n int) *benchRoom {
	if benchRooms[n] == nil {
		benchRooms[n] = newRoom(tb, n)
	}
	return benchRooms[n]
}

func newRoom(tb testing.TB, n int) *benchRoom {
	keytest.Use(tb)
	alice := newIdentity("alice")
	r := &benchRoom{alice: newActor(alice, must(group.Create(alice, "Secure", group.Open)))}
	r.post(r.alice.Unechoed()...)
	r.bob = r.admit("bob")
	r.bob.save()
	if n > 2 {
		r.crowd(n - 3)
		r.late = r.admit("late")
	}
	if got := len(r.alice.Public().Roster()); got != n || r.bob.Status() != group.Active {
		tb.Fatalf("%d members, want %d; bob is %v", got, n, r.bob.Status())
	}
	r.weigh()
	return r
}

// post appends to the log while the room is made.
func (r *benchRoom) post(frames ...[]byte) {
	r.log = append(r.log, frames...)
	r.follow(frames...)
}

// follow lets those who act read.
func (r *benchRoom) follow(frames ...[]byte) {
	for _, a := range []*actor{r.alice, r.bob} {
		if a != nil {
			a.follow(frames...)
		}
	}
}

// commit makes the frame of a commit by alice, which nobody has read.
func (r *benchRoom) commit(changes group.Changes) []byte {
	check(r.alice.Commit(changes, benchNow, nil))
	return r.alice.Unechoed()[0]
}

// admit brings in somebody who reads the whole log.
func (r *benchRoom) admit(name string) *actor {
	id := newIdentity(name)
	a := newActor(id, must(group.Enter(id, r.alice.Public().RoomID(), nil)))
	a.read(r.log...)
	check(a.Join(benchNow.Add(time.Hour)))
	a.save()
	r.lateAt = len(r.log)
	r.post(a.Unechoed()...)
	r.post(r.commit(group.Changes{}))
	a.read(r.log[r.lateAt:]...)
	return a
}

// crowd adds n members who are gone once their Join is posted. One scout reads the
// log for all of them.
func (r *benchRoom) crowd(n int) {
	room := r.alice.Public().RoomID()
	id := newIdentity("scout")
	scout, read := newActor(id, must(group.Enter(id, room, nil))), 0
	for i := 0; i < n; {
		scout.follow(r.log[read:]...)
		read = len(r.log)
		for served := 0; i < n && served < group.MaxAdds; i, served = i+1, served+1 {
			id := newIdentity(fmt.Sprintf("member %d", i))
			_, secret := must(group.Enter(id, room, nil)).Changes()
			m := must(group.RestoreMember(id, scout.stored[0], secret))
			check(m.Join(benchNow.Add(time.Hour)))
			r.post(m.Unechoed()...)
		}
		r.post(r.commit(group.Changes{}))
	}
}

// weigh finds what bob holds of the heap: as the member that read the log, as one
// restored from what it stored, and with a commit under way, when the keys of all
// leaves are parsed.
func (r *benchRoom) weigh() {
	before := heap()
	r.bob.Member = nil
	without := heap()
	r.bob.Member = r.bob.restored()
	r.live, r.restored = before-without, heap()-without
	check(r.bob.Commit(group.Changes{Rekey: true}, benchNow, nil))
	r.committing = heap() - without
	r.bob.Member = r.bob.restored()
}

// heap is how many bytes are reachable.
func heap() uint64 {
	var stats runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
