package group_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"testing"
	"time"

	"golang.org/x/crypto/cryptobyte"

	"github.com/parley-e2ee/parley/e2ee/group"
	"github.com/parley-e2ee/parley/envelope/compositekem"
	"github.com/parley-e2ee/parley/envelope/fernet"
)

// What follows computes the key schedule of spec/room-v1.md a second time, from
// frames and private keys, with nothing of the package under test.

func handText(label string, fields ...[]byte) []byte {
	return append([]byte("parley room v1 "+label+"\x00"), bytes.Join(fields, nil)...)
}

func handHash(label string, fields ...[]byte) []byte {
	h := sha256.Sum256(handText(label, fields...))
	return h[:]
}

func handKDF(key []byte, label string, ctx ...[]byte) []byte {
	return must2(hkdf.Expand(sha256.New, key, string(handText(label, ctx...)), 32))
}

func handExtract(salt, ikm []byte) []byte { return must2(hkdf.Extract(sha256.New, ikm, salt)) }

func handHMAC(key []byte, msg ...byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write(msg)
	return h.Sum(nil)
}

func handOpen(key, box []byte) []byte {
	block := must2(aes.NewCipher(key))
	return must2(must2(cipher.NewGCMWithRandomNonce(block)).Open(nil, nil, box, nil))
}

