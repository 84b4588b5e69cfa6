package transporttest_test

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parley-e2ee/parley/transport"
	tt "github.com/parley-e2ee/parley/transport/transporttest"
)

func expect(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}

// TestForkedReaders has two readers in one branch and one in another.
func TestForkedReaders(t *testing.T) {
	inBubble(t, "fork", func(t *testing.T) {
		relay := transport.NewMemory(nil)
		m := tt.Misbehave(relay, tt.Script{
			{To: "bob", From: 3, Do: tt.Fork("b")},
			{To: "carol", From: 4, Do: tt.Fork("b")},
			{To: "dave", From: 3, Do: tt.Fork("d")},
		})
		expect(t, "alice", appends(t, m.For("alice"), "room", "a1", "a2", "a3", "a4"), "1 2 3 4")
		expect(t, "bob", appends(t, m.For("bob"), "room", "b1", "b2"), "3 4")
		// Carol has been shown frame 3 of the log, and then bob's two.
		expect(t, "carol", appends(t, m.For("carol"), "room", "c1"), "6")
		expect(t, "alice", appends(t, m.For("alice"), "room", "a5"), "5")
		for who, want := range map[string]string{
			"alice": "1:a1 2:a2 3:a3 4:a4 5:a5",
			"bob":   "1:a1 2:a2 3:b1 4:b2 5:c1",
			"carol": "1:a1 2:a2 3:a3 4:b1 5:b2 6:c1",
			"dave":  "1:a1 2:a2",
			"erin":  "1:a1 2:a2 3:a3 4:a4 5:a5",
		} {
			expect(t, who, shown(t, m.For(who), "room", 0), want)
		}
		expect(t, "bob after 3", shown(t, m.For("bob"), "room", 3), "4:b2 5:c1")
		expect(t, "carol's head", head(t, m.For("carol"), "room"), "6")
		expect(t, "the log", shown(t, relay, "room", 0), "1:a1 2:a2 3:a3 4:a4 5:a5")

		m.Behave()
		expect(t, "alice", appends(t, m.For("alice"), "room", "a6"), "6")
		expect(t, "bob", appends(t, m.For("bob"), "room", "b3"), "7")
		for who, want := range map[string]string{
			"alice": "1:a1 2:a2 3:a3 4:a4 5:a5 6:a6 7:b3",
			"bob":   "1:a1 2:a2 3:b1 4:b2 5:c1 6:a6 7:b3",
			"dave":  "1:a1 2:a2 3:a6 4:b3",
		} {
			expect(t, who+" after it behaves", shown(t, m.For(who), "room", 0), want)
		}
	})
}

// TestForkNow forks between two frames, by Do. Whoever is forked and writes
// first is not heard.
func TestForkNow(t *testing.T) {
	inBubble(t, "fork", func(t *testing.T) {
		m := tt.Misbehave(transport.NewMemory(nil), nil)
		appends(t, m.For("alice"), "room", "a1")
		m.Do(tt.Step{To: "bob", Do: tt.Fork("b")})
		expect(t, "bob", appends(t, m.For("bob"), "room", "b1"), "2")
		expect(t, "alice", appends(t, m.For("alice"), "room", "a2"), "2")
		expect(t, "bob's", shown(t, m.For("bob"), "room", 0), "1:a1 2:b1")
		expect(t, "alice's", shown(t, m.For("alice"), "room", 0), "1:a1 2:a2")
		if n := len(m.Deeds()); n != 1 {
			t.Errorf("%d deeds, want one fork: %v", n, m.Deeds())
		}
	})
}

