package transporttest_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-e2ee/parley/transport"
	tt "github.com/parley-e2ee/parley/transport/transporttest"
)

var errTest = errors.New("test: an error")

// short is an error in a word.
func short(err error) string {
	truncated, gone := errors.AsType[*transport.TruncatedError](err)
	switch {
	case gone:
		return fmt.Sprintf("truncated-%d", truncated.First)
	case errors.Is(err, tt.ErrMisbehaved):
		return "misbehaved"
	case errors.Is(err, errTest):
		return "error"
	}
	return err.Error()
}

// appends has somebody append, and returns the numbers.
func appends(t *testing.T, relay transport.Relay, room string, payloads ...string) string {
	t.Helper()
	var out []string
	for _, payload := range payloads {
		seq, err := relay.Append(t.Context(), room, []byte(payload))
		if err != nil {
			out = append(out, short(err))
		} else {
			out = append(out, fmt.Sprint(seq))
		}
	}
	return strings.Join(out, " ")
}

// shown is what a subscription yields before it waits. It belongs in a bubble.
func shown(t *testing.T, relay transport.Relay, room string, after uint64) string {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var out []string
	done := make(chan struct{})
	go func() {
		defer close(done)
		for f, err := range relay.Subscribe(ctx, room, after) {
			if ctx.Err() != nil {
				return
			}
			if err != nil {
				out = append(out, short(err))
			} else {
				out = append(out, fmt.Sprintf("%d:%s", f.Seq, f.Payload))
			}
		}
	}()
	time.Sleep(time.Hour)
	cancel()
	<-done
	return strings.Join(out, " ")
}

func head(t *testing.T, relay transport.Relay, room string) string {
	t.Helper()
	head, err := relay.Head(t.Context(), room)
	if err != nil {
		return short(err)
	}
	return fmt.Sprint(head)
}

func inBubble(t *testing.T, name string, f func(t *testing.T)) {
	t.Helper()
	t.Run(name, func(t *testing.T) { synctest.Test(t, f) })
}