func u16(n int) []byte    { return binary.BigEndian.AppendUint16(nil, uint16(n)) }
func u24(n int) []byte    { return []byte{byte(n >> 16), byte(n >> 8), byte(n)} }
func u64(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

// cut takes parts off a frame: n bytes, or what a length of -n bytes precedes.
type cut struct {
	t testing.TB
	s cryptobyte.String
}

func (c *cut) take(n int) []byte {
	var out []byte
	if n < 0 {
		size := 0
		for _, b := range c.take(-n) {
			size = size<<8 | int(b)
		}
		n = size
	}
	if !c.s.ReadBytes(&out, n) {
		c.t.Fatal("the frame is too short")
	}
	return out
}

// handCommit is what the schedule needs of a Commit frame.
type handCommit struct {
	epoch   uint64
	body    []byte
	tag     []byte
	entries map[byte][2][]byte
	sealed  []byte
}

func parseHandCommit(t testing.TB, frame []byte) (c handCommit) {
	r := &cut{t, frame}
	r.take(36)
	c.epoch = binary.BigEndian.Uint64(r.take(8))
	r.take(32 + 1)
	r.take(-3) // removes
	r.take(-3) // adds
	r.take(1)  // admission
	r.take(-2) // admins
	if r.take(1)[0] == 1 {
		r.take(32)
	}
	r.take(-2)      // unban
	r.take(-2)      // new leaf
	r.take(40 + 32) // seen, hash of entries and sealed
	c.body = frame[:len(frame)-len(r.s)]
	c.tag = r.take(32)
	r.take(64)
	c.entries = make(map[byte][2][]byte)
	for list := (&cut{t, r.take(-3)}); len(list.s) > 0; {
		c.entries[list.take(1)[0]] = [2][]byte{list.take(-2), list.take(-2)}
	}
	c.sealed = r.take(-2)
	return c
}

// handRoom is the public state that the schedule takes in.
type handRoom struct {
	id         []byte
	transcript []byte
	roster     [][]byte // of the next epoch: index, membership, leaf hash
	policy     []byte
}

// handEpoch is what comes out.
type handEpoch struct{ init, confirm, authenticator, senders, transcript []byte }

func (r handRoom) next(t testing.TB, c handCommit, joiner []byte) handEpoch {
	transcript := handHash("transcript", r.transcript, u24(len(c.body)), c.body)
	epoch := handKDF(joiner, "epoch", []byte{1}, u16(1), r.id, u64(c.epoch+1), transcript,
		handHash("roster", r.roster...), handHash("policy", r.policy))
	out := handEpoch{
		init:          handKDF(epoch, "init"),
		confirm:       handKDF(epoch, "confirm"),
		authenticator: handKDF(epoch, "authenticator"),
		senders:       handKDF(epoch, "sender root"),
		transcript:    transcript,
	}
	if !bytes.Equal(handHMAC(out.confirm, transcript...), c.tag) {
		t.Fatal("the confirmation tag is not the HMAC of M_{e+1} under confirm")
	}
	return out
}

// unwrap opens an entry: role 1 carries commit_secret to a leaf key, role 2
// joiner_secret to an init key.
func (r handRoom) unwrap(c handCommit, index byte, role byte, shared []byte, committer, to []byte, kem *compositekem.DecapsulationKey) []byte {
	e := c.entries[index]
	return handOpen(handKDF(shared, "wrap", r.id, u64(c.epoch+1), r.transcript, []byte{role}, committer, to,
		handHash("kem key", kem.EncapsulationKey().Bytes()), handHash("ciphertext", e[0])), e[1])
}

// opens holds that the first Message of a sender opens with nothing but a
// Fernet library.
func (e handEpoch) opens(t testing.TB, frame []byte, index byte, generations int, want string) {
	t.Helper()
	r := &cut{t, frame}
	header := r.take(36 + 8 + 32 + 1 + 8 + 32 + 40 + 32)
	token := r.take(-3)
	ratchet := handKDF(e.senders, "sender", []byte{index})
	for range generations - 1 {
		ratchet = handHMAC(ratchet, 2)
	}
	key := must2(fernet.NewKey(handKDF(handHMAC(ratchet, 1), "fernet", header)))
	plaintext := must2(key.AppendOpen(nil, token, time.Time{}))
	list := &cut{t, plaintext}
	item := &cut{t, list.take(-3)}
	item.take(16 + 1)
	if got := string(item.take(-3)); got != want || len(plaintext) != 64 {
		t.Fatalf("the message is %q in %d bytes", got, len(plaintext))
	}
}

func TestKeyScheduleByHand(t *testing.T) {
	w := newWorld(t)
	alice := w.create("alice", group.Invite)
	link := must2(alice.Invitation())
	bob := w.newcomer("bob", link)
	must(t, bob.Join(w.now.Add(time.Hour)))
	w.flush(bob)
	request := &cut{t, bob.stored[1]["request"]}
	w.read()
	id := alice.Public().RoomID()
	policy := alice.Public().InviteKey()
	w.commit(alice, group.Changes{})
	w.send(alice, "first")
	w.send(alice, "second")
	keys := &cut{t, bob.stored[1]["keys"]}
	w.commit(alice, group.Changes{Rekey: true})
	w.send(bob, "third")
	create, join, one, two := w.log[0], w.log[1], w.log[2], w.log[5]

	// Public state: leaves, memberships, policy, M_0.
	c := &cut{t, create[36:]}
	c.take(-2)
	leafA := handHash("leaf hash", c.take(-2))
	j := &cut{t, join[36+40:]}
	leafB := handHash("leaf hash", j.take(-2))
	membershipA, membershipB := handHash("frame", create), handHash("frame", join)
	room := handRoom{
		id:         id[:],
		transcript: handHash("transcript", make([]byte, 32), u24(len(create)), create),
		roster:     [][]byte{{0}, membershipA, leafA, {1}, membershipB, leafB},
		policy:     bytes.Join([][]byte{{1}, policy[:], u16(32), membershipA, u16(0)}, nil),
	}

	// The welcome: to the init key, under the link's salt.
	request.take(-2)
	request.take(-2)
	init := must2(compositekem.NewDecapsulationKey(request.take(-2)))
	first := parseHandCommit(t, one)
	seed := link.Reveal()
	shared := must2(init.Decapsulate(first.entries[1][0]))
	salted := handExtract(handKDF(seed[:], "invite welcome"), shared)
	joiner := room.unwrap(first, 1, 2, salted, leafA, leafB, init)
	epoch1 := room.next(t, first, joiner)
	if got := handOpen(handKDF(joiner, "welcome", room.id, u64(1)), first.sealed); !bytes.Equal(got, seed[:]) {
		t.Fatal("the invite seed is not under the welcome key")
	}
	epoch1.opens(t, w.log[3], 0, 1, "first")
	epoch1.opens(t, w.log[4], 0, 2, "second")

	// The commit: to the leaf key, on top of init.
	keys.take(32)
	leafKey := must2(compositekem.NewDecapsulationKey(keys.take(-2)))
	second := parseHandCommit(t, two)
	room.transcript = epoch1.transcript
	shared = must2(leafKey.Decapsulate(second.entries[1][0]))
	commitSecret := room.unwrap(second, 1, 1, shared, leafA, leafB, leafKey)
	epoch2 := room.next(t, second, handExtract(epoch1.init, commitSecret))
	epoch2.opens(t, w.log[6], 1, 1, "third")
	if got := must2(bob.Authenticator()); got != group.Digits(epoch2.authenticator) {
		t.Fatalf("authenticator %s", got)
	}
	if !bytes.Equal(group.InitOf(bob.Member), epoch2.init) {
		t.Fatal("init differs")
	}
}

// A rotation derives the next link from joiner_secret, for members; the same
// seed comes to newcomers in the box. A Join without proof has a salt of zeros.
func TestRotationAndWelcomeWithoutProofByHand(t *testing.T) {
	w := newWorld(t)
	alice := w.create("alice", group.Open)
	bob := w.newcomer("bob", nil)
	must(t, bob.Join(w.now.Add(time.Hour)))
	w.flush(bob)
	request := &cut{t, bob.stored[1]["request"]}
	w.read()
	id := alice.Public().RoomID()
	w.commit(alice, group.Changes{Rotate: true})
	create, join := w.log[0], w.log[1]
	c := &cut{t, create[36:]}
	c.take(-2)
	leafA := handHash("leaf hash", c.take(-2))
	leafB := handHash("leaf hash", (&cut{t, join[36+40:]}).take(-2))
	room := handRoom{id: id[:], transcript: handHash("transcript", make([]byte, 32), u24(len(create)), create)}
	request.take(-2)
	request.take(-2)
	init := must2(compositekem.NewDecapsulationKey(request.take(-2)))
	commit := parseHandCommit(t, w.log[2])
	salted := handExtract(make([]byte, 32), must2(init.Decapsulate(commit.entries[1][0])))
	joiner := room.unwrap(commit, 1, 2, salted, leafA, leafB, init)
	seed := handKDF(joiner, "invite", room.id)
	if got := handOpen(handKDF(joiner, "welcome", room.id, u64(1)), commit.sealed); !bytes.Equal(got, seed) {
		t.Fatal("the box holds another seed than members derive")
	}
	for _, r := range []*reader{alice, bob} {
		if got := must2(r.Invitation()).Reveal(); !bytes.Equal(got[:], seed) {
			t.Fatalf("%v has another seed", r)
		}
	}
}
