package group

import (
	"crypto/hmac"
	"maps"
	"reflect"
	"slices"

	"golang.org/x/crypto/cryptobyte"

	"github.com/parley-e2ee/parley/envelope/compositekem"
)

// A Step is a commit that won, for a thief to work on.
type Step struct {
	s   *succession
	ctx []byte // of epoch_secret: a thief tries many
}

// Steps replays a log.
func Steps(room RoomID, log [][]byte) (steps []Step) {
	p := NewPublic(room)
	for _, frame := range log {
		if out, err := p.apply(frame, nil); err == nil && out.commit != nil {
			steps = append(steps, Step{out.commit, epochContext(out.commit)})
		}
	}
	return steps
}

// Epoch is the one that the commit starts.
func (st Step) Epoch() uint64 { return st.s.commit.epoch + 1 }

// Open tries a decapsulation key and salts on every entry, or on only one.
func (st Step) Open(dk *compositekem.DecapsulationKey, salts [][]byte, only *uint8) (secrets [][]byte) {
	kem := dk.EncapsulationKey().Bytes()
	for _, e := range st.s.commit.entries {
		if only != nil && e.index != *only {
			continue
		}
		shared, err := dk.Decapsulate(e.ct)
		if err != nil {
			continue
		}
		try := func(shared []byte, r role) {
			if secret, err := openBox(st.s.wrapKey(shared, r, st.s.seats[e.index].leaf, kem, e.ct), e.box); err == nil {
				secrets = append(secrets, secret)
			}
		}
		try(shared, roleCommit)
		try(shared, roleWelcome)
		for _, salt := range salts {
			try(extract(salt, shared), roleWelcome)
		}
	}
	return secrets
}

// Sealed is the box of the invite seed.
func (st Step) Sealed() []byte { return st.s.commit.sealed }

// Boxes are those of the entries.
func (st Step) Boxes() (boxes [][]byte) {
	for _, e := range st.s.commit.entries {
		boxes = append(boxes, e.box)
	}
	return boxes
}

// Confirmation is the transcript that the commit leads to, and its tag.
func (st Step) Confirmation() (transcript Hash, tag []byte) { return st.s.transcript, st.s.commit.tag }

// Expand checks a joiner secret and gives init and ratchets of the epoch.
func (st Step) Expand(joiner []byte) (init []byte, ratchets map[uint8][]byte, ok bool) {
	confirm := kdf(kdf(joiner, labelEpoch, st.ctx), labelConfirm, nil)
	if !hmac.Equal(hmac256(confirm, st.s.transcript[:]), st.s.commit.tag) {
		return nil, nil, false
	}
	next, err := st.s.follow(joiner)
	if err != nil {
		return nil, nil, false
	}
	ratchets = make(map[uint8][]byte)
	for i, r := range maps.All(next.ratchets) {
		ratchets[i] = r.key
	}
	return next.init, ratchets, true
}

// Joiner is HKDF-Extract(init, commit secret).
func Joiner(init, commitSecret []byte) []byte { return joinerSecret(init, commitSecret) }

// WelcomeSalt is that of an invite seed.
func WelcomeSalt(seed []byte) []byte { return newInviteSeed(seed).welcomeSalt() }

// HandOut is the raw seed of the invite that a member holds, or nil.
func HandOut(m *Member) []byte {
	if m.s.invite == nil {
		return nil
	}
	return slices.Clone(m.s.invite.secret[:])
}

// FernetKeyOf derives a token's key: KDF(message key, "fernet", header).
func FernetKeyOf(messageKey, header []byte) []byte { return kdf(messageKey, labelFernet, header) }

// Ratchet makes message keys from r on.
func Ratchet(r []byte) func() []byte {
	chain := &ratchet{key: slices.Clone(r)}
	return chain.step
}

