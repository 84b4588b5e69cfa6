package group_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"time"

	"golang.org/x/crypto/cryptobyte"

	"github.com/parley-e2ee/parley/e2ee/group"
	"github.com/parley-e2ee/parley/envelope/compositekem"
	"github.com/parley-e2ee/parley/envelope/fernet"
)

// thief has everything that a device stores and holds in memory, and the whole
// log. It really tries: any 32 bytes of it as any secret of the key schedule,
// any private key on any entry, and on from whatever that yields.
type thief struct {
	t      testing.TB
	log    [][]byte
	open   map[string]bool // 32 bytes that stand in the log, and are no secret
	steps  []group.Step
	reach  int          // how many generations of a chain it tries
	valid  map[int]bool // places of valid Messages
	only   *uint8       // the one entry to which its keys belong, where it knows
	kems   []*compositekem.DecapsulationKey
	loot   map[string]bool // 32-byte secrets of unknown use
	whole  map[string]bool // those that lie in memory by themselves
	tried  map[string]bool // as what, at which step
	chains map[string]bool // first ratchet keys of epochs it got into
}

func newThief(t testing.TB, room group.RoomID, log [][]byte, dumps ...group.Records) *thief {
	th := &thief{
		t: t, log: log, reach: 5, steps: group.Steps(room, log), open: make(map[string]bool),
		loot: make(map[string]bool), whole: make(map[string]bool), chains: make(map[string]bool), tried: make(map[string]bool),
	}
	th.valid = group.ValidMessages(room, log)
	for _, frame := range log {
		for i := 0; i+32 <= len(frame); i++ {
			th.open[string(frame[i:i+32])] = true
		}
	}
	for _, dump := range dumps {
		for name, value := range dump {
			th.take(name, value)
		}
	}
	return th
}

// take goes through a record.
func (th *thief) take(name string, value []byte) {
	r := cryptobyte.String(value)
	var leaf, init, frame, next, seed cryptobyte.String
	switch {
	case name == "keys":
		th.takeLeafKey(value)
		value = value[:32+2+64] // then come RSA numbers, which are in no key schedule
	case name == "request" && r.ReadUint16LengthPrefixed(&frame) && r.ReadUint16LengthPrefixed(&leaf) && r.ReadUint16LengthPrefixed(&init):
		th.takeLeafKey(leaf)
		th.takeKEM(init)
		value = value[2+len(frame):][:2+32+2+64]
	case name == "proposal" && r.ReadUint24LengthPrefixed(&frame) && r.ReadUint24LengthPrefixed(&next) &&
		r.ReadUint8LengthPrefixed(&seed) && r.ReadUint16LengthPrefixed(&leaf):
		if len(leaf) > 0 {
			th.takeLeafKey(leaf)
		}
		value = value[3+len(frame) : 3+len(frame)+3+len(next)+1+len(seed)]
	}
	th.pocket(value)
}

// pocket takes every 32 bytes for a secret that do not stand in the log.
func (th *thief) pocket(run []byte) {
	if s := string(run); len(run) == 32 && !th.open[s] {
		th.whole[s] = true
	}
	for i := 0; i+32 <= len(run); i++ {
		if s := string(run[i : i+32]); !th.open[s] {
			th.loot[s] = true
		}
	}
}

// rummage takes what a member holds in memory.
func (th *thief) rummage(m *group.Member) {
	runs, kems := group.Memory(m)
	for _, run := range runs {
		th.pocket(run)
	}
	keys := group.KEMKeys(m)
	if len(keys) != kems {
		th.t.Fatalf("%d private keys in memory, the thief knows of %d", kems, len(keys))
	}
	th.hold(keys...)
}

// hold keeps private keys, each once.
func (th *thief) hold(keys ...*compositekem.DecapsulationKey) {
	for _, k := range keys {
		if !slices.ContainsFunc(th.kems, func(o *compositekem.DecapsulationKey) bool {
			return bytes.Equal(o.EncapsulationKey().Bytes(), k.EncapsulationKey().Bytes())
		}) {
			th.kems = append(th.kems, k)
		}
	}
}

func (th *thief) takeLeafKey(raw cryptobyte.String) {
	var kem cryptobyte.String
	if !raw.Skip(32) || !raw.ReadUint16LengthPrefixed(&kem) {
		th.t.Fatal("the thief does not understand the keys record")
	}
	th.takeKEM(kem)
}

func (th *thief) takeKEM(raw []byte) {
	dk, err := compositekem.NewDecapsulationKey(raw)
	must(th.t, err)
	th.hold(dk)
}

