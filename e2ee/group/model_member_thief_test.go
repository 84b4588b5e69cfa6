package group_test

import (
	"fmt"
	"slices"

	"github.com/parley-e2ee/parley/e2ee/group"
)

// theft is what was on a device at a moment, and what that has to open: all
// Messages from then on, until the device recovers or is removed.
type theft struct {
	who        group.Membership
	index      uint8
	epoch      uint64
	secrets    [][]byte
	kems       loot
	generation map[uint8]uint64
	proposal   string // its own Commit on its way, whose secrets were there too
	closed     bool
	want       []int // places in the log
}

// steal copies all secrets of a device that is where the log is.
func (m *modelRoom) steal(c *choice) error {
	d, err := m.caughtUp(c)
	if d == nil || err != nil || len(m.thefts) > 1 || m.lossy || d.astray() {
		return err
	}
	if err := m.read(d, -1); err != nil || d.Status() != group.Active {
		return err
	}
	self, _ := d.Self()
	th := &theft{
		who: self.Membership, index: self.Index, epoch: m.watcher.Epoch(), secrets: group.AllSecrets(d.Member),
		generation: group.Generations(d.Member),
	}
	th.kems.kems = group.KEMKeys(d.Member)
	for _, frame := range d.Unechoed() {
		if frame[3] == kindCommit {
			th.proposal = string(frame)
		}
	}
	m.thefts = append(m.thefts, th)
	return nil
}

// recover replaces the keys of a device that was robbed.
func (m *modelRoom) recover(*choice) error {
	for _, th := range m.thefts {
		d := m.holder[th.who]
		if th.closed || d == nil || d.dead || d.Status() != group.Active {
			continue
		}
		if err := m.read(d, -1); err != nil || d.Status() != group.Active {
			return err
		}
		if err := m.commit(d, group.Changes{NewKeys: true, Rekey: true}); err != nil {
			return err
		}
		if err := m.put(d, d.Unechoed()...); err != nil {
			return err
		}
	}
	return nil
}

// accepted notes a Message that the thief has to be able to read.
func (th *theft) accepted(ev group.Accepted, epoch uint64, at int, forged bool) {
	if !th.closed && !forged && (epoch > th.epoch || ev.Generation > th.generation[ev.From.Index]) {
		th.want = append(th.want, at)
	}
}

// committed closes the room to a thief whose device commits, unless that
// Commit was on the device, or has no entry for it any more.
func (th *theft) committed(ev group.Committed, frame []byte, spoiled map[group.Membership]bool) {
	gone := slices.ContainsFunc(ev.Removed, func(d group.Departed) bool { return d.Who.Membership == th.who })
	back := slices.ContainsFunc(ev.Rejoined, func(r group.Rejoined) bool { return r.Who.Membership == th.who })
	own := ev.By.Membership == th.who && string(frame) != th.proposal
	th.closed = th.closed || gone || back || own || spoiled[th.who]
}

// thieves lets each try, and holds that it reads all that it must and nothing
// else that an honest member said.
func (m *modelRoom) thieves() error {
	for _, th := range m.thefts {
		t := newThief(m.t, m.watcher.RoomID(), m.log)
		t.reach = 80
		for _, s := range th.secrets {
			if len(s) == 32 {
				t.pocket(s)
			}
		}
		t.hold(th.kems.kems...)
		t.only = &th.index
		t.epochs()
		got := slices.DeleteFunc(t.places(), func(at int) bool { return m.forged[string(m.log[at])] != nil })
		if m.total.add("read by thieves", len(got)); len(got) == 0 {
			m.total.add("thieves who read nothing", 1)
		}
		if !slices.Equal(got, th.want) {
			return fmt.Errorf("a thief at epoch %d read %v of the log, and not %v", th.epoch, got, th.want)
		}
	}
	m.thefts = nil
	return nil
}
