package transport

import (
	"bytes"
	"context"
	"iter"
)

// What a reader takes from the log at a time, so that the lock is held
// briefly: frames, and bytes of payload unless the first alone is larger.
const (
	batchFrames = 64
	batchBytes  = 64 << 10
)

// Subscribe implements [Relay].
func (m *Memory) Subscribe(ctx context.Context, room string, after uint64) iter.Seq2[Frame, error] {
	return func(yield func(Frame, error) bool) {
		if err := m.follow(ctx, room, after, yield); err != nil {
			yield(Frame{}, err)
		}
	}
}

// follow yields the frames above last. It returns nil if the consumer broke
// off, and otherwise why it ended.
func (m *Memory) follow(ctx context.Context, name string, last uint64, yield func(Frame, error) bool) error {
	if err := m.check(ctx, name); err != nil {
		return err
	}
	r, err := m.enter(name)
	if err != nil {
		return err
	}
	defer m.leave(name, r)
	batch := make([][]byte, 0, batchFrames)
	for {
		var grown <-chan struct{}
		batch, grown, err = m.read(r, last, batch[:0])
		if err != nil {
			return err
		}
		for i, payload := range batch {
			if err := m.ended(ctx); err != nil {
				return err
			}
			batch[i] = nil
			last++
			if !yield(Frame{Seq: last, Payload: bytes.Clone(payload)}, nil) {
				return nil
			}
		}
		if err := m.await(ctx, grown); err != nil {
			return err
		}
	}
}

// read appends the next few payloads above last to batch. If there are none
// it returns a channel that is closed when the room grows.
func (m *Memory) read(r *room, last uint64, batch [][]byte) ([][]byte, <-chan struct{}, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if last < r.dropped {
		return batch, nil, &TruncatedError{First: r.dropped + 1}
	}
	if last >= r.head {
		if r.grown == nil {
			r.grown = make(chan struct{})
		}
		return batch, r.grown, nil
	}
	size := 0
	for _, payload := range r.log[last-r.dropped : r.head-r.dropped] {
		size += len(payload)
		if len(batch) > 0 && size > batchBytes || len(batch) == batchFrames {
			break
		}
		batch = append(batch, payload)
	}
	return batch, nil, nil
}

// await waits for grown, if that is not nil.
func (m *Memory) await(ctx context.Context, grown <-chan struct{}) error {
	if grown == nil {
		return nil
	}
	select {
	case <-grown:
		return nil
	case <-m.done:
		return ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
}
