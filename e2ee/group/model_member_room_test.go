package group_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/parley-e2ee/parley/e2ee/group"
	"github.com/parley-e2ee/parley/transport"
	"github.com/parley-e2ee/parley/transport/transporttest"
)

// modelRoom is a log, the devices that read it and an observer without keys,
// who says what each of them should have been shown.
type modelRoom struct {
	t       testing.TB
	total   *tally
	now     time.Time
	log     [][]byte
	watcher *group.Public
	devices []*device
	joins   map[string]*device           // by Join frame; nil once given up
	holder  map[group.Membership]*device // whose keys the leaf has
	content map[string][]group.MessageID // by Message frame
	valid   map[group.MessageID]bool     // in a valid frame
	backups map[*device]backup
	lossy   bool // an old store was used: its IDs may come twice
	ended   bool // something failed, or the room is lost

	relay    *transport.Memory
	liar     *transporttest.Liar
	texts    map[group.MessageID]said
	suspects map[group.IdentityKey]bool           // hostile or deceived: others may accuse them
	forged   map[string]map[group.Membership]bool // hostile frames, and whose entries they spoil
	keyless  map[group.Membership]bool            // whose entry was spoiled
	thefts   []*theft
}

// said is what somebody wrote into an outbox.
type said struct {
	by   group.IdentityKey
	text string
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

	name     string // under which the relay knows it
	view     *transporttest.View
	deceived bool // it was shown another history, for a moment or for good
	hostile  bool
	accused  map[group.IdentityKey]bool      // whom its Forked events named
	heard    map[group.Membership]group.Hash // the last Message of each that it took
	warned   bool                            // it was told of a fork or gap
	kept     map[group.Membership]group.Hash // likewise, stored
}

// backup is what was stored once, and what the device had heard then.
type backup struct {
	stored [2]group.Records
	kept   map[group.Membership]group.Hash
}

func newModelRoom(t testing.TB, start modelState, total *tally) *modelRoom {
	relay := transport.NewMemory(nil)
	m := &modelRoom{
		t: t, total: total, now: epochStart, relay: relay, liar: transporttest.Misbehave(relay, nil),
		joins:    make(map[string]*device),
		holder:   make(map[group.Membership]*device),
		content:  make(map[string][]group.MessageID),
		valid:    make(map[group.MessageID]bool),
		backups:  make(map[*device]backup),
		texts:    make(map[group.MessageID]said),
		suspects: make(map[group.IdentityKey]bool),
		forged:   make(map[string]map[group.Membership]bool),
		keyless:  make(map[group.Membership]bool),
	}
	id := identity(t, "p0")
	creator, err := group.Create(id, "Model", []group.Admission{group.Open, group.Invite, group.Admins}[start.mode])
	must(t, err)
	m.watcher = group.NewPublic(creator.Public().RoomID())
	d := m.add(id, creator)
	must(t, m.save(d))
	m.holder[group.Membership(group.Digest("frame", creator.Unechoed()[0]))] = d
	must(t, m.put(d, creator.Unechoed()[0]))
	must(t, m.readAll(nil))
	for i := range start.members - 1 {
		link, _ := d.Invitation()
		must(t, m.enter(identity(t, fmt.Sprintf("q%d", i)), link))
	}
	must(t, m.readAll(nil))
	must(t, m.commit(d, group.Changes{Rekey: true}))
	must(t, m.put(d, d.Unechoed()...))
	must(t, m.readAll(nil))
	return m
}

func (m *modelRoom) add(id group.Identity, member *group.Member) *device {
	name := fmt.Sprintf("device %d", len(m.devices))
	d := &device{
		reader:  &reader{Member: member, id: id, stored: [2]group.Records{{}, {}}},
		accused: make(map[group.IdentityKey]bool), heard: make(map[group.Membership]group.Hash),
		name: name, view: m.liar.For(name),
	}
	m.devices = append(m.devices, d)
	return d
}

func (m *modelRoom) room() string { return m.watcher.RoomID().String() }

// put has a device append frames to the log, or to what the relay makes of it
// for that one. The watcher judges what comes into the true log.
func (m *modelRoom) put(d *device, frames ...[]byte) error {
	for _, frame := range frames {
		if _, err := d.view.Append(m.t.Context(), m.room(), frame); err != nil {
			return err
		}
	}
	return m.watch()
}

func (m *modelRoom) watch() error {
	log, err := framesAfter(m.t.Context(), m.relay, m.room(), len(m.log))
	if err != nil {
		return err
	}
	for _, frame := range log {
		if err := m.judge(frame); err != nil {
			return err
		}
	}
	return nil
}

