package interop_test

import (
	"crypto/ed25519"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/parley-e2ee/parley/e2ee/group"
	"github.com/parley-e2ee/parley/internal/keysource/keytest"
)

// roomLog is a log that members of the library write, an observer of it, and Python,
// which reads it once for the observer and once for each device.
type roomLog struct {
	t       *testing.T
	r       random
	p       *peer
	now     time.Time
	frames  [][]byte
	valid   []bool
	watcher *publicTwin
	devices []*roomDevice
	people  []group.Identity
	content map[string][]group.AppMessage // by Message frame
	seen    map[string]int                // events and verdicts
}

// roomDevice is a member with its store, and Python's reader with what stands there.
type roomDevice struct {
	*group.Member
	id             group.Identity
	name           string
	public, secret group.Records
	secrets        roomSecrets
	own            map[string]*roomCommit
	told           []told
	digits         string
	backup         [2]group.Records
	given          bool // it gave up its keys when it met what it had not stored, which Python does not
}

func newRoomLog(t *testing.T, p *peer, r random, name string, admission group.Admission) *roomLog {
	l := &roomLog{
		t: t, r: r, p: p, now: time.Unix(1_800_000_000, 0),
		content: map[string][]group.AppMessage{}, seen: map[string]int{},
	}
	creator := must(group.Create(l.person(), "Room "+name, admission))
	l.watcher = newPublicTwin(t, p, name, creator.Public().RoomID())
	l.add(creator)
	l.append(creator.Unechoed()...)
	l.readAll()
	return l
}

func (l *roomLog) person() group.Identity {
	id := must(group.NewIdentity(fmt.Sprintf("person %d", len(l.people)), ed25519.NewKeyFromSeed(l.r.bytes(32))))
	l.people = append(l.people, id)
	return id
}

func (l *roomLog) add(m *group.Member) *roomDevice {
	d := &roomDevice{
		Member: m, id: m.Identity(), name: fmt.Sprintf("%s, device %d", l.watcher.name, len(l.devices)),
		public: group.Records{}, secret: group.Records{}, own: map[string]*roomCommit{},
	}
	openRoom(l.t, l.p, d.name, l.watcher.RoomID())
	l.devices = append(l.devices, d)
	l.save(d)
	return d
}

// save is the store. What is new there becomes known to Python.
func (l *roomLog) save(d *roomDevice) {
	public, secret := d.Changes()
	for _, change := range []struct{ to, from group.Records }{{d.public, public}, {d.secret, secret}} {
		maps.Copy(change.to, change.from)
		maps.DeleteFunc(change.to, func(_ string, v []byte) bool { return v == nil })
	}
	s, own := secretsOf(l.t, d.secret, d.Public().Epoch())
	if own != nil {
		d.own[own.frame] = own
	}
	l.give(d, s)
}

func (l *roomLog) give(d *roomDevice, s roomSecrets) {
	before := len(d.secrets.KEMKeys) + len(d.secrets.InviteSeeds)
	d.secrets.add(s)
	if len(d.secrets.KEMKeys)+len(d.secrets.InviteSeeds) > before || len(s.Epochs) > 0 || s.Init0 != "" {
		ask[int](l.t, l.p, "room_secrets", args{"name": d.name, "secrets": s})
	}
}

// append is the relay; the observers read along.
func (l *roomLog) append(frames ...[]byte) {
	for _, frame := range frames {
		got := l.watcher.read(l.t, frame)[0]
		l.frames, l.valid = append(l.frames, frame), append(l.valid, got.Verdict == "valid")
		l.seen[got.Verdict]++
	}
	l.watcher.wantState(l.t)
}

func (l *roomLog) readAll() {
	for _, d := range l.devices {
		l.read(d)
	}
}

