package transport

import (
	"bytes"
	"context"
)

// Append implements [Relay]. An error means that nothing was stored.
func (m *Memory) Append(ctx context.Context, room string, payload []byte) (uint64, error) {
	if err := m.check(ctx, room); err != nil {
		return 0, err
	}
	if m.tooLarge(len(payload)) {
		return 0, ErrTooLarge
	}
	r, err := m.enter(room)
	if err != nil {
		return 0, err
	}
	defer m.leave(room, r)
	select {
	case r.turn <- struct{}{}:
		defer func() { <-r.turn }()
	case <-m.done:
		return 0, ErrClosed
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	return m.appendInTurn(room, r, payload)
}

// appendInTurn is called by one goroutine a room at a time.
func (m *Memory) appendInTurn(name string, r *room, payload []byte) (uint64, error) {
	seq, err := m.push(r, payload)
	if err != nil {
		return 0, err
	}
	seen := false
	defer func() {
		if seen {
			m.publish(r)
		} else {
			m.retract(r)
		}
	}()
	if m.opts.Observe != nil {
		m.opts.Observe(name, Frame{Seq: seq, Payload: bytes.Clone(payload)})
	}
	seen = true
	return seq, nil
}

// tooLarge reports whether no room could ever hold a payload of size bytes.
func (m *Memory) tooLarge(size int) bool {
	cost := overhead + int64(size)
	return size > m.opts.MaxFrame || cost > m.opts.RoomBytes || cost > m.opts.TotalBytes
}