// framesAfter are those that a relay has behind a place, by now.
func framesAfter(ctx context.Context, relay transport.Relay, room string, after int) (out [][]byte, err error) {
	head, err := relay.Head(ctx, room)
	if err != nil || head <= uint64(after) {
		return nil, err
	}
	for f, err := range relay.Subscribe(ctx, room, uint64(after)) {
		if err != nil {
			return nil, err
		}
		if out = append(out, f.Payload); f.Seq >= head {
			break
		}
	}
	return out, nil
}

// judge is the watcher's.
func (m *modelRoom) judge(frame []byte) error {
	m.log = append(m.log, frame)
	events, err := m.watcher.Apply(frame)
	for _, ev := range events {
		switch ev := ev.(type) {
		case group.Accepted:
			if err := m.accepted(ev, frame); err != nil {
				return err
			}
		case group.Committed:
			m.committed(ev, frame)
		case group.Forked:
			if !m.suspects[ev.From.Identity] {
				return fmt.Errorf("watcher saw %#v", ev)
			}
		case group.Gap:
			if !m.lossy && !m.suspects[ev.From.Identity] {
				return fmt.Errorf("watcher saw %#v", ev)
			}
		}
	}
	_ = err // what is void is void for all: agree compares
	return nil
}

// accepted notes who has to be shown the frame: the epoch's members.
func (m *modelRoom) accepted(ev group.Accepted, frame []byte) error {
	for _, th := range m.thefts {
		th.accepted(ev, m.watcher.Epoch(), len(m.log)-1, m.forged[string(frame)] != nil)
	}
	from := ev.From
	ids, ok := m.content[string(frame)]
	switch {
	case m.forged[string(frame)] != nil:
		m.total.add("hostile messages", 1)
		return nil
	case !ok:
		return errors.New("a valid Message that nobody sealed")
	}
	for _, id := range ids {
		if m.valid[id] && !m.lossy && !m.suspects[from.Identity] {
			return errors.New("an ID became valid twice")
		}
		m.valid[id] = true
	}
	for _, p := range m.watcher.Roster() {
		if d := m.holder[p.Membership]; d != nil && p.Membership != from.Membership && !m.keyless[p.Membership] {
			d.expected = append(d.expected, ids...)
		}
	}
	return nil
}

