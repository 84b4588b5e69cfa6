package transport_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/parley-e2ee/parley/transport"
)

// appendN appends n frames of size bytes and wants nothing refused.
func appendN(t testing.TB, m *transport.Memory, room string, n, size int) {
	t.Helper()
	for range n {
		if _, err := m.Append(t.Context(), room, make([]byte, size)); err != nil {
			t.Fatalf("append: %v", err)
		}
	}
}

func expectHead(t testing.TB, m *transport.Memory, room string, want uint64) {
	t.Helper()
	if head, err := m.Head(t.Context(), room); head != want || err != nil {
		t.Errorf("head is %d, %v, want %d", head, err, want)
	}
}

// expectRefused wants an append to fail with want, and to change nothing.
func expectRefused(t testing.TB, m *transport.Memory, room string, size int, want error) {
	t.Helper()
	head, _ := m.Head(t.Context(), room)
	if seq, err := m.Append(t.Context(), room, make([]byte, size)); err != want || seq != 0 {
		t.Errorf("append of %d bytes: got %d, %v, want %v", size, seq, err, want)
	}
	expectHead(t, m, room, head)
	if err := m.Audit(); err != nil {
		t.Error(err)
	}
}

// numbers reads the stored frames above after, and how the subscription goes
// on when they have been read, if by an error.
func numbers(t testing.TB, m *transport.Memory, room string, after uint64) (seqs []uint64, err error) {
	t.Helper()
	head, err := m.Head(t.Context(), room)
	if err != nil || head <= after {
		return nil, err
	}
	for f, err := range m.Subscribe(t.Context(), room, after) {
		if err != nil {
			return seqs, err
		}
		if seqs = append(seqs, f.Seq); f.Seq == head {
			break
		}
	}
	return seqs, nil
}

func TestBoundsOfARoom(t *testing.T) {
	for name, opts := range map[string]transport.MemoryOptions{
		"frames": {RoomFrames: 3},
		"bytes":  {RoomBytes: 3*(10+64) + 73},
		"total":  {TotalBytes: 4 + 64 + 3*(10+64) + 73},
	} {
		t.Run(name, func(t *testing.T) {
			m := transport.NewMemory(&opts)
			appendN(t, m, "room", 3, 10)
			expectRefused(t, m, "room", 10, transport.ErrFull)
			expectHead(t, m, "room", 3)
			if seqs, err := numbers(t, m, "room", 0); len(seqs) != 3 || err != nil {
				t.Errorf("a full room has frames %v, %v", seqs, err)
			}
		})
	}
}

func TestFrameSize(t *testing.T) {
	m := transport.NewMemory(&transport.MemoryOptions{MaxFrame: 100})
	appendN(t, m, "room", 1, 100)
	expectRefused(t, m, "room", 101, transport.ErrTooLarge)

	m = transport.NewMemory(&transport.MemoryOptions{RoomBytes: 100, DropOldest: true})
	appendN(t, m, "room", 2, 36)
	expectRefused(t, m, "room", 37, transport.ErrTooLarge)

	m = transport.NewMemory(nil)
	appendN(t, m, "room", 1, transport.MaxFrame)
	expectRefused(t, m, "room", transport.MaxFrame+1, transport.ErrTooLarge)
}

func TestBoundOnRooms(t *testing.T) {
	m := transport.NewMemory(&transport.MemoryOptions{Rooms: 2})
	appendN(t, m, "one", 2, 0)
	appendN(t, m, "two", 2, 0)
	expectRefused(t, m, "three", 0, transport.ErrFull)
	for _, err := range m.Subscribe(t.Context(), "three", 0) {
		if err != transport.ErrFull {
			t.Errorf("subscription to one room too many: got %v, want ErrFull", err)
		}
	}
	appendN(t, m, "one", 1, 0)
}

func TestBoundOnAllRooms(t *testing.T) {
	m := transport.NewMemory(&transport.MemoryOptions{TotalBytes: 1000})
	for i := range 6 { // 64+1 a room, 64+10 a frame
		appendN(t, m, fmt.Sprint(i), 1, 10)
	}
	appendN(t, m, "0", 1, 10)
	expectRefused(t, m, "1", 64, transport.ErrFull)
	appendN(t, m, "0", 1, 20)
	expectRefused(t, m, "another", 0, transport.ErrFull)
	for _, err := range m.Subscribe(t.Context(), "another", 0) {
		if err != transport.ErrFull {
			t.Errorf("subscription to a room that does not fit: got %v, want ErrFull", err)
		}
	}
	if m.Rooms() != 6 {
		t.Errorf("%d rooms after a refusal, want 6", m.Rooms())
	}
}

// TestRefusedAppendLeavesNoRoom has a room refused after it was entered.
func TestRefusedAppendLeavesNoRoom(t *testing.T) {
	m := transport.NewMemory(&transport.MemoryOptions{TotalBytes: 300})
	appendN(t, m, "a", 1, 50) // 179 bytes
	for range 3 {
		expectRefused(t, m, "b", 0, transport.ErrFull)
	}
	appendN(t, m, "a", 1, 50)
	if m.Rooms() != 1 {
		t.Errorf("%d rooms, want 1", m.Rooms())
	}
}

// TestWaitingRoomsAreForgotten subscribes to more empty rooms, one after
// another, than there may be.
func TestWaitingRoomsAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := transport.NewMemory(&transport.MemoryOptions{Rooms: 1})
		for i := range 10 {
			room := strings.Repeat("r", i+1)
			first, second := follow(t, m, room, 0), follow(t, m, room, 0)
			synctest.Wait()
			expectRefused(t, m, "another", 0, transport.ErrFull)
			first.cancel()
			synctest.Wait()
			if m.Rooms() != 1 {
				t.Errorf("a room with a subscription left is forgotten")
			}
			second.cancel()
			synctest.Wait()
			if m.Rooms() != 0 || m.Audit() != nil {
				t.Errorf("%d rooms after all subscriptions, %v", m.Rooms(), m.Audit())
			}
		}
	})
}

func TestOptionsAreCopied(t *testing.T) {
	opts := transport.MemoryOptions{RoomFrames: 1}
	m := transport.NewMemory(&opts)
	if opts.MaxFrame != 0 {
		t.Error("NewMemory changed its caller's options")
	}
	opts.RoomFrames = 100
	appendN(t, m, "room", 1, 0)
	expectRefused(t, m, "room", 0, transport.ErrFull)
}

func TestTruncatedError(t *testing.T) {
	err := fmt.Errorf("wrapped: %w", &transport.TruncatedError{First: 7})
	truncated, ok := errors.AsType[*transport.TruncatedError](err)
	if !ok || truncated.First != 7 || !errors.Is(err, transport.ErrTruncated) || errors.Is(err, transport.ErrFull) {
		t.Errorf("%v: does not say what it is", err)
	}
	if !strings.Contains(err.Error(), "7") {
		t.Errorf("%v: does not name the first frame", err)
	}
}
