package group_test

import (
	"bytes"
	"crypto/ed25519"
	"maps"
	"slices"
	"strconv"
)

// commit follows a Commit, in the second implementation of spec_reader_test.go.
func (r *specRoom) commit(s *specBytes, frame []byte) {
	r.t.Helper()
	epoch, m, index := s.num(8), s.take(32), uint8(s.num(1))
	if epoch != r.epoch || !bytes.Equal(m, r.transcript) {
		r.t.Fatal("a Commit of another history")
	}
	removes, adds := specOpen(r.t, s.vec(3)), specOpen(r.t, s.vec(3))
	next := &specRoom{t: r.t, in: r.in, out: r.out, id: r.id, epoch: r.epoch, seats: maps.Clone(r.seats),
		admission: r.admission, invite: r.invite, admins: slices.Clone(r.admins), bans: slices.Clone(r.bans)}
	admission, admins := s.take(1)[0], s.vec(2)
	rotate := s.num(1) == 1
	var invite []byte
	if rotate {
		invite = s.take(32)
	}
	unban, newLeaf := s.vec(2), s.vec(2)
	if count, seen := s.num(8), s.take(32); count != r.count || !bytes.Equal(seen, r.seen) {
		r.t.Fatal("a Commit that saw other Messages")
	}
	tailHash := s.take(32)
	body := s.before()
	tag := s.take(32)
	committer := r.seats[index]
	r.sound("sign commit", committer.signing, s.before(), s.take(64))
	if !bytes.Equal(tailHash, specH("entries", s.b)) {
		r.t.Fatal("the entries are not those that the body names")
	}
	list, sealed := specOpen(r.t, s.vec(3)), s.vec(2)
	s.end()

	for len(removes.b) > 0 {
		next.remove(r, specOpen(r.t, removes.vec(3)))
	}
	joins := make(map[uint8]specJoin)
	for len(adds.b) > 0 {
		j := r.readJoin(adds.vec(2))
		joins[next.add(j)] = j
	}
	if admission != 0 {
		next.admission = admission
	}
	if len(admins) > 0 {
		next.admins = slices.Collect(slices.Chunk(admins, 32))
	}
	if rotate {
		next.invite = invite
	}
	next.bans = slices.DeleteFunc(next.bans, func(b []byte) bool {
		return slices.ContainsFunc(slices.Collect(slices.Chunk(unban, 32)), func(k []byte) bool { return bytes.Equal(k, b) })
	})
	if len(newLeaf) > 0 {
		l := r.leaf(newLeaf)
		l.membership, l.since, l.previous = committer.membership, committer.since, committer.previous
		next.seats[index] = l
	}

	next.epoch, next.last = r.epoch+1, r.seen
	next.transcript = specH("transcript", r.transcript, specVec(3, body))
	out := &r.out.Epochs[next.epoch]
	next.startEpoch(out)
	next.unwrap(r, out, committer, joins, list)
	next.expand(r, out, tag)
	next.openSealed(r, out, sealed, rotate)
	*r = *next
}

// remove serves the frames against one membership.
func (r *specRoom) remove(before *specRoom, frames *specBytes) {
	for len(frames.b) > 0 {
		target, _, ban := before.removal(frames.vec(2))
		for i, l := range r.seats {
			if !bytes.Equal(l.membership, target) {
				continue
			}
			// The seat goes with the last frame; a ban sticks.
			if ban {
				r.bans = append(r.bans, l.identity)
			}
			if len(frames.b) == 0 {
				delete(r.seats, i)
				r.admins = slices.DeleteFunc(r.admins, func(a []byte) bool { return bytes.Equal(a, target) })
			}
		}
	}
}

// add seats a joiner, or moves a rejoining one's leaf.
func (r *specRoom) add(j specJoin) uint8 {
	l := j.leaf
	l.membership, l.previous, l.since = j.hash, make([]byte, 32), r.epoch+1
	if len(j.proof) > 0 {
		r.sound("sign invite proof", r.invite, j.proven, j.proof)
	}
	for i, held := range r.seats {
		if held.name == l.name && bytes.Equal(held.identity, l.identity) {
			l.membership = held.membership
			r.seats[i] = l
			return i
		}
	}
	if r.admission == 1 && len(j.proof) == 0 {
		r.t.Fatal("a Join without proof")
	}
	for i := range 256 {
		if r.seats[uint8(i)] == nil {
			r.seats[uint8(i)] = l
			return uint8(i)
		}
	}
	return 0
}

