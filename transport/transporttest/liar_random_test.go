package transporttest_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-e2ee/parley/transport"
	tt "github.com/parley-e2ee/parley/transport/transporttest"
)

var people = []string{"alice", "bob", "carol"}

// play asks the same of a relay each time, and returns everything it said.
func play(t *testing.T, script tt.Script) (transcript []string, deeds []tt.Deed) {
	t.Helper()
	m := tt.Misbehave(transport.NewMemory(nil), script)
	for i := range 30 {
		for _, who := range people {
			for _, room := range []string{"one", "two"} {
				transcript = append(transcript, appends(t, m.For(who), room, fmt.Sprint(who, i)))
			}
			if i%5 == 0 {
				_ = m.For(who).Publish(t.Context(), "id:"+who, fmt.Append(nil, "bundle", i))
			}
			transcript = append(transcript, bundle(t, m.For("alice"), "id:"+who), head(t, m.For(who), "one"))
		}
	}
	for range 3 {
		for _, who := range people {
			transcript = append(transcript, shown(t, m.For(who), "one", 0), shown(t, m.For(who), "two", 3))
		}
	}
	return transcript, m.Deeds()
}

func steps(deeds []tt.Deed) (s tt.Script) {
	for _, d := range deeds {
		s = append(s, d.Step)
	}
	return s
}

// TestSeedRepeats holds that a seed and the same calls do the same, another
// seed something else, and that the deeds are a script that does it again.
func TestSeedRepeats(t *testing.T) {
	for _, acts := range [][]tt.Step{tt.Faults(), tt.Lies(), everyAct()} {
		for seed := range uint64(5) {
			synctest.Test(t, func(t *testing.T) {
				script := tt.Random(seed, 0.05, acts...)
				first, deeds := play(t, script)
				again, same := play(t, script)
				if !slices.Equal(first, again) || fmt.Sprint(deeds) != fmt.Sprint(same) {
					t.Errorf("seed %d does not repeat:\n%v\n%v", seed, deeds, same)
				}
				if other, _ := play(t, tt.Random(seed+100, 0.05, acts...)); slices.Equal(first, other) {
					t.Errorf("seeds %d and %d do the same", seed, seed+100)
				}
				if len(deeds) < 20 {
					t.Errorf("only %d deeds", len(deeds))
				}
			})
		}
	}
}

// TestDeedsRepeat runs what was done as a script of its own.
func TestDeedsRepeat(t *testing.T) {
	for seed := range uint64(10) {
		synctest.Test(t, func(t *testing.T) {
			first, deeds := play(t, tt.Random(seed, 0.02, everyAct()...))
			again, same := play(t, steps(deeds))
			if !slices.Equal(first, again) {
				for i := range first {
					if first[i] != again[i] {
						t.Errorf("seed %d: %q is %q the second time; deeds\n%v\nand\n%v", seed, first[i], again[i], deeds, same)
						return
					}
				}
			}
		})
	}
}

// TestDrawsAreIndependent has each person do its own, in another order.
func TestDrawsAreIndependent(t *testing.T) {
	ends := make([]string, 2)
	for i := range ends {
		m := tt.Misbehave(transport.NewMemory(nil), tt.Random(3, 0.3, tt.Step{Do: tt.Refuse(nil)}))
		said := make(map[string][]string)
		for n := range 40 {
			for j := range people {
				who := people[j]
				if i == 1 { // all of one before the next
					who = people[(n*len(people)+j)/40]
				}
				said[who] = append(said[who], strings.ReplaceAll(appends(t, m.For(who), "room", "x"), "misbehaved", "M")[:1])
			}
		}
		for _, who := range people {
			for n, s := range said[who] {
				if s != "M" {
					said[who][n] = "-"
				}
			}
		}
		ends[i] = fmt.Sprint(said)
	}
	if ends[0] != ends[1] {
		t.Errorf("%s\n%s", ends[0], ends[1])
	}
}

