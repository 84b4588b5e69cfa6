package group_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/parley-e2ee/parley/e2ee/group"
)

// commitStage is a room of four; alice and carol are its admins.
func commitStage(t testing.TB, mode group.Admission) *stage {
	s := newStage(t, mode)
	s.add("bob", "carol", "dave")
	s.admins("alice", "carol")
	return s
}

func TestCommitRules(t *testing.T) {
	leaving := func(s *stage) { s.ok(s.leave("dave").frame()) }
	removed := func(s *stage) { s.ok(s.remove("carol", "dave", false).frame()) }
	for name, c := range map[string]struct {
		setup  func(*stage)
		by     string
		change func(*stage, *commitSpec)
		want   error
	}{
		"without operations": {nil, "bob", nil, nil},
		"serving a Leave":    {leaving, "bob", nil, nil},
		"serving a Remove":   {removed, "bob", nil, nil},

		"epoch before, its M":  {nil, "bob", func(s *stage, c *commitSpec) { c.epoch--; c.transcript = mustM(s, c.epoch) }, group.ErrEpoch},
		"epoch before, this M": {nil, "bob", func(_ *stage, c *commitSpec) { c.epoch-- }, group.ErrTranscript},
		"epoch to come":        {nil, "bob", func(_ *stage, c *commitSpec) { c.epoch++ }, group.ErrEpoch},
		"epoch 2^64−1":         {nil, "bob", func(_ *stage, c *commitSpec) { c.epoch = 1<<64 - 1 }, group.ErrEpoch},
		"other history":        {nil, "bob", func(_ *stage, c *commitSpec) { c.transcript[0] ^= 1 }, group.ErrTranscript},
		"empty seat":           {nil, "bob", func(_ *stage, c *commitSpec) { c.committer = 9 }, group.ErrNotMember},
		"another's seat":       {nil, "bob", func(_ *stage, c *commitSpec) { c.committer-- }, group.ErrSignature},
		"not signed":           {nil, "bob", func(_ *stage, c *commitSpec) { c.by = nil }, group.ErrSignature},
		"signed by identity":   {nil, "bob", func(s *stage, c *commitSpec) { c.by = s.actor("bob").id }, group.ErrSignature},
		"signed by a new leaf": {nil, "bob", func(s *stage, c *commitSpec) {
			l := newLeafSpec(s.t, c.room, "bob", s.actor("bob").id)
			c.newLeaf, c.by = l.bytes(), l.byKey
		}, group.ErrSignature},

		"by one who leaves, unserved": {leaving, "dave", func(_ *stage, c *commitSpec) { c.removes = nil }, group.ErrPending},
		"by one who leaves":           {leaving, "dave", nil, group.ErrPending},
		"by one who is removed":       {removed, "dave", nil, group.ErrPending},
		"serving its own Leave":       {nil, "dave", func(s *stage, c *commitSpec) { c.removes = one(s.leave("dave").frame()) }, group.ErrPending},
		"removing itself, returning": {nil, "carol", func(s *stage, c *commitSpec) {
			c.removes = one(s.leave("carol").frame())
			c.adds = [][]byte{s.join("carol").frame()}
		}, group.ErrPending},
		"Leave not served":   {leaving, "bob", func(_ *stage, c *commitSpec) { c.removes = nil }, group.ErrUnserved},
		"Remove not served":  {removed, "bob", func(_ *stage, c *commitSpec) { c.removes, c.rotate = nil, false }, group.ErrUnserved},
		"another one served": {leaving, "bob", func(s *stage, c *commitSpec) { c.removes = one(s.leave("carol").frame()) }, group.ErrUnserved},
		"Leave inline":       {nil, "bob", func(s *stage, c *commitSpec) { c.removes = one(s.leave("dave").frame()) }, nil},
		"frames of two in one group": {nil, "bob", func(s *stage, c *commitSpec) {
			c.removes = [][][]byte{{s.leave("dave").frame(), s.leave("carol").frame()}}
		}, group.ErrOperation},
		"frame twice in a group": {leaving, "bob", func(_ *stage, c *commitSpec) { c.removes[0] = append(c.removes[0], c.removes[0][0]) }, group.ErrOperation},
		"frame in two groups":    {leaving, "bob", func(_ *stage, c *commitSpec) { c.removes = append(c.removes, c.removes[0]) }, group.ErrNotMember},
		"group of four":          {leaving, "bob", func(_ *stage, c *commitSpec) { f := c.removes[0][0]; c.removes[0] = [][]byte{f, f, f, f} }, group.ErrMalformed},
		"group of none":          {nil, "bob", func(_ *stage, c *commitSpec) { c.removes = [][][]byte{{}} }, group.ErrMalformed},
		"Join among removes":     {nil, "bob", func(s *stage, c *commitSpec) { c.removes = one(s.join("erin").frame()) }, group.ErrType},
		"Message among removes":  {nil, "bob", func(s *stage, c *commitSpec) { c.removes = one(s.message("dave").frame()) }, group.ErrType},
		"Leave of another room":  {nil, "bob", func(s *stage, c *commitSpec) { f := s.leave("dave"); f.room[0] ^= 1; c.removes = one(f.frame()) }, group.ErrWrongRoom},
		"Leave cut short":        {nil, "bob", func(s *stage, c *commitSpec) { c.removes = one(s.leave("dave").frame()[:99]) }, group.ErrMalformed},
		"Leave among adds":       {nil, "bob", func(s *stage, c *commitSpec) { c.adds = [][]byte{s.leave("dave").frame()} }, group.ErrType},
		"Join of another room":   {nil, "bob", func(s *stage, c *commitSpec) { j := s.join("erin"); j.room[0] ^= 1; c.adds = [][]byte{j.frame()} }, group.ErrWrongRoom},
		"bad Join beside a good": {nil, "bob", func(s *stage, c *commitSpec) {
			bad := s.join("frank")
			bad.proof = nil
			c.adds = [][]byte{s.join("erin").frame(), bad.frame()}
		}, group.ErrInviteNeeded},

		"admission by no admin": {nil, "bob", func(_ *stage, c *commitSpec) { c.admission = uint8(group.Open) }, group.ErrNotAdmin},
		"admins by no admin":    {nil, "bob", func(s *stage, c *commitSpec) { c.admins = s.memberships("bob") }, group.ErrNotAdmin},
		"unban by no admin":     {nil, "bob", func(_ *stage, c *commitSpec) { c.unban = make([]group.IdentityKey, 1) }, group.ErrNotAdmin},
		"admission":             {nil, "carol", func(_ *stage, c *commitSpec) { c.admission = uint8(group.Open) }, nil},
		"admission unknown":     {nil, "carol", func(_ *stage, c *commitSpec) { c.admission = 4 }, group.ErrOperation},
		"admins":                {nil, "carol", func(s *stage, c *commitSpec) { c.admins = s.memberships("bob") }, nil},
		"admin without a seat":  {nil, "carol", func(_ *stage, c *commitSpec) { c.admins = make([]group.Membership, 1) }, group.ErrOperation},
		"admin who leaves":      {leaving, "carol", func(s *stage, c *commitSpec) { c.admins = s.memberships("dave") }, group.ErrOperation},
		"admins out of order":   {nil, "carol", func(s *stage, c *commitSpec) { c.admins = s.memberships("bob", "dave"); slices.Reverse(c.admins) }, group.ErrMalformed},
		"admin twice":           {nil, "carol", func(s *stage, c *commitSpec) { c.admins = s.memberships("bob", "bob") }, group.ErrMalformed},
		"257 admins":            {nil, "carol", func(_ *stage, c *commitSpec) { c.admins = numbered[group.Membership](257) }, group.ErrMalformed},
		"unban of the unbanned": {nil, "carol", func(_ *stage, c *commitSpec) { c.unban = make([]group.IdentityKey, 1) }, group.ErrOperation},

		"rotation by no admin":         {nil, "bob", func(s *stage, c *commitSpec) { *c = s.rotating(*c) }, group.ErrRotation},
		"rotation by an admin":         {nil, "carol", func(s *stage, c *commitSpec) { *c = s.rotating(*c) }, nil},
		"Remove without rotation":      {removed, "bob", func(_ *stage, c *commitSpec) { c.rotate = false }, group.ErrRotation},
		"Remove without, by admin":     {removed, "carol", func(_ *stage, c *commitSpec) { c.rotate = false }, group.ErrRotation},
		"rotation for a Leave":         {leaving, "bob", func(s *stage, c *commitSpec) { *c = s.rotating(*c) }, group.ErrRotation},
		"rotation to the same key":     {nil, "carol", func(s *stage, c *commitSpec) { c.rotate, c.invite = true, s.InviteKey() }, group.ErrKey},
		"proof in a rotating commit":   {nil, "carol", func(s *stage, c *commitSpec) { *c = s.rotating(*c); c.adds = [][]byte{s.join("erin").frame()} }, group.ErrInviteExpired},
		"proof beside a served Remove": {removed, "bob", func(s *stage, c *commitSpec) { c.adds = [][]byte{s.join("erin").frame()} }, group.ErrInviteExpired},
		"proof beside a served Leave":  {leaving, "bob", func(s *stage, c *commitSpec) { c.adds = [][]byte{s.join("erin").frame()} }, nil},

		"recipient missing":  {nil, "bob", func(_ *stage, c *commitSpec) { c.to(c.recipients[1:]) }, group.ErrRecipientSet},
		"nobody":             {nil, "bob", func(_ *stage, c *commitSpec) { c.to(nil) }, group.ErrRecipientSet},
		"recipient too many": {nil, "bob", func(_ *stage, c *commitSpec) { c.to(append(c.recipients, 9)) }, group.ErrRecipientSet},
		"the committer":      {nil, "bob", func(_ *stage, c *commitSpec) { c.to([]uint8{0, 1, 2, 3}) }, group.ErrRecipientSet},
		"out of order":       {nil, "bob", func(_ *stage, c *commitSpec) { slices.Reverse(c.recipients); c.to(c.recipients) }, group.ErrRecipientSet},
		"recipient twice":    {nil, "bob", func(_ *stage, c *commitSpec) { c.to([]uint8{0, 0, 2, 3}) }, group.ErrRecipientSet},
		"one who leaves":     {leaving, "bob", func(_ *stage, c *commitSpec) { c.to([]uint8{0, 2, 3}) }, group.ErrRecipientSet},
		"newcomer forgotten": {nil, "bob", func(s *stage, c *commitSpec) {
			c.adds = [][]byte{s.join("erin").frame()}
			c.to([]uint8{0, 2, 3})
		}, group.ErrRecipientSet},
		"entries not named":      {nil, "bob", func(_ *stage, c *commitSpec) { c.tailHash = new(group.Hash) }, group.ErrEntries},
		"ciphertext short":       {nil, "bob", func(_ *stage, c *commitSpec) { c.ctSize = -1 }, group.ErrMalformed},
		"box long":               {nil, "bob", func(_ *stage, c *commitSpec) { c.boxSize = 1 }, group.ErrMalformed},
		"sealed short":           {nil, "bob", func(_ *stage, c *commitSpec) { c.sealedSize = -1 }, group.ErrMalformed},
		"sealed missing":         {nil, "bob", func(_ *stage, c *commitSpec) { c.sealedSize = -60 }, group.ErrMalformed},
		"new leaf":               {nil, "bob", func(s *stage, c *commitSpec) { c.newLeaf = newLeafSpec(s.t, c.room, "bob", s.actor("bob").id).bytes() }, nil},
		"new leaf, other name":   {nil, "bob", func(s *stage, c *commitSpec) { c.newLeaf = newLeafSpec(s.t, c.room, "erin", s.actor("bob").id).bytes() }, group.ErrNameTaken},
		"new leaf, other person": {nil, "bob", func(s *stage, c *commitSpec) { c.newLeaf = newLeafSpec(s.t, c.room, "bob", s.actor("erin").id).bytes() }, group.ErrNameTaken},
		"new leaf, old key":      {nil, "bob", func(s *stage, c *commitSpec) { c.newLeaf = withKey(s, "bob", "bob") }, group.ErrKey},
		"new leaf, carol's key":  {nil, "bob", func(s *stage, c *commitSpec) { c.newLeaf = withKey(s, "bob", "carol") }, group.ErrKey},
		"new leaf, not signed":   {nil, "bob", func(s *stage, c *commitSpec) { c.newLeaf = make([]byte, 8) }, group.ErrMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			s := commitStage(t, group.Invite)
			if c.setup != nil {
				c.setup(s)
			}
			commit := s.commit(c.by)
			if c.change != nil {
				c.change(s, &commit)
			}
			_, err := s.apply(s.addressed(commit).frame())
			wantErr(t, err, c.want)
		})
	}
}