// unwrap opens every entry of a commit by its recipient's key.
func (r *specRoom) unwrap(before *specRoom, out *specEpoch, committer *specSeat, joins map[uint8]specJoin, list *specBytes) {
	r.t.Helper()
	for len(list.b) > 0 {
		e := specEntry{Index: list.take(1)[0], Role: 1}
		ct, box := list.vec(2), list.vec(2)
		to := r.seats[e.Index]
		keys := r.private(to)
		kem, private := to.kem, keys.KEMPrivate
		salt, j := []byte(nil), specJoin{}
		if arriving, ok := joins[e.Index]; ok {
			j, e.Role = arriving, 2
			kem, private = j.init, keys.InitPrivate
			salt = make([]byte, 32)
		}
		if len(j.proof) > 0 {
			salt = specKDF(before.inviteSeed, "invite welcome")
		}
		e.Shared = specDecapsulate(r.t, private, ct)
		e.Salted = e.Shared
		if e.Role == 2 {
			e.Salted = specExtract(salt, e.Shared)
		}
		e.KEK = specKDF(e.Salted, "wrap", r.id, specU64(r.epoch), before.transcript, []byte{e.Role},
			committer.leafHash, to.leafHash, specH("kem key", kem), specH("ciphertext", ct))
		e.Secret = specOpenBox(r.t, e.KEK, box)
		out.Entries = append(out.Entries, e)
	}
}

// expand is the key schedule.
func (r *specRoom) expand(before *specRoom, out *specEpoch, tag []byte) {
	r.t.Helper()
	commitSecret := r.in.Epochs[r.epoch].CommitSecret
	out.CommitSecret, out.JoinerSecret = commitSecret, specExtract(before.init, commitSecret)
	for _, e := range out.Entries {
		if want := map[uint8]hexBytes{1: out.CommitSecret, 2: out.JoinerSecret}[e.Role]; !bytes.Equal(e.Secret, want) {
			r.t.Fatalf("entry of index %d holds another secret", e.Index)
		}
	}
	out.EpochSecret = specKDF(out.JoinerSecret, "epoch", []byte{1, 0, 1}, r.id, specU64(r.epoch),
		r.transcript, out.RosterHash, out.PolicyHash)
	out.Init = specKDF(out.EpochSecret, "init")
	out.Confirm = specKDF(out.EpochSecret, "confirm")
	out.Authenticator = specKDF(out.EpochSecret, "authenticator")
	out.SenderRoot = specKDF(out.EpochSecret, "sender root")
	out.Digits = specDigits(out.Authenticator)
	out.Tag = specHMAC(out.Confirm, r.transcript)
	if !bytes.Equal(out.Tag, tag) {
		r.t.Fatal("the confirmation tag is another")
	}
	out.Ratchets = make(map[string]hexBytes)
	for i, l := range r.seats {
		l.chain = specKDF(out.SenderRoot, "sender", []byte{i})
		out.Ratchets[strconv.Itoa(int(i))] = l.chain
	}
	r.init = out.Init
}

// openSealed gets the invite seed of the epoch.
func (r *specRoom) openSealed(before *specRoom, out *specEpoch, sealed []byte, rotate bool) {
	r.t.Helper()
	out.WelcomeKey = specKDF(out.JoinerSecret, "welcome", r.id, specU64(r.epoch))
	r.inviteSeed = specOpenBox(r.t, out.WelcomeKey, sealed)
	out.InviteSeed = r.inviteSeed
	want := before.inviteSeed
	if rotate {
		want = specKDF(out.JoinerSecret, "invite", r.id)
	}
	public := ed25519.NewKeyFromSeed(specKDF(r.inviteSeed, "invite signing")).Public().(ed25519.PublicKey)
	if !bytes.Equal(r.inviteSeed, want) || !bytes.Equal(public, r.invite) {
		r.t.Fatal("the invite seed is another")
	}
}
