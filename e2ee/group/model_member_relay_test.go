package group_test

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/parley-e2ee/parley/e2ee/group"
	tt "github.com/parley-e2ee/parley/transport/transporttest"
)

// astray is a device of which less is asked: the relay showed it another
// history, or it is the hostile one's.
func (d *device) astray() bool { return d.deceived || d.hostile }

// harmless lies leave a reader as it was: frames twice, and such as nobody
// made. Everything is asked of who is told them.
func (m *modelRoom) harmless(c *choice) error {
	d := pick(m.alive(), c)
	if d == nil {
		return nil
	}
	garbled := bytes.Clone(m.log[c.below(len(m.log))])
	garbled[4+c.below(32)] ^= 1 // of another room
	acts := []tt.Act{tt.Duplicate(), tt.Inject(garbled), tt.Garbage(1 + c.below(300)), tt.Inject(garbled[:c.below(len(garbled))])}
	m.liar.Do(tt.Step{To: d.name, Times: 1, Do: acts[c.below(len(acts))], Seed: uint64(*c)})
	return nil
}

// deceive has the relay show one reader another history.
func (m *modelRoom) deceive(c *choice) error {
	d := pick(m.alive(), c)
	if d == nil || len(m.alive()) < 3 {
		return nil
	}
	old := c.below(len(m.log))
	acts := []tt.Act{
		tt.Drop(), tt.Drop(), tt.Hold(1 + c.below(3)), tt.Replay(old), tt.Flip(-1), tt.Cut(-1), tt.Extend([]byte{0}),
		tt.Replace(m.log[old]), tt.Fork(fmt.Sprint(c.below(2))),
	}
	step := tt.Step{To: d.name, Times: 1 + c.below(3), Do: acts[c.below(len(acts))], Seed: uint64(*c)}
	if c.below(2) == 0 { // one Message that somebody sends now
		step.Times, step.If, step.Do = 1, func(frame []byte) bool { return len(frame) > 3 && frame[3] == kindMessage }, tt.Drop()
	}
	d.deceived = true
	m.suspects[d.id.Public()] = true
	m.liar.Do(step)
	return nil
}

// told holds that a reader learns of what it misses at the first frame that
// shows it: of another history by whoever speaks of it, once each; of a
// member's Message by that member's next one. Of a frame that is not stored yet
// the events are in d.unsaved.
func (m *modelRoom) told(d *device, frame []byte, events []group.Event, crosses *group.Person) error {
	if crosses != nil && !d.accused[crosses.Identity] && !slices.ContainsFunc(d.unsaved, isForkedBy(crosses.Identity)) {
		return fmt.Errorf("%v was not told that %v sees another history", d, crosses)
	}
	for _, ev := range events {
		a, ok := ev.(group.Accepted)
		if !ok {
			continue
		}
		previous := group.PreviousOf(frame)
		last, known := d.heard[a.From.Membership]
		missing := known && previous != last && previous != group.Hash{}
		if missing && !m.isHostile(a.From.Identity) && !slices.ContainsFunc(events, isOwnGap) {
			return fmt.Errorf("%v was not told that it misses a Message of %v", d, a.From)
		}
		d.heard[a.From.Membership] = group.Digest("frame", frame)
	}
	return nil
}

func isForked(ev group.Event) bool { _, ok := ev.(group.Forked); return ok }

func isForkedBy(who group.IdentityKey) func(group.Event) bool {
	return func(ev group.Event) bool {
		f, ok := ev.(group.Forked)
		return ok && f.From.Identity == who
	}
}

// isOwnGap is the one between a sender's own Messages.
func isOwnGap(ev group.Event) bool {
	gap, ok := ev.(group.Gap)
	return ok && (gap.Generations > 0 || gap.Previous)
}

// behave ends the lies. Who was shown another history and is not where the
// others are by now enters anew, with another device.
func (m *modelRoom) behave() error {
	m.liar.Behave()
	if err := m.watch(); err != nil {
		return err
	}
	if err := m.readAll(nil); err != nil {
		return err
	}
	for _, d := range m.alive() {
		if !d.deceived || m.synced(d) {
			continue
		}
		d.dead = true
		m.total.add("entered anew", 1)
		var link *group.Invitation
		for _, host := range m.active() {
			if m.synced(host) {
				link, _ = host.Invitation()
			}
		}
		if err := m.enter(d.id, link); err != nil {
			return err
		}
	}
	return nil
}

// synced reports that a device is where the watcher is.
func (m *modelRoom) synced(d *device) bool {
	return samePublic(d.Public(), m.watcher) && samePending(d.Public(), m.watcher) &&
		m.holder[first(d.Self()).Membership] == d
}
