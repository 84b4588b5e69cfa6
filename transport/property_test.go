package transport_test

import (
	"errors"
	"flag"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/leanovate/gopter"
	"github.com/leanovate/gopter/commands"
	"github.com/leanovate/gopter/gen"

	"github.com/parley-e2ee/parley/transport"
)

var seed = flag.Int64("seed", 0, "seed of the model test; 0 takes the time")

// The bounds of the relay under test, small enough to be met all the time.
const (
	boundFrames = 6
	boundBytes  = 600
	boundTotal  = 1200
	boundRooms  = 3
	cost        = 64 // of a frame or room, besides its content or name
)

// A model is what the relay should hold: the sizes of each room's frames, and
// how many it has dropped. It is not changed once made.
type model struct {
	dropsOldest bool
	rooms       map[string]log
	last        string // what the last command should have returned
}

type log struct {
	dropped int
	sizes   []int
}

func (l log) bytes() (n int) {
	for _, size := range l.sizes {
		n += size + cost
	}
	return n
}

func (m model) total() (n int) {
	for name, l := range m.rooms {
		n += l.bytes() + len(name) + cost
	}
	return n
}

// appended returns the model after an append of size bytes.
func (m model) appended(room string, size int) model {
	next := model{m.dropsOldest, make(map[string]log), ""}
	for name, l := range m.rooms {
		next.rooms[name] = l
	}
	if size+cost > boundBytes {
		return m.refused("transport: too large")
	}
	l, known := m.rooms[room]
	if !known && (len(m.rooms) == boundRooms || m.total()+len(room)+cost > boundTotal) {
		return m.refused("transport: full")
	}
	next.rooms[room] = l
	for len(l.sizes) == boundFrames || l.bytes()+size+cost > boundBytes || next.total()+size+cost > boundTotal {
		if !m.dropsOldest || len(l.sizes) == 0 {
			return m.refused("transport: full")
		}
		l = log{l.dropped + 1, l.sizes[1:]}
		next.rooms[room] = l
	}
	l.sizes = append(append([]int{}, l.sizes...), size)
	next.rooms[room] = l
	next.last = fmt.Sprint(l.dropped + len(l.sizes))
	return next
}

func (m model) refused(why string) model { return model{m.dropsOldest, m.rooms, why} }

// read returns the model after reading what is stored above after.
func (m model) read(room string, after int) model {
	l, out := m.rooms[room], new(strings.Builder)
	head := l.dropped + len(l.sizes)
	fmt.Fprintf(out, "head %d:", head)
	switch {
	case head <= after:
	case after < l.dropped:
		fmt.Fprintf(out, " truncated to %d", l.dropped+1)
	default:
		for seq := after + 1; seq <= head; seq++ {
			fmt.Fprintf(out, " %d(%d)", seq, l.sizes[seq-1-l.dropped])
		}
	}
	return model{m.dropsOldest, m.rooms, out.String()}
}

// TestModel runs random commands on a relay and on a model, as it is by
// default and with DropOldest.
func TestModel(t *testing.T) {
	if *seed == 0 {
		*seed = time.Now().UnixNano()
	}
	t.Logf("seed %d", *seed)
	parameters := gopter.DefaultTestParametersWithSeed(*seed)
	parameters.MinSuccessfulTests = 200
	if testing.Short() {
		parameters.MinSuccessfulTests = 20
	}
	properties := gopter.NewProperties(parameters)
	for _, drops := range []bool{false, true} {
		properties.Property(fmt.Sprintf("drops oldest: %v", drops), commands.Prop(&commands.ProtoCommands{
			NewSystemUnderTestFunc: func(commands.State) commands.SystemUnderTest {
				return transport.NewMemory(&transport.MemoryOptions{
					RoomFrames: boundFrames, RoomBytes: boundBytes, TotalBytes: boundTotal, Rooms: boundRooms, DropOldest: drops,
				})
			},
			InitialStateGen: gen.Const(model{dropsOldest: drops}),
			GenCommandFunc:  func(commands.State) gopter.Gen { return genCommand(t) },
		}))
	}
	var report strings.Builder
	if !properties.Run(gopter.NewFormatedReporter(true, 100, &report)) {
		t.Errorf("%s\nrun again with -args -seed %d", report.String(), *seed)
	}
}

func genCommand(t *testing.T) gopter.Gen {
	genRoom := gen.OneConstOf("a", "bb", "ccc", "dddd")
	return gen.Frequency(map[int]gopter.Gen{
		3: gopter.CombineGens(genRoom, gen.Frequency(map[int]gopter.Gen{9: gen.IntRange(0, 150), 1: gen.IntRange(150, 600)})).
			Map(func(drawn []any) commands.Command { return appendCommand(t, drawn[0].(string), drawn[1].(int)) }),
		1: gopter.CombineGens(genRoom, gen.IntRange(0, 40)).
			Map(func(drawn []any) commands.Command { return readCommand(t, drawn[0].(string), drawn[1].(int)) }),
	})
}

// command runs on the relay and gives back text, which a model foretells.
func command(name string, run func(*transport.Memory) string, next func(model) model) commands.Command {
	return &commands.ProtoCommand{
		Name: name,
		RunFunc: func(sut commands.SystemUnderTest) commands.Result {
			m := sut.(*transport.Memory)
			out := run(m)
			if err := m.Audit(); err != nil {
				return err.Error()
			}
			return out
		},
		NextStateFunc: func(s commands.State) commands.State { return next(s.(model)) },
		PostConditionFunc: func(s commands.State, got commands.Result) *gopter.PropResult {
			want := s.(model).last
			return gopter.NewPropResult(got == want, fmt.Sprintf("%s: got %q, want %q", name, got, want))
		},
	}
}

func appendCommand(t *testing.T, room string, size int) commands.Command {
	return command(fmt.Sprintf("append %s %d", room, size), func(m *transport.Memory) string {
		seq, err := m.Append(t.Context(), room, make([]byte, size))
		if err != nil {
			return err.Error()
		}
		return fmt.Sprint(seq)
	}, func(m model) model { return m.appended(room, size) })
}

func readCommand(t *testing.T, room string, after int) commands.Command {
	return command(fmt.Sprintf("read %s after %d", room, after), func(m *transport.Memory) string {
		head, err := m.Head(t.Context(), room)
		if err != nil {
			return err.Error()
		}
		out := fmt.Sprintf("head %d:", head)
		if uint64(after) >= head {
			return out
		}
		for f, err := range m.Subscribe(t.Context(), room, uint64(after)) {
			if truncated, ok := errors.AsType[*transport.TruncatedError](err); ok {
				return out + fmt.Sprintf(" truncated to %d", truncated.First)
			}
			if err != nil {
				return err.Error()
			}
			out += fmt.Sprintf(" %d(%d)", f.Seq, len(f.Payload))
			if f.Seq == head {
				break
			}
		}
		return out
	}, func(m model) model { return m.read(room, after) })
}