// read has a device, and Python with its secrets, read to the head of the log.
func (l *roomLog) read(d *roomDevice) {
	for at := int(d.Public().Position()); at < len(l.frames); at++ {
		frame := l.frames[at]
		if own := d.own[string(frame)]; own != nil && l.valid[at] && at == len(d.told) {
			s := roomSecrets{}
			s.win(d.Public().Epoch()+1, own)
			l.give(d, s)
		}
		if at == len(d.told) {
			d.told = append(d.told, readRoom(l.t, l.p, d.name, frame)...)
		}
		if got := d.told[at]; got.Epoch != nil {
			d.digits = got.Epoch.Digits
		}
		joining := d.Status() == group.Joining
		events, err := d.Apply(frame, l.now)
		l.save(d)
		l.compare(d, at, joining, events, err)
	}
}

// compare holds what the member tells of a frame against what Python does.
func (l *roomLog) compare(d *roomDevice, at int, joining bool, events []group.Event, err error) {
	l.t.Helper()
	got, frame := d.told[at], l.frames[at]
	where := fmt.Sprintf("%s, frame %d of type %d, check %s", d.name, at+1, typeOf(frame), got.Check)
	if !joining || typeOf(frame) != 6 { // a joiner judges no Messages yet
		wantEqual(l.t, where+": verdict", got.Verdict, roomVerdict(l.t, err))
	}
	var received []messageTold
	var failed error
	for _, ev := range events {
		l.seen[fmt.Sprintf("%T", ev)]++
		switch ev := ev.(type) {
		case group.Received:
			received = append(received, messageTold{hex.EncodeToString(ev.ID[:]), ev.Kind, hex.EncodeToString(ev.Text)})
			wantEqual(l.t, where+": time", got.Message.SentAt, ev.SentAt.Unix())
		case group.Undecryptable:
			failed = ev.Reason
		case group.Keyless:
			failed = group.ErrConfirmation
		case group.RolledBack:
			d.given = true
		case group.Delivered:
			for _, m := range l.content[string(frame)] {
				received = append(received, messageTold{hex.EncodeToString(m.ID[:]), m.Kind, hex.EncodeToString(m.Text)})
			}
		}
	}
	switch {
	case received != nil && (got.Message == nil || !slices.Equal(received, got.Message.Messages)):
		l.t.Fatalf("%s: we read %.300v, Python %.300v", where, received, got.Message)
	case failed != nil && !d.given && len(got.Findings) == 0:
		l.t.Fatalf("%s: we say %v, Python nothing", where, failed)
	case failed == nil && len(got.Findings) > 0 && d.Status() == group.Active:
		l.t.Fatalf("%s: Python finds %q, we nothing", where, got.Findings)
	}
	if digits, err := d.Authenticator(); err == nil {
		wantEqual(l.t, where+": authenticator", d.digits, digits)
	}
}

// round has some devices do something at once, and the relay take what they send,
// with what it makes of it.
func (l *roomLog) round() {
	l.now = l.now.Add(time.Minute)
	for range 1 + l.r.IntN(3) {
		if active := l.inRoom(); len(active) > 0 {
			l.act(pick(l.r, active...))
		}
	}
	var out [][]byte
	for _, d := range l.devices {
		if !slices.Contains([]group.Status{group.Gone, group.Displaced}, d.Status()) {
			out = append(out, d.Unechoed()...)
		}
	}
	l.r.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	for _, frame := range out {
		switch l.r.IntN(12) {
		case 0: // lost, and sent again in the next round
			continue
		case 1:
			l.append(damage(l.r, frame))
		case 2:
			l.append(frame, frame)
			continue
		case 3:
			l.append(pick(l.r, l.frames...))
		}
		l.append(frame)
	}
	for _, d := range l.devices {
		if l.r.IntN(6) > 0 {
			l.read(d)
		}
	}
}

// inRoom are the devices that can do something.
func (l *roomLog) inRoom() (out []*roomDevice) {
	for _, d := range l.devices {
		if s := d.Status(); s == group.Active || s == group.NoKeys {
			out = append(out, d)
		}
	}
	return out
}