// TestOwnNumbers holds that a reader with numbers of its own is told those.
func TestOwnNumbers(t *testing.T) {
	inBubble(t, "numbers", func(t *testing.T) {
		m := tt.Misbehave(transport.NewMemory(nil), tt.Script{
			{To: "bob", Until: 2, Do: tt.Drop()},
			{To: "carol", Nth: 1, Do: tt.Inject([]byte("x"))},
			{To: "dave", Do: tt.Drop()},
		})
		expect(t, "alice", appends(t, m.For("alice"), "room", "a1", "a2"), "1 2")
		expect(t, "bob", appends(t, m.For("bob"), "room", "b1"), "1")
		expect(t, "carol", appends(t, m.For("carol"), "room", "c1"), "5")
		expect(t, "dave, whose own are dropped", appends(t, m.For("dave"), "room", "d1", "d2"), "1 1")
		expect(t, "alice", appends(t, m.For("alice"), "room", "a3"), "7")
		expect(t, "bob's", shown(t, m.For("bob"), "room", 0), "1:b1 2:c1 3:d1 4:d2 5:a3")
	})
}

func TestCopiesIntoAnotherRoom(t *testing.T) {
	inBubble(t, "copy", func(t *testing.T) {
		m := tt.Misbehave(transport.NewMemory(nil), tt.Script{
			{Room: "one", Nth: 2, Do: tt.Copy("two")},
			{To: "bob", Room: "one", Nth: 3, Do: tt.Copy("two")},
			{Room: "one", Nth: 4, Do: tt.Copy("nowhere")},
			{Room: "one", Nth: 4, Do: tt.Copy("")}, // there is one other
		})
		appends(t, m, "two", "x")
		expect(t, "alice", appends(t, m.For("alice"), "one", "a", "b", "c", "d"), "1 2 3 4")
		expect(t, "bob in one", shown(t, m.For("bob"), "one", 0), "1:a 2:b 3:c 4:d")
		expect(t, "carol in two", shown(t, m.For("carol"), "two", 0), "1:x 2:b 3:d")
		expect(t, "bob in two", shown(t, m.For("bob"), "two", 0), "1:c 2:x 3:b 4:d")
	})
}

// TestReplaysWhatWasLost injects, after a restart of everybody, what nobody
// was shown.
func TestReplaysWhatWasLost(t *testing.T) {
	inBubble(t, "replay", func(t *testing.T) {
		m := tt.Misbehave(transport.NewMemory(nil), tt.Script{{Nth: 2, Do: tt.Drop()}})
		appends(t, m.For("alice"), "room", "a", "b", "c", "a")
		seen := m.Seen("room")
		if got := fmt.Sprintf("%s", seen); got != "[a b c]" || m.Seen("other") != nil {
			t.Errorf("seen are %s", got)
		}
		seen[1][0] = 'B'
		for _, err := range []error{
			m.Inject(t.Context(), "", "room", seen[0]),
			m.Inject(t.Context(), "bob", "room", seen[1]),
			m.Inject(t.Context(), "", "other", m.Seen("room")[1]),
		} {
			if err != nil {
				t.Error(err)
			}
		}
		expect(t, "bob", shown(t, m.For("bob"), "room", 0), "1:a 2:c 3:a 4:a 5:B")
		expect(t, "carol", shown(t, m.For("carol"), "room", 0), "1:a 2:c 3:a 4:a")
		expect(t, "another room", shown(t, m.For("bob"), "other", 0), "1:b")
		if m.Inject(t.Context(), "bob", "", nil) == nil {
			t.Error("injected into a room without a name")
		}
	})
}

// TestInjectionIsLive wakes a subscription that waits.
func TestInjectionIsLive(t *testing.T) {
	m := tt.Misbehave(transport.NewMemory(nil), nil)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	go func() { _ = m.Inject(ctx, "bob", "room", []byte("x")) }()
	for f, err := range m.For("bob").Subscribe(ctx, "room", 0) {
		if err != nil || string(f.Payload) != "x" {
			t.Errorf("bob is shown %q, %v", f.Payload, err)
		}
		break
	}
}

