package group_test

import (
	"bytes"
	"slices"

	"github.com/parley-e2ee/parley/e2ee/group"
)

func (m *modelRoom) isHostile(k group.IdentityKey) bool {
	return slices.ContainsFunc(m.devices, func(d *device) bool { return d.hostile && d.id.Public() == k })
}

// spoiled reports a member whose entry a hostile commit of the log spoiled,
// whether or not it has new keys since.
func (m *modelRoom) spoiled(who group.Membership) bool {
	for _, victims := range m.forged {
		if victims[who] {
			return true
		}
	}
	return false
}

// turn makes a member hostile: its application is no honest one's from now on.
func (m *modelRoom) turn(c *choice) error {
	d, err := m.caughtUp(c)
	if d == nil || err != nil || len(m.active()) < 3 || slices.ContainsFunc(m.devices, func(d *device) bool { return d.hostile }) {
		return err
	}
	if slices.ContainsFunc(m.alive(), func(o *device) bool { return o != d && o.id.Public() == d.id.Public() }) {
		return nil // whose other device is an honest one
	}
	d.hostile, d.dead = true, true
	m.suspects[d.id.Public()] = true
	return nil
}

// attack has the hostile member make what no honest one does.
func (m *modelRoom) attack(c *choice) error {
	at := slices.IndexFunc(m.devices, func(d *device) bool { return d.hostile })
	if at < 0 {
		return m.turn(c)
	}
	d := m.devices[at]
	if err := m.read(d, -1); err != nil || d.Status() != group.Active || d.Public().Epoch() == 0 {
		return err
	}
	self, _ := d.Self()
	switch c.below(6) {
	case 0, 1:
		if d.Public().PendingAgainst(self.Membership) {
			return nil
		}
		frame, victims := m.spoil(d, c)
		m.forged[string(frame)] = victims
		return m.put(d, frame)
	case 2, 3:
		frame := group.ForgeMessage(d.Member, lies[c.below(len(lies))], m.now)
		m.forged[string(frame)] = map[group.Membership]bool{}
		return m.put(d, frame)
	case 4:
		frame := bytes.Clone(m.log[c.below(len(m.log))])
		return m.put(d, group.SignAgain(frame, m.watcher.RoomID(), group.LeafKey(d.Member)))
	}
	return m.put(d, group.LeaveOf(d.Member))
}

// lies are Messages that are valid and not what they should be.
var lies = []func(*group.ForgedMessage){
	func(f *group.ForgedMessage) { f.Token = []byte("no token") },
	func(f *group.ForgedMessage) { f.Plaintext = f.Plaintext[:20] },
	func(f *group.ForgedMessage) { f.KeyAt++ },
	func(f *group.ForgedMessage) { f.Generation, f.KeyAt = f.Generation+30, f.KeyAt+30 },
	func(f *group.ForgedMessage) { f.Previous[0] ^= 1 },
	func(f *group.ForgedMessage) { f.SeenCount += 5 },
	func(f *group.ForgedMessage) { f.SeenHash[0] ^= 1 },
	func(f *group.ForgedMessage) { f.End[0] ^= 1 },
	func(*group.ForgedMessage) {},
}

// spoil makes a commit with nothing for some, and leaves somebody keys: if all
// were without, that would be the end of the room.
func (m *modelRoom) spoil(d *device, c *choice) ([]byte, map[group.Membership]bool) {
	victims, indexes := make(map[group.Membership]bool), make(map[uint8]bool)
	spared := pick(m.active(), c)
	for _, who := range d.Public().Roster() {
		sparedOne := spared != nil && who.Membership == first(spared.Self()).Membership
		gone := d.Public().PendingAgainst(who.Membership) // another may get the seat
		if !sparedOne && !gone && who.Membership != first(d.Self()).Membership && c.below(3) == 0 {
			victims[who.Membership], indexes[who.Index] = true, true
		}
	}
	frame := group.ForgeCommit(d.Member, group.Changes{}, m.now, group.Forged{Entry: func(index uint8, _, box []byte) {
		if indexes[index] {
			box[20] ^= 1
		}
	}})
	return frame, victims
}
