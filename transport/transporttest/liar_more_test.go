package transporttest_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-e2ee/parley/transport"
	tt "github.com/parley-e2ee/parley/transport/transporttest"
)

// TestWhatIsCounted holds what Nth counts: appends of everybody unless By names
// somebody, and each reader's own look-ups.
func TestWhatIsCounted(t *testing.T) {
	inBubble(t, "counts", func(t *testing.T) {
		m := tt.Misbehave(transport.NewMemory(nil), tt.Script{
			{Nth: 3, Do: tt.Drop()}, {By: "bob", Nth: 2, Do: tt.Flip(0)}, {Name: tt.Anyone, Nth: 1, Do: tt.Drop()},
		})
		for _, payload := range []string{"1", "2"} {
			appends(t, m.For("alice"), "room", "a"+payload)
			appends(t, m.For("bob"), "room", "b"+payload)
		}
		expect(t, "carol", shown(t, m.For("carol"), "room", 0), "1:a1 2:b1 3:c2")
		if err := m.Publish(t.Context(), "id:bob", []byte("b")); err != nil {
			t.Error(err)
		}
		for _, who := range people {
			expect(t, who, bundle(t, m.For(who), "id:bob"), "transport: not found")
			expect(t, who, bundle(t, m.For(who), "id:bob"), "b")
		}
	})
}

// TestStepsFollowEachOther has a step see what the one before made.
func TestStepsFollowEachOther(t *testing.T) {
	inBubble(t, "steps", func(t *testing.T) {
		m := tt.Misbehave(transport.NewMemory(nil), tt.Script{
			{Nth: 2, Do: tt.Replace([]byte("z"))},
			{If: func(p []byte) bool { return string(p) == "z" }, Do: tt.Duplicate()},
		})
		appends(t, m, "room", "a", "b", "c")
		expect(t, "bob", shown(t, m.For("bob"), "room", 0), "1:a 2:z 3:z 4:c")
	})
}

// TestOldBundles replays by the order in which bundles were published, however
// often they were looked up.
func TestOldBundles(t *testing.T) {
	m := tt.Misbehave(transport.NewMemory(nil), nil)
	for _, b := range []string{"one", "two", "three"} {
		if err := m.Publish(t.Context(), "id:bob", []byte(b)); err != nil {
			t.Error(err)
		}
		bundle(t, m, "id:bob")
		bundle(t, m, "id:bob")
	}
	m.Do(tt.Step{To: "alice", Name: "id:bob", Do: tt.Replay(1)})
	expect(t, "alice", bundle(t, m.For("alice"), "id:bob"), "two")
}

// TestDrawsOfNames gives each name of a directory its own.
func TestDrawsOfNames(t *testing.T) {
	m := tt.Misbehave(transport.NewMemory(nil), tt.Random(1, 0.5, tt.Step{Name: tt.Anyone, Do: tt.Refuse(nil)}))
	var said [2]string
	for i := range said {
		for range 40 {
			said[i] += bundle(t, m, fmt.Sprint("id:", i))[:1]
		}
	}
	if said[0] == said[1] {
		t.Error("two names have the same draws")
	}
}

// TestCopiesToADrawnRoom copies to any room but its own.
func TestCopiesToADrawnRoom(t *testing.T) {
	inBubble(t, "copies", func(t *testing.T) {
		relay := transport.NewMemory(nil)
		m := tt.Misbehave(relay, nil)
		rooms := []string{"one", "two", "three"}
		for _, room := range rooms {
			appends(t, m, room, "x")
		}
		m.Do(tt.Step{Room: "two", Do: tt.Copy("")})
		for range 20 {
			appends(t, m, "two", "y")
		}
		expect(t, "its own", head(t, relay, "two"), "21")
		if a, b := head(t, relay, "one"), head(t, relay, "three"); len(m.Deeds()) != 20 || a == "1" || b == "1" {
			t.Errorf("%d copies: the others have %s and %s", len(m.Deeds()), a, b)
		}
	})
}

