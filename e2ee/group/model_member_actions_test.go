package group_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/parley-e2ee/parley/e2ee/group"
)

// join starts somebody new, with a link of somebody's or without.
func (m *modelRoom) join(c *choice) error {
	if len(m.alive()) >= 8 {
		return m.serve(c)
	}
	id := identity(m.t, fmt.Sprintf("p%d", len(m.devices)))
	var link *group.Invitation
	if host := pick(m.active(), c); host != nil && c.below(8) > 0 {
		link, _ = host.Invitation()
	}
	return m.enter(id, link)
}

func (m *modelRoom) enter(id group.Identity, link *group.Invitation) error {
	member, err := group.Enter(id, m.watcher.RoomID(), link)
	if err != nil {
		return err
	}
	d := m.add(id, member)
	if err := m.read(d, -1); err != nil {
		return err
	}
	return m.ask(d)
}

// ask sends a Join, which the room may be in no mood to serve.
func (m *modelRoom) ask(d *device) error {
	if err := d.Join(m.now.Add(1000 * time.Hour)); err != nil {
		d.dead = d.Status() == group.Joining
		return nil
	}
	frame, _, _ := d.Requested()
	m.joins[string(frame)] = d
	if err := m.save(d); err != nil {
		return err
	}
	return m.put(d, frame)
}

// caughtUp chooses an active device, which has often read to the head.
func (m *modelRoom) caughtUp(c *choice) (*device, error) {
	d := pick(m.active(), c)
	if d == nil || c.below(4) == 0 {
		return d, nil
	}
	if err := m.read(d, -1); err != nil || d.dead || d.Status() != group.Active {
		return nil, err
	}
	return d, nil
}

func (m *modelRoom) readSome(c *choice) error {
	d := pick(m.alive(), c)
	if d == nil {
		return nil
	}
	return m.read(d, 1+c.below(4))
}

func (m *modelRoom) readAll(*choice) error {
	for _, d := range m.devices {
		if err := m.read(d, -1); err != nil {
			return err
		}
	}
	return nil
}

// send puts some messages into an outbox, and seals what is in there.
func (m *modelRoom) send(c *choice) error {
	d, err := m.caughtUp(c)
	if d == nil || err != nil {
		return err
	}
	for range 1 + c.below(3) {
		m.write(d, c.below(200))
	}
	return m.seal(d)
}

// write puts a message of some size into an outbox.
func (m *modelRoom) write(d *device, size int) {
	id := messageID()
	text := append([]byte(id.String()), make([]byte, size)...)
	m.texts[id] = said{d.id.Public(), string(text)}
	d.outbox = append(d.outbox, group.AppMessage{ID: id, Text: text})
}

func (m *modelRoom) seal(d *device) error {
	n, err := d.Seal(d.outbox, m.now)
	switch {
	case errors.Is(err, group.ErrCommitFirst):
		return m.commit(d, group.Changes{Rekey: true})
	case errors.Is(err, group.ErrInFlight), errors.Is(err, group.ErrPending), errors.Is(err, group.ErrNothing):
		return nil
	case err != nil:
		return err
	case n != len(d.outbox):
		return fmt.Errorf("sealed %d of %d small messages", n, len(d.outbox))
	}
	for _, frame := range d.Unechoed() {
		if frame[3] == 6 { // the Message
			m.content[string(frame)] = d.InFlight()
		}
	}
	return m.save(d)
}

func (m *modelRoom) commit(d *device, changes group.Changes) error {
	err := d.Commit(changes, m.now, nil)
	for _, fine := range []error{
		group.ErrNothing, group.ErrInFlight, group.ErrPending, group.ErrNotAdmin, group.ErrConfirmation, group.ErrOperation,
	} {
		if errors.Is(err, fine) {
			return nil
		}
	}
	if err != nil {
		return err
	}
	return m.save(d)
}

// appendSome sends what a device has to send; the relay may lose some of it.
func (m *modelRoom) appendSome(c *choice) error {
	d := pick(m.alive(), c)
	if d == nil {
		return nil
	}
	for _, frame := range d.Unechoed() {
		if c.below(4) > 0 {
			if err := m.put(d, frame); err != nil {
				return err
			}
		}
	}
	return nil
}

func (m *modelRoom) serve(c *choice) error {
	d, err := m.caughtUp(c)
	if d == nil || err != nil {
		return err
	}
	if err := m.commit(d, group.Changes{NewKeys: c.below(4) == 0, Rekey: c.below(4) == 0}); err != nil {
		return err
	}
	return m.appendSome(c)
}

