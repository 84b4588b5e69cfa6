package transport

import (
	"context"
	"sync"
)

// Memory is the reference [Relay] and [Directory]: everything in the memory of
// this process, bounded by its [MemoryOptions], gone with it. It keeps whole
// logs unless told otherwise, starts no goroutine and reads no clock.
//
// Methods may be called from any number of goroutines. A reader pulls from the
// log at its own pace; nothing is queued for it, and it holds back nobody.
// A subscription costs two kilobytes, and with DropOldest up to one
// MaxFrame of payloads dropped since its last step; how many there may be is
// for its callers to bound.
type Memory struct {
	opts MemoryOptions
	done chan struct{} // closed by Close

	mu          sync.Mutex // guards what follows, and every room's fields
	rooms       map[string]*room
	roomsBytes  int64
	bundles     map[string][]byte
	bundleBytes int64
}

var (
	_ Relay     = (*Memory)(nil)
	_ Directory = (*Memory)(nil)
)

// NewMemory returns an empty relay and directory. Nil options are the
// defaults; opts is copied. All of it goes with the process, and rooms cannot go
// on without their log: where clients' stores outlive the process, keep every
// frame and bundle too, and append them again in their order (examples/chat does,
// in relay.go).
func NewMemory(opts *MemoryOptions) *Memory {
	return &Memory{
		opts:    opts.withDefaults(),
		done:    make(chan struct{}),
		rooms:   make(map[string]*room),
		bundles: make(map[string][]byte),
	}
}

// Close forgets every log and bundle. Subscriptions end with [ErrClosed], and
// so does every later call. It does not wait for calls under way: an Append
// that is in its Observe hook ends as if it had come before. Closing again
// does nothing. The error is always nil.
func (m *Memory) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.isClosed() {
		return nil
	}
	close(m.done)
	clear(m.rooms)
	clear(m.bundles)
	return nil
}

func (m *Memory) isClosed() bool {
	select {
	case <-m.done:
		return true
	default:
		return false
	}
}

// check returns why a call with these arguments goes no further, if so.
func (m *Memory) check(ctx context.Context, name string) error {
	if err := CheckName(name); err != nil {
		return err
	}
	return m.ended(ctx)
}

// ended returns why a call under way goes no further, if so.
func (m *Memory) ended(ctx context.Context) error {
	if m.isClosed() {
		return ErrClosed
	}
	return ctx.Err()
}

// Head implements [Relay].
func (m *Memory) Head(ctx context.Context, room string) (uint64, error) {
	if err := m.check(ctx, room); err != nil {
		return 0, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if r := m.rooms[room]; r != nil {
		return r.head, nil
	}
	if m.isClosed() {
		return 0, ErrClosed
	}
	return 0, nil
}
