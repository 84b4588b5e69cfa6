package group

import "encoding/hex"

// Person is a member as everybody sees it.
type Person struct {
	Name        string
	Identity    IdentityKey
	Fingerprint Fingerprint
	Membership  Membership
	Index       uint8
	Admin       bool
}

// String is the person's name.
func (p Person) String() string { return p.Name }

// String returns the 64 hex digits of a membership.
func (m Membership) String() string { return hex.EncodeToString(m[:]) }

func (p *Public) person(index uint8) Person { return personAt(p.seats, p.policy, index) }

func personAt(seats []*seat, pol policy, index uint8) Person {
	s := seats[index]
	return Person{
		Name:        s.leaf.name,
		Identity:    s.leaf.identity,
		Fingerprint: s.leaf.fingerprint,
		Membership:  s.membership,
		Index:       index,
		Admin:       pol.isAdmin(s.membership),
	}
}

func (p *Public) personOf(m Membership) Person {
	i, ok := indexOf(p.seats, m)
	if !ok {
		return Person{}
	}
	return p.person(i)
}

// RoomID names the room.
func (p *Public) RoomID() RoomID { return p.room }

// RoomName is the name that the room was created with, or empty before Create.
func (p *Public) RoomName() string { return p.name }

// Position is the number of frames taken in: the sequence number of the last.
func (p *Public) Position() uint64 { return p.position }

// Epoch counts the commits that won. It is 0 until the first.
func (p *Public) Epoch() uint64 { return p.epoch }

// Transcript is M_e, the hash of everything that made this epoch.
func (p *Public) Transcript() Hash { return p.transcript }

// Admission is the mode of the moment.
func (p *Public) Admission() Admission { return p.policy.admission }

// InviteKey is the Ed25519 public key, 32 bytes, that invite proofs verify
// under at the moment.
func (p *Public) InviteKey() [32]byte { return p.policy.invite }

// Bans lists the banned identities.
func (p *Public) Bans() []IdentityKey { return append([]IdentityKey(nil), p.policy.bans...) }

// Messages counts the valid Messages of this epoch.
func (p *Public) Messages() uint64 { return uint64(max(len(p.seenAt)-1, 0)) }

// Pending reports whether a Leave or Remove waits for a commit.
func (p *Public) Pending() bool { return len(p.pending) > 0 }

// Roster lists the members by index.
func (p *Public) Roster() []Person {
	var out []Person
	for i, s := range p.seats {
		if s != nil {
			out = append(out, p.person(uint8(i)))
		}
	}
	return out
}

// Lookup finds a member by name.
func (p *Public) Lookup(name string) (Person, bool) {
	for i, s := range p.seats {
		if s != nil && s.leaf.name == name {
			return p.person(uint8(i)), true
		}
	}
	return Person{}, false
}
