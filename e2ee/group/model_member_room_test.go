package group_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/parley-e2ee/parley/e2ee/group"
)

// modelRoom is a log, the devices that read it and an observer without keys,
// who says what each of them should have been shown.
type modelRoom struct {
	t       testing.TB
	now     time.Time
	log     [][]byte
	watcher *group.Public
	devices []*device
	joins   map[string]*device           // by Join frame; nil once given up
	holder  map[group.Membership]*device // whose keys the leaf has
	content map[string][]group.MessageID // by Message frame
	valid   map[group.MessageID]bool     // in a valid frame
	steps   int
	backups map[*device][2]group.Records
	lossy   bool // an old store was used: its IDs may come twice
}

// device is a member with its application: what survives a crash of it is
// stored, outbox and shown with it.
type device struct {
	*reader
	outbox   []group.AppMessage
	shown    []group.MessageID
	expected []group.MessageID
	dead     bool // the application has given it up
	lossy    bool // it used an old store: it may have lost Messages
	unsaved  []group.Event
	savedAt  int
}

func newModelRoom(t testing.TB, mode int) *modelRoom {
	m := &modelRoom{
		t: t, now: epochStart,
		joins:   make(map[string]*device),
		holder:  make(map[group.Membership]*device),
		content: make(map[string][]group.MessageID),
		valid:   make(map[group.MessageID]bool),
		backups: make(map[*device][2]group.Records),
	}
	id := identity(t, "p0")
	creator, err := group.Create(id, "Model", []group.Admission{group.Open, group.Invite, group.Admins}[mode])
	must(t, err)
	m.watcher = group.NewPublic(creator.Public().RoomID())
	d := m.add(id, creator)
	m.save(d)
	must(t, m.put(creator.Unechoed()[0]))
	m.holder[m.watcher.Roster()[0].Membership] = d
	must(t, m.read(d, len(m.log)))
	return m
}

func (m *modelRoom) add(id group.Identity, member *group.Member) *device {
	d := &device{reader: &reader{Member: member, id: id, stored: [2]group.Records{{}, {}}}}
	m.devices = append(m.devices, d)
	return d
}

// put is the relay: it appends a frame, and the watcher judges it.
func (m *modelRoom) put(frame []byte) error {
	m.log = append(m.log, frame)
	events, err := m.watcher.Apply(frame)
	if err != nil {
		return nil
	}
	for _, ev := range events {
		switch ev := ev.(type) {
		case group.Accepted:
			if err := m.accepted(ev.From, frame); err != nil {
				return err
			}
		case group.Committed:
			m.committed(ev, frame)
		case group.Forked:
			return fmt.Errorf("watcher saw %#v", ev)
		case group.Gap:
			if !m.lossy {
				return fmt.Errorf("watcher saw %#v", ev)
			}
		}
	}
	return nil
}

// accepted notes who has to be shown the frame: the epoch's members.
func (m *modelRoom) accepted(from group.Person, frame []byte) error {
	ids, ok := m.content[string(frame)]
	if !ok {
		return errors.New("a valid Message that nobody sealed")
	}
	for _, id := range ids {
		if m.valid[id] && !m.lossy {
			return errors.New("an ID became valid twice")
		}
		m.valid[id] = true
	}
	for _, p := range m.watcher.Roster() {
		if d := m.holder[p.Membership]; d != nil && p.Membership != from.Membership {
			d.expected = append(d.expected, ids...)
		}
	}
	return nil
}

// committed notes whose device holds each membership from now on.
func (m *modelRoom) committed(ev group.Committed, frame []byte) {
	for _, gone := range ev.Removed {
		delete(m.holder, gone.Who.Membership)
	}
	for _, raw := range group.InlineJoins(frame) {
		d := m.joins[string(raw)]
		arrived := slices.Clone(ev.Added)
		for _, r := range ev.Rejoined {
			arrived = append(arrived, r.Who)
		}
		for _, who := range arrived {
			if d != nil && who.Identity == d.id.Public() {
				m.holder[who.Membership] = d
			}
		}
	}
}