// TestSubscriptionsWake has bob wait, and something come that is not a frame of
// the log.
func TestSubscriptionsWake(t *testing.T) {
	for name, c := range map[string]struct {
		script tt.Script
		do     func(t *testing.T, m *tt.Liar)
		want   string
	}{
		"Behave shows a hole": {tt.Script{{To: "bob", Nth: 2, Do: tt.Skip()}}, func(_ *testing.T, m *tt.Liar) { m.Behave() }, "1:a 2:b"},
		"Behave lets go":      {tt.Script{{To: "bob", Nth: 2, Do: tt.Hold(9)}}, func(_ *testing.T, m *tt.Liar) { m.Behave() }, "1:a 2:b"},
		"a frame of the branch": {tt.Script{{To: "bob", Nth: 2, Do: tt.Fork("b")}, {To: "carol", Nth: 2, Do: tt.Fork("b")}}, func(t *testing.T, m *tt.Liar) {
			appends(t, m.For("carol"), "room", "c")
		}, "1:a 2:c"},
		"a copy for him": {tt.Script{{To: "bob", Room: "other", Do: tt.Copy("room")}}, func(t *testing.T, m *tt.Liar) {
			appends(t, m.For("alice"), "other", "o")
			shown(t, m.For("bob"), "other", 0)
		}, "1:a 2:b 3:o"},
	} {
		inBubble(t, name, func(t *testing.T) {
			m := tt.Misbehave(transport.NewMemory(nil), c.script)
			appends(t, m.For("alice"), "room", "a", "b")
			got := make(chan string)
			go func() { got <- shown(t, m.For("bob"), "room", 0) }()
			synctest.Wait()
			time.Sleep(time.Nanosecond)
			c.do(t, m)
			// shown reads for an hour.
			expect(t, "bob", <-got, c.want)
		})
	}
}

// TestBehaveAfterTheFact changes nothing of what was stored before, though bob
// reads it later, and lets a frame go only once.
func TestBehaveAfterTheFact(t *testing.T) {
	inBubble(t, "behave", func(t *testing.T) {
		m := tt.Misbehave(transport.NewMemory(nil), tt.Script{{To: "bob", Nth: 1, Do: tt.Drop()}, {By: "alice", Nth: 2, Do: tt.Hold(2)}})
		appends(t, m.For("alice"), "room", "a", "b", "c")
		m.Behave()
		appends(t, m.For("alice"), "room", "d", "e")
		expect(t, "bob", shown(t, m.For("bob"), "room", 0), "1:c 2:b 3:d 4:e")
		expect(t, "carol", shown(t, m.For("carol"), "room", 0), "1:a 2:c 3:b 4:d 5:e")
	})
}

// TestInjectIsADeed: what a test puts in, its Deed puts at the same place.
func TestInjectIsADeed(t *testing.T) {
	for _, who := range []string{"", "bob"} {
		for before := range 3 {
			inBubble(t, fmt.Sprintf("%q before %d", who, before), func(t *testing.T) {
				first := tt.Misbehave(transport.NewMemory(nil), nil)
				bob := first.For("bob")
				for i, payload := range []string{"a", "b", "c"} {
					if i == before {
						if err := first.Inject(t.Context(), who, "room", []byte("X")); err != nil {
							t.Fatal(err)
						}
					}
					appends(t, first.For("alice"), "room", payload)
				}
				var script tt.Script
				for _, deed := range first.Deeds() {
					script = append(script, deed.Step)
				}
				again := tt.Misbehave(transport.NewMemory(nil), script)
				appends(t, again.For("alice"), "room", "a", "b", "c")
				expect(t, "bob's log", shown(t, again.For("bob"), "room", 0), shown(t, bob, "room", 0))
			})
		}
	}
}

// TestForkComesFirst: what else would be done to a frame that forks a reader is
// not done, and is no Deed.
func TestForkComesFirst(t *testing.T) {
	inBubble(t, "before and after", func(t *testing.T) {
		relay := tt.Misbehave(transport.NewMemory(nil), tt.Script{
			{To: "bob", Nth: 2, Do: tt.Drop()},
			{To: "bob", Nth: 2, Times: 1, Do: tt.Inject([]byte("X"))},
			{To: "bob", Nth: 2, Do: tt.Fork("b")},
			{To: "bob", Nth: 2, Do: tt.Duplicate()},
		})
		appends(t, relay.For("alice"), "room", "a", "b")
		expect(t, "bob's log", shown(t, relay.For("bob"), "room", 0), "1:a")
		expect(t, "deeds", fmt.Sprint(relay.Deeds()), `[{To: "bob", Room: "room", Nth: 2, Do: Fork("b")}]`)
	})
}

// TestReplayInABranch: who is forked is shown frames of its own history again.
func TestReplayInABranch(t *testing.T) {
	inBubble(t, "replay", func(t *testing.T) {
		relay := tt.Misbehave(transport.NewMemory(nil), tt.Script{
			{To: "bob", Do: tt.Fork("b")}, {By: "bob", Nth: 2, Do: tt.Replay(0)},
		})
		appends(t, relay.For("alice"), "room", "a")
		appends(t, relay.For("bob"), "room", "b", "c")
		expect(t, "bob's log", shown(t, relay.For("bob"), "room", 0), "1:b 2:c 3:b")
	})
}
