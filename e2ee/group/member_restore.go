package group

import (
	"bytes"
	"cmp"
	"crypto/ed25519"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/parley-e2ee/parley/envelope/compositekem"
)

// RestoreMember takes all records of a member from a store. It returns
// ErrState where they do not make one: where they are of different moments, or
// another identity's, using them could use a key twice.
func RestoreMember(id Identity, public, secret Records) (*Member, error) {
	p, err := RestorePublic(public)
	if err != nil {
		return nil, err
	}
	m := newMember(id, p.room)
	m.public = p
	clear(m.s.changed)
	for _, step := range []func(Records) error{
		m.restoreMember, m.restoreCreated, m.restoreKeys, m.restoreEpoch, m.restoreRatchets,
		m.restoreSealed, m.restoreRemovals, m.restoreRequest, m.restoreProposal, m.restoreWaiting,
	} {
		if err := step(secret); err != nil {
			return nil, ErrState
		}
	}
	return m, nil
}

func (m *Member) restoreMember(all Records) error {
	r := reader{s: all[recordMember]}
	r.check(r.u8() == Version)
	m.s.status = Status(r.u8())
	m.s.membership, m.s.index = Membership(r.hash()), r.u8()
	m.s.since, m.s.keysSince = int64(r.u64()), int64(r.u64())
	m.s.abandoned, m.s.forked = r.hash(), r.flag()
	accusers, accused := readHashes(r.vec16())
	refused, ok := readHashes(r.vec16())
	r.check(ok && accused && len(accusers) <= maxAccusers && len(refused) <= maxRefused)
	r.check(m.s.status >= Joining && m.s.status <= Displaced)
	for _, k := range accusers {
		m.s.accusers[IdentityKey(k)] = struct{}{}
	}
	m.s.refused = refused
	if m.rostered() {
		seat := m.public.seats[m.s.index]
		r.check(seat != nil && seat.membership == m.s.membership && m.owns(seat.leaf))
	}
	return r.done()
}

// owns reports that a leaf is of this identity.
func (m *Member) owns(l *leaf) bool { return l.name == m.id.name && l.identity == m.id.Public() }

func (m *Member) restoreCreated(all Records) error {
	raw := all[recordCreated]
	if raw == nil {
		return nil
	}
	if t, err := parseHeader(raw, m.public.room); err != nil || t != typeCreate {
		return ErrState
	}
	c, err := parseCreate(raw, m.public.room)
	if err != nil || m.s.status != Joining || m.public.created || Membership(c.hash) != m.s.membership || !m.owns(c.leaf) {
		return ErrState
	}
	m.s.created = bytes.Clone(raw)
	return nil
}

// restoreKeys holds that the leaf keys are those of the roster. Only a member
// without keys may have lost them.
func (m *Member) restoreKeys(all Records) error {
	raw := all[recordKeys]
	if raw == nil {
		if m.rostered() || m.s.created != nil {
			return ErrState
		}
		return nil
	}
	keys, err := parseLeafKeys(raw)
	if err != nil {
		return err
	}
	if m.s.status == Active && !keys.of(m.public.seats[m.s.index].leaf) {
		return ErrState
	}
	m.s.keys = keys
	return nil
}

func parseLeafKeys(raw []byte) (leafKeys, error) {
	r := reader{s: raw}
	seed, kem := r.bytes(ed25519.SeedSize), r.vec16()
	if r.done() != nil {
		return leafKeys{}, ErrState
	}
	dk, err := compositekem.NewDecapsulationKey(kem)
	if err != nil || dk.ParameterSet() != compositekem.RSA2048 {
		return leafKeys{}, ErrState
	}
	return leafKeys{ed25519.NewKeyFromSeed(seed), dk}, nil
}

// of reports that these are the private halves of l.
func (k leafKeys) of(l *leaf) bool {
	return bytes.Equal(k.signing.Public().(ed25519.PublicKey), l.signing[:]) &&
		bytes.Equal(k.kem.EncapsulationKey().Bytes(), l.kem)
}

