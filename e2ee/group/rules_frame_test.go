package group_test

import (
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/parley-e2ee/parley/e2ee/group"
	"github.com/parley-e2ee/parley/envelope/compositekem"
)

// patched is frame with one byte changed.
func patched(frame []byte, at int, to byte) []byte {
	out := slices.Clone(frame)
	out[at] = to
	return out
}

func TestHeaderRules(t *testing.T) {
	s := newStage(t, group.Invite)
	valid := s.commit("alice").frame()
	large := s.message("alice")
	large.token = make([]byte, group.MaxFrameSize)
	other := s.commit("alice")
	other.room[31] ^= 1
	for name, c := range map[string]struct {
		frame []byte
		want  error
	}{
		"empty":        {nil, group.ErrMalformed},
		"header only":  {valid[:frameHeader], group.ErrMalformed},
		"header short": {valid[:frameHeader-1], group.ErrMalformed},
		"too large":    {large.frame(), group.ErrTooLarge},
		"version 0":    {patched(valid, 0, 0), group.ErrVersion},
		"version 2":    {patched(valid, 0, 2), group.ErrVersion},
		"suite 0":      {patched(valid, 2, 0), group.ErrSuite},
		"suite 257":    {patched(valid, 1, 1), group.ErrSuite},
		"type 0":       {patched(valid, 3, 0), group.ErrType},
		"type 7":       {patched(valid, 3, 7), group.ErrType},
		"other room":   {other.frame(), group.ErrWrongRoom},
	} {
		t.Run(name, func(t *testing.T) {
			s.t = t
			s.refuse(c.frame, c.want)
		})
	}
}

// A frame of 1 MiB is valid, one byte more is not.
func TestFrameSizeLimit(t *testing.T) {
	s := newStage(t, group.Invite)
	s.ok(s.commit("alice").frame())
	m := s.message("alice")
	m.token = make([]byte, group.MaxFrameSize-(len(m.frame())-len(m.token)))
	over := m
	over.token = append(slices.Clone(m.token), 0)
	if n := len(m.frame()); n != group.MaxFrameSize {
		t.Fatalf("frame of %d bytes", n)
	}
	s.refuse(over.frame(), group.ErrTooLarge)
	s.ok(m.frame())
}

func TestCreateRules(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*createSpec)
		want   error
	}{
		"valid":              {func(*createSpec) {}, nil},
		"admission 0":        {func(c *createSpec) { c.admission = 0 }, group.ErrMalformed},
		"admission 4":        {func(c *createSpec) { c.admission = 4 }, group.ErrMalformed},
		"header extended":    {func(c *createSpec) { c.extra = []byte{0} }, group.ErrMalformed},
		"room name empty":    {func(c *createSpec) { c.roomName = "" }, group.ErrName},
		"room name of 65":    {func(c *createSpec) { c.roomName = strings.Repeat("a", 65) }, group.ErrName},
		"creator of 65":      {func(c *createSpec) { c.creator = strings.Repeat("a", 65) }, group.ErrName},
		"invite key weak":    {func(c *createSpec) { c.invite = [32]byte{1} }, group.ErrKey},
		"leaf of other name": {func(c *createSpec) { c.leaf.name = "mallory" }, group.ErrKey},
		"leaf of other key":  {func(c *createSpec) { c.identity[0] ^= 1 }, group.ErrKey},
		"leaf of other room": {func(c *createSpec) { c.leaf.room[0] = 1 }, group.ErrWrongRoom},
		"leaf not signed":    {func(c *createSpec) { c.leaf.byKey = nil }, group.ErrSignature},
		"not signed":         {func(c *createSpec) { c.by = nil }, group.ErrSignature},
		"signed by identity": {func(c *createSpec) { c.by = c.leaf.byIdentity }, group.ErrSignature},
		"leaf key malformed": {func(c *createSpec) { c.leaf.kem = c.leaf.kem[:1184] }, group.ErrKey},
	} {
		t.Run(name, func(t *testing.T) {
			s := newCreateSpec(t, "alice", signingKey(t), public(signingKey(t)))
			c.change(&s)
			p := group.NewPublic(s.room())
			_, err := p.Apply(s.frame())
			wantErr(t, err, c.want)
			if c.want != nil && (p.RoomName() != "" || len(p.Roster()) != 0) {
				t.Fatal("a void Create made a room")
			}
		})
	}
}