// committed notes whose device holds each membership from now on.
func (m *modelRoom) committed(ev group.Committed, frame []byte) {
	for _, th := range m.thefts {
		th.committed(ev, frame, m.forged[string(frame)])
	}
	for _, gone := range ev.Removed {
		delete(m.holder, gone.Who.Membership)
	}
	for _, r := range ev.Rejoined {
		delete(m.keyless, r.Who.Membership)
	}
	if victims, hostile := m.forged[string(frame)]; hostile {
		m.total.add("hostile commits", 1)
		m.total.add("without keys by them", len(victims))
		for victim := range victims {
			m.keyless[victim] = true
		}
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

// read lets a device take in up to n frames, all for n < 0: one by one, or
// together as package e2ee does.
func (m *modelRoom) read(d *device, n int) error {
	frames, err := framesAfter(m.t.Context(), d.view, m.room(), d.at)
	if err != nil {
		return err
	}
	if n >= 0 {
		frames = frames[:min(n, len(frames))]
	}
	size := 1
	if (d.at+len(frames))%2 == 0 {
		size = max(1, len(frames))
	}
	for batch := range slices.Chunk(frames, size) {
		if err := m.apply(d, batch); err != nil {
			return err
		}
		if err := m.save(d); err != nil {
			return err
		}
	}
	return nil
}

// apply has a device take in frames, of which it may keep nothing.
func (m *modelRoom) apply(d *device, frames [][]byte) (err error) {
	lent := make([][]byte, len(frames))
	for i, frame := range frames {
		lent[i] = bytes.Clone(frame)
	}
	crosses := crossing(d, frames)
	d.ApplyAll(lent, m.now, func(i int, events []group.Event, _ error) (more bool) {
		d.unsaved = append(d.unsaved, events...)
		d.at++
		err = cmp.Or(m.told(d, frames[i], events, crosses), m.lostKeys(d, events))
		crosses = crossing(d, frames[i+1:])
		return err == nil
	})
	for _, frame := range lent {
		clear(frame)
	}
	return err
}

// lostKeys holds that a device is without keys for a reason. Its membership may be
// another's after the next frame.
func (m *modelRoom) lostKeys(d *device, events []group.Event) error {
	self, _ := d.Self()
	for _, ev := range events {
		if ev, ok := ev.(group.Keyless); ok && !m.lossy && !d.astray() && !m.spoiled(self.Membership) {
			return fmt.Errorf("%v saw %#v", d, ev)
		}
	}
	return nil
}

// crossing is who speaks of another history in the first of the frames.
func crossing(d *device, frames [][]byte) *group.Person {
	if len(frames) == 0 || group.IsJoining(d.Public()) {
		return nil
	}
	return group.Crosses(d.Public(), frames[0])
}

// save stores a device's state together with what its application makes of
// the events: they are shown with it.
func (m *modelRoom) save(d *device) error {
	d.save()
	d.savedAt, d.kept = d.at, maps.Clone(d.heard)
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
		switch what, ok := m.texts[ev.ID]; {
		case !ok && m.isHostile(ev.From.Identity): // who may say anything in its own name
		case !ok || what.by != ev.From.Identity || what.text != string(ev.Text):
			return fmt.Errorf("%v was shown what %v never said so", d, ev.From)
		default:
			// A relay that shows one reader a Message before the Commit that
			// overtook it has it shown twice, after word of the fork.
			if slices.Contains(d.shown, ev.ID) && !m.lossy && !m.suspects[ev.From.Identity] && !(d.deceived && d.warned) {
				return fmt.Errorf("%v was shown a message twice", d)
			}
			d.shown = append(d.shown, ev.ID)
		}
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
	case group.Undecryptable:
		if !m.lossy && !d.astray() && !m.isHostile(ev.From.Identity) && ev.Reason != group.ErrConfirmation {
			return fmt.Errorf("%v saw %#v", d, ev)
		}
	case group.RolledBack:
		if !m.lossy && !d.astray() {
			return fmt.Errorf("%v saw %#v", d, ev)
		}
	case group.Forked:
		if !d.astray() && !m.suspects[ev.From.Identity] {
			return fmt.Errorf("%v saw %#v", d, ev)
		}
		d.accused[ev.From.Identity], d.warned = true, true
		m.total.add("told of forks", 1)
		d.AcknowledgeFork()
		d.save()
	case group.Gap:
		d.warned = true
		m.total.add("told of gaps", 1)
	case group.InviteMismatch:
		if !d.astray() {
			return fmt.Errorf("%v saw %#v", d, ev)
		}
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
	d.Member, d.unsaved, d.at, d.heard = member, nil, int(member.Public().Position()), maps.Clone(d.kept)
	return m.read(d, -1)
}

// agree holds that equal authenticators mean equal rosters and policies, and
// that each device was shown what it should have been, as far as it has read.
func (m *modelRoom) agree() error {
	seen := make(map[string]*device)
	for _, d := range m.devices {
		if head, err := d.view.Head(m.t.Context(), m.room()); err != nil || !d.astray() && head == uint64(d.at) && !m.whereWatcherIs(d) {
			return fmt.Errorf("%v has read all there is (%w), and is not where the watcher is", d, err)
		}
		if !d.lossy && !d.astray() && !isPrefix(d.shown, d.expected) {
			return fmt.Errorf("%v was shown %d messages that are not the first of its %d", d, len(d.shown), len(d.expected))
		}
		digits, err := d.Authenticator()
		if err != nil {
			continue
		}
		if other := seen[digits]; other != nil && !samePublic(d.Public(), other.Public()) {
			return fmt.Errorf("%v and %v: equal authenticators, other rooms", d, other)
		}
		seen[digits] = d
	}
	return nil
}

// whereWatcherIs compares all that is public, or, for a device whose view of
// the log is longer, all but places in it.
func (m *modelRoom) whereWatcherIs(d *device) bool {
	p := d.Public()
	if p.Position() == m.watcher.Position() {
		return group.Agree(m.watcher, p)
	}
	count, hash := group.Seen(p)
	watched, watchedHash := group.Seen(m.watcher)
	return samePublic(p, m.watcher) && samePending(p, m.watcher) &&
		(group.IsJoining(p) || count == watched && hash == watchedHash)
}

func isPrefix(got, want []group.MessageID) bool {
	return len(got) <= len(want) && slices.Equal(got, want[:len(got)])
}

// samePublic compares what decides validity; a joiner lacks other hashes.
func samePublic(p, q *group.Public) bool {
	return p.Epoch() == q.Epoch() && p.Transcript() == q.Transcript() && slices.Equal(p.Roster(), q.Roster()) &&
		p.Admission() == q.Admission() && p.InviteKey() == q.InviteKey() && slices.Equal(p.Bans(), q.Bans())
}

// samePending compares what waits for a commit that serves it.
func samePending(p, q *group.Public) bool {
	return slices.Equal(group.PendingFrames(p), group.PendingFrames(q))
}
