package transporttest

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/parley-e2ee/parley/transport"
)

// Append implements [transport.Relay].
func (v *View) Append(ctx context.Context, room string, payload []byte) (uint64, error) {
	if err := transport.CheckName(room); err != nil {
		return v.liar.relay.Append(ctx, room, payload)
	}
	l := v.liar
	f, source := l.admit(v.who, room, payload)
	if f.refused != nil {
		return 0, f.refused
	}
	if err := pass(ctx, f.wait); err != nil {
		return 0, err
	}
	seq, err := l.storeAll(ctx, f, source)
	if err = cmp.Or(err, f.denied); err != nil {
		return 0, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	shown := f.room.view(v.who)
	shown.advance(l)
	if seq == 0 {
		return shown.places + 1 + uint64(f.shift), nil
	}
	return shown.number(seq) + uint64(f.shift), nil
}

// admit decides what becomes of a frame, and where it goes.
func (l *Liar) admit(who, name string, payload []byte) (*fate, *branch) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.room(name)
	v := r.view(who)
	r.remember(payload)
	v.advance(l)
	v.forks(l, payload) // its writer is not to be heard by the others any more
	own, all := l.count(onAppend, who, name)
	o := occasion{at: onAppend, who: who, room: name, number: r.number, n: own, all: all, payload: slices.Clone(payload)}
	if who == "" {
		o.n = all
	}
	return l.decide(o, &fate{log: v.source.log, rooms: l.order, room: r}), v.source
}

// storeAll stores what became of a frame, and returns its number; 0 if it was
// not stored.
func (l *Liar) storeAll(ctx context.Context, f *fate, to *branch) (seq uint64, err error) {
	for _, payload := range f.before {
		err = cmp.Or(err, l.store(ctx, f.room, to, payload))
	}
	switch {
	case err != nil || f.gone:
	case f.hold > 0:
		l.mu.Lock()
		to.held = append(to.held, held{payload: f.payload, left: f.hold})
		l.mu.Unlock()
	default:
		if seq, err = l.put(ctx, f.room, to, f.payload); err == nil {
			err = l.release(ctx, f.room, to)
		}
	}
	for _, payload := range f.after {
		err = cmp.Or(err, l.store(ctx, f.room, to, payload))
	}
	for _, other := range f.into {
		err = cmp.Or(err, l.store(ctx, other, other.base, f.payload))
	}
	return seq, err
}

// store puts a frame at the end of a branch, and what waited for that behind.
func (l *Liar) store(ctx context.Context, r *room, to *branch, payload []byte) error {
	if _, err := l.put(ctx, r, to, payload); err != nil {
		return err
	}
	return l.release(ctx, r, to)
}

// release stores the frames that have waited long enough.
func (l *Liar) release(ctx context.Context, r *room, to *branch) error {
	l.mu.Lock()
	rest, due := sift(to.held)
	to.held = rest
	l.mu.Unlock()
	for _, h := range due {
		if err := l.store(ctx, r, to, h.payload); err != nil {
			return err
		}
	}
	return nil
}

// put appends to the relay, or to a branch of our own.
func (l *Liar) put(ctx context.Context, r *room, to *branch, payload []byte) (uint64, error) {
	if to == r.base {
		seq, err := l.relay.Append(ctx, r.name, payload)
		if err != nil {
			return 0, err
		}
		return seq, l.read(ctx, r, to, seq)
	}
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	to.log = append(to.log, entry{payload: slices.Clone(payload)})
	r.grow()
	return uint64(len(to.log)), nil
}

// read has the base known up to seq.
func (l *Liar) read(ctx context.Context, r *room, of *branch, seq uint64) error {
	for of == r.base {
		l.mu.Lock()
		have := uint64(len(r.base.log))
		l.mu.Unlock()
		if have >= seq {
			return nil
		}
		for f, err := range l.relay.Subscribe(ctx, r.name, have) {
			if err := l.learn(r, f, err); err != nil {
				return err
			}
			if f.Seq >= seq {
				break
			}
		}
	}
	return nil
}

// learn takes in what a subscription to the relay yielded. It returns nil for
// frames that are gone too: they are known to be.
func (l *Liar) learn(r *room, f transport.Frame, err error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if truncated, ok := errors.AsType[*transport.TruncatedError](err); ok && truncated.First > uint64(len(r.base.log))+1 {
		r.lose(truncated.First - 1)
		return nil
	}
	if err == nil {
		r.learn(f)
	}
	return err
}