// epochs gets into as many epochs as it can.
func (th *thief) epochs() (entered []uint64) {
	var salts [][]byte
	for s := range th.loot {
		salts = append(salts, group.WelcomeSalt([]byte(s)), []byte(s))
	}
	opened := make([][][]byte, len(th.steps))
	for i, step := range th.steps {
		for _, dk := range th.kems {
			opened[i] = append(opened[i], step.Open(dk, append(salts, make([]byte, 32)), th.only)...)
		}
		for s := range th.loot {
			for _, box := range append(step.Boxes(), step.Sealed()) {
				if secret, err := group.OpenBox([]byte(s), box); err == nil {
					opened[i] = append(opened[i], secret)
				}
			}
		}
		for _, secret := range opened[i] {
			th.loot[string(secret)] = true // of use elsewhere, perhaps
		}
	}
	done := make([]bool, len(th.steps))
	for progress := true; progress; {
		progress = false
		for i, step := range th.steps {
			if !done[i] && th.enter(step, opened[i]) {
				done[i], progress = true, true
				entered = append(entered, step.Epoch())
			}
		}
	}
	slices.Sort(entered)
	return entered
}

// enter tries all secrets as joiner secret, as epoch secret, and as init
// together with what an entry held or what lies in memory.
func (th *thief) enter(step group.Step, opened [][]byte) bool {
	try := func(joiner []byte) bool {
		as := fmt.Sprint(step.Epoch()) + string(joiner)
		if th.tried[as] {
			return false
		}
		th.tried[as] = true
		init, chains, ok := step.Expand(joiner)
		if !ok {
			return false
		}
		th.loot[string(init)] = true
		for _, r := range chains {
			th.chains[string(r)] = true
		}
		return true
	}
	for s := range th.loot {
		if try([]byte(s)) || th.expand(step, []byte(s)) {
			return true
		}
		for other := range th.whole {
			if th.whole[s] && try(group.Joiner([]byte(s), []byte(other))) {
				return true
			}
		}
		for _, secret := range opened {
			if try(group.Joiner([]byte(s), secret)) || try(group.Joiner(secret, []byte(s))) {
				return true
			}
		}
	}
	return false
}

// expand takes a secret for the epoch secret.
func (th *thief) expand(step group.Step, epoch []byte) bool {
	transcript, tag := step.Confirmation()
	if !bytes.Equal(handHMAC(handKDF(epoch, "confirm"), transcript[:]...), tag) {
		return false
	}
	th.loot[string(handKDF(epoch, "init"))] = true
	root := handKDF(epoch, "sender root")
	for i := range 256 {
		th.chains[string(handKDF(root, "sender", []byte{byte(i)}))] = true
	}
	return true
}

// read gives the texts it can read, in the order of the log.
func (th *thief) read() (texts []string) {
	for _, at := range th.places() {
		messages, err := group.Unpack(th.decrypt(th.log[at]))
		must(th.t, err)
		texts = append(texts, string(messages[0].Text))
	}
	return texts
}

// places are those of the valid Messages that it can read.
func (th *thief) places() (at []int) {
	for i, frame := range th.log {
		if th.valid[i] && th.decrypt(frame) != nil {
			at = append(at, i)
		}
	}
	return at
}

// decrypt tries everything as ratchet key of this generation or one before, as
// sender root, as message key and as the token's own key.
func (th *thief) decrypt(frame []byte) []byte {
	sender, _, header, token := group.TokenOf(frame)
	try := func(key []byte) []byte {
		k, err := fernet.NewKey(key)
		must(th.t, err)
		plaintext, err := k.AppendOpen(nil, token, time.Time{})
		if err != nil {
			return nil
		}
		return plaintext
	}
	chain := func(r []byte) []byte {
		for next, i := group.Ratchet(r), 0; i < th.reach; i++ {
			if out := try(group.FernetKeyOf(next(), header)); out != nil {
				return out
			}
		}
		return nil
	}
	for r := range th.chains {
		if out := chain([]byte(r)); out != nil {
			return out
		}
	}
	for s := range th.loot {
		secret := []byte(s)
		for _, guess := range []func() []byte{
			func() []byte { return try(secret) },
			func() []byte { return try(group.FernetKeyOf(secret, header)) },
			func() []byte { return chain(secret) },
			func() []byte { return chain(handKDF(secret, "sender", []byte{sender})) },
		} {
			if out := guess(); out != nil {
				return out
			}
		}
	}
	return nil
}

// robbed lets a thief try what was stored, and says what it read.
func (w *world) robbed(r *reader, dumps ...group.Records) []string {
	th := newThief(w.t, r.Public().RoomID(), w.log, dumps...)
	th.epochs()
	return th.read()
}

// loot is what a thief finds on a device at one moment.
type loot struct {
	stored group.Records
	runs   [][]byte
	kems   []*compositekem.DecapsulationKey
}

// rob copies everything that a device stores and holds at this moment.
func rob(t testing.TB, r *reader) loot {
	th := newThief(t, group.RoomID{}, nil)
	th.rummage(r.Member)
	l := loot{stored: r.copyStore()[1], kems: th.kems}
	l.runs, _ = group.Memory(r.Member)
	l.runs = append(l.runs, identitySeed(r.id.Public())) // which may lie in hardware
	return l
}

// readWith lets a thief try what it found, on the log as it is by now.
func (w *world) readWith(room group.RoomID, found loot) []string {
	th := newThief(w.t, room, w.log, found.stored)
	for _, run := range found.runs {
		th.pocket(run)
	}
	th.hold(found.kems...)
	th.epochs()
	return th.read()
}
