package group_test

import (
	"fmt"
	"slices"
	"time"

	"github.com/parley-e2ee/parley/e2ee/group"
)

// drain lets everybody finish what they want; what they cannot finish is a
// wedge. Then they talk.
func (m *modelRoom) drain() error {
	if err := m.behave(); err != nil {
		return err
	}
	for round := range 60 {
		if err := m.readAll(nil); err != nil {
			return err
		}
		if m.lost() {
			m.ended = true
			return m.thieves()
		}
		m.giveUp()
		if m.idle() {
			m.total.add("drained", 1)
			m.total.add("members", len(m.active()))
			if err := m.talk(); err != nil {
				return err
			}
			return m.thieves()
		}
		for _, d := range m.alive() {
			if err := m.work(d, round); err != nil {
				return err
			}
		}
		m.now = m.now.Add(time.Minute)
	}
	for _, d := range m.alive() {
		waiting, logged := d.Asked()
		backoff, ok := d.Backoff(m.now)
		m.t.Logf("%v %v: %d in outbox, %d unechoed, waiting %v logged %v, backoff %v %v",
			d, d.Status(), len(d.outbox), len(d.Unechoed()), waiting, logged, backoff, ok)
	}
	return fmt.Errorf("wedged: admission %v, pending %v", m.watcher.Admission(), m.watcher.Pending())
}

// work does for one device what package e2ee does.
func (m *modelRoom) work(d *device, round int) error {
	waiting, _ := d.Asked()
	switch {
	case waiting && round%8 == 7:
		frame, _, _ := d.Requested()
		return m.put(d, frame)
	case !waiting && d.Status() == group.NoKeys:
		return m.ask(d)
	case d.Status() == group.Active:
		if wait, ok := d.Backoff(m.now); ok && wait < time.Duration(round%4+1)*time.Second {
			if err := m.commit(d, group.Changes{}); err != nil {
				return err
			}
		} else if len(d.outbox) > 0 {
			if err := m.seal(d); err != nil {
				return err
			}
		}
	}
	for _, frame := range d.Unechoed() {
		if err := m.put(d, frame); err != nil {
			return err
		}
	}
	return nil
}

// lost reports that nobody with keys is left who may commit. Only an old store
// leads there, or the end of a room.
func (m *modelRoom) lost() bool {
	left := slices.ContainsFunc(m.active(), func(d *device) bool {
		self, _ := d.Self()
		return !d.Public().PendingAgainst(self.Membership)
	})
	return !left && (m.lossy || len(m.suspects) > 0 || len(m.active()) == 0)
}

// giveUp lets new devices go that nobody but their own identity could serve.
func (m *modelRoom) giveUp() {
	for _, d := range m.alive() {
		others := slices.ContainsFunc(m.active(), func(o *device) bool { return o.id.Public() != d.id.Public() })
		admin := slices.ContainsFunc(m.active(), func(o *device) bool { self, _ := o.Self(); return self.Admin })
		unheard := d.Status() == group.Joining && m.watcher.Admission() == group.Admins && !admin
		if waiting, _ := d.Asked(); waiting && (!others || unheard) {
			d.dead = true
		}
	}
}

func (m *modelRoom) idle() bool {
	for _, d := range m.alive() {
		waiting, _ := d.Asked()
		_, serve := d.Backoff(m.now)
		if waiting || serve || len(d.outbox) > 0 || len(d.Unechoed()) > 0 || d.Status() == group.NoKeys {
			return false
		}
	}
	return true
}

// talk is the proof that nobody is wedged: all are in one epoch, everybody
// sends, and everybody has been shown everything.
func (m *modelRoom) talk() error {
	for _, d := range m.active() {
		if m.watcher.Epoch() == 0 {
			if err := m.commit(d, group.Changes{Rekey: true}); err != nil {
				return err
			}
			if err := m.put(d, d.Unechoed()[0]); err != nil {
				return err
			}
			if err := m.readAll(nil); err != nil {
				return err
			}
		}
		m.write(d, 0)
		if err := m.seal(d); err != nil {
			return err
		}
		if err := m.put(d, d.Unechoed()[0]); err != nil {
			return err
		}
		if err := m.readAll(nil); err != nil {
			return err
		}
	}
	if len(m.active()) == 0 {
		return nil
	}
	first := m.active()[0]
	for _, d := range m.active() {
		a, err := first.Authenticator()
		b, _ := d.Authenticator()
		if err != nil || a != b {
			return fmt.Errorf("%v and %v differ in the end", first, d)
		}
		if len(d.outbox) > 0 || !d.lossy && !d.astray() && len(d.shown) != len(d.expected) {
			return fmt.Errorf("%v was shown %d of %d, keeps %d", d, len(d.shown), len(d.expected), len(d.outbox))
		}
	}
	return nil
}