// act is a device's application. What the library refuses is no matter.
func (l *roomLog) act(d *roomDevice) {
	if d.Status() == group.NoKeys {
		l.read(d)
		l.allowed(d.Join(l.now.Add(time.Hour)))
		l.save(d)
		return
	}
	if l.r.IntN(3) > 0 {
		l.read(d)
	}
	if d.Status() != group.Active {
		return
	}
	members := d.Public().Roster()
	target := members[l.r.IntN(len(members))].Membership
	var err error
	switch n := l.r.IntN(23); {
	case n < 8:
		l.send(d)
	case n < 12:
		l.enter(d)
	case n < 18:
		err = d.Commit(l.changes(d), l.now, nil)
	case n == 18 && len(members) > 2:
		err = d.Remove(target, l.r.IntN(2) == 0)
	case n == 19 && len(members) > 3:
		err = d.Leave()
	case n == 20 && l.r.IntN(3) == 0:
		l.hostile(d)
	case n == 20 && d.backup[0] != nil:
		l.restore(d)
	case n >= 20:
		d.backup = [2]group.Records{maps.Clone(d.public), maps.Clone(d.secret)}
	}
	l.allowed(err)
	l.save(d)
}

// hostile has a device's key sign, in its name, a Message whose token is none.
func (l *roomLog) hostile(d *roomDevice) {
	self, ok := d.Self()
	if !ok || d.Public().Epoch() == 0 || d.Public().Position() != uint64(len(l.frames)) {
		return
	}
	room, transcript := d.Public().RoomID(), d.Public().Transcript()
	frame := slices.Concat([]byte{1, 0, 1, 6}, room[:], binary.BigEndian.AppendUint64(nil, d.Public().Epoch()), transcript[:], []byte{self.Index})
	frame = binary.BigEndian.AppendUint64(frame, uint64(1+l.r.IntN(30)))
	frame = append(frame, l.r.bytes(32)...)
	frame = binary.BigEndian.AppendUint64(frame, uint64(l.r.IntN(5)))
	token := append([]byte{0x80}, l.r.bytes(l.r.IntN(100))...)
	frame = slices.Concat(frame, l.r.bytes(64), []byte{0, 0, byte(len(token))}, token)
	l.append(l.signed(d, "sign message", frame))
}

// signed is the frame with the signature of the device's leaf key.
func (l *roomLog) signed(d *roomDevice, label string, frame []byte) []byte {
	key := ed25519.NewKeyFromSeed(d.secret["keys"][:ed25519.SeedSize])
	return append(frame, ed25519.Sign(key, slices.Concat([]byte("parley room v1 "+label+"\x00"), frame))...)
}

// spoil ends the room: an entry of a Commit that a device has made is changed, and
// the Commit signed again. Nobody can follow it.
func (l *roomLog) spoil() {
	l.readAll()
	for _, d := range l.inRoom() {
		members := len(d.Public().Roster())
		if d.Status() != group.Active || members < 2 || d.Public().Pending() || d.Commit(group.Changes{Rekey: true}, l.now, func(group.JoinRequest) error { return group.ErrBanned }) != nil {
			continue
		}
		l.save(d)
		frame := []byte(recordReaderOf(l.t, d.secret["proposal"]).vec(3))
		tail := 3 + 1409*(members-1) + 2 + 60
		signed := len(frame) - tail - ed25519.SignatureSize
		frame[len(frame)-tail+3+3+l.r.IntN(1344)] ^= 1
		sum := must(hex.DecodeString(hashOf("entries", frame[len(frame)-tail:])))
		copy(frame[signed-64:], sum)
		spoilt := append(l.signed(d, "sign commit", slices.Clone(frame[:signed])), frame[len(frame)-tail:]...)
		l.append(spoilt)
		if !l.valid[len(l.valid)-1] {
			l.t.Fatal("a Commit with a garbled entry is void")
		}
		l.readAll()
		return
	}
}

// restore has a device go on with an old copy of its store. What Python has read with
// what has been stored since it has read.
func (l *roomLog) restore(d *roomDevice) {
	m, err := group.RestoreMember(d.id, maps.Clone(d.backup[0]), maps.Clone(d.backup[1]))
	if err != nil {
		l.t.Fatal(err)
	}
	d.Member, d.public, d.secret, d.given = m, d.backup[0], d.backup[1], true
	d.backup = [2]group.Records{}
	d.digits = ""
	for _, got := range d.told[:m.Public().Position()] {
		if got.Epoch != nil {
			d.digits = got.Epoch.Digits
		}
	}
	l.read(d)
}