// read lets a device take in frames up to a position, and store each.
func (m *modelRoom) read(d *device, to int) error {
	for d.at < to {
		m.apply(d)
		if err := m.save(d); err != nil {
			return err
		}
	}
	return nil
}

func (m *modelRoom) apply(d *device) {
	frame := bytes.Clone(m.log[d.at])
	events, _ := d.Apply(frame, m.now)
	clear(frame)
	d.unsaved = append(d.unsaved, events...)
	d.at++
}

// save stores a device's state together with what its application makes of
// the events: they are shown with it.
func (m *modelRoom) save(d *device) error {
	d.save()
	d.savedAt = d.at
	for _, ev := range d.unsaved {
		if err := m.show(d, ev); err != nil {
			return err
		}
	}
	d.unsaved = nil
	return nil
}

func (m *modelRoom) show(d *device, ev group.Event) error {
	switch ev := ev.(type) {
	case group.Received:
		d.shown = append(d.shown, ev.ID)
	case group.Delivered:
		d.outbox = slices.DeleteFunc(d.outbox, func(a group.AppMessage) bool { return slices.Contains(ev.IDs, a.ID) })
	case group.JoinRefused:
		for raw, of := range m.joins {
			if of == d {
				m.joins[raw] = nil
			}
		}
		d.dead = d.Status() == group.Joining
	case group.Expelled, group.Replaced:
		d.dead = true
	case group.Keyless, group.RolledBack, group.Undecryptable:
		if !m.lossy {
			return fmt.Errorf("%v saw %#v", d, ev)
		}
	case group.Forked, group.InviteMismatch:
		return fmt.Errorf("%v saw %#v", d, ev)
	}
	return nil
}

// alive lists the devices that their applications still run.
func (m *modelRoom) alive() []*device {
	return slices.DeleteFunc(slices.Clone(m.devices), func(d *device) bool { return d.dead })
}

func (m *modelRoom) active() []*device {
	return slices.DeleteFunc(m.alive(), func(d *device) bool { return d.Status() != group.Active })
}

// pick chooses one, or nil.
func pick(from []*device, c *choice) *device {
	if len(from) == 0 {
		return nil
	}
	return from[c.below(len(from))]
}

// reload starts a device from what it stored, and reads to the head first.
func (m *modelRoom) reload(d *device, stored [2]group.Records) error {
	member, err := group.RestoreMember(d.id, maps.Clone(stored[0]), maps.Clone(stored[1]))
	if err != nil {
		return err
	}
	d.Member, d.unsaved, d.at = member, nil, int(member.Public().Position())
	return m.read(d, len(m.log))
}

// agree holds that equal authenticators mean equal rosters and policies, and
// that each device was shown what it should have been, as far as it has read.
func (m *modelRoom) agree() error {
	seen := make(map[string]*device)
	for _, d := range m.devices {
		if !d.lossy && !isPrefix(d.shown, d.expected) {
			return fmt.Errorf("%v was shown %d messages that are not the first of its %d", d, len(d.shown), len(d.expected))
		}
		digits, err := d.Authenticator()
		if err != nil {
			continue
		}
		if other := seen[digits]; other != nil && !samePublic(d.reader, other.reader) {
			return fmt.Errorf("%v and %v: equal authenticators, other rooms", d, other)
		}
		seen[digits] = d
	}
	return nil
}

func isPrefix(got, want []group.MessageID) bool {
	return len(got) <= len(want) && slices.Equal(got, want[:len(got)])
}

// samePublic compares what decides validity; a joiner lacks other hashes.
func samePublic(a, b *reader) bool {
	p, q := a.Public(), b.Public()
	return p.Epoch() == q.Epoch() && p.Transcript() == q.Transcript() && slices.Equal(p.Roster(), q.Roster()) &&
		p.Admission() == q.Admission() && p.InviteKey() == q.InviteKey() && slices.Equal(p.Bans(), q.Bans())
}
