package transporttest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/parley-e2ee/parley/transport"
)

// An Act is a misbehaviour. The functions that return one are all there are:
//
//   - of frames, for everybody (By) or for one reader (To): [Drop], [Delay],
//     [Hold], [Duplicate], [Replay], [Copy], [Inject], [Garbage], [Flip], [Cut],
//     [Extend], [Replace], [Renumber]
//   - of frames, for readers: [Skip], [Redeliver], [Break], [Truncate], [Fork]
//   - of calls: [Refuse], [Deny], [SayHead], [ShiftHead], [RefuseHead]
//   - of bundles, with Name and By (Publish) or To (Lookup): [Drop], [Delay],
//     [Refuse], [Deny], [Flip], [Cut], [Extend], [Replace], [Replay], [Swap]
//
// They panic for arguments with which nothing would happen, as Hold(0).
type Act struct {
	call  string // how it is written in Go, with a verb for what may be drawn
	where place
	do    func(f *fate, a Act) bool // false if there was nothing to do

	n     int64 // drawn below limit where negative
	limit func(*fate) int
	data  []byte
	size  int // of data that is drawn
	name  string
	pick  bool // name is the drawn name of another room
	forks bool
}

// String is the act in Go.
func (a Act) String() string {
	switch {
	case a.size > 0:
		return fmt.Sprintf("Garbage(%d)", a.size)
	case a.data != nil:
		return fmt.Sprintf(a.call, a.data)
	case a.limit != nil:
		return fmt.Sprintf(a.call, a.n)
	case a.name != "" || a.pick:
		return fmt.Sprintf(a.call, a.name)
	}
	return a.call
}

// drawn returns a with what it leaves open drawn.
func (a Act) drawn(f *fate, draws *rand.Rand) Act {
	if a.limit != nil && a.n < 0 {
		a.n = draws.Int64N(int64(max(a.limit(f), 1)))
	}
	if a.size > 0 {
		a.data, a.size = make([]byte, a.size), 0
		for i := range a.data {
			a.data[i] = byte(draws.Uint32())
		}
	}
	if others := len(f.rooms) - 1; a.pick && others > 0 {
		other := draws.IntN(others)
		if f.rooms[other] == f.room {
			other = others
		}
		a.name = f.rooms[other].name
	}
	return a
}

// fate is what becomes of a frame, a bundle or a call.
type fate struct {
	log   []entry // what came before, for replays
	rooms []*room
	room  *room // nil for a bundle

	payload []byte
	before  [][]byte // frames that come before it
	after   [][]byte // and after it

	gone     bool
	refused  error
	denied   error
	wait     time.Duration
	hold     int
	shift    int64
	again    int
	broken   error
	skip     bool
	truncate bool
	fork     string
	into     []*room
	swap     string
	head     func(uint64) uint64
}

const (
	onFrame  = onAppend | onShow
	onBundle = onPublish | onLookup
)

func simple(call string, where place, do func(f *fate)) Act {
	return Act{call: call, where: where, do: func(f *fate, _ Act) bool {
		do(f)
		return true
	}}
}

// sensible panics for an act that would do nothing: a test with one shows nothing.
func sensible(ok bool, a Act) Act {
	if !ok {
		panic("transporttest: an act that does nothing: " + a.String())
	}
	return a
}

// orMisbehaved is err, or ErrMisbehaved for nil.
func orMisbehaved(err error) error {
	if err == nil {
		return ErrMisbehaved
	}
	return err
}

// errorInGo is how err is written in a script.
func errorInGo(err error) string {
	if err == nil {
		return "nil"
	}
	if t, ok := errors.AsType[*transport.TruncatedError](err); ok {
		return fmt.Sprintf("&transport.TruncatedError{First: %d}", t.First)
	}
	return fmt.Sprintf("errors.New(%q)", err.Error())
}

// Refuse fails a call with err, [ErrMisbehaved] if that is nil: Append (By),
// Subscribe (To), Publish or Lookup (Name). Nothing is stored.
func Refuse(err error) Act {
	return simple("Refuse("+errorInGo(err)+")", onAppend|onSubscribe|onBundle, func(f *fate) { f.refused = orMisbehaved(err) })
}

// Deny does what was asked and says that it failed, of Append or Publish.
func Deny(err error) Act {
	return simple("Deny("+errorInGo(err)+")", onAppend|onPublish, func(f *fate) { f.denied = orMisbehaved(err) })
}

// Break ends the first subscription that gets to the frame with err,
// [ErrMisbehaved] if that is nil. The next gets the frame.
func Break(err error) Act {
	return simple("Break("+errorInGo(err)+")", onShow, func(f *fate) { f.broken = orMisbehaved(err) })
}

// Truncate says from the frame on that this and all before it are no longer
// stored: who needs one of them gets a [*transport.TruncatedError].
func Truncate() Act {
	return simple("Truncate()", onShow, func(f *fate) { f.truncate = true })
}

// SayHead has Head return n.
func SayHead(n uint64) Act {
	return simple(fmt.Sprintf("SayHead(%d)", n), onHead, func(f *fate) { f.head = func(uint64) uint64 { return n } })
}

// ShiftHead has Head return what is true and delta, 0 instead of less than 0.
func ShiftHead(delta int64) Act {
	return sensible(delta != 0, simple(fmt.Sprintf("ShiftHead(%d)", delta), onHead, func(f *fate) {
		f.head = func(head uint64) uint64 {
			if delta < 0 && uint64(-delta) > head {
				return 0
			}
			return head + uint64(delta)
		}
	}))
}

// RefuseHead fails Head with err, [ErrMisbehaved] if that is nil.
func RefuseHead(err error) Act {
	return simple("RefuseHead("+errorInGo(err)+")", onHead, func(f *fate) { f.refused = orMisbehaved(err) })
}

// Fork shows the reader another history from this frame on, the branch of that
// name: the frames before this one, and then what readers in the branch append
// themselves, which nobody else sees. Readers in one branch see each other.
// A reader that appends before the frame comes goes first. Nothing else is done
// to a frame that forks.
//
// Fork("b") from frame 5 on for bob and carol leaves them to themselves.
func Fork(branch string) Act {
	if branch == "" {
		panic("transporttest: a branch needs a name")
	}
	return Act{call: fmt.Sprintf("Fork(%q)", branch), where: onShow, forks: true, do: func(f *fate, _ Act) bool {
		f.fork = branch
		return true
	}}
}