func TestChance(t *testing.T) {
	m := tt.Misbehave(transport.NewMemory(nil), tt.Random(1, 0.5, tt.Step{Chance: 0.5, Do: tt.Drop()}))
	for range 1000 {
		appends(t, m.For("alice"), "room", "x")
	}
	if n := len(m.Deeds()); n < 200 || n > 300 {
		t.Errorf("done %d times of 1000 with a chance of a quarter", n)
	}
}

// TestDeedsAreGo prints scripts as they are written.
func TestDeedsAreGo(t *testing.T) {
	m := tt.Misbehave(transport.NewMemory(nil), tt.Script{
		{By: "alice", Nth: 1, Do: tt.Flip(-1)}, {To: tt.Anyone, Do: tt.Inject([]byte("a\n"))}, {Nth: 2, Do: tt.Refuse(errTest)},
		{Name: "id:bob", Do: tt.Drop()}, {Do: tt.SayHead(7)}, {To: "bob", Nth: 1, Do: tt.Break(&transport.TruncatedError{First: 4})},
	})
	appends(t, m.For("alice"), "room", "", "x")
	head(t, m.For("bob"), "room")
	bundle(t, m.For("carol"), "id:bob")
	want := []string{
		`{By: "alice", Room: "room", Nth: 2, Do: Refuse(errors.New("test: an error"))}`,
		`{To: "alice", Room: "room", Nth: 1, Do: Inject([]byte("a\n"))}`,
		`{To: "bob", Room: "room", Nth: 1, Do: Inject([]byte("a\n"))}`,
		`{To: "bob", Room: "room", Nth: 1, Do: Break(&transport.TruncatedError{First: 4})}`,
		`{To: "bob", Room: "room", Nth: 1, Do: SayHead(7)}`,
		`{To: "carol", Name: "id:bob", Nth: 1, Do: Drop()}`,
	}
	var got []string
	for _, d := range m.Deeds() {
		got = append(got, d.String())
	}
	slices.Sort(got)
	slices.Sort(want)
	if !reflect.DeepEqual(got, want) {
		t.Errorf("deeds are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	s := tt.Step{From: 1, Until: 2, Times: 3, Seed: 4, Chance: 0.5, If: func([]byte) bool { return true }, Do: tt.Garbage(5)}
	expect(t, "a step", s.String(), `{From: 1, Until: 2, Times: 3, Seed: 4, If: ..., Chance: 0.5, Do: Garbage(5)}`)
}

// TestManyAtOnce has everybody do everything at the same time.
func TestManyAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := tt.Misbehave(transport.NewMemory(nil), tt.Random(1, 0.1, everyAct()...))
		var all sync.WaitGroup
		for _, who := range people {
			v := m.For(who)
			for range 3 {
				all.Go(func() {
					for i := range 30 {
						appends(t, v, "one", fmt.Sprint(i))
						appends(t, v, "two", fmt.Sprint(i))
						head(t, v, "one")
						_ = v.Publish(t.Context(), "id:"+who, []byte(who))
						bundle(t, v, "id:"+who)
					}
				})
				all.Go(func() {
					for range 3 {
						shown(t, v, "one", 0)
					}
				})
			}
		}
		all.Go(func() {
			for range 10 {
				m.Deeds()
				m.Seen("one")
				m.Do(tt.Step{To: "bob", Times: 1, Do: tt.Fork("late")})
				_ = m.Inject(t.Context(), "bob", "two", []byte("x"))
				time.Sleep(time.Second)
			}
		})
		all.Wait()
		m.Behave()
		// Whatever was shown to whom, what is new is shown to all.
		appends(t, m.For("alice"), "one", "the end")
		for _, who := range people {
			if got := shown(t, m.For(who), "one", 0); !strings.HasSuffix(got, ":the end") {
				t.Errorf("%s is not shown the end: %s", who, got)
			}
		}
	})
}