// restoreEpoch holds that there are secrets of an epoch where there should be.
func (m *Member) restoreEpoch(all Records) error {
	var init, authenticator, invite []byte
	if raw := all[recordEpoch]; raw != nil {
		r := reader{s: raw}
		init, authenticator, invite = r.vec8(), r.vec8(), r.vec8()
		if r.done() != nil {
			return ErrState
		}
	}
	keyed, expanded := m.s.status == Active || m.s.created != nil, m.public.epoch > 0
	if !sized(init, keyed) || !sized(authenticator, keyed && expanded) || !sized(invite, len(invite) > 0) {
		return ErrState
	}
	if len(invite) > 0 {
		m.s.invite = newInviteSeed(invite)
	}
	if keyed {
		m.s.epoch = &epochSecrets{init: slices.Clone(init), authenticator: slices.Clone(authenticator), ratchets: map[uint8]*ratchet{}}
	}
	return nil
}

// sized holds that a secret is there, or is not.
func sized(secret []byte, there bool) bool {
	return there && len(secret) == 32 || !there && len(secret) == 0
}

func (m *Member) restoreRatchets(all Records) error {
	for name, value := range all {
		suffix, ok := strings.CutPrefix(name, prefixRatchet)
		if !ok {
			continue
		}
		i, err := hex.DecodeString(suffix)
		if err != nil || len(i) != 1 || ratchetRecord(i[0]) != name || m.s.epoch == nil {
			return ErrState
		}
		r := reader{s: value}
		chain := &ratchet{generation: r.u64(), key: slices.Clone(r.bytes(32))}
		if r.done() != nil {
			return ErrState
		}
		m.s.epoch.ratchets[i[0]] = chain
	}
	return m.checkRatchets(all[recordSealed] != nil)
}

// checkRatchets holds that from epoch 1 on there is one for each seat, at its
// sender's generation: its own may be one ahead, of a Message on its way.
func (m *Member) checkRatchets(sealed bool) error {
	if m.s.epoch == nil {
		return nil
	}
	for i, seat := range m.public.seats {
		chain := m.s.epoch.ratchets[uint8(i)]
		if (seat != nil && m.public.epoch > 0) != (chain != nil) {
			return ErrState
		}
		if chain == nil {
			continue
		}
		generation := m.public.senders[i].generation
		if sealed && uint8(i) == m.s.index {
			generation++
		}
		if chain.generation != generation {
			return ErrState
		}
	}
	return nil
}

func (m *Member) restoreSealed(all Records) error {
	raw := all[recordSealed]
	if raw == nil {
		return nil
	}
	r := reader{s: raw}
	s := &sealed{frame: slices.Clone(r.vec24())}
	ids := reader{s: r.vec24()}
	for !ids.bad && !ids.s.Empty() {
		s.ids = append(s.ids, MessageID(ids.bytes16()))
	}
	if r.done() != nil || ids.bad || len(s.ids) == 0 || m.s.status != Active {
		return ErrState
	}
	if t, err := parseHeader(s.frame, m.public.room); err != nil || t != typeMessage {
		return ErrState
	}
	msg, err := parseMessage(s.frame)
	if err != nil || msg.sender != m.s.index || m.public.judgeMessage(msg, nil) != nil {
		return ErrState
	}
	m.s.sealed = s
	return nil
}

func (m *Member) restoreRemovals(all Records) error {
	r := reader{s: all[recordRemovals]}
	for !r.bad && !r.s.Empty() {
		f, err := parseRemoval(r.vec16(), m.public.room)
		if err != nil {
			return err
		}
		m.s.removals = append(m.s.removals, f)
	}
	return r.done()
}

