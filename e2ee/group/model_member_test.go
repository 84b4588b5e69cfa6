package group_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/leanovate/gopter"
	"github.com/leanovate/gopter/commands"
	"github.com/leanovate/gopter/gen"

	"github.com/parley-e2ee/parley/internal/proptest"
)

// modelSteps is how many commands one run of the model has.
const modelSteps = 120

// TestModelMembers runs a room of real members through random interleavings
// of what users, the relay, crashes and backups do, and holds it against an
// observer who only reads the log. Then everybody drains: nobody is wedged.
func TestModelMembers(t *testing.T) {
	parameters := proptest.Parameters(t, 18, 4)
	parameters.MinSize, parameters.MaxSize = modelSteps, modelSteps
	parameters.MaxShrinkCount = 4
	model := &commands.ProtoCommands{
		NewSystemUnderTestFunc: func(initial commands.State) commands.SystemUnderTest {
			return newModelRoom(t, initial.(int))
		},
		DestroySystemUnderTestFunc: func(commands.SystemUnderTest) {},
		InitialStateGen:            gen.IntRange(0, 2),
		GenCommandFunc: func(commands.State) gopter.Gen {
			return gen.IntRange(0, 1<<30).Map(newModelCommand)
		},
	}
	properties := gopter.NewProperties(parameters)
	properties.Property("members agree, and nobody is wedged", commands.Prop(model))
	properties.TestingRun(t)
}

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
	{"read all", 10, (*modelRoom).readAll},
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
	{"new device", 3, (*modelRoom).newDevice},
	{"old store", 1, (*modelRoom).oldStore},
}

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
	room, by := sut.(*modelRoom), c.by
	room.now = room.now.Add(time.Second)
	if err := c.action.run(room, &by); err != nil {
		return fmt.Errorf("%s: %w", c.action.name, err)
	}
	if err := room.agree(); err != nil {
		return fmt.Errorf("after %s: %w", c.action.name, err)
	}
	if room.steps++; room.steps == modelSteps {
		if err := room.drain(); err != nil {
			return fmt.Errorf("drain: %w", err)
		}
	}
	return error(nil)
}

func (c modelCommand) NextState(s commands.State) commands.State { return s }

func (c modelCommand) PreCondition(commands.State) bool { return true }

func (c modelCommand) PostCondition(_ commands.State, result commands.Result) *gopter.PropResult {
	if err, _ := result.(error); err != nil {
		return &gopter.PropResult{Status: gopter.PropError, Error: err}
	}
	return &gopter.PropResult{Status: gopter.PropTrue}
}

func (c modelCommand) String() string { return fmt.Sprintf("%s(%d)", c.action.name, int(c.by)) }