// TestBehave holds what Behave undoes and what it leaves.
func TestBehave(t *testing.T) {
	inBubble(t, "behave", func(t *testing.T) {
		m := tt.Misbehave(transport.NewMemory(nil), tt.Script{
			{By: "alice", Nth: 4, Do: tt.Hold(9)},
			{To: "bob", Nth: 1, Do: tt.Drop()},
			{To: "bob", Nth: 2, Do: tt.Skip()},
			{To: "bob", Nth: 3, Do: tt.Hold(9)},
			{To: "carol", Nth: 1, Do: tt.Flip(0)},
			{To: "carol", Nth: 2, Do: tt.Truncate()},
			{To: "carol", Nth: 3, Do: tt.Renumber(4)},
			{To: "carol", Nth: 4, Do: tt.Break(errTest)},
			{To: "carol", Nth: 4, Do: tt.Redeliver(4)},
			{To: "carol", Do: tt.SayHead(0)},
		})
		expect(t, "alice", appends(t, m.For("alice"), "room", "a", "b", "c", "d", "e"), "1 2 3 4 4")
		expect(t, "bob", shown(t, m.For("bob"), "room", 0), "2:e")
		expect(t, "carol", shown(t, m.For("carol"), "room", 2), "7:c error")
		expect(t, "carol's head", head(t, m.For("carol"), "room"), "0")
		m.Behave()
		expect(t, "bob", shown(t, m.For("bob"), "room", 0), "1:b 2:e 3:c 4:d")
		expect(t, "carol", shown(t, m.For("carol"), "room", 0), "1:`"+" 2:b 3:c 4:e 5:d")
		expect(t, "carol's head", head(t, m.For("carol"), "room"), "5")
		expect(t, "alice", appends(t, m.For("alice"), "room", "f"), "6")
		expect(t, "bob's new frame", shown(t, m.For("bob"), "room", 4), "5:f")
	})
}

// TestRelayThatForgets wraps a relay that drops old frames by itself.
func TestRelayThatForgets(t *testing.T) {
	inBubble(t, "forgets", func(t *testing.T) {
		relay := transport.NewMemory(&transport.MemoryOptions{RoomFrames: 2, DropOldest: true})
		appends(t, relay, "room", "a", "b", "c", "d")
		m := tt.Misbehave(relay, nil)
		expect(t, "head", head(t, m.For("bob"), "room"), "4")
		expect(t, "from the start", shown(t, m.For("bob"), "room", 0), "truncated-3")
		expect(t, "from what is left", shown(t, m.For("bob"), "room", 2), "3:c 4:d")
		expect(t, "alice", appends(t, m.For("alice"), "room", "e"), "5")
		relay.Close()
		expect(t, "a closed relay", shown(t, m.For("bob"), "room", 4), "5:e "+transport.ErrClosed.Error())
		expect(t, "alice", appends(t, m.For("alice"), "room", "f"), transport.ErrClosed.Error())
	})
}

// TestDelaysEnd holds that whoever waits because of a Delay stops with its
// context.
func TestDelaysEnd(t *testing.T) {
	inBubble(t, "delay", func(t *testing.T) {
		relay := transport.NewMemory(nil)
		m := tt.Misbehave(relay, tt.Script{
			{By: "alice", Do: tt.Delay(time.Hour)}, {To: "bob", Do: tt.Delay(time.Hour)},
			{Name: tt.Anyone, Do: tt.Delay(time.Hour)},
		})
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err := m.For("alice").Append(ctx, "room", nil); err != context.DeadlineExceeded {
			t.Errorf("Append: %v", err)
		}
		appends(t, relay, "room", "x")
		ctx, cancel = context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		for f, err := range m.For("bob").Subscribe(ctx, "room", 0) {
			if err != context.DeadlineExceeded {
				t.Errorf("Subscribe: %v, %v", f, err)
			}
		}
		ctx, cancel = context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err := m.Lookup(ctx, "id:bob"); err != context.DeadlineExceeded {
			t.Errorf("Lookup: %v", err)
		}
		if took := time.Since(start); took != 3*time.Minute {
			t.Errorf("took %v", took)
		}
		expect(t, "the log", shown(t, relay, "room", 0), "1:x")
	})
}

