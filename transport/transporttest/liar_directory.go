package transporttest

import (
	"bytes"
	"cmp"
	"context"
	"errors"

	"github.com/parley-e2ee/parley/transport"
)

// Publish implements [transport.Directory].
func (v *View) Publish(ctx context.Context, name string, bundle []byte) error {
	l := v.liar
	if l.dir == nil {
		return errNoDirectory
	}
	f := l.consider(onPublish, v.who, name, bundle)
	if f.refused != nil {
		return f.refused
	}
	if err := pass(ctx, f.wait); err != nil {
		return err
	}
	if f.gone {
		return f.denied
	}
	return cmp.Or(l.dir.Publish(ctx, name, f.payload), f.denied)
}

// Lookup implements [transport.Directory].
func (v *View) Lookup(ctx context.Context, name string) ([]byte, error) {
	l := v.liar
	if l.dir == nil {
		return nil, errNoDirectory
	}
	bundle, err := l.dir.Lookup(ctx, name)
	switch {
	case err == nil:
		bundle = append([]byte{}, bundle...) // nil is for none
	case errors.Is(err, transport.ErrNotFound):
		bundle = nil
	default:
		return nil, err
	}
	f := l.consider(onLookup, v.who, name, bundle)
	if f.refused != nil {
		return nil, f.refused
	}
	if err := pass(ctx, f.wait); err != nil {
		return nil, err
	}
	switch {
	case f.swap != "":
		return l.dir.Lookup(ctx, f.swap)
	case f.gone, f.payload == nil:
		return nil, transport.ErrNotFound
	}
	return f.payload, nil
}

// consider decides what becomes of a bundle, nil for none, and keeps every one
// that it sees for replays.
func (l *Liar) consider(at place, who, name string, bundle []byte) *fate {
	l.mu.Lock()
	defer l.mu.Unlock()
	own, all := l.count(at, who, name)
	if who == "" {
		own = all
	}
	if at == onLookup {
		all = 0 // look-ups are each reader's own
	}
	f := &fate{}
	for _, old := range l.published[name] {
		f.log = append(f.log, entry{payload: old})
	}
	l.decide(occasion{at: at, who: who, room: name, n: own, all: all, payload: bytes.Clone(bundle)}, f)
	olds := l.published[name]
	if bundle != nil && (len(olds) == 0 || !bytes.Equal(olds[len(olds)-1], bundle)) {
		l.published[name] = append(olds, bytes.Clone(bundle))
	}
	return f
}
