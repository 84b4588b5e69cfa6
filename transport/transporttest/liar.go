package transporttest

import (
	"context"
	"crypto/sha256"
	"errors"
	"iter"
	"maps"
	"slices"
	"sync"

	"github.com/parley-e2ee/parley/transport"
)

// ErrMisbehaved is what an [Act] fails with that was given no error.
var ErrMisbehaved = errors.New("transporttest: misbehaved")

// errNoDirectory is for a relay that is none.
var errNoDirectory = errors.New("transporttest: the relay that misbehaves has no directory")

// A Liar is a relay and directory that misbehave on purpose: see [Misbehave].
// All methods may be called from any number of goroutines.
type Liar struct {
	relay transport.Relay
	dir   transport.Directory // nil for none
	main  *View

	mu        sync.Mutex
	steps     []*armed
	numbered  int // steps so far, for draws
	rooms     map[string]*room
	order     []*room // by number
	readers   map[string]bool
	calls     map[callKey]uint64
	published map[string][][]byte
	deeds     []Deed
}

// callKey names a counter of calls; who is empty where they are everybody's.
type callKey struct {
	at        place
	who, name string
}

// Misbehave returns a relay that keeps its logs in relay and does what script
// says. It is a directory too, if relay is one; a relay and a directory that
// are two go in as
//
//	struct {
//		transport.Relay
//		transport.Directory
//	}{relay, dir}
//
// With an empty script it keeps the contract as relay does. It panics if a step
// makes no sense.
//
// A relay does not know who reads from it. Give each client a view of its own,
// [Liar.For], so that steps can tell them apart.
func Misbehave(relay transport.Relay, script Script) *Liar {
	l := &Liar{
		relay:     relay,
		rooms:     make(map[string]*room),
		readers:   map[string]bool{"": true},
		calls:     make(map[callKey]uint64),
		published: make(map[string][][]byte),
	}
	l.dir, _ = relay.(transport.Directory)
	l.main = &View{l, ""}
	l.Do(script...)
	return l
}

// For returns the relay and directory as one reader and writer sees them. Equal
// names share a view, after a restart too.
func (l *Liar) For(who string) *View {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.readers[who] = true
	return &View{l, who}
}

// Do adds steps for what happens from now on: what was appended through l before
// is shown as if they were not there, to readers for whom For was called and to
// those whom the steps name. It panics if a step makes no sense.
func (l *Liar) Do(steps ...Step) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range steps {
		if s.To != "" && s.To != Anyone {
			l.readers[s.To] = true
		}
	}
	l.settle()
	for _, s := range steps {
		l.numbered++
		l.steps = append(l.steps, &armed{Step: s, at: s.place(), number: l.numbered})
	}
}

// settle takes into every view what is stored, under the steps of before.
func (l *Liar) settle() {
	who := slices.Sorted(maps.Keys(l.readers))
	for _, r := range l.order {
		for _, who := range who {
			r.view(who).advance(l)
		}
	}
}

// Behave ends all steps. From now on everybody is shown what anybody appends,
// each new frame once, and bundles are the true ones. What was held back by
// [Hold] comes now; what [Skip], [Truncate], [Renumber] and [Break] did is
// undone; a reader that was forked sees again what is appended from now on, and
// is heard by all. What was shown stays as it was shown, and under its numbers.
func (l *Liar) Behave() {
	late := l.behave()
	for _, f := range late {
		_ = l.store(context.Background(), f.room, f.room.base, f.payload)
	}
}

type late struct {
	room    *room
	payload []byte
}

func (l *Liar) behave() (all []late) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.settle()
	l.steps = nil
	for _, r := range l.order {
		for _, b := range r.everyBranch() {
			for _, h := range b.held {
				all = append(all, late{r, h.payload})
			}
			b.held = nil
		}
		for _, v := range r.views {
			v.heal()
		}
		r.grow()
	}
	return all
}

// Seen returns every frame that anybody appended to room through the relay or
// that it found there, lost ones too, in the order of their first appearance.
func (l *Liar) Seen(room string) (frames [][]byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if r := l.rooms[room]; r != nil {
		for _, payload := range r.seen {
			frames = append(frames, slices.Clone(payload))
		}
	}
	return frames
}

// Inject puts payload into room now: as the next frame that who alone is
// shown, or of the log if who is empty. Its [Deed] puts it in front of the frame
// that comes next.
func (l *Liar) Inject(ctx context.Context, who, room string, payload []byte) error {
	if err := transport.CheckName(room); err != nil {
		return err
	}
	l.mu.Lock()
	r := l.room(room)
	act := Inject(payload)
	if who == "" {
		l.note(occasion{at: onAppend, room: room, n: l.calls[callKey{onAppend, "", room}] + 1}, act)
		l.mu.Unlock()
		return l.store(ctx, r, r.base, payload)
	}
	defer l.mu.Unlock()
	l.readers[who] = true
	v := r.view(who)
	v.advance(l)
	l.note(occasion{at: onShow, who: who, room: room, n: v.pos + 1}, act)
	v.add(slot{payload: slices.Clone(payload)})
	r.grow()
	return nil
}

// Append implements [transport.Relay] for who has no view.
func (l *Liar) Append(ctx context.Context, room string, payload []byte) (uint64, error) {
	return l.main.Append(ctx, room, payload)
}

// Subscribe implements [transport.Relay] for who has no view.
func (l *Liar) Subscribe(ctx context.Context, room string, after uint64) iter.Seq2[transport.Frame, error] {
	return l.main.Subscribe(ctx, room, after)
}

// Head implements [transport.Relay] for who has no view.
func (l *Liar) Head(ctx context.Context, room string) (uint64, error) {
	return l.main.Head(ctx, room)
}

// Publish implements [transport.Directory] for who has no view.
func (l *Liar) Publish(ctx context.Context, name string, bundle []byte) error {
	return l.main.Publish(ctx, name, bundle)
}

// Lookup implements [transport.Directory] for who has no view.
func (l *Liar) Lookup(ctx context.Context, name string) ([]byte, error) {
	return l.main.Lookup(ctx, name)
}

// count returns which call this is: of who, and of everybody.
func (l *Liar) count(at place, who, name string) (own, all uint64) {
	mine, total := callKey{at, who, name}, callKey{at, "", name}
	l.calls[total]++
	if who != "" {
		l.calls[mine]++
	}
	return l.calls[mine], l.calls[total]
}

// room is called with l.mu held, with a name that is good.
func (l *Liar) room(name string) *room {
	r := l.rooms[name]
	if r == nil {
		r = &room{
			name: name, number: len(l.order) + 1, base: new(branch),
			branches: make(map[string]*branch), views: make(map[string]*view), known: make(map[[32]byte]bool),
		}
		l.rooms[name] = r
		l.order = append(l.order, r)
	}
	return r
}

// remember keeps a frame for Seen.
func (r *room) remember(payload []byte) {
	if h := sha256.Sum256(payload); !r.known[h] {
		r.known[h] = true
		r.seen = append(r.seen, slices.Clone(payload))
	}
}