// KEMKeys are the private KEM keys that m holds, in whatever role.
func KEMKeys(m *Member) (keys []*compositekem.DecapsulationKey) {
	add := func(k *compositekem.DecapsulationKey) {
		if k != nil {
			keys = append(keys, k)
		}
	}
	add(m.s.keys.kem)
	if m.s.request != nil {
		add(m.s.request.keys.leaf.kem)
		add(m.s.request.keys.init)
	}
	if m.s.proposal != nil {
		add(m.s.proposal.keys.kem)
	}
	return keys
}

// Memory is every run of bytes that m leads to, and how many private KEM keys
// there are among what it leads to.
func Memory(m *Member) (runs [][]byte, kems int) {
	w := walker{seen: make(map[uintptr]bool)}
	w.walk(reflect.ValueOf(m))
	return w.runs, w.kems
}

type walker struct {
	seen map[uintptr]bool
	runs [][]byte
	kems int
}

func (w *walker) walk(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() || w.seen[v.Pointer()] {
			return
		}
		w.seen[v.Pointer()] = true
		if v.Type() == reflect.TypeFor[*compositekem.DecapsulationKey]() {
			w.kems++
		}
		w.walk(v.Elem())
	case reflect.Interface:
		if !v.IsNil() {
			w.walk(v.Elem())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			w.walk(v.Field(i))
		}
	case reflect.Map:
		for it := v.MapRange(); it.Next(); {
			w.walk(it.Key())
			w.walk(it.Value())
		}
	case reflect.Slice, reflect.Array:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			w.bytes(v)
			return
		}
		for i := range v.Len() {
			w.walk(v.Index(i))
		}
	}
}

// bytes takes a slice up to its capacity: what was cut off lies there still.
func (w *walker) bytes(v reflect.Value) {
	if v.Kind() == reflect.Slice {
		v = v.Slice(0, v.Cap())
	}
	run := make([]byte, v.Len())
	for i := range run {
		run[i] = byte(v.Index(i).Uint())
	}
	w.runs = append(w.runs, run)
}

// OpenBox opens a box that holds 32 bytes.
func OpenBox(key, box []byte) ([]byte, error) { return openBox(key, box) }

// Spread derives epoch_secret and sender_root.
func Spread(st Step, joiner []byte) (epoch, root []byte) {
	epoch = kdf(joiner, labelEpoch, st.ctx)
	return epoch, kdf(epoch, labelSenderRoot, nil)
}

// RatchetOf is m's chain of a sender, where it lies.
func RatchetOf(m *Member, sender uint8) []byte { return m.s.epoch.ratchets[sender].key }

// EpochOf are init and authenticator, where they lie.
func EpochOf(m *Member) [][]byte { return [][]byte{m.s.epoch.init, m.s.epoch.authenticator} }

func epochContext(s *succession) []byte {
	roster, pol := s.rosterHash(), s.policy.hash()
	return build(func(b *cryptobyte.Builder) {
		b.AddUint8(Version)
		b.AddUint16(Suite)
		b.AddBytes(s.public.room[:])
		b.AddUint64(s.commit.epoch + 1)
		b.AddBytes(s.transcript[:])
		b.AddBytes(roster[:])
		b.AddBytes(pol[:])
	})
}

// RequestKey is the leaf key of m's Join, where it lies.
func RequestKey(m *Member) []byte { return m.s.request.keys.leaf.signing }

// ValidMessages are the places of those in a log.
func ValidMessages(room RoomID, log [][]byte) map[int]bool {
	p, at := NewPublic(room), make(map[int]bool)
	for i, frame := range log {
		out, err := p.apply(frame, nil)
		at[i] = err == nil && out.message != nil
	}
	return at
}

// ProposalOf are secrets that m's Commit on its way leads to, where they lie.
func ProposalOf(m *Member) [][]byte {
	p := m.s.proposal
	return [][]byte{p.next.init, p.next.authenticator, p.next.ratchets[0].key, p.keys.signing}
}