func TestStepsWithoutSense(t *testing.T) {
	for _, s := range []tt.Step{
		{By: "alice", Do: tt.Skip()}, {By: "alice", Do: tt.SayHead(1)}, {By: "alice", To: "bob", Do: tt.Drop()},
		{Name: "id:bob", Do: tt.Fork("b")}, {Name: "id:bob", Room: "room", Do: tt.Drop()}, {To: "bob", Do: tt.Deny(nil)},
		{Do: tt.Swap("id:bob")}, {To: "bob"}, {},
		{From: 3, Until: 2, Do: tt.Drop()}, {Times: -1, Do: tt.Drop()},
		{Chance: -1, Do: tt.Drop()}, {Chance: 1.1, Do: tt.Drop()}, {Chance: math.NaN(), Do: tt.Drop()},
	} {
		func() {
			defer func() {
				if text := fmt.Sprint(recover()); !strings.Contains(text, "makes no sense") {
					t.Errorf("%v: %s", s, text)
				}
			}()
			tt.Misbehave(transport.NewMemory(nil), tt.Script{s})
		}()
	}
}

func TestActsThatDoNothing(t *testing.T) {
	for name, act := range map[string]func() tt.Act{
		"Hold(0)":            func() tt.Act { return tt.Hold(0) },
		"Hold(-1)":           func() tt.Act { return tt.Hold(-1) },
		"Redeliver(0)":       func() tt.Act { return tt.Redeliver(0) },
		"Redeliver(-1)":      func() tt.Act { return tt.Redeliver(-1) },
		"Delay(-1)":          func() tt.Act { return tt.Delay(-1) },
		`Extend([]byte(""))`: func() tt.Act { return tt.Extend(nil) },
		"Renumber(0)":        func() tt.Act { return tt.Renumber(0) },
		"ShiftHead(0)":       func() tt.Act { return tt.ShiftHead(0) },
		`Swap("")`:           func() tt.Act { return tt.Swap("") },
	} {
		func() {
			defer func() {
				if text := fmt.Sprint(recover()); !strings.HasSuffix(text, "does nothing: "+name) {
					t.Errorf("%s: %s", name, text)
				}
			}()
			act()
		}()
	}
}

// bundle is what is found under a name.
func bundle(t *testing.T, dir transport.Directory, name string) string {
	t.Helper()
	b, err := dir.Lookup(t.Context(), name)
	if err != nil {
		return short(err)
	}
	return string(b)
}

