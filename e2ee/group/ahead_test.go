package group_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/parley-e2ee/parley/e2ee/group"
)

// busyLog is a room's log with all kinds of frames, void ones between them, and
// what a silent member held when its first frames were read.
func busyLog(t *testing.T) (w *world, silent *reader, then [2]group.Records) {
	w = newWorld(t)
	alice := w.create("alice", group.Invite)
	link := must2(alice.Invitation())
	silent = w.join("silent", alice, link)
	bob := w.join("bob", alice, link)
	then = silent.copyStore()
	for i := range 4 {
		for j := range 6 {
			w.send(alice, fmt.Sprint("a", i, j))
			w.send(bob, fmt.Sprint("b", i, j))
		}
		w.commit(bob, group.Changes{NewKeys: true})
		w.send(bob, "under new keys")
		w.join(fmt.Sprint("guest ", i), alice, must2(alice.Invitation()))
	}
	late := w.newcomer("late", link)
	must(t, late.Join(w.now.Add(time.Hour)))
	tooLate := late.Unechoed()[0]
	guest := w.members["guest 1"]
	must(t, alice.Remove(must2(personOf(guest)).Membership, true))
	w.flush(alice)
	w.read()
	w.commit(bob, group.Changes{})
	for range 8 {
		w.put(tooLate) // on a link that has been rotated
		w.send(alice, "the last")
	}
	return w, silent, then
}

func personOf(r *reader) (group.Person, error) {
	p, ok := r.Self()
	if !ok {
		return p, errors.New("not in the roster")
	}
	return p, nil
}

// worn is the log with damaged, repeated and misplaced frames put in between.
func worn(log [][]byte, from int, r *rand.Rand) (out [][]byte) {
	for i, f := range log {
		for i >= from && r.IntN(3) == 0 {
			g := bytes.Clone(log[r.IntN(len(log))])
			if r.IntN(2) == 0 {
				g[r.IntN(len(g))] ^= 1 << r.IntN(8)
			}
			out = append(out, g)
		}
		out = append(out, f)
	}
	return out
}

type verdict struct {
	events []group.Event
	void   error
}

// TestApplyAll reads logs in batches, on one to four cores, and one by one.
func TestApplyAll(t *testing.T) {
	w, silent, then := busyLog(t)
	from := int(must2(group.RestoreMember(silent.id, then[0], then[1])).Public().Position())
	for seed := range uint64(8) {
		r := rand.New(rand.NewPCG(seed, 0))
		frames := worn(w.log, from, r)
		for name, fresh := range map[string]func() (*group.Member, [][]byte){
			"member": func() (*group.Member, [][]byte) {
				return must2(group.RestoreMember(silent.id, then[0], then[1])), frames[from:]
			},
			"newcomer": func() (*group.Member, [][]byte) {
				return must2(group.Enter(silent.id, silent.Public().RoomID(), nil)), frames
			},
		} {
			one, frames := fresh()
			var want []verdict
			for _, f := range frames {
				events, void := one.Apply(f, w.now)
				want = append(want, verdict{events, void})
			}
			for cores := 1; cores <= 4; cores++ {
				many, frames := fresh()
				got := applyAll(many, frames, cores, r, w.now)
				compareVerdicts(t, fmt.Sprint(name, ", seed ", seed, ", cores ", cores), got, want)
				if !reflect.DeepEqual(dump(many), dump(one)) {
					t.Errorf("%s: other state", name)
				}
			}
		}
	}
}

func applyAll(m *group.Member, frames [][]byte, cores int, r *rand.Rand, now time.Time) (out []verdict) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(cores))
	for len(frames) > 0 {
		n := 1 + r.IntN(min(len(frames), 40))
		batch := slices.Clone(frames[:n])
		stop := r.IntN(2 * n) // half of the time in the middle
		done := 0
		m.ApplyAll(batch, now, func(i int, events []group.Event, void error) bool {
			out = append(out, verdict{events, void})
			done = i + 1
			return i != stop
		})
		frames = frames[done:]
	}
	return out
}

func dump(m *group.Member) [2]group.Records {
	public, secret := group.Dump(m)
	return [2]group.Records{public, secret}
}

func compareVerdicts(t *testing.T, name string, got, want []verdict) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d frames, want %d", name, len(got), len(want))
	}
	for i := range want {
		if !errors.Is(got[i].void, want[i].void) || !reflect.DeepEqual(got[i].events, want[i].events) {
			t.Fatalf("%s: frame %d: %v %v, want %v %v", name, i, got[i].events, got[i].void, want[i].events, want[i].void)
		}
	}
}