// to sets the recipients, right or wrong.
func (c *commitSpec) to(recipients []uint8) { c.recipients, c.fixed = recipients, true }

// A flag is 0 or 1: there is one way to write a commit, and one to write a ban.
func TestFlags(t *testing.T) {
	s := commitStage(t, group.Open)
	commit, at := s.commit("carol").frame(), frameHeader+8+32+1+3+3+1+2
	s.refuse(patched(commit, at, 2), group.ErrMalformed)
	remove := s.remove("carol", "dave", true).frame()
	s.refuse(patched(remove, frameHeader+64, 2), group.ErrMalformed)
	s.ok(remove)
}

func one(frame []byte) [][][]byte { return [][][]byte{{frame}} }

func mustM(s *stage, epoch uint64) group.Hash {
	m, ok := group.TranscriptAt(s.Public, epoch)
	if !ok {
		s.t.Fatal("M is not known")
	}
	return m
}

// withKey is a new leaf of somebody under a signing key that somebody has.
func withKey(s *stage, name, of string) []byte {
	l := newLeafSpec(s.t, s.RoomID(), name, s.actor(name).id)
	l.byKey = s.actor(of).leaf
	l.signing = public(l.byKey)
	return l.bytes()
}

func numbered[K ~[32]byte](n int) (out []K) {
	for i := range n {
		out = append(out, K{byte(i >> 8), byte(i)})
	}
	return out
}

