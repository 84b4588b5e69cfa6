package group_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/leanovate/gopter"
	"github.com/leanovate/gopter/commands"
	"github.com/leanovate/gopter/gen"

	"github.com/parley-e2ee/parley/internal/proptest"
)

// TestModelMembers runs a room of 2 to 8 real members through random
// interleavings of what users, a relay that lies to some, a hostile member,
// thieves, crashes and backups do, and holds it against an observer who only
// reads the log. Then the relay behaves and everybody drains: nobody is wedged,
// and each thief has read what it could and nothing else.
//
// PARLEY_RUNS makes it that many times as long. What a failed run prints behind
// ARG_0 goes into modelRegressions as it stands.
func TestModelMembers(t *testing.T) {
	for _, script := range modelRegressions {
		if err := replay(t, script); err != nil {
			t.Errorf("%s: %v", script, err)
		}
	}
	total := newTally()
	t.Run("runs", func(t *testing.T) {
		for i, half := range []string{"a", "b"} { // of two processors
			t.Run(half, func(t *testing.T) {
				t.Parallel()
				parameters := proptest.Parameters(t, 40, 4)
				parameters.SetSeed(parameters.Seed() + int64(i))
				parameters.MinSize, parameters.MaxSize = modelSize, modelSize
				parameters.MaxShrinkCount = 400
				properties := gopter.NewProperties(parameters)
				properties.Property("members agree, and nobody is wedged", commands.Prop(modelOf(t, total)))
				properties.TestingRun(t)
			})
		}
	})
	total.report(t)
}

// tally counts what happened, so that a model in which nothing does fails.
type tally struct {
	mu sync.Mutex
	n  map[string]int
}

var happenings = []string{
	"drained", "members", "read by thieves", "thieves who read nothing", "hostile commits", "without keys by them",
	"hostile messages", "told of forks", "told of gaps", "entered anew",
}

func newTally() *tally { return &tally{n: make(map[string]int)} }

func (y *tally) add(what string, n int) {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.n[what] += n
}

func (y *tally) report(t *testing.T) {
	t.Logf("%v", y.n)
	for _, what := range happenings {
		if y.n[what] == 0 && !testing.Short() && !t.Failed() && !t.Skipped() {
			t.Errorf("nothing of this happened: %s", what)
		}
	}
}

// modelSize is how many commands a run has at the most; then come noops.
const modelSize = 60

func modelOf(t testing.TB, total *tally) *commands.ProtoCommands {
	return &commands.ProtoCommands{
		NewSystemUnderTestFunc: func(initial commands.State) commands.SystemUnderTest {
			return newModelRoom(t, initial.(modelState), total)
		},
		DestroySystemUnderTestFunc: func(commands.SystemUnderTest) {},
		InitialStateGen:            gen.UInt32().Map(newModelState),
		GenCommandFunc: func(s commands.State) gopter.Gen {
			switch state := s.(modelState); {
			case state.done < state.length:
				return gen.IntRange(0, 1<<30).Map(newModelCommand)
			case state.done == state.length:
				return gen.Const(modelCommand{action: drainAction})
			}
			return gen.Const(modelCommand{action: noAction})
		},
	}
}

// modelState is how a run begins, and how far its commands are.
type modelState struct{ mode, members, length, done int }

func newModelState(v uint32) modelState {
	by := choice(v)
	return modelState{mode: by.below(3), members: 2 + by.below(4), length: modelSize - 2 - by.below(modelSize-12)}
}

// String is how a run begins, as a regression script says it.
func (s modelState) String() string { return fmt.Sprintf("mode(%d) members(%d)", s.mode, s.members) }

// modelCommand is an action and what it chooses by, so that it fits any state
// and a failing run shrinks.
type modelCommand struct {
	action action
	by     choice
}

type action struct {
	name   string
	weight int
	run    func(*modelRoom, *choice) error
}

var actions = []action{
	{"join", 10, (*modelRoom).join},
	{"read", 22, (*modelRoom).readSome},
	{"readall", 10, (*modelRoom).readAll},
	{"send", 22, (*modelRoom).send},
	{"append", 24, (*modelRoom).appendSome},
	{"serve", 16, (*modelRoom).serve},
	{"race", 4, (*modelRoom).race},
	{"leave", 3, (*modelRoom).leave},
	{"remove", 3, (*modelRoom).remove},
	{"policy", 4, (*modelRoom).policy},
	{"restart", 8, (*modelRoom).restart},
	{"crash", 8, (*modelRoom).crash},
	{"repeat", 6, (*modelRoom).repeat},
	{"newdevice", 3, (*modelRoom).newDevice},
	{"oldstore", 2, (*modelRoom).oldStore},
	{"harmless", 6, (*modelRoom).harmless},
	{"deceive", 5, (*modelRoom).deceive},
	{"turn", 3, (*modelRoom).turn},
	{"attack", 12, (*modelRoom).attack},
	{"steal", 4, (*modelRoom).steal},
	{"recover", 5, (*modelRoom).recover},
}

var (
	drainAction = action{"drain", 0, func(m *modelRoom, _ *choice) error { return m.drain() }}
	noAction    = action{"", 0, func(*modelRoom, *choice) error { return nil }}
)

func newModelCommand(v int) modelCommand {
	by := choice(v)
	total := 0
	for _, a := range actions {
		total += a.weight
	}
	at := by.below(total)
	for _, a := range actions {
		if at < a.weight {
			return modelCommand{a, by}
		}
		at -= a.weight
	}
	panic("weights")
}

// choice yields numbers from one.
type choice uint64

func (c *choice) below(n int) int {
	*c = (*c*6364136223846793005 + 1442695040888963407) & (1<<62 - 1)
	return int((*c >> 24) % choice(n))
}

func (c modelCommand) Run(sut commands.SystemUnderTest) commands.Result {
	return c.play(sut.(*modelRoom))
}

func (c modelCommand) play(room *modelRoom) error {
	if room.ended || c.action.name == "" {
		return nil
	}
	by := c.by
	room.now = room.now.Add(time.Second)
	if err := c.action.run(room, &by); err != nil {
		room.ended = true
		return fmt.Errorf("%s: %w", c.action.name, err)
	}
	if err := room.agree(); err != nil {
		room.ended = true
		return fmt.Errorf("after %s: %w", c.action.name, err)
	}
	return nil
}

func (c modelCommand) NextState(s commands.State) commands.State {
	state := s.(modelState)
	state.done++
	return state
}

func (c modelCommand) PreCondition(commands.State) bool { return true }

func (c modelCommand) PostCondition(_ commands.State, result commands.Result) *gopter.PropResult {
	if err, _ := result.(error); err != nil {
		return &gopter.PropResult{Status: gopter.PropError, Error: err}
	}
	return &gopter.PropResult{Status: gopter.PropTrue}
}

// String is the command as a regression script says it.
func (c modelCommand) String() string {
	if c.action.name == "" {
		return ""
	}
	return fmt.Sprintf("%s(%d)", c.action.name, uint64(c.by))
}