// The first valid Create makes the room; nothing counts before it, and no
// second one does.
func TestCreateIsFirst(t *testing.T) {
	s := newStage(t, group.Invite)
	p := group.NewPublic(s.RoomID())
	for name, frame := range map[string][]byte{
		"join": s.join("bob").frame(), "leave": s.leave("alice").frame(), "commit": s.commit("alice").frame(),
		"remove": s.remove("alice", "alice", false).frame(), "message": s.message("alice").frame(),
	} {
		if _, err := p.Apply(frame); err != group.ErrNotCreated {
			t.Errorf("%s before the Create: %v", name, err)
		}
	}
	create := s.log[0]
	_, err := p.Apply(patched(create, len(create)-1, create[len(create)-1]^1))
	wantErr(t, err, group.ErrSignature)
	_, err = p.Apply(create)
	must(t, err)
	_, err = p.Apply(create)
	wantErr(t, err, group.ErrCreated)
	if p.Position() != 8 {
		t.Fatalf("position %d", p.Position())
	}
	s.refuse(create, group.ErrCreated)
}

// A header that is not the room's makes another room.
func TestCreateOfAnotherRoom(t *testing.T) {
	s := newCreateSpec(t, "alice", signingKey(t), public(signingKey(t)))
	other := s
	other.random[0] ^= 1
	other.claim = s.room()
	_, err := group.NewPublic(s.room()).Apply(other.frame())
	wantErr(t, err, group.ErrWrongRoom)
}

func TestNames(t *testing.T) {
	long := strings.Repeat("é", 32)
	for name, want := range map[string]bool{
		"a": true, "Zoë 🦉": true, long: true, strings.Repeat("a", 64): true, "\u00a0": true, "\u2028": true, "~": true,
		"": false, long + "a": false, strings.Repeat("a", 65): false,
		"a\x00": false, "\x1fa": false, "a\x7f": false, "\u0080": false, "\u009f": false, "\n": false,
		"a\xff": false, "\xed\xa0\x80": false, "\xc0\x80": false,
	} {
		if group.ValidName(name) != want {
			t.Errorf("ValidName(%q) is %v", name, !want)
		}
		s := newStage(t, group.Open)
		j := s.join("bob")
		j.leaf.name = name
		_, err := s.apply(j.frame())
		if want {
			must(t, err)
		} else {
			wantErr(t, err, group.ErrName)
		}
	}
}

// Leaves are judged alike in a Create, a Join and a commit's replacement.
func TestLeafRules(t *testing.T) {
	rsa3072, err := compositekem.GenerateKey(compositekem.RSA3072)
	must(t, err)
	badLattice := func(l *leafSpec) { l.kem[0], l.kem[1] = 0xff, 0xff } // a coefficient above q
	for name, c := range map[string]struct {
		change func(*leafSpec)
		want   error
	}{
		"valid":                {func(*leafSpec) {}, nil},
		"other room":           {func(l *leafSpec) { l.room[0] ^= 1 }, group.ErrWrongRoom},
		"control in name":      {func(l *leafSpec) { l.name = "bob\n" }, group.ErrName},
		"signing is identity":  {func(l *leafSpec) { l.signing, l.byKey = l.identity, l.byIdentity }, group.ErrKey},
		"identity not signing": {func(l *leafSpec) { l.byIdentity = l.byKey }, group.ErrSignature},
		"leaf key not signing": {func(l *leafSpec) { l.byKey = l.byIdentity }, group.ErrSignature},
		"kem empty":            {func(l *leafSpec) { l.kem = nil }, group.ErrKey},
		"kem short":            {func(l *leafSpec) { l.kem = l.kem[:len(l.kem)-1] }, group.ErrKey},
		"kem long":             {func(l *leafSpec) { l.kem = append(l.kem, 0) }, group.ErrKey},
		"kem of RSA-3072":      {func(l *leafSpec) { l.kem = rsa3072.EncapsulationKey().Bytes() }, group.ErrKey},
		"ML-KEM out of range":  {badLattice, group.ErrKey},
		"RSA modulus even":     {withModulus(2048, 0, 65537), group.ErrKey},
		"RSA modulus of 2047":  {withModulus(2047, 1, 65537), group.ErrKey},
		"RSA modulus of 2049":  {withModulus(2049, 1, 65537), group.ErrKey},
		"RSA modulus odd":      {withModulus(2048, 1, 65537), nil},
		"RSA exponent 3":       {withModulus(2048, 1, 3), group.ErrKey},
		"RSA exponent 65539":   {withModulus(2048, 1, 65539), group.ErrKey},
		"RSA not minimal":      {func(l *leafSpec) { l.kem[1184+9] &= 0x7f }, group.ErrKey},
		"RSA not canonical":    {func(l *leafSpec) { l.kem = longLength(l.kem) }, group.ErrKey},
	} {
		t.Run(name, func(t *testing.T) {
			create := newCreateSpec(t, "bob", signingKey(t), public(signingKey(t)))
			create.leaf.room = create.room()
			c.change(&create.leaf)
			create.by = create.leaf.byKey
			_, err := group.NewPublic(create.room()).Apply(create.frame())
			wantErr(t, err, c.want)

			s := newStage(t, group.Open)
			j := s.join("bob")
			c.change(&j.leaf)
			j.byKey = j.leaf.byKey
			_, err = s.apply(j.frame())
			wantErr(t, err, c.want)
			commit := s.commit("alice")
			commit.adds = [][]byte{j.frame()}
			wantErr(t, group.Judge(s.Public, s.addressed(commit).frame()), c.want)

			l := newLeafSpec(t, s.RoomID(), "alice", s.actor("alice").id)
			c.change(&l)
			replace := s.commit("alice")
			replace.newLeaf = l.bytes()
			wantErr(t, group.Judge(s.Public, replace.frame()), c.want)
		})
	}
}

