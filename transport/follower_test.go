package transport_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/parley-e2ee/parley/transport"
)

// A follower reads a room in a goroutine and remembers what came. Its fields
// are to be read when it waits or has ended.
type follower struct {
	cancel context.CancelFunc
	seqs   []uint64
	err    error
	ended  bool
}

// follow starts a follower; use it in a bubble of synctest.
func follow(t *testing.T, m *transport.Memory, room string, after uint64) *follower {
	ctx, cancel := context.WithCancel(t.Context())
	f := &follower{cancel: cancel}
	go func() {
		defer func() { f.ended = true }()
		for frame, err := range m.Subscribe(ctx, room, after) {
			if err != nil {
				f.err = errors.Join(f.err, err)
				continue
			}
			f.seqs = append(f.seqs, frame.Seq)
		}
	}()
	return f
}

func TestCloseEndsEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := transport.NewMemory(nil)
		appendN(t, m, "room", 3, 1)
		waiting, empty, above := follow(t, m, "room", 0), follow(t, m, "empty", 0), follow(t, m, "room", 100)
		synctest.Wait()
		if len(waiting.seqs) != 3 {
			t.Errorf("got frames %v before Close", waiting.seqs)
		}
		m.Close()
		m.Close()
		synctest.Wait()
		if m.Rooms() != 0 {
			t.Errorf("%d rooms after Close", m.Rooms())
		}
		for _, f := range []*follower{waiting, empty, above} {
			if !f.ended || !errors.Is(f.err, transport.ErrClosed) {
				t.Errorf("ended %v with %v, want ErrClosed", f.ended, f.err)
			}
		}
		_, appendErr := m.Append(t.Context(), "room", nil)
		_, headErr := m.Head(t.Context(), "room")
		_, lookupErr := m.Lookup(t.Context(), "name")
		_, readErr := numbers(t, m, "room", 0)
		publishErr := m.Publish(t.Context(), "name", nil)
		for i, err := range []error{appendErr, headErr, lookupErr, readErr, publishErr} {
			if err != transport.ErrClosed {
				t.Errorf("call %d after Close: got %v, want ErrClosed", i, err)
			}
		}
	})
}

// TestCloseInLoop closes in the loop body, with frames still to come.
func TestCloseInLoop(t *testing.T) {
	m := transport.NewMemory(nil)
	appendN(t, m, "room", 3, 1)
	calls := 0
	for f, err := range m.Subscribe(t.Context(), "room", 0) {
		calls++
		m.Close()
		if calls == 1 && f.Seq != 1 || calls == 2 && err != transport.ErrClosed || calls > 2 {
			t.Errorf("call %d: %d, %v", calls, f.Seq, err)
		}
	}
}

func TestDropOldest(t *testing.T) {
	for name, opts := range map[string]transport.MemoryOptions{
		"frames": {RoomFrames: 5},
		"bytes":  {RoomBytes: 5 * (10 + 64)},
		"total":  {TotalBytes: 4 + 64 + 5*(10+64)},
	} {
		t.Run(name, func(t *testing.T) {
			opts.DropOldest = true
			m := transport.NewMemory(&opts)
			appendN(t, m, "room", 12, 10)
			expectHead(t, m, "room", 12)
			for after := range uint64(7) {
				seqs, err := numbers(t, m, "room", after)
				truncated, ok := errors.AsType[*transport.TruncatedError](err)
				if !ok || truncated.First != 8 || len(seqs) != 0 {
					t.Errorf("after %d: got %v, %v, want a TruncatedError with 8", after, seqs, err)
				}
			}
			if seqs, err := numbers(t, m, "room", 7); len(seqs) != 5 || seqs[0] != 8 || err != nil {
				t.Errorf("after 7: got %v, %v", seqs, err)
			}
			if err := m.Audit(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestDropOldestHelpsOnlyItself fills the relay from one room; another has
// nothing of its own to drop.
func TestDropOldestHelpsOnlyItself(t *testing.T) {
	m := transport.NewMemory(&transport.MemoryOptions{TotalBytes: 1000, DropOldest: true})
	appendN(t, m, "b", 1, 1)
	appendN(t, m, "a", 20, 10)
	expectRefused(t, m, "b", 100, transport.ErrFull)
	if seqs, err := numbers(t, m, "b", 0); len(seqs) != 1 || err != nil {
		t.Errorf("a refused append dropped frames: %v, %v", seqs, err)
	}
	appendN(t, m, "b", 1, 2) // in place of its first
	if _, err := numbers(t, m, "b", 0); !errors.Is(err, transport.ErrTruncated) {
		t.Errorf("got %v, want ErrTruncated", err)
	}
}

// TestReaderFallsBehind drops frames while a reader is in its loop body.
func TestReaderFallsBehind(t *testing.T) {
	m := transport.NewMemory(&transport.MemoryOptions{RoomFrames: 200, DropOldest: true})
	appendN(t, m, "room", 200, 1)
	last, ended := uint64(0), error(nil)
	for f, err := range m.Subscribe(t.Context(), "room", 0) {
		if err != nil {
			ended = err
			continue
		}
		if f.Seq != last+1 {
			t.Fatalf("got frame %d after %d", f.Seq, last)
		}
		if last = f.Seq; last == 1 {
			appendN(t, m, "room", 1000, 1)
		}
	}
	truncated, ok := errors.AsType[*transport.TruncatedError](ended)
	if !ok || truncated.First != 1001 {
		t.Errorf("a reader that fell behind got %v after frame %d", ended, last)
	}
}

// TestWaitingReaderKeepsUp has a reader at the head of a room that keeps one
// frame.
func TestWaitingReaderKeepsUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := transport.NewMemory(&transport.MemoryOptions{RoomFrames: 1, DropOldest: true})
		f := follow(t, m, "room", 0)
		for range 10 {
			appendN(t, m, "room", 1, 1)
			synctest.Wait()
		}
		f.cancel()
		synctest.Wait()
		if len(f.seqs) != 10 || !errors.Is(f.err, context.Canceled) {
			t.Errorf("got %v, %v", f.seqs, f.err)
		}
	})
}
