package transport

import "fmt"

// Audit counts again what m stores and compares it with m's books.
func (m *Memory) Audit() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	var rooms, bundles int64
	for name, r := range m.rooms {
		var log int64
		for _, payload := range r.log {
			log += int64(len(payload)) + overhead
		}
		if log != r.bytes {
			return fmt.Errorf("a room has %d bytes, %d in its books", log, r.bytes)
		}
		rooms += log + int64(len(name)) + overhead
	}
	for name, bundle := range m.bundles {
		bundles += int64(len(name)) + int64(len(bundle)) + overhead
	}
	if rooms != m.roomsBytes || bundles != m.bundleBytes {
		return fmt.Errorf("%d and %d bytes, %d and %d in the books", rooms, bundles, m.roomsBytes, m.bundleBytes)
	}
	return nil
}

// Rooms returns how many rooms m holds.
func (m *Memory) Rooms() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.rooms)
}
