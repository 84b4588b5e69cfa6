package group_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"testing"

	"github.com/parley-e2ee/parley/envelope/compositekem"
)

// This file reads a log as spec/room-v1.md says, and takes nothing from
// package group: a second implementation, of as much as the recorded room
// needs.

const specPrefix = "parley room v1 "

func specText(label string, body []byte) []byte {
	return slices.Concat([]byte(specPrefix), []byte(label), []byte{0}, body)
}

func specH(label string, body ...[]byte) []byte {
	h := sha256.Sum256(specText(label, slices.Concat(body...)))
	return h[:]
}

func specKDF(key []byte, label string, ctx ...[]byte) []byte {
	out, err := hkdf.Expand(sha256.New, key, string(specText(label, slices.Concat(ctx...))), 32)
	if err != nil {
		panic(err)
	}
	return out
}

func specExtract(salt, ikm []byte) []byte {
	out, err := hkdf.Extract(sha256.New, ikm, salt)
	if err != nil {
		panic(err)
	}
	return out
}

func specHMAC(key, msg []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write(msg)
	return h.Sum(nil)
}

func specU64(v uint64) []byte { return binary.BigEndian.AppendUint64(nil, v) }

func specVec(prefix int, v []byte) []byte {
	return append(specU64(uint64(len(v)))[8-prefix:], v...)
}

// specBytes takes fields off the front of a structure.
type specBytes struct {
	t    testing.TB
	b    []byte
	full []byte
}

func specOpen(t testing.TB, b []byte) *specBytes { return &specBytes{t, b, b} }

func (s *specBytes) take(n int) []byte {
	s.t.Helper()
	if n > len(s.b) {
		s.t.Fatalf("field of %d bytes, %d left", n, len(s.b))
	}
	v := s.b[:n]
	s.b = s.b[n:]
	return v
}

func (s *specBytes) num(n int) uint64 {
	s.t.Helper()
	return binary.BigEndian.Uint64(append(make([]byte, 8-n), s.take(n)...))
}

func (s *specBytes) vec(prefix int) []byte { s.t.Helper(); return s.take(int(s.num(prefix))) }

// before is everything in front of the next field.
func (s *specBytes) before() []byte { return s.full[:len(s.full)-len(s.b)] }

func (s *specBytes) end() {
	s.t.Helper()
	if len(s.b) != 0 {
		s.t.Fatalf("%d bytes left over", len(s.b))
	}
}

// specSeat is a roster entry of the second implementation.
type specSeat struct {
	membership, leafHash, identity, signing, kem []byte
	name                                         string
	since                                        uint64
	generation, at                               uint64
	previous                                     []byte
	chain                                        []byte // r for generation+1
}

// specRoom is the state of the second implementation.
type specRoom struct {
	t          testing.TB
	in         *specVector // secrets
	out        *specVector // what is derived
	id         []byte
	epoch      uint64
	transcript []byte
	seats      map[uint8]*specSeat
	admission  byte
	invite     []byte
	admins     [][]byte
	bans       [][]byte
	pending    [][]byte
	seen       []byte
	count      uint64
	last       []byte // end of the epoch before
	init       []byte
	inviteSeed []byte
}

// specRead derives everything from a vector's frames and secrets.
func specRead(t testing.TB, in *specVector) *specVector {
	t.Helper()
	r := &specRoom{t: t, in: in, out: in.only(), seats: make(map[uint8]*specSeat)}
	for i, p := range in.People {
		key := ed25519.NewKeyFromSeed(p.IdentitySeed).Public().(ed25519.PublicKey)
		r.out.People[i].IdentityKey = hexBytes(key)
		r.out.People[i].Fingerprint = specH("fingerprint", specVec(1, []byte("ed25519")), key)
	}
	for i, f := range in.Log {
		out := &r.out.Log[i]
		out.Hash = specH("frame", f.Frame)
		r.apply(uint64(f.Seq), f.Frame, out)
	}
	r.out.RoomID = r.id
	return r.out
}

var specTypes = []string{1: "Create", "Join", "Leave", "Remove", "Commit", "Message"}

func (r *specRoom) apply(seq uint64, frame []byte, out *specFrame) {
	s := specOpen(r.t, frame)
	version, suite, kind, room := s.num(1), s.num(2), s.num(1), s.take(32)
	if version != 1 || suite != 1 || r.id != nil && !bytes.Equal(room, r.id) {
		r.t.Fatalf("frame %d: version %d, suite %d, room %x", seq, version, suite, room)
	}
	out.Type, out.Verdict = specTypes[kind], "valid"
	switch kind {
	case 1:
		r.create(s, frame, room)
	case 2:
		r.readJoin(frame)
	case 3, 4:
		r.removal(frame)
		r.pending = append(r.pending, frame)
	case 5:
		r.commit(s, frame)
	case 6:
		r.message(seq, s, frame, out)
	}
}

func (r *specRoom) sound(label string, key, body, sig []byte) {
	r.t.Helper()
	if !ed25519.Verify(key, specText(label, body), sig) {
		r.t.Fatalf("%q does not verify", label)
	}
}

// leaf checks a leaf and notes its hash with the private keys of the vector.
func (r *specRoom) leaf(raw []byte) *specSeat {
	r.t.Helper()
	s := specOpen(r.t, raw)
	if room := s.take(32); !bytes.Equal(room, r.id) {
		r.t.Fatalf("leaf of room %x", room)
	}
	l := &specSeat{name: string(s.vec(1)), identity: s.take(32), signing: s.take(32), kem: s.vec(2), leafHash: specH("leaf hash", raw)}
	r.sound("sign leaf by identity", l.identity, s.before(), s.take(64))
	r.sound("sign leaf by leaf key", l.signing, s.before(), s.take(64))
	s.end()
	for i, k := range r.in.Leaves {
		if bytes.Equal(ed25519.NewKeyFromSeed(k.SigningSeed).Public().(ed25519.PublicKey), l.signing) {
			r.out.Leaves[i].Hash = l.leafHash
			return l
		}
	}
	r.t.Fatalf("no private keys for a leaf of %s", l.name)
	return nil
}