// race lets everybody commit to the same epoch.
func (m *modelRoom) race(c *choice) error {
	for _, d := range m.active() {
		if err := m.commit(d, group.Changes{Rekey: true}); err != nil {
			return err
		}
	}
	for _, d := range m.active() {
		for _, frame := range d.Unechoed() {
			if err := m.put(d, frame); err != nil {
				return err
			}
		}
	}
	return nil
}

func (m *modelRoom) leave(c *choice) error {
	d, err := m.caughtUp(c)
	if d == nil || err != nil || d.Leave() != nil {
		return err
	}
	if err := m.save(d); err != nil {
		return err
	}
	return m.appendSome(c)
}

func (m *modelRoom) remove(c *choice) error {
	d, err := m.caughtUp(c)
	if d == nil || err != nil {
		return err
	}
	roster := d.Public().Roster()
	if d.Remove(roster[c.below(len(roster))].Membership, c.below(3) == 0) != nil {
		return nil
	}
	return m.save(d)
}

func (m *modelRoom) policy(c *choice) error {
	d := pick(m.active(), c)
	if d == nil {
		return nil
	}
	var changes group.Changes
	switch roster := d.Public().Roster(); c.below(3) {
	case 0:
		changes.Rotate = true
	case 1:
		changes.Admission = group.Admission(1 + c.below(3))
	default:
		changes.Admins = []group.Membership{roster[0].Membership, roster[c.below(len(roster))].Membership}
		if m.holder[changes.Admins[0]] == nil || m.holder[changes.Admins[1]] == nil {
			return nil
		}
	}
	return m.commit(d, changes)
}

// restart forgets what is in memory, and nothing else: a restored state has
// the very records of the one before.
func (m *modelRoom) restart(c *choice) error {
	d := pick(m.devices, c)
	if err := d.stale(); err != nil {
		return err
	}
	before, secretBefore := group.Dump(d.Member)
	member, err := group.RestoreMember(d.id, d.stored[0], d.stored[1])
	if err != nil {
		return err
	}
	after, secretAfter := group.Dump(member)
	for i, pair := range [][2]group.Records{{before, after}, {secretBefore, secretAfter}} {
		for name := range pair[0] {
			if !bytes.Equal(pair[0][name], pair[1][name]) || len(pair[0]) != len(pair[1]) {
				return fmt.Errorf("record %d/%q changes by a restart", i, name)
			}
		}
	}
	return m.reload(d, d.stored)
}

// crash loses what was not stored yet: a step of reading, a Message, a Commit.
func (m *modelRoom) crash(c *choice) error {
	d := pick(m.alive(), c)
	if d == nil {
		return nil
	}
	switch c.below(3) {
	case 0:
		frames, err := framesAfter(m.t.Context(), d.view, m.room(), d.at)
		if err != nil {
			return err
		}
		if err := m.apply(d, frames[:min(len(frames), c.below(4))]); err != nil {
			return err
		}
	case 1:
		_, _ = d.Seal([]group.AppMessage{{ID: messageID()}}, m.now)
	default:
		_ = d.Commit(group.Changes{Rekey: true, NewKeys: c.below(2) == 0}, m.now, nil)
	}
	d.at = d.savedAt
	return m.reload(d, d.stored)
}

// repeat appends a frame that is in the log already.
func (m *modelRoom) repeat(c *choice) error {
	return m.put(pick(m.devices, c), bytes.Clone(m.log[c.below(len(m.log))]))
}

// newDevice is the same person with another device, who reads from the start.
func (m *modelRoom) newDevice(c *choice) error {
	d := pick(m.active(), c)
	if d == nil || len(m.alive()) >= 9 {
		return nil
	}
	return m.enter(d.id, nil)
}

// oldStore puts a backup in place of a store, or makes the backup.
func (m *modelRoom) oldStore(c *choice) error {
	if m.lossy {
		return nil
	}
	for _, d := range m.active() {
		if old, ok := m.backups[d]; ok && len(m.active()) > 2 {
			m.lossy, d.lossy = true, true
			d.stored, d.kept = old.stored, old.kept
			return m.reload(d, old.stored)
		}
	}
	for _, d := range m.active() {
		m.backups[d] = backup{d.copyStore(), maps.Clone(d.kept)}
	}
	return nil
}