func (l *roomLog) changes(d *roomDevice) group.Changes {
	some := func(n int) bool { return l.r.IntN(n) == 0 }
	c := group.Changes{NewKeys: some(3), Rekey: some(2)}
	if self, ok := d.Self(); !ok || !self.Admin {
		return c
	}
	c.Rotate = some(4)
	if some(4) {
		c.Admission = pick(l.r, group.Invite, group.Open, group.Admins)
	}
	if some(4) {
		for _, m := range d.Public().Roster() {
			if m.Admin || some(2) {
				c.Admins = append(c.Admins, m.Membership)
			}
		}
	}
	if bans := d.Public().Bans(); len(bans) > 0 && some(2) {
		c.Unban = bans[:1]
	}
	return c
}

func (l *roomLog) send(d *roomDevice) {
	var queue []group.AppMessage
	for range 1 + l.r.IntN(4) {
		text := l.r.bytes(pick(l.r, 0, 1, 10, 64, 300, 3000, l.r.IntN(group.MaxTextSize)))
		queue = append(queue, group.AppMessage{ID: group.MessageID(l.r.bytes(16)), Kind: uint8(l.r.IntN(256)), Text: text})
	}
	n, err := d.Seal(queue, l.now)
	l.allowed(err)
	if err != nil {
		return
	}
	for _, frame := range d.Unechoed() {
		if typeOf(frame) == 6 {
			l.content[string(frame)] = queue[:n]
		}
	}
}

// enter has somebody new, or a new device of somebody, ask to join, with a link or without.
func (l *roomLog) enter(host *roomDevice) {
	if len(l.inRoom()) >= 6 || len(l.devices) >= 16 {
		return
	}
	var link *group.Invitation
	if l.r.IntN(4) > 0 {
		link, _ = host.Invitation()
	}
	id := pick(l.r, l.people...)
	if l.r.IntN(4) > 0 {
		id = l.person()
	}
	d := l.add(must(group.Enter(id, l.watcher.RoomID(), link)))
	l.read(d)
	l.allowed(d.Join(l.now.Add(time.Hour)))
	l.save(d)
}

func (l *roomLog) allowed(err error) {
	if err == nil {
		return
	}
	for _, reason := range group.Reasons() {
		if errors.Is(err, reason) {
			return
		}
	}
	for _, reason := range []error{group.ErrInFlight, group.ErrCommitFirst, group.ErrNothing, group.ErrForked, group.ErrInviteSeed} {
		if errors.Is(err, reason) {
			return
		}
	}
	l.t.Fatal(err)
}

// TestRoomLogs has Python read what members of the library write, with the secrets of
// each of them and with none: each verdict, each state, each authenticator and each
// text has to be the same.
func TestRoomLogs(t *testing.T) {
	keytest.Use(t)
	p, r := python.get(t), newRandom(t)
	seen := map[string]int{}
	wanted := []string{
		"group.Received", "group.Delivered", "group.Admitted", "group.Expelled", "group.Replaced", "group.RolledBack",
		"group.Keyless", "group.Undecryptable", "ErrEpoch", "ErrReplay",
	}
	for i := 0; i < 4 || i < 16 && len(missing(seen, wanted)) > 0; i++ {
		l := newRoomLog(t, p, r, fmt.Sprint("log ", i), pick(r, group.Invite, group.Open, group.Admins))
		for range 45 {
			l.round()
		}
		l.spoil()
		for name, n := range l.seen {
			seen[name] += n
		}
		seen["frames"] += len(l.frames)
		seen["epochs"] += int(l.watcher.Epoch())
		seen["devices"] += len(l.devices)
	}
	t.Log(seen)
	if m := missing(seen, wanted); len(m) > 0 {
		t.Errorf("no log had %q", m)
	}
}

// missing are those that were not counted yet.
func missing(counts map[string]int, names []string) (out []string) {
	for _, name := range names {
		if counts[name] == 0 {
			out = append(out, name)
		}
	}
	return out
}