// Removed first, added next: a seat is free for the newcomer of the same
// commit, the lowest first; admins may be named who only just came.
func TestOperationsOneAfterAnother(t *testing.T) {
	s := commitStage(t, group.Open)
	s.ok(s.leave("bob").frame())
	s.ok(s.leave("dave").frame())
	c := s.commit("carol")
	j := s.join("erin")
	c.adds = [][]byte{j.frame(), s.join("frank").frame(), s.join("bob").frame()}
	c.admins = []group.Membership{group.Membership(group.Digest("frame", c.adds[0]))}
	c.newLeaf = newLeafSpec(t, s.RoomID(), "carol", s.actor("carol").id).bytes()
	ev := committed(t, s.ok(s.addressed(c).frame()))
	var got []string
	for _, who := range s.Roster() {
		got = append(got, fmt.Sprintf("%d %s %v", who.Index, who.Name, who.Admin))
	}
	want := []string{"0 alice false", "1 erin true", "2 carol false", "3 frank false", "4 bob false"}
	if !slices.Equal(got, want) || !ev.KeysReplaced || !ev.Policy || ev.Rotated || ev.Epoch != s.Epoch() {
		t.Fatalf("roster %q, event %+v", got, ev)
	}
}

// The first valid commit of an epoch wins; what is void in it has no effect.
func TestFirstValidCommitWins(t *testing.T) {
	s := commitStage(t, group.Open)
	leave := s.leave("dave").frame()
	void := s.commit("bob")
	void.removes = one(leave)
	void.to(nil)
	first, second := s.commit("carol").frame(), s.commit("bob").frame()
	s.refuse(void.frame(), group.ErrRecipientSet)
	if s.Pending() {
		t.Fatal("a Leave inside a void commit is pending")
	}
	s.ok(first)
	s.refuse(second, group.ErrEpoch)
	s.refuse(first, group.ErrEpoch)
	s.ok(leave)
}

