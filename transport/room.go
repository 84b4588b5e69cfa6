package transport

import "bytes"

// A room is one log. It is in its Memory's map while it has frames or users.
type room struct {
	turn  chan struct{} // held by the Append under way; capacity 1
	users int           // calls and subscriptions that hold this room

	dropped uint64   // frames dropped: log[0] has sequence number dropped+1
	log     [][]byte // never changed once stored, so read without the lock
	head    uint64   // the last sequence number that readers may see
	bytes   int64
	grown   chan struct{} // closed when head grows; nil while nobody waits
}

// enter returns the room of that name for use until leave.
func (m *Memory) enter(name string) (*room, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.isClosed() {
		return nil, ErrClosed
	}
	r := m.rooms[name]
	if r == nil {
		cost := overhead + int64(len(name))
		if len(m.rooms) >= m.opts.Rooms || m.roomsBytes+cost > m.opts.TotalBytes {
			return nil, ErrFull
		}
		r = &room{turn: make(chan struct{}, 1)}
		m.rooms[name] = r
		m.roomsBytes += cost
	}
	r.users++
	return r, nil
}

// leave ends a use of r, and forgets a room that never held a frame.
func (m *Memory) leave(name string, r *room) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r.users--
	if r.users == 0 && r.head == 0 && m.rooms[name] == r {
		delete(m.rooms, name)
		m.roomsBytes -= overhead + int64(len(name))
	}
}

// push stores payload where readers do not see it yet, and returns its
// sequence number.
func (m *Memory) push(r *room, payload []byte) (uint64, error) {
	cost := overhead + int64(len(payload))
	stored := bytes.Clone(payload)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.overfull(r, cost) && (!m.opts.DropOldest || m.hopeless(r, cost)) {
		return 0, ErrFull
	}
	for m.overfull(r, cost) {
		m.dropOldest(r)
	}
	r.log = append(r.log, stored)
	r.bytes += cost
	m.roomsBytes += cost
	return r.dropped + uint64(len(r.log)), nil
}

// overfull reports whether a frame of that cost does not fit.
func (m *Memory) overfull(r *room, cost int64) bool {
	return len(r.log) >= m.opts.RoomFrames ||
		r.bytes+cost > m.opts.RoomBytes ||
		m.roomsBytes+cost > m.opts.TotalBytes
}

// hopeless reports whether a frame of that cost would not fit either if r's
// whole log were dropped.
func (m *Memory) hopeless(r *room, cost int64) bool {
	return cost > m.opts.RoomBytes || m.roomsBytes-r.bytes+cost > m.opts.TotalBytes
}

func (m *Memory) dropOldest(r *room) {
	cost := overhead + int64(len(r.log[0]))
	r.log[0] = nil
	r.log = r.log[1:]
	r.dropped++
	r.bytes -= cost
	m.roomsBytes -= cost
}

// publish shows readers the frame pushed last.
func (m *Memory) publish(r *room) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r.head = r.dropped + uint64(len(r.log))
	if r.grown != nil {
		close(r.grown)
		r.grown = nil
	}
}

// retract takes the frame pushed last back.
func (m *Memory) retract(r *room) {
	m.mu.Lock()
	defer m.mu.Unlock()
	last := len(r.log) - 1
	cost := overhead + int64(len(r.log[last]))
	r.log[last] = nil
	r.log = r.log[:last]
	r.bytes -= cost
	m.roomsBytes -= cost
}
