package transporttest

import (
	"context"
	"time"
)

// A View is a [Liar] as one reader and writer sees it: a [transport.Relay] and
// a [transport.Directory]. Its sequence numbers are those of the log that it
// shows, for Append and Head too.
type View struct {
	liar *Liar
	who  string
}

// Head implements [transport.Relay].
func (v *View) Head(ctx context.Context, room string) (uint64, error) {
	l := v.liar
	head, err := l.relay.Head(ctx, room)
	if err != nil {
		return 0, err
	}
	l.mu.Lock()
	r := l.room(room)
	l.mu.Unlock()
	if err := l.read(ctx, r, r.base, head); err != nil {
		return 0, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	shown := r.view(v.who)
	shown.advance(l)
	f := l.call(onHead, v.who, r)
	if f.refused != nil {
		return 0, f.refused
	}
	if f.head != nil {
		return f.head(shown.places), nil
	}
	return shown.places, nil
}

// call decides on a call that carries nothing.
func (l *Liar) call(at place, who string, r *room) *fate {
	own, all := l.count(at, who, r.name)
	if who == "" {
		own = all
	}
	return l.decide(occasion{at: at, who: who, room: r.name, number: r.number, n: own}, &fate{room: r})
}

// pass waits for d, or until ctx ends.
func pass(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