func (m *Member) restoreRequest(all Records) error {
	raw := all[recordRequest]
	if raw == nil {
		return nil
	}
	r := reader{s: raw}
	frame, rawKeys, init, seed := r.vec16(), r.vec16(), r.vec16(), r.vec8()
	request := &ownJoin{echoed: r.flag()}
	if r.done() != nil || m.s.status != Joining && m.s.status != NoKeys {
		return ErrState
	}
	var err error
	if request.join, err = m.parseWaiting(frame); err != nil {
		return err
	}
	if request.keys.leaf, err = parseLeafKeys(rawKeys); err != nil {
		return err
	}
	if request.keys.init, err = compositekem.NewDecapsulationKey(init); err != nil {
		return err
	}
	proven := len(request.join.proof) > 0
	own := m.owns(request.join.leaf) && request.keys.leaf.of(request.join.leaf) &&
		bytes.Equal(request.keys.init.EncapsulationKey().Bytes(), request.join.init)
	if !own || !sized(seed, proven) {
		return ErrState
	}
	if proven {
		request.seed = newInviteSeed(seed)
	}
	m.s.request = request
	return nil
}

// parseWaiting reads a Join that was one when it was stored.
func (m *Member) parseWaiting(frame []byte) (*join, error) {
	if t, err := parseHeader(frame, m.public.room); err != nil || t != typeJoin {
		return nil, ErrState
	}
	return parseJoin(frame, m.public.room)
}

// restoreProposal holds that the commit could still win, and that its secrets
// are for the roster it leads to.
func (m *Member) restoreProposal(all Records) error {
	raw := all[recordProposal]
	if raw == nil {
		return nil
	}
	r := reader{s: raw}
	p := &proposal{frame: slices.Clone(r.vec24()), next: readSecrets(&r)}
	seed, keys := r.vec8(), r.vec16()
	if r.done() != nil || !m.rostered() {
		return ErrState
	}
	if t, err := parseHeader(p.frame, m.public.room); err != nil || t != typeCommit {
		return ErrState
	}
	c, err := parseCommit(p.frame)
	if err != nil || c.committer != m.s.index {
		return ErrState
	}
	s, err := m.public.judgeCommit(c)
	if err != nil || !p.next.cover(s.seats) || !sized(seed, s.change.rotate) || (s.newLeaf != nil) != (len(keys) > 0) {
		return ErrState
	}
	if s.change.rotate {
		p.invite = newInviteSeed(seed)
	}
	if s.newLeaf != nil {
		if p.keys, err = parseLeafKeys(keys); err != nil || !p.keys.of(s.newLeaf) {
			return ErrState
		}
	}
	m.s.proposal = p
	return nil
}

func readSecrets(outer *reader) *epochSecrets {
	r := reader{s: outer.vec24()}
	e := &epochSecrets{init: slices.Clone(r.vec8()), authenticator: slices.Clone(r.vec8()), ratchets: map[uint8]*ratchet{}}
	for !r.bad && !r.s.Empty() {
		i := r.u8()
		e.ratchets[i] = &ratchet{key: slices.Clone(r.bytes(32))}
	}
	outer.check(!r.bad && len(e.init) == 32 && len(e.authenticator) == 32)
	return e
}

// cover holds that there is one ratchet for each seat.
func (e *epochSecrets) cover(seats []*seat) bool {
	for i, seat := range seats {
		if (seat != nil) != (e.ratchets[uint8(i)] != nil) {
			return false
		}
	}
	return true
}

func (m *Member) restoreWaiting(all Records) error {
	for name, raw := range all {
		if !strings.HasPrefix(name, prefixWaiting) {
			continue
		}
		r := reader{s: raw}
		at := r.u64()
		j, err := m.parseWaiting(r.s)
		if r.bad || err != nil || waitingRecord(j.hash) != name || !m.listed() {
			return ErrState
		}
		m.s.waiting = append(m.s.waiting, waitingJoin{j, at})
	}
	if len(m.s.waiting) > MaxWaiting {
		return ErrState
	}
	slices.SortFunc(m.s.waiting, func(a, b waitingJoin) int { return cmp.Compare(a.at, b.at) })
	return nil
}
