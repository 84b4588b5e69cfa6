package transporttest

import (
	"maps"
	"slices"
	"time"

	"github.com/parley-e2ee/parley/transport"
)

// room is what is known of one room. The Liar's lock guards it.
type room struct {
	name     string
	number   int
	base     *branch // the log of the relay, as far as it was read
	branches map[string]*branch
	views    map[string]*view
	seen     [][]byte
	known    map[[32]byte]bool // hashes of seen
	grown    chan struct{}     // closed when there is something new; nil while nobody waits
}

// branch is one history of a room.
type branch struct {
	log  []entry
	from int // entries that it shares with the base; 0 for the base itself
	held []held
}

type entry struct {
	payload []byte
	lost    bool // the relay has dropped it
}

// held is a frame that waits until left more have come.
type held struct {
	payload []byte
	origin  uint64
	left    int
}

// view is what one reader is shown of one room. It is built frame by frame of
// a branch, and never changed once shown, so that every subscription of the
// reader is told the same.
type view struct {
	who    string
	room   *room
	source *branch
	pos    uint64 // entries of source taken in
	slots  []slot
	places uint64 // numbers given
	held   []held
	first  uint64 // frames with lower numbers are said to be gone
}

// slot is one frame as it is shown.
type slot struct {
	place   uint64 // its number
	seq     uint64 // the number said
	origin  uint64 // where in the source it comes from, 0 for nowhere
	payload []byte
	again   int       // how often it is delivered anew
	due     time.Time // not before; zero for at once
	broken  error     // ends the first subscription that gets there
	hidden  bool
	lost    bool
}

func (r *room) everyBranch() []*branch {
	all := []*branch{r.base}
	for _, name := range slices.Sorted(maps.Keys(r.branches)) {
		all = append(all, r.branches[name])
	}
	return all
}

func (r *room) view(who string) *view {
	v := r.views[who]
	if v == nil {
		v = &view{who: who, room: r, source: r.base}
		r.views[who] = v
	}
	return v
}

// grow wakes who waits for something new.
func (r *room) grow() {
	if r.grown != nil {
		close(r.grown)
		r.grown = nil
	}
}

// learn takes a frame of the relay's log into the base, unless it is there.
func (r *room) learn(f transport.Frame) {
	if f.Seq <= uint64(len(r.base.log)) {
		return
	}
	r.lose(f.Seq - 1)
	r.remember(f.Payload)
	r.base.log = append(r.base.log, entry{payload: slices.Clone(f.Payload)})
	r.grow()
}

// lose notes that the relay has dropped what is not known up to seq.
func (r *room) lose(seq uint64) {
	for uint64(len(r.base.log)) < seq {
		r.base.log = append(r.base.log, entry{lost: true})
	}
}

// advance shows v what its source has got since.
func (v *view) advance(l *Liar) {
	for v.pos < uint64(len(v.source.log)) {
		e := v.source.log[v.pos]
		if v.forks(l, e.payload) {
			continue
		}
		o := v.coming(e.payload)
		f := l.decide(o, &fate{log: v.source.log[:v.pos], rooms: l.order, room: v.room})
		v.pos = o.n
		v.show(f, o.n, e.lost)
	}
}

// coming is the occasion of the next frame.
func (v *view) coming(payload []byte) occasion {
	return occasion{at: onShow, who: v.who, room: v.room.name, number: v.room.number, n: v.pos + 1, payload: payload}
}

// forks goes over to a branch if the next frame forks v, and reports that.
func (v *view) forks(l *Liar, payload []byte) bool {
	if v.source != v.room.base {
		return false
	}
	f := new(fate)
	for _, s := range l.steps {
		if o := v.coming(payload); s.Do.forks && f.fork == "" && s.fits(o) {
			l.try(s, o, f)
		}
	}
	if f.fork == "" {
		return false
	}
	v.fork(f.fork)
	return true
}

// sift counts one more frame, and returns who waits on and who does not.
func sift(all []held) (rest, due []held) {
	for _, h := range all {
		if h.left--; h.left > 0 {
			rest = append(rest, h)
		} else {
			due = append(due, h)
		}
	}
	return rest, due
}

// fork goes over to a branch, which begins where v stands if it is new.
func (v *view) fork(name string) {
	b := v.room.branches[name]
	if b == nil {
		b = &branch{from: int(v.pos), log: slices.Clone(v.source.log[:v.pos])}
		v.room.branches[name] = b
	}
	v.source, v.pos = b, uint64(b.from)
}

// show gives what became of a frame its places.
func (v *view) show(f *fate, origin uint64, lost bool) {
	var due []held
	v.held, due = sift(v.held)
	for _, payload := range f.before {
		v.add(slot{payload: payload})
	}
	switch {
	case f.gone:
	case f.hold > 0:
		v.held = append(v.held, held{f.payload, origin, f.hold})
	default:
		v.showItself(f, origin, lost)
	}
	for _, payload := range f.after {
		v.add(slot{payload: payload})
	}
	for _, h := range due {
		v.add(slot{origin: h.origin, payload: h.payload})
	}
	for _, other := range f.into {
		if v.room.name != other.name {
			other.view(v.who).add(slot{payload: f.payload})
			other.grow()
		}
	}
}

// showItself gives a frame its place, and a slot what is to be done with it.
func (v *view) showItself(f *fate, origin uint64, lost bool) {
	s := slot{origin: origin, payload: f.payload, again: f.again, broken: f.broken, hidden: f.skip, lost: lost}
	if f.wait > 0 {
		s.due = time.Now().Add(f.wait)
	}
	v.add(s)
	v.slots[len(v.slots)-1].seq += uint64(f.shift)
	if f.truncate {
		v.first = v.places + 1
	}
}

func (v *view) add(s slot) {
	v.places++
	s.place, s.seq = v.places, v.places
	v.slots = append(v.slots, s)
}

// number is what v calls the frame at origin of its source; the next number if
// it does not show that.
func (v *view) number(origin uint64) uint64 {
	for _, s := range slices.Backward(v.slots) {
		if s.origin == origin {
			return s.seq
		}
	}
	return v.places + 1
}

// heal undoes what can be undone.
func (v *view) heal() {
	for i := range v.slots {
		s := &v.slots[i]
		s.seq, s.again, s.due, s.broken, s.hidden = s.place, 0, time.Time{}, nil, false
	}
	for _, h := range v.held {
		v.add(slot{origin: h.origin, payload: h.payload})
	}
	v.first, v.held = 0, nil
	if v.source != v.room.base {
		v.source, v.pos = v.room.base, uint64(len(v.room.base.log))
	}
}