// A full room: 256 members, and no 257th until one has gone.
func TestMemberLimit(t *testing.T) {
	s := newStage(t, group.Open)
	s.quick = true
	var names []string
	for i := range group.MaxMembers - 1 {
		names = append(names, fmt.Sprintf("m%03d", i))
	}
	s.add(names...)
	if n := len(s.Roster()); n != 256 {
		t.Fatalf("%d members", n)
	}
	j := s.join("one more")
	j.proof = nil
	s.refuse(j.frame(), group.ErrFull)
	c := s.commit("m007")
	c.adds = [][]byte{j.frame()}
	s.refuse(c.frame(), group.ErrFull)
	s.ok(s.serve("alice", s.join("m100")))
	s.ok(s.remove("alice", "m254", true).frame())
	s.ok(s.serve("m007", j))
	s.settle("one more", j)
	if i := s.index("one more"); i != 255 {
		t.Fatalf("index %d", i)
	}
	if frame := s.log[len(s.log)-1]; len(frame) < 255*1409 || len(frame) > 400<<10 {
		t.Fatalf("a full commit takes %d bytes", len(frame))
	}
	again, err := group.ParsePublic(state(t, s.Public))
	must(t, err)
	if !slices.Equal(state(t, again), state(t, s.Public)) {
		t.Fatal("a full room does not survive marshalling")
	}
}

func state(t testing.TB, p *group.Public) []byte {
	t.Helper()
	b, err := p.MarshalBinary()
	must(t, err)
	return b
}

// A commit that names a bad Join of another history speaks of no fork itself.
func TestBadJoinInsideCommitIsNoFork(t *testing.T) {
	s := commitStage(t, group.Open)
	j := s.join("erin")
	j.transcript[0] ^= 1
	if events := s.refuse(s.serve("bob", j), group.ErrTranscript); len(events) != 0 {
		t.Fatalf("events %v", events)
	}
	c := s.commit("bob")
	c.transcript[0] ^= 1
	bob, _ := s.Lookup("bob")
	if events := s.refuse(c.frame(), group.ErrTranscript); !slices.Equal(events, []group.Event{group.Forked{From: bob}}) {
		t.Fatalf("events %v", events)
	}
	c.by = nil
	if events := s.refuse(c.frame(), group.ErrTranscript); len(events) != 0 {
		t.Fatalf("events %v", events)
	}
}