// withModulus gives the leaf an RSA key of 2^(bits−1) + low: not one that
// anybody could use, which the public rules need not notice.
func withModulus(bits uint, low int64, exponent int) func(*leafSpec) {
	n := new(big.Int).Lsh(big.NewInt(1), bits-1)
	half := x509.MarshalPKCS1PublicKey(&rsa.PublicKey{N: n.Add(n, big.NewInt(low)), E: exponent})
	return func(l *leafSpec) { l.kem = append(l.kem[:1184:1184], half...) }
}

// longLength writes the DER length of the RSA half with a zero in front.
func longLength(kem []byte) []byte {
	return slices.Concat(kem[:1184], []byte{0x30, 0x83, 0}, kem[1184+2:])
}

// An init key is held to the same as a leaf's.
func TestInitKeyRules(t *testing.T) {
	for name, change := range map[string]func(*joinSpec){
		"empty":       func(j *joinSpec) { j.init = nil },
		"short":       func(j *joinSpec) { j.init = j.init[:1184] },
		"even":        func(j *joinSpec) { j.init[len(j.init)-6] &^= 1 },
		"of the leaf": func(j *joinSpec) { j.init = j.leaf.kem },
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, group.Open)
			j := s.join("bob")
			change(&j)
			s.refuse(j.frame(), group.ErrKey)
		})
	}
}

// The 14 encodings of points whose order divides 8, five of them not canonical
// or with a sign that zero has not, and a field element written too large.
func weakKeys() [][32]byte {
	var keys [][32]byte
	two255 := func(low byte) (k [32]byte) { // 2^255 − 19 + low
		for i := range k {
			k[i] = 0xff
		}
		k[0], k[31] = 0xed+low, 0x7f
		return k
	}
	minusOne := two255(0)
	minusOne[0]--
	order8a := [32]byte{
		0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0,
		0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
	}
	order8b := [32]byte{
		0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f,
		0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
	}
	for _, y := range [][32]byte{{}, {1}, minusOne, order8a, order8b, two255(0), two255(1)} {
		keys = append(keys, y)
		y[31] |= 0x80
		keys = append(keys, y)
	}
	return keys
}

func TestWeakKeysAreRefusedEverywhere(t *testing.T) {
	keys := weakKeys()
	if len(keys) != 14 {
		t.Fatalf("%d encodings", len(keys))
	}
	for last := range byte(17) { // the rest of what is not canonical: p+2 … p+18
		k := keys[10]
		k[0] = 0xed + 2 + last
		keys = append(keys, k)
	}
	for _, weak := range keys {
		_, err := group.ParseIdentityKey(weak[:])
		wantErr(t, err, group.ErrKey)
		_, err = group.NewIdentityKey(ed25519.PublicKey(weak[:]))
		wantErr(t, err, group.ErrKey)

		for _, change := range []func(*createSpec){
			func(c *createSpec) { c.invite = weak },
			func(c *createSpec) { c.identity, c.leaf.identity = weak, weak },
			func(c *createSpec) { c.leaf.signing = weak },
		} {
			c := newCreateSpec(t, "alice", signingKey(t), public(signingKey(t)))
			change(&c)
			_, err := group.NewPublic(c.room()).Apply(c.frame())
			wantErr(t, err, group.ErrKey)
		}
		s := newStage(t, group.Open)
		j := s.join("bob")
		j.leaf.identity = weak
		s.refuse(j.frame(), group.ErrKey)
		j = s.join("bob")
		j.leaf.signing = weak
		s.refuse(j.frame(), group.ErrKey)
		c := s.commit("alice")
		c.rotate, c.invite = true, weak
		s.refuse(c.frame(), group.ErrKey)
		l := newLeafSpec(t, s.RoomID(), "alice", s.actor("alice").id)
		l.signing = weak
		c = s.commit("alice")
		c.newLeaf = l.bytes()
		s.refuse(c.frame(), group.ErrKey)
	}
}
