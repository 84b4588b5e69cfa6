package transporttest

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"strings"
)

// Anyone, as By or To of a [Step], is everybody.
const Anyone = "*"

// A Script is what a [Liar] does, all of it at every occasion that fits, in
// this order.
type Script []Step

// A Step is one thing to do, and when. The zero values of its conditions stand
// for always.
//
// By and To say at which of two places: what By appends is changed for
// everybody, before it is stored; what To is shown is changed for that reader
// alone. With neither it is what anybody appends, or, for an [Act] that only
// readers notice, what any reader is shown.
type Step struct {
	By string // a writer
	To string // a reader

	Room string // a room of relays, empty for all of them
	Name string // a name of directories, Anyone for all of them

	// Nth, From and Until count from 1: the frames appended to the room, by By
	// if that names somebody; for To, the place of the frame in the log; for
	// what is done to another call (Head, Subscribe, Publish, Lookup), the
	// calls of who makes it.
	Nth, From, Until uint64

	If     func(payload []byte) bool // nil for any frame or bundle; it may not call the relay
	Chance float64                   // of doing it, at each occasion; 0 is always
	Times  int                       // how often at the most; 0 is no limit
	Seed   uint64                    // what Chance and drawn numbers are drawn from

	Do Act
}

// place is where in a relay a step applies.
type place uint8

const (
	onAppend place = 1 << iota
	onShow
	onSubscribe
	onHead
	onPublish
	onLookup
)

// armed is a step in force.
type armed struct {
	Step
	at     place
	number int
	done   int
}

// place finds where s applies, and panics if it applies nowhere.
func (s Step) place() (at place) {
	can := s.Do.where
	switch {
	case s.Name != "" && s.By != "":
		at = onPublish
	case s.Name != "":
		at = onLookup
	case s.By != "" || s.To == "" && can&onAppend != 0:
		at = onAppend
	case can&onHead != 0:
		at = onHead
	case can&onSubscribe != 0:
		at = onSubscribe
	default:
		at = onShow
	}
	never := s.Until != 0 && s.From > s.Until || s.Times < 0 || !(s.Chance >= 0 && s.Chance <= 1)
	if never || can&at == 0 || s.By != "" && s.To != "" || s.Name != "" && s.Room != "" {
		panic("transporttest: a step that makes no sense: " + s.String())
	}
	return at
}

// occasion is a moment at which something may be done.
type occasion struct {
	at      place
	who     string
	room    string // or a directory's name
	number  int    // the room's, for draws: rooms often have random names
	n       uint64 // which one it is of who's
	all     uint64 // and of everybody's, where that differs
	payload []byte
}

func (s *armed) fits(o occasion) bool {
	who, n := s.By+s.To, o.n
	if o.all != 0 && (who == "" || who == Anyone) {
		n = o.all
	}
	switch {
	case s.at != o.at,
		who != "" && who != Anyone && who != o.who,
		s.Room != "" && s.Room != o.room,
		s.Name != "" && s.Name != Anyone && s.Name != o.room,
		s.Nth != 0 && n != s.Nth, n < s.From, s.Until != 0 && n > s.Until,
		s.Times != 0 && s.done >= s.Times:
		return false
	}
	return s.If == nil || s.If(o.payload)
}

// draws is a source that depends on the seed, the step and the occasion, and
// not on what other goroutines do meanwhile.
func (s *armed) draws(o occasion) *rand.Rand {
	h := fnv.New64a()
	fmt.Fprintf(h, "%d %d %d %q %d", s.number, o.at, o.number, o.who, o.n)
	if o.number == 0 {
		fmt.Fprintf(h, " %q", o.room)
	}
	return rand.New(rand.NewPCG(s.Seed, h.Sum64()))
}

// decide returns what becomes of a frame, bundle or call.
func (l *Liar) decide(o occasion, f *fate) *fate {
	f.payload = o.payload
	for _, s := range l.steps {
		o.payload = f.payload
		if f.gone || s.Do.forks || !s.fits(o) {
			continue
		}
		l.try(s, o, f)
	}
	return f
}

// try does a step that fits, if chance will have it.
func (l *Liar) try(s *armed, o occasion, f *fate) {
	draws := s.draws(o)
	if s.Chance != 0 && draws.Float64() >= s.Chance {
		return
	}
	if act := s.Do.drawn(f, draws); act.do(f, act) {
		s.done++
		l.note(o, act)
	}
}

// String is the step in Go, but for If.
func (s Step) String() string {
	var b strings.Builder
	field := func(name, format string, v any) {
		fmt.Fprintf(&b, "%s: "+format+", ", name, v)
	}
	for _, text := range []struct{ name, value string }{{"By", s.By}, {"To", s.To}, {"Room", s.Room}, {"Name", s.Name}} {
		if text.value != "" {
			field(text.name, "%q", text.value)
		}
	}
	for _, number := range []struct {
		name  string
		value uint64
	}{{"Nth", s.Nth}, {"From", s.From}, {"Until", s.Until}, {"Times", uint64(s.Times)}, {"Seed", s.Seed}} {
		if number.value != 0 {
			field(number.name, "%d", number.value)
		}
	}
	if s.If != nil {
		b.WriteString("If: ..., ")
	}
	if s.Chance != 0 {
		field("Chance", "%v", s.Chance)
	}
	return "{" + b.String() + "Do: " + s.Do.String() + "}"
}
