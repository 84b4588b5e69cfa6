package group_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"os"
	"testing"
	"testing/cryptotest"
	"time"

	"github.com/parley-e2ee/parley/e2ee/group"
)

// specRecorder makes the log of testdata/vectors/room-v1.json anew:
//
//	PARLEY_RECORD=1 go test ./e2ee/group -run TestSpecRecord
//
// The bytes that spec/room-v1.md quotes change with it.
type specRecorder struct {
	t       *testing.T
	v       *specVector
	now     time.Time
	readers []*group.Member
	at      map[*group.Member]int
	draws   uint64
}

func TestSpecRecord(t *testing.T) {
	if os.Getenv("PARLEY_RECORD") == "" {
		t.Skip("writes " + specVectorFile)
	}
	r := &specRecorder{t: t, v: &specVector{}, now: epochStart, at: make(map[*group.Member]int)}
	r.v.Note = "Recorded room of spec/room-v1.md. All keys are public: never use them. seq counts from 1; empty omitted fields do not exist at that place. " +
		"The secrets of an epoch stand with that epoch: commit_secret, joiner_secret and entries are those of the commit that started it."
	r.record()
	v := specRead(t, r.v)
	raw, err := json.MarshalIndent(v, "", "  ")
	must(t, err)
	must(t, os.WriteFile(specVectorFile, append(raw, '\n'), 0o644))
}

func (r *specRecorder) record() {
	alice, bob, carol := r.person("alice"), r.person("bob"), r.person("carol")

	a, err := group.Create(alice, "Secure", group.Invite)
	must(r.t, err)
	r.readers = append(r.readers, a)
	_, secret := a.Changes()
	r.v.Init0 = bytes.Clone(secret["epoch"][1:33])
	r.leaf("alice", secret["keys"], nil)
	r.flush(a, "alice creates the room")
	link, err := a.Invitation()
	must(r.t, err)
	seed := link.Reveal()
	r.v.InviteSeed0 = seed[:]

	b := r.join(bob, link, "bob asks, with an invite proof")
	r.commit(a, group.Changes{}, "alice adds bob: epoch 1")
	first := r.say(a, "alice's first message", "Test message")
	r.append(first, "the relay repeats it: void")
	r.say(b, "two messages share bob's frame", "Reply received", "and seen")
	r.say(a, "alice's ratchet has moved on", "Good")

	c := r.join(carol, link, "carol asks, with an invite proof")
	r.commit(b, group.Changes{}, "bob adds carol: epoch 2")
	r.say(b, "carries the end of epoch 1", "Welcome, carol")

	b2 := r.join(bob, nil, "bob asks from a new device: a rejoin, without proof")
	r.commit(a, group.Changes{}, "alice serves the rejoin: epoch 3")
	r.say(b2, "bob's new device has no previous Message and no end", "Back again")

	must(r.t, b2.Leave())
	r.flush(b2, "bob leaves")
	self, _ := b2.Self()
	must(r.t, a.Remove(self.Membership, true))
	r.flush(a, "alice removes him all the same, and bans him")
	r.commit(a, group.Changes{NewKeys: true}, "alice serves both, rotates the invite and replaces her keys: epoch 4")
	r.say(a, "under alice's new leaf key", "Only us now")
	r.say(c, "carol answers", "So it is")
}

func (r *specRecorder) person(name string) group.Identity {
	seed := make([]byte, 32)
	rand.Read(seed)
	r.v.People = append(r.v.People, specPerson{Name: name, IdentitySeed: seed})
	id, err := group.NewIdentity(name, ed25519.NewKeyFromSeed(seed))
	must(r.t, err)
	return id
}

// leaf notes private keys, as the records of a member have them.
func (r *specRecorder) leaf(name string, keys, init []byte) {
	s := specOpen(r.t, bytes.Clone(keys))
	r.v.Leaves = append(r.v.Leaves, specLeaf{Name: name, SigningSeed: s.take(32), KEMPrivate: s.vec(2), InitPrivate: init})
}

func (r *specRecorder) join(id group.Identity, link *group.Invitation, note string) *group.Member {
	m, err := group.Enter(id, r.readers[0].Public().RoomID(), link)
	must(r.t, err)
	r.readers = append(r.readers, m)
	r.read()
	must(r.t, m.Join(r.now.Add(time.Hour)))
	_, secret := m.Changes()
	s := specOpen(r.t, bytes.Clone(secret["request"]))
	s.vec(2) // the frame
	keys, init := s.vec(2), s.vec(2)
	r.leaf(id.Name(), keys, init)
	r.flush(m, note)
	return m
}

// commit draws the commit secret twice from the same stream: once to know it.
func (r *specRecorder) commit(m *group.Member, changes group.Changes, note string) {
	r.draws++
	secret := make([]byte, 32)
	cryptotest.SetGlobalRandom(r.t, r.draws)
	rand.Read(secret)
	cryptotest.SetGlobalRandom(r.t, r.draws)
	must(r.t, m.Commit(changes, r.now, nil))
	if len(r.v.Epochs) == 0 {
		r.v.Epochs = []specEpoch{{}}
	}
	r.v.Epochs = append(r.v.Epochs, specEpoch{Epoch: r.draws, CommitSecret: secret})
	m.Changes()
	r.flush(m, note)
	if _, records := m.Changes(); changes.NewKeys {
		r.leaf(m.Identity().Name(), records["keys"], nil)
	}
}

func (r *specRecorder) say(m *group.Member, note string, texts ...string) []byte {
	var queue []group.AppMessage
	for _, text := range texts {
		queue = append(queue, group.AppMessage{ID: messageID(), Kind: 1, Text: []byte(text)})
	}
	_, err := m.Seal(queue, r.now)
	must(r.t, err)
	return r.flush(m, note)
}

// flush appends the one frame that m has to send.
func (r *specRecorder) flush(m *group.Member, note string) []byte {
	frames := m.Unechoed()
	if len(frames) != 1 {
		r.t.Fatalf("%d frames to send: %s", len(frames), note)
	}
	r.append(frames[0], note)
	return frames[0]
}

func (r *specRecorder) append(frame []byte, note string) {
	r.now = r.now.Add(10 * time.Second)
	r.v.Log = append(r.v.Log, specFrame{Seq: len(r.v.Log) + 1, Note: note, Frame: frame})
	r.read()
}

func (r *specRecorder) read() {
	for _, m := range r.readers {
		for ; r.at[m] < len(r.v.Log); r.at[m]++ {
			// What is void, the reader of the specification says too.
			_, _ = m.Apply(r.v.Log[r.at[m]].Frame, r.now)
		}
	}
}
