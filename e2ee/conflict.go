package e2ee

import "github.com/parley-e2ee/parley/e2ee/group"

// conflictCheck is pinConflict's last answer and what it rests on.
type conflictCheck struct {
	transcript group.Hash
	pins       uint64
	done       bool
	err        error
}

// pinConflict finds a member whose identity is not the one pinned under its
// name. The answer holds until the epoch or the pins change. r.mu is held.
func (r *Room) pinConflict() error {
	at := conflictCheck{transcript: r.member.Public().Transcript(), pins: r.client.pinCount(), done: true}
	if r.checked.done && r.checked.transcript == at.transcript && r.checked.pins == at.pins {
		return r.checked.err
	}
	for _, p := range r.member.Public().Roster() {
		if at.err = r.client.conflict(p.Name, p.Fingerprint); at.err != nil {
			break
		}
	}
	r.checked = at
	return at.err
}

// conflict compares an identity that shows up under a name with the pin. It
// never makes one. The own name is pinned by being one's own.
func (c *Client) conflict(name string, seen group.Fingerprint) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	p, ok := c.pinOf(name)
	if ok && p.Fingerprint != seen {
		return &IdentityChangedError{name, p.Fingerprint, seen}
	}
	return nil
}

// pinOf finds a pin; c.mu is held.
func (c *Client) pinOf(name string) (p pin, ok bool) {
	if p, ok = c.pins[name]; !ok && name == c.identity.Name() {
		return pin{Fingerprint: c.identity.Fingerprint()}, true
	}
	return p, ok
}

// pinCount tells whether pins changed in between.
func (c *Client) pinCount() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.pinned
}
