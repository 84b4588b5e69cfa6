package group

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/crypto/cryptobyte"
)

// Records are the named parts of a state, as a store keeps them. In a set of
// changes, nil stands for a record that is gone. Their names and sizes are
// public; the values of a Member's hold its secrets.
type Records map[string][]byte

// Format prints how many records there are, and nothing of them.
func (r Records) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "group.Records(%d)", len(r)) }

// MarshalJSON refuses: records go to a store.
func (r Records) MarshalJSON() ([]byte, error) { return nil, ErrState }

// Records of Public: of constant size but for policy (17 KiB at most), past
// (8 KiB), pending and seat (2 KiB each). A Message changes three of them.
const (
	recordPublic  = "public"
	recordPast    = "past"
	recordPolicy  = "policy"
	recordPending = "pending"
	prefixSeat    = "seat/"
	prefixSender  = "sender/"
	prefixSeen    = "seen/"
	prefixUsed    = "used/"
)

func seatRecord(i uint8) string      { return prefixSeat + hex.EncodeToString([]byte{i}) }
func senderRecord(i uint8) string    { return prefixSender + hex.EncodeToString([]byte{i}) }
func seenRecord(count uint64) string { return prefixSeen + hex64(count) }
func usedRecord(epoch uint64) string { return prefixUsed + hex64(epoch) }

func hex64(n uint64) string { return hex.EncodeToString(binary.BigEndian.AppendUint64(nil, n)) }

// touch notes what changed. Before anybody asked for Changes it is everything.
func (p *Public) touch(names ...string) {
	if p.changed == nil {
		return
	}
	for _, name := range names {
		p.changed[name] = struct{}{}
	}
}

// Changes returns the records that changed since it was last called, or, the
// first time, all of them. Where storing them fails, forget the Public and
// restore it from what is stored.
func (p *Public) Changes() Records {
	if p.changed == nil {
		p.changed = make(map[string]struct{})
		return p.all()
	}
	out := make(Records, len(p.changed))
	for name := range p.changed {
		out[name] = p.encode(name)
	}
	clear(p.changed)
	return out
}

// encode gives a record's value, nil for one that there is not.
func (p *Public) encode(name string) []byte {
	switch name {
	case recordPublic:
		return p.encodeCore()
	case recordPast:
		return build(func(b *cryptobyte.Builder) { putHashes(b, p.past) })
	case recordPolicy:
		return p.policy.marshal()
	case recordPending:
		return p.encodePending()
	}
	prefix, n, _ := numbered(name)
	switch {
	case prefix == prefixSeat:
		return p.encodeSeat(uint8(n))
	case prefix == prefixSender:
		return p.encodeSender(uint8(n))
	case prefix == prefixSeen && n < uint64(len(p.seenAt)):
		return slices.Clone(p.seenAt[n][:])
	case prefix == prefixUsed:
		return p.encodeUsed(n)
	}
	return nil
}

// numbered splits the name of a record of which there are many into its prefix
// and number: 2 hex digits for a seat or sender, 16 for a count or epoch.
func numbered(name string) (prefix string, n uint64, ok bool) {
	slash := strings.IndexByte(name, '/') + 1
	prefix, digits := name[:slash], 16
	switch prefix {
	case prefixSeat, prefixSender:
		digits = 2
	case prefixSeen, prefixUsed:
	default:
		return "", 0, false
	}
	n, err := strconv.ParseUint(name[slash:], 16, 64)
	if err != nil || len(name)-slash != digits || name != strings.ToLower(name) {
		return "", 0, false
	}
	return prefix, n, true
}

func (p *Public) encodeCore() []byte {
	return build(func(b *cryptobyte.Builder) {
		b.AddUint8(Version)
		b.AddBytes(p.room[:])
		putFlag(b, p.created)
		put8(b, []byte(p.name))
		b.AddUint64(p.position)
		b.AddUint64(p.epoch)
		b.AddBytes(p.transcript[:])
		b.AddUint64(uint64(len(p.seenAt)))
		b.AddBytes(p.end[:])
		putFlag(b, p.endKnown)
		putFlag(b, p.joining)
		for _, n := range p.counts() {
			b.AddUint16(n)
		}
	})
}

// counts are of what other records hold, so that one that is missing shows:
// members, senders, pending frames and served Joins.
func (p *Public) counts() (n [4]uint16) {
	for i, s := range p.seats {
		if s != nil {
			n[0]++
		}
		if p.senders[i] != (sender{}) {
			n[1]++
		}
	}
	n[2], n[3] = uint16(len(p.pending)), uint16(len(p.used))
	return n
}

func (p *Public) encodePending() []byte {
	if len(p.pending) == 0 {
		return nil
	}
	return build(func(b *cryptobyte.Builder) {
		for _, f := range p.pending {
			put16(b, f.raw)
		}
	})
}

func (p *Public) encodeSeat(i uint8) []byte {
	s := p.seats[i]
	if s == nil {
		return nil
	}
	return build(func(b *cryptobyte.Builder) {
		b.AddBytes(s.membership[:])
		b.AddUint64(s.since)
		put16(b, s.leaf.raw)
	})
}

func (p *Public) encodeSender(i uint8) []byte {
	s := p.senders[i]
	if s == (sender{}) {
		return nil
	}
	return build(func(b *cryptobyte.Builder) {
		b.AddUint64(s.generation)
		b.AddUint64(s.at)
		b.AddBytes(s.previous[:])
		putFlag(b, s.baseline)
	})
}

func (p *Public) encodeUsed(epoch uint64) []byte {
	var hashes []Hash
	for h, e := range p.used {
		if e == epoch {
			hashes = append(hashes, h)
		}
	}
	if len(hashes) == 0 {
		return nil
	}
	return build(func(b *cryptobyte.Builder) { putHashes(b, sortedSet(hashes)) })
}

func putHashes(b *cryptobyte.Builder, hashes []Hash) {
	for _, h := range hashes {
		b.AddBytes(h[:])
	}
}

// names lists the records that there are.
func (p *Public) names() []string {
	names := []string{recordPublic, recordPast, recordPolicy, recordPending}
	if !p.created {
		return names[:1]
	}
	for i, s := range p.seats {
		if s != nil {
			names = append(names, seatRecord(uint8(i)), senderRecord(uint8(i)))
		}
	}
	for i := range p.seenAt {
		names = append(names, seenRecord(uint64(i)))
	}
	epochs := make(map[uint64]bool)
	for _, e := range p.used {
		epochs[e] = true
	}
	for e := range epochs {
		names = append(names, usedRecord(e))
	}
	return names
}

// MarshalBinary returns the whole state: its records, sorted by name. Equal
// states have equal bytes. It is for an observer with no store of its own.
func (p *Public) MarshalBinary() ([]byte, error) {
	return marshalRecords(p.all()), nil
}

func (p *Public) all() Records {
	all := make(Records)
	for _, name := range p.names() {
		if v := p.encode(name); v != nil {
			all[name] = v
		}
	}
	return all
}

func marshalRecords(all Records) []byte {
	return build(func(b *cryptobyte.Builder) {
		for _, name := range slices.Sorted(maps.Keys(all)) {
			put8(b, []byte(name))
			put24(b, all[name])
		}
	})
}

func parseRecords(data []byte) (Records, error) {
	all := make(Records)
	r := reader{s: data}
	last := ""
	for !r.bad && !r.s.Empty() {
		name := string(r.vec8())
		r.check(name > last)
		all[name], last = r.vec24(), name
	}
	if r.bad {
		return nil, ErrState
	}
	return all, nil
}