// TestBundles has bob publish twice; alice is lied to, and carol is not, unless
// it is bob whose bundles are changed.
func TestBundles(t *testing.T) {
	for _, c := range []struct {
		step              tt.Step
		told, alice, dave string
	}{
		{tt.Step{To: "alice", Name: "id:carol", Do: tt.Drop()}, "", "two", "two"},
		{tt.Step{To: "alice", Name: "id:bob", Do: tt.Drop()}, "", "transport: not found", "two"},
		{tt.Step{To: "alice", Name: "id:bob", Do: tt.Refuse(errTest)}, "", "error", "two"},
		{tt.Step{To: "alice", Name: "id:bob", Do: tt.Replace([]byte("x"))}, "", "x", "two"},
		{tt.Step{To: "alice", Name: "id:bob", Do: tt.Replay(0)}, "", "one", "two"},
		{tt.Step{To: "alice", Name: "id:bob", Do: tt.Swap("id:mallory")}, "", "three", "two"},
		{tt.Step{To: "alice", Name: tt.Anyone, Do: tt.Flip(0)}, "", "uwo", "two"},
		{tt.Step{To: "alice", Name: "id:bob", Do: tt.Cut(1)}, "", "t", "two"},
		{tt.Step{To: "alice", Name: "id:bob", Do: tt.Extend([]byte("!"))}, "", "two!", "two"},
		{tt.Step{To: "alice", Name: "id:bob", Do: tt.Delay(time.Hour)}, "", "two", "two"},
		{tt.Step{To: "alice", Name: "id:bob", Nth: 2, Do: tt.Drop()}, "", "two", "two"},
		{tt.Step{Name: "id:bob", Do: tt.Replay(0)}, "", "one", "one"},
		{tt.Step{By: "bob", Name: "id:bob", Nth: 2, Do: tt.Drop()}, "", "one", "one"},
		{tt.Step{By: "bob", Name: "id:bob", Nth: 2, Do: tt.Refuse(errTest)}, "error", "one", "one"},
		{tt.Step{By: "bob", Name: "id:bob", Nth: 2, Do: tt.Deny(errTest)}, "error", "two", "two"},
		{tt.Step{By: tt.Anyone, Name: "id:bob", Nth: 2, Do: tt.Replace([]byte("x"))}, "", "x", "x"},
		{tt.Step{By: "bob", Name: "id:bob", From: 2, Do: tt.Delay(time.Hour)}, "", "two", "two"},
	} {
		inBubble(t, c.step.String(), func(t *testing.T) {
			m := tt.Misbehave(transport.NewMemory(nil), tt.Script{c.step})
			var told string
			for who, b := range map[string]string{"mallory": "three", "bob": "one"} {
				if err := m.For(who).Publish(t.Context(), "id:"+who, []byte(b)); err != nil {
					t.Error(err)
				}
			}
			if err := m.For("bob").Publish(t.Context(), "id:bob", []byte("two")); err != nil {
				told = short(err)
			}
			expect(t, "bob is told", told, c.told)
			expect(t, "alice finds", bundle(t, m.For("alice"), "id:bob"), c.alice)
			expect(t, "dave finds", bundle(t, m.For("dave"), "id:bob"), c.dave)
			expect(t, "nobody", bundle(t, m.For("dave"), "id:nobody"), "transport: not found")
			m.Behave()
			if c.told == "" && c.alice != c.dave {
				expect(t, "alice finds after all", bundle(t, m.For("alice"), "id:bob"), "two")
			}
		})
	}
}

// onlyRelay is a relay that is no directory.
type onlyRelay struct{ transport.Relay }

func TestLiarWithoutDirectory(t *testing.T) {
	relay := onlyRelay{transport.NewMemory(nil)}
	m := tt.Misbehave(relay, nil)
	if m.Publish(t.Context(), "id:bob", nil) == nil {
		t.Error("published nowhere")
	}
	if _, err := m.Lookup(t.Context(), "id:bob"); err == nil {
		t.Error("found in nothing")
	}
	m = tt.Misbehave(struct {
		transport.Relay
		transport.Directory
	}{relay, transport.NewMemory(nil)}, nil)
	if err := m.Publish(t.Context(), "id:bob", []byte("one")); err != nil {
		t.Error(err)
	}
	expect(t, "a directory beside", bundle(t, m, "id:bob"), "one")
}

// everyAct is in a script of everything there is.
func everyAct() []tt.Step {
	return slices.Concat(tt.Faults(), tt.Lies(), []tt.Step{
		{To: "bob", Do: tt.Drop()}, {To: "bob", Do: tt.Skip()}, {To: "bob", Do: tt.Hold(2)}, {To: "bob", Do: tt.Duplicate()},
		{To: "bob", Do: tt.Replay(-1)}, {To: "bob", Do: tt.Flip(-1)}, {To: "bob", Do: tt.Cut(-1)}, {To: "bob", Do: tt.Garbage(3)},
		{To: "carol", Chance: 0.5, Do: tt.Fork("c")}, {To: "bob", Do: tt.Copy("")}, {To: "bob", Chance: 0.1, Do: tt.Truncate()},
		{Name: tt.Anyone, Do: tt.Replay(-1)}, {Name: tt.Anyone, Do: tt.Flip(-1)}, {By: tt.Anyone, Name: tt.Anyone, Do: tt.Cut(-1)},
	})
}
