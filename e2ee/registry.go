package e2ee

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/parley-e2ee/parley/e2ee/group"
)

// Rooms lists the rooms of this client, by name and then by ID: those it is
// in, those it asks to enter and those it left and has not forgotten.
func (c *Client) Rooms() ([]*Room, error) {
	c.mu.Lock()
	out, closed := slices.Collect(maps.Values(c.rooms)), c.closed
	c.mu.Unlock()
	if closed {
		return nil, ErrClosed
	}
	slices.SortFunc(out, func(a, b *Room) int {
		return cmp.Or(strings.Compare(a.Name(), b.Name()), strings.Compare(a.id.String(), b.id.String()))
	})
	return out, nil
}

// Room finds a room of this client's by its ID, or returns ErrNoRoom.
func (c *Client) Room(id group.RoomID) (*Room, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch r := c.rooms[id]; {
	case c.closed:
		return nil, ErrClosed
	case r == nil:
		return nil, ErrNoRoom
	default:
		return r, nil
	}
}

// reserve keeps other calls from making the same room until release.
func (c *Client) reserve(id group.RoomID) (release func(), err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.closed:
		return nil, ErrClosed
	case c.entering[id]:
		return nil, ErrInRoom
	}
	c.entering[id] = true
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.entering, id)
	}, nil
}

// adopt makes r one of the client's rooms and starts it.
func (c *Client) adopt(r *Room) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return ErrClosed
	}
	c.rooms[r.id] = r
	r.start()
	return nil
}

// drop is for a room whose records are gone.
func (c *Client) drop(r *Room) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.rooms[r.id] == r {
		delete(c.rooms, r.id)
	}
}

// kickAll has every room look at what it waits for.
func (c *Client) kickAll() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range c.rooms {
		r.kick()
	}
}

// unsent is what no room has seen come back, as an error, or nil.
func (c *Client) unsent() error {
	c.mu.Lock()
	rooms := slices.Collect(maps.Values(c.rooms))
	c.mu.Unlock()
	all := &UnsentError{}
	for _, r := range rooms {
		queued, sealed := r.Unsent()
		all.Queued, all.Sealed = append(all.Queued, queued...), append(all.Sealed, sealed...)
	}
	if len(all.Queued)+len(all.Sealed) == 0 {
		return nil
	}
	return all
}