// TestActs has alice append "a" to "e" and looks at what she is told, and at
// what bob and carol are shown, twice: a lie is kept up.
func TestActs(t *testing.T) {
	const honest, told = "1:a 2:b 3:c 4:d 5:e", "1 2 3 4 5"
	for _, c := range []struct {
		step              tt.Step
		told, bob, carol  string
		bobAgain, bobHead string // where that is another
	}{
		{step: tt.Step{Nth: 9, Do: tt.Drop()}, told: told, bob: honest, carol: honest},
		// For everybody.
		{step: tt.Step{Nth: 3, Do: tt.Drop()}, told: "1 2 3 3 4", bob: "1:a 2:b 3:d 4:e", carol: "1:a 2:b 3:d 4:e"},
		{step: tt.Step{By: "bob", Nth: 3, Do: tt.Drop()}, told: told, bob: honest, carol: honest},
		{step: tt.Step{By: "alice", From: 2, Until: 3, Do: tt.Drop()}, told: "1 2 2 2 3", bob: "1:a 2:d 3:e", carol: "1:a 2:d 3:e"},
		{step: tt.Step{From: 2, Times: 2, Do: tt.Drop()}, told: "1 2 2 2 3", bob: "1:a 2:d 3:e", carol: "1:a 2:d 3:e"},
		{step: tt.Step{If: func(p []byte) bool { return string(p) == "b" }, Do: tt.Drop()}, told: "1 2 2 3 4", bob: "1:a 2:c 3:d 4:e", carol: "1:a 2:c 3:d 4:e"},
		{step: tt.Step{Room: "other", Do: tt.Drop()}, told: told, bob: honest, carol: honest},
		{step: tt.Step{Nth: 3, Do: tt.Refuse(errTest)}, told: "1 2 error 3 4", bob: "1:a 2:b 3:d 4:e", carol: "1:a 2:b 3:d 4:e"},
		{step: tt.Step{Nth: 3, Do: tt.Refuse(nil)}, told: "1 2 misbehaved 3 4", bob: "1:a 2:b 3:d 4:e", carol: "1:a 2:b 3:d 4:e"},
		{step: tt.Step{Nth: 3, Do: tt.Deny(errTest)}, told: "1 2 error 4 5", bob: honest, carol: honest},
		{step: tt.Step{Nth: 3, Do: tt.Delay(time.Hour)}, told: told, bob: honest, carol: honest},
		{step: tt.Step{Nth: 3, Do: tt.Hold(1)}, told: "1 2 3 3 5", bob: "1:a 2:b 3:d 4:c 5:e", carol: "1:a 2:b 3:d 4:c 5:e"},
		{step: tt.Step{Nth: 2, Do: tt.Hold(2)}, told: "1 2 2 3 5", bob: "1:a 2:c 3:d 4:b 5:e", carol: "1:a 2:c 3:d 4:b 5:e"},
		{step: tt.Step{Nth: 5, Do: tt.Hold(1)}, told: "1 2 3 4 5", bob: "1:a 2:b 3:c 4:d", carol: "1:a 2:b 3:c 4:d"},
		{step: tt.Step{Nth: 3, Do: tt.Duplicate()}, told: "1 2 3 5 6", bob: "1:a 2:b 3:c 4:c 5:d 6:e", carol: "1:a 2:b 3:c 4:c 5:d 6:e"},
		{step: tt.Step{Nth: 3, Do: tt.Replay(0)}, told: "1 2 3 5 6", bob: "1:a 2:b 3:c 4:a 5:d 6:e", carol: "1:a 2:b 3:c 4:a 5:d 6:e"},
		{step: tt.Step{Nth: 3, Do: tt.Replay(2)}, told: told, bob: honest, carol: honest},
		{step: tt.Step{Nth: 3, Do: tt.Inject([]byte("x"))}, told: "1 2 4 5 6", bob: "1:a 2:b 3:x 4:c 5:d 6:e", carol: "1:a 2:b 3:x 4:c 5:d 6:e"},
		{step: tt.Step{Nth: 3, Do: tt.Flip(1)}, told: told, bob: "1:a 2:b 3:a 4:d 5:e", carol: "1:a 2:b 3:a 4:d 5:e"},
		{step: tt.Step{Nth: 3, Do: tt.Flip(8)}, told: told, bob: honest, carol: honest},
		{step: tt.Step{Nth: 3, Do: tt.Cut(0)}, told: told, bob: "1:a 2:b 3: 4:d 5:e", carol: "1:a 2:b 3: 4:d 5:e"},
		{step: tt.Step{Nth: 3, Do: tt.Cut(1)}, told: told, bob: honest, carol: honest},
		{step: tt.Step{Nth: 3, Do: tt.Extend([]byte("y"))}, told: told, bob: "1:a 2:b 3:cy 4:d 5:e", carol: "1:a 2:b 3:cy 4:d 5:e"},
		{step: tt.Step{Nth: 3, Do: tt.Replace([]byte("z"))}, told: told, bob: "1:a 2:b 3:z 4:d 5:e", carol: "1:a 2:b 3:z 4:d 5:e"},
		{step: tt.Step{Nth: 3, Do: tt.Renumber(-2)}, told: "1 2 1 4 5", bob: honest, carol: honest},
		// For bob.
		{step: tt.Step{To: "bob", Nth: 3, Do: tt.Drop()}, told: told, bob: "1:a 2:b 3:d 4:e", carol: honest, bobHead: "4"},
		{step: tt.Step{To: "bob", Nth: 3, Do: tt.Skip()}, told: told, bob: "1:a 2:b 4:d 5:e", carol: honest},
		{step: tt.Step{To: "bob", Nth: 3, Do: tt.Delay(time.Minute)}, told: told, bob: honest, carol: honest},
		{step: tt.Step{To: "bob", Nth: 3, Do: tt.Delay(90 * time.Minute)}, told: told, bob: "1:a 2:b", bobAgain: "1:a 2:b 3:c 4:d 5:e", carol: honest},
		{step: tt.Step{To: "bob", Nth: 3, Do: tt.Hold(1)}, told: told, bob: "1:a 2:b 3:d 4:c 5:e", carol: honest},
		{step: tt.Step{To: "bob", Nth: 3, Do: tt.Hold(7)}, told: told, bob: "1:a 2:b 3:d 4:e", carol: honest, bobHead: "4"},
		{step: tt.Step{To: "bob", Nth: 3, Do: tt.Duplicate()}, told: told, bob: "1:a 2:b 3:c 4:c 5:d 6:e", carol: honest, bobHead: "6"},
		{step: tt.Step{To: "bob", Nth: 3, Do: tt.Redeliver(2)}, told: told, bob: "1:a 2:b 3:c 3:c 3:c 4:d 5:e", carol: honest},
		{step: tt.Step{To: "bob", Nth: 3, Do: tt.Replay(1)}, told: told, bob: "1:a 2:b 3:c 4:b 5:d 6:e", carol: honest, bobHead: "6"},
		{step: tt.Step{To: "bob", Nth: 3, Do: tt.Inject([]byte("x"))}, told: told, bob: "1:a 2:b 3:x 4:c 5:d 6:e", carol: honest, bobHead: "6"},
		{step: tt.Step{To: "bob", Nth: 3, Do: tt.Flip(1)}, told: told, bob: "1:a 2:b 3:a 4:d 5:e", carol: honest},
		{step: tt.Step{To: "bob", Nth: 3, Do: tt.Cut(0)}, told: told, bob: "1:a 2:b 3: 4:d 5:e", carol: honest},
		{step: tt.Step{To: "bob", Nth: 3, Do: tt.Extend([]byte("y"))}, told: told, bob: "1:a 2:b 3:cy 4:d 5:e", carol: honest},
		{step: tt.Step{To: "bob", Nth: 3, Do: tt.Replace([]byte("z"))}, told: told, bob: "1:a 2:b 3:z 4:d 5:e", carol: honest},
		{step: tt.Step{To: "bob", Nth: 3, Do: tt.Renumber(7)}, told: told, bob: "1:a 2:b 10:c 4:d 5:e", carol: honest},
		{step: tt.Step{To: "bob", From: 3, Do: tt.Renumber(-2)}, told: told, bob: "1:a 2:b 1:c 2:d 3:e", carol: honest},
		{step: tt.Step{To: "bob", Nth: 3, Do: tt.Break(errTest)}, told: told, bob: "1:a 2:b error", bobAgain: honest, carol: honest},
		{step: tt.Step{To: "bob", Nth: 3, Do: tt.Break(nil)}, told: told, bob: "1:a 2:b misbehaved", bobAgain: honest, carol: honest},
		{step: tt.Step{To: "bob", Nth: 3, Do: tt.Truncate()}, told: told, bob: "truncated-4", carol: honest},
		{step: tt.Step{To: "bob", Nth: 3, Do: tt.Fork("b")}, told: told, bob: "1:a 2:b", carol: honest, bobHead: "2"},
		{step: tt.Step{To: "bob", Nth: 1, Do: tt.Refuse(errTest)}, told: told, bob: "error", bobAgain: honest, carol: honest},
		{step: tt.Step{To: "bob", Do: tt.SayHead(99)}, told: told, bob: honest, carol: honest, bobHead: "99"},
		{step: tt.Step{To: "bob", Do: tt.ShiftHead(-2)}, told: told, bob: honest, carol: honest, bobHead: "3"},
		{step: tt.Step{To: "bob", Do: tt.ShiftHead(-9)}, told: told, bob: honest, carol: honest, bobHead: "0"},
		{step: tt.Step{To: "bob", Do: tt.ShiftHead(2)}, told: told, bob: honest, carol: honest, bobHead: "7"},
		{step: tt.Step{To: "bob", Do: tt.RefuseHead(errTest)}, told: told, bob: honest, carol: honest, bobHead: "error"},
		{step: tt.Step{To: "bob", Nth: 2, Do: tt.SayHead(99)}, told: told, bob: honest, carol: honest},
		// For every reader.
		{step: tt.Step{Nth: 3, Do: tt.Skip()}, told: told, bob: "1:a 2:b 4:d 5:e", carol: "1:a 2:b 4:d 5:e"},
		{step: tt.Step{To: tt.Anyone, Nth: 3, Do: tt.Drop()}, told: "1 2 3 3 4", bob: "1:a 2:b 3:d 4:e", carol: "1:a 2:b 3:d 4:e", bobHead: "4"},
	} {
		inBubble(t, c.step.String(), func(t *testing.T) {
			relay := transport.NewMemory(nil)
			m := tt.Misbehave(relay, tt.Script{c.step})
			if got := appends(t, m.For("alice"), "room", "a", "b", "c", "d", "e"); got != c.told {
				t.Errorf("alice is told %q, want %q", got, c.told)
			}
			bobAgain := c.bobAgain
			if bobAgain == "" {
				bobAgain = c.bob
			}
			for i, want := range []string{c.bob, bobAgain} {
				if got := shown(t, m.For("bob"), "room", 0); got != want {
					t.Errorf("bob is shown, time %d,\n%s, want\n%s", i+1, got, want)
				}
			}
			if got := shown(t, m.For("carol"), "room", 0); got != c.carol {
				t.Errorf("carol is shown\n%s, want\n%s", got, c.carol)
			}
			want := c.bobHead
			if want == "" {
				want = head(t, relay, "room")
			}
			if got := head(t, m.For("bob"), "room"); got != want {
				t.Errorf("bob's head is %s, want %s", got, want)
			}
		})
	}
}