func (r *specRoom) private(l *specSeat) specLeaf {
	i := slices.IndexFunc(r.out.Leaves, func(k specLeaf) bool { return bytes.Equal(k.Hash, l.leafHash) })
	return r.out.Leaves[i]
}

func (r *specRoom) create(s *specBytes, frame, room []byte) {
	header, rawLeaf := s.vec(2), s.vec(2)
	r.id = specH("room", header)
	if !bytes.Equal(r.id, room) {
		r.t.Fatal("roomID is not the header's hash")
	}
	l := r.leaf(rawLeaf)
	r.sound("sign create", l.signing, s.before(), s.take(64))
	s.end()
	h := specOpen(r.t, header)
	h.vec(1) // room name
	r.admission, r.invite = h.take(1)[0], h.take(32)
	if creator, key := string(h.vec(1)), h.take(32); creator != l.name || !bytes.Equal(key, l.identity) {
		r.t.Fatal("the creator is not the leaf's")
	}
	h.take(32)
	h.end()
	l.membership, l.previous = specH("frame", frame), make([]byte, 32)
	r.seats[0], r.admins = l, [][]byte{l.membership}
	r.init, r.inviteSeed = r.in.Init0, r.in.InviteSeed0
	r.transcript = specH("transcript", make([]byte, 32), specVec(3, frame))
	r.startEpoch(&r.out.Epochs[0])
	r.out.Epochs[0].Init, r.out.Epochs[0].InviteSeed = r.init, r.inviteSeed
}

// startEpoch resets what counts within an epoch.
func (r *specRoom) startEpoch(out *specEpoch) {
	r.count, r.seen = 0, specH("seen start", r.transcript)
	for _, l := range r.seats {
		l.generation, l.at = 0, 0
	}
	out.Transcript, out.SeenStart = r.transcript, r.seen
	out.Roster, out.Policy = r.roster(), r.policy()
	out.RosterHash, out.PolicyHash = specH("roster", out.Roster), specH("policy", out.Policy)
	out.InviteKey = r.invite
	for i := range 256 {
		if r.seats[uint8(i)] != nil {
			out.RankHashes = append(out.RankHashes, fmt.Sprintf("%d: %x", i, specH("rank", r.transcript, []byte{byte(i)})))
		}
	}
}

func (r *specRoom) roster() (out []byte) {
	for i := range 256 {
		if l := r.seats[uint8(i)]; l != nil {
			out = slices.Concat(out, []byte{byte(i)}, l.membership, l.leafHash)
		}
	}
	return out
}

func (r *specRoom) policy() []byte {
	slices.SortFunc(r.admins, bytes.Compare)
	slices.SortFunc(r.bans, bytes.Compare)
	return slices.Concat([]byte{r.admission}, r.invite, specVec(2, bytes.Join(r.admins, nil)), specVec(2, bytes.Join(r.bans, nil)))
}

// specJoin is a Join of the second implementation.
type specJoin struct {
	leaf   *specSeat
	init   []byte
	proof  []byte
	proven []byte
	hash   []byte
}

func (r *specRoom) readJoin(frame []byte) specJoin {
	r.t.Helper()
	s := specOpen(r.t, frame)
	s.take(36)
	if epoch, m := s.num(8), s.take(32); epoch > r.epoch || !bytes.Equal(m, r.out.Epochs[epoch].Transcript) {
		r.t.Fatal("a Join of another history")
	}
	j := specJoin{leaf: r.leaf(s.vec(2)), init: s.vec(2), hash: specH("frame", frame)}
	s.num(8) // expiry
	j.proven = s.before()
	j.proof = s.vec(1)
	s.vec(1) // by the replaced leaf key
	r.sound("sign join by identity", j.leaf.identity, s.before(), s.take(64))
	r.sound("sign join by leaf key", j.leaf.signing, s.before(), s.take(64))
	s.end()
	return j
}

// removal checks a Leave or Remove and returns whom it is against.
func (r *specRoom) removal(frame []byte) (target []byte, remove, ban bool) {
	r.t.Helper()
	s := specOpen(r.t, frame)
	s.take(3)
	remove = s.num(1) == 4
	s.take(32)
	signer, label := s.take(32), "sign leave"
	target = signer
	if remove {
		target, label = s.take(32), "sign remove"
		ban = s.num(1) == 1
	}
	for _, l := range r.seats {
		if bytes.Equal(l.membership, signer) {
			r.sound(label, l.signing, s.before(), s.take(64))
		}
	}
	s.end()
	return target, remove, ban
}

func specDecapsulate(t testing.TB, private, ct []byte) []byte {
	t.Helper()
	dk, err := compositekem.NewDecapsulationKey(private)
	must(t, err)
	ss, err := dk.Decapsulate(ct)
	must(t, err)
	return ss
}

func specOpenBox(t testing.TB, key, box []byte) []byte {
	t.Helper()
	block, err := aes.NewCipher(key)
	must(t, err)
	gcm, err := cipher.NewGCMWithRandomNonce(block) // reads the nonce in front
	must(t, err)
	secret, err := gcm.Open(nil, nil, box, nil)
	must(t, err)
	return secret
}
