package group

import (
	"bytes"
	"slices"

	"golang.org/x/crypto/cryptobyte"
)

// Admission says whose Joins a room serves.
type Admission uint8

const (
	// Invite, the default, serves Joins that carry a proof made with the
	// invite link of the moment.
	Invite Admission = 1 + iota
	// Open serves everybody; each newcomer is visible before anything is
	// encrypted to it.
	Open
	// Admins serves everybody whom an admin's own commit adds.
	Admins
)

// String returns the mode's name.
func (a Admission) String() string {
	switch a {
	case Invite:
		return "invite"
	case Open:
		return "open"
	case Admins:
		return "admins"
	}
	return "unknown"
}

func (a Admission) valid() bool { return a >= Invite && a <= Admins }

// policy is what admins decide.
type policy struct {
	admission Admission
	admins    []Membership  // sorted, none twice, never empty
	invite    [32]byte      // Ed25519 public key
	bans      []IdentityKey // sorted, none twice
}

func (p policy) clone() policy {
	p.admins, p.bans = slices.Clone(p.admins), slices.Clone(p.bans)
	return p
}

func (p policy) isAdmin(m Membership) bool { return slices.Contains(p.admins, m) }

func (p policy) banned(k IdentityKey) bool { return slices.Contains(p.bans, k) }

func (p *policy) ban(k IdentityKey) {
	p.bans = sortedSet(append(p.bans, k))
}

func (p *policy) dropAdmin(m Membership) {
	p.admins = slices.DeleteFunc(p.admins, func(a Membership) bool { return a == m })
}

func (p policy) hash() Hash { return digest(labelPolicy, p.marshal()) }

func (p policy) marshal() []byte {
	return build(func(b *cryptobyte.Builder) {
		b.AddUint8(uint8(p.admission))
		b.AddBytes(p.invite[:])
		putSet(b, p.admins)
		putSet(b, p.bans)
	})
}

func parsePolicy(raw []byte) (policy, error) {
	r := reader{s: raw}
	p := policy{admission: Admission(r.u8()), invite: r.hash()}
	p.admins = readSet[Membership](&r)
	p.bans = readSet[IdentityKey](&r)
	r.check(p.admission.valid() && len(p.admins) > 0)
	return p, r.done()
}

// sortedSet sorts keys and removes repetitions.
func sortedSet[K ~[32]byte](keys []K) []K {
	slices.SortFunc(keys, func(a, b K) int {
		x, y := [32]byte(a), [32]byte(b)
		return bytes.Compare(x[:], y[:])
	})
	return slices.Compact(keys)
}

// putSet writes a sorted set with the length of its bytes before it.
func putSet[K ~[32]byte](b *cryptobyte.Builder, keys []K) {
	b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) {
		for _, k := range keys {
			x := [32]byte(k)
			b.AddBytes(x[:])
		}
	})
}

// readSet reads what putSet wrote: at most 256 keys, ascending, none twice.
func readSet[K ~[32]byte](r *reader) []K {
	raw := r.vec16()
	r.check(len(raw)%32 == 0 && len(raw)/32 <= MaxMembers)
	if r.bad {
		return nil
	}
	var keys []K
	for ; len(raw) > 0; raw = raw[32:] {
		if n := len(keys); n > 0 {
			last := [32]byte(keys[n-1])
			r.check(bytes.Compare(last[:], raw[:32]) < 0)
		}
		keys = append(keys, K(raw[:32]))
	}
	return keys
}
