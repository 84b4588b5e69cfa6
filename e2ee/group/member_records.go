package group

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"maps"
	"slices"
	"strings"

	"golang.org/x/crypto/cryptobyte"
)

// Records of Member, all secret. A Message received changes one ratchet, a
// Message sent one ratchet and sealed.
const (
	recordMember   = "member"
	recordKeys     = "keys"
	recordEpoch    = "epoch"
	recordCreated  = "created"
	recordRequest  = "request"
	recordProposal = "proposal"
	recordSealed   = "sealed"
	recordRemovals = "removals"
	prefixRatchet  = "ratchet/"
	prefixWaiting  = "waiting/"
)

func ratchetRecord(i uint8) string { return prefixRatchet + hex.EncodeToString([]byte{i}) }
func waitingRecord(h Hash) string  { return prefixWaiting + hex.EncodeToString(h[:]) }

// Changes returns the records that changed since it was last called, those of
// Public and those that are secret. Store them together, before any frame
// leaves and any event is shown; where that fails, forget the Member and
// restore it from what is stored.
func (m *Member) Changes() (public, secret Records) {
	secret = make(Records, len(m.s.changed))
	for name := range m.s.changed {
		secret[name] = m.encode(name)
	}
	clear(m.s.changed)
	return m.public.Changes(), secret
}

func (m *Member) encode(name string) []byte {
	switch {
	case name == recordMember:
		return m.encodeMember()
	case name == recordKeys:
		return m.s.keys.marshal()
	case name == recordEpoch:
		return m.encodeEpoch()
	case name == recordCreated:
		return bytes.Clone(m.s.created)
	case name == recordRequest && m.s.request != nil:
		return m.s.request.marshal()
	case name == recordProposal && m.s.proposal != nil:
		return m.s.proposal.marshal()
	case name == recordSealed && m.s.sealed != nil:
		return m.s.sealed.marshal()
	case name == recordRemovals && len(m.s.removals) > 0:
		return build(func(b *cryptobyte.Builder) {
			for _, f := range m.s.removals {
				put16(b, f.raw)
			}
		})
	case strings.HasPrefix(name, prefixRatchet):
		return m.encodeRatchet(name)
	case strings.HasPrefix(name, prefixWaiting):
		return m.encodeWaiting(name)
	}
	return nil
}

// names lists the records that there may be.
func (m *Member) names() []string {
	names := []string{
		recordMember, recordKeys, recordEpoch, recordCreated,
		recordRequest, recordProposal, recordSealed, recordRemovals,
	}
	if m.s.epoch != nil {
		for i := range m.s.epoch.ratchets {
			names = append(names, ratchetRecord(i))
		}
	}
	for _, j := range m.s.waiting {
		names = append(names, waitingRecord(j.hash))
	}
	return names
}

// encodeWaiting keeps the place in the log: who asked first is served first.
func (m *Member) encodeWaiting(name string) []byte {
	for _, j := range m.s.waiting {
		if waitingRecord(j.hash) == name {
			return append(binary.BigEndian.AppendUint64(nil, j.at), j.raw...)
		}
	}
	return nil
}

func (m *Member) encodeMember() []byte {
	return build(func(b *cryptobyte.Builder) {
		b.AddUint8(Version)
		b.AddUint8(uint8(m.s.status))
		b.AddBytes(m.s.membership[:])
		b.AddUint8(m.s.index)
		b.AddUint64(uint64(m.s.since))
		b.AddUint64(uint64(m.s.keysSince))
		b.AddBytes(m.s.abandoned[:])
		putFlag(b, m.s.forked)
		b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) {
			for _, k := range sortedSet(slices.Collect(maps.Keys(m.s.accusers))) {
				b.AddBytes(k[:])
			}
		})
		b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { putHashes(b, m.s.refused) })
	})
}

// encodeEpoch holds the invite seed too: zero to three secrets of 32 bytes.
func (m *Member) encodeEpoch() []byte {
	if m.s.epoch == nil && m.s.invite == nil {
		return nil
	}
	return build(func(b *cryptobyte.Builder) {
		var init, authenticator, invite []byte
		if m.s.epoch != nil {
			init, authenticator = m.s.epoch.init, m.s.epoch.authenticator
		}
		if m.s.invite != nil {
			invite = m.s.invite.secret[:]
		}
		put8(b, init)
		put8(b, authenticator)
		put8(b, invite)
	})
}

func (m *Member) encodeRatchet(name string) []byte {
	if m.s.epoch == nil {
		return nil
	}
	i, err := hex.DecodeString(strings.TrimPrefix(name, prefixRatchet))
	if err != nil || len(i) != 1 || m.s.epoch.ratchets[i[0]] == nil {
		return nil
	}
	return m.s.epoch.ratchets[i[0]].marshal()
}

func (r *ratchet) marshal() []byte {
	return build(func(b *cryptobyte.Builder) {
		b.AddUint64(r.generation)
		b.AddBytes(r.key)
	})
}

func (k leafKeys) marshal() []byte {
	if k.signing == nil {
		return nil
	}
	kem, err := k.kem.Bytes()
	if err != nil {
		panic("group: a leaf key that was generated here has no encoding")
	}
	defer wipe(kem)
	return build(func(b *cryptobyte.Builder) {
		b.AddBytes(k.signing.Seed())
		put16(b, kem)
	})
}

func (r *ownJoin) marshal() []byte {
	init, err := r.keys.init.Bytes()
	if err != nil {
		panic("group: an init key that was generated here has no encoding")
	}
	defer wipe(init)
	keys := r.keys.leaf.marshal()
	defer wipe(keys)
	return build(func(b *cryptobyte.Builder) {
		put16(b, r.join.raw)
		put16(b, keys)
		put16(b, init)
		if r.seed != nil {
			put8(b, r.seed.secret[:])
		} else {
			put8(b, nil)
		}
		putFlag(b, r.echoed)
	})
}

func (s *sealed) marshal() []byte {
	return build(func(b *cryptobyte.Builder) {
		put24(b, s.frame)
		b.AddUint24LengthPrefixed(func(b *cryptobyte.Builder) {
			for _, id := range s.ids {
				b.AddBytes(id[:])
			}
		})
	})
}

// marshal is for a proposal: all of the next epoch's secrets in one.
func (e *epochSecrets) marshal() []byte {
	return build(func(b *cryptobyte.Builder) {
		put8(b, e.init)
		put8(b, e.authenticator)
		for _, i := range slices.Sorted(maps.Keys(e.ratchets)) {
			b.AddUint8(i)
			b.AddBytes(e.ratchets[i].key)
		}
	})
}
