package transport_test

import (
	"testing"

	"github.com/parley-e2ee/parley/transport"
)

func publish(t *testing.T, m *transport.Memory, name string, size int, want error) {
	t.Helper()
	if err := m.Publish(t.Context(), name, make([]byte, size)); err != want {
		t.Errorf("publish of %d bytes: got %v, want %v", size, err, want)
	}
	if err := m.Audit(); err != nil {
		t.Error(err)
	}
}

func TestBoundsOfTheDirectory(t *testing.T) {
	m := transport.NewMemory(&transport.MemoryOptions{Entries: 2, MaxBundle: 100})
	publish(t, m, "a", 101, transport.ErrTooLarge)
	publish(t, m, "a", 100, nil)
	publish(t, m, "b", 10, nil)
	publish(t, m, "c", 10, transport.ErrFull)
	publish(t, m, "a", 0, nil)
	publish(t, m, "b", 100, nil)
	if _, err := m.Lookup(t.Context(), "c"); err != transport.ErrNotFound {
		t.Errorf("lookup of what was refused: got %v, want ErrNotFound", err)
	}
}

func TestBytesOfTheDirectory(t *testing.T) {
	m := transport.NewMemory(&transport.MemoryOptions{DirectoryBytes: 300})
	publish(t, m, "a", 85, nil) // 150 bytes
	publish(t, m, "b", 86, transport.ErrFull)
	publish(t, m, "b", 85, nil)
	publish(t, m, "a", 86, transport.ErrFull)
	publish(t, m, "a", 80, nil)
	publish(t, m, "b", 90, nil)
	publish(t, m, "b", 91, transport.ErrFull)
	if bundle, err := m.Lookup(t.Context(), "b"); len(bundle) != 90 || err != nil {
		t.Errorf("after a refusal Lookup returns %d bytes, %v, want 90", len(bundle), err)
	}
}
