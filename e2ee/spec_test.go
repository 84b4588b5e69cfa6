package e2ee_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parley-e2ee/parley/e2ee"
	"github.com/parley-e2ee/parley/envelope/compositekem"
	"github.com/parley-e2ee/parley/transport"
)

// This file holds spec/identity-v1.md to testdata/vectors/identity-v1.json and
// both to the code. What it derives, it derives from the text of the spec.

const (
	specVectorFile = "../testdata/vectors/identity-v1.json"
	specFile       = "../spec/identity-v1.md"
)

// hexBytes is hex in JSON.
type hexBytes []byte

func (h hexBytes) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(h)), nil }

func (h *hexBytes) UnmarshalText(text []byte) (err error) {
	*h, err = hex.DecodeString(string(text))
	return err
}

type specVector struct {
	Note         string       `json:"note"`
	People       []specPerson `json:"people"`
	Sides        []string     `json:"safety_sides"` // of people, in order
	SafetyNumber string       `json:"safety_number"`
	Room         hexBytes     `json:"link_room_id"`
	InviteSeed   hexBytes     `json:"link_invite_seed"`
	Link         string       `json:"link"`
}

type specPerson struct {
	Name         string   `json:"name"`
	IdentitySeed hexBytes `json:"identity_seed"`
	KEMPrivate   hexBytes `json:"kem_private"`
	Serial       uint64   `json:"serial"`
	NotBefore    uint64   `json:"not_before"`
	NotAfter     uint64   `json:"not_after"`
	IdentityKey  hexBytes `json:"identity_key"`
	Fingerprint  hexBytes `json:"fingerprint"`
	Bundle       hexBytes `json:"bundle"`
}

// derive fills in what follows from seeds, keys and settings.
func (v *specVector) derive(t *testing.T) {
	t.Helper()
	v.Sides = nil
	for i := range v.People {
		p := &v.People[i]
		key := ed25519.NewKeyFromSeed(p.IdentitySeed)
		p.IdentityKey = hexBytes(key.Public().(ed25519.PublicKey))
		fingerprint := sha256.Sum256(slices.Concat([]byte("parley room v1 fingerprint\x00\x07ed25519"), p.IdentityKey))
		p.Fingerprint = fingerprint[:]
		dk, err := compositekem.NewDecapsulationKey(p.KEMPrivate)
		must(t, err)
		p.Bundle = specBundle(p, dk.EncapsulationKey().Bytes())
		p.Bundle = append(p.Bundle, ed25519.Sign(key, append([]byte("parley bundle v1\x00"), p.Bundle...))...)
		v.Sides = append(v.Sides, specSide(p.Name, p.IdentityKey))
	}
	sides := slices.Sorted(slices.Values(v.Sides))
	v.SafetyNumber = strings.Join(sides, " ")
	v.Link = "parley:join#" + base64.RawURLEncoding.EncodeToString(slices.Concat([]byte{1}, v.Room, v.InviteSeed))
}

// specBundle is a bundle before its signature.
func specBundle(p *specPerson, kem []byte) []byte {
	b := []byte{1, 0, 1}
	b = binary.BigEndian.AppendUint64(b, p.Serial)
	b = append(append(b, byte(len(p.Name))), p.Name...)
	b = append(b, p.IdentityKey...)
	b = append(binary.BigEndian.AppendUint16(b, uint16(len(kem))), kem...)
	b = binary.BigEndian.AppendUint64(b, p.NotBefore)
	return binary.BigEndian.AppendUint64(b, p.NotAfter)
}

func specSide(name string, key []byte) string {
	h := sha512.Sum512(slices.Concat([]byte("parley safety number v1\x00"), []byte{byte(len(name))}, []byte(name), key))
	for range 5200 {
		h = sha512.Sum512(slices.Concat(h[:], key))
	}
	var groups []string
	for i := range 6 {
		v := binary.BigEndian.Uint64(append(make([]byte, 3), h[5*i:5*i+5]...))
		groups = append(groups, fmt.Sprintf("%05d", v%100000))
	}
	return strings.Join(groups, " ")
}

func readSpecVector(t *testing.T) *specVector {
	t.Helper()
	raw, err := os.ReadFile(specVectorFile)
	must(t, err)
	v := &specVector{}
	must(t, json.Unmarshal(raw, v))
	if len(v.People) != 2 {
		t.Fatalf("%s holds %d people", specVectorFile, len(v.People))
	}
	return v
}

// TestSpecRecord makes the vector anew, where PARLEY_RECORD is set.
func TestSpecRecord(t *testing.T) {
	if os.Getenv("PARLEY_RECORD") == "" {
		t.Skip("writes " + specVectorFile)
	}
	v := &specVector{Note: "Worked example of spec/identity-v1.md. All keys are public: never use them."}
	for i, name := range []string{"alice", "bob"} {
		p := specPerson{Name: name, IdentitySeed: random32(), Serial: uint64(1 + i), NotBefore: 1_799_913_600, NotAfter: 1_831_536_000}
		kem, err := compositekem.GenerateKey(compositekem.RSA2048)
		must(t, err)
		p.KEMPrivate, err = kem.Bytes()
		must(t, err)
		v.People = append(v.People, p)
	}
	v.Room, v.InviteSeed = random32(), random32()
	v.derive(t)
	raw, err := json.MarshalIndent(v, "", "  ")
	must(t, err)
	must(t, os.WriteFile(specVectorFile, append(raw, '\n'), 0o644))
}

func random32() []byte {
	b := make([]byte, 32)
	rand.Read(b)
	return b
}

// TestSpecDerivation recomputes the vector.
func TestSpecDerivation(t *testing.T) {
	v := readSpecVector(t)
	want, err := json.Marshal(v)
	must(t, err)
	v.derive(t)
	got, err := json.Marshal(v)
	must(t, err)
	if !bytes.Equal(got, want) {
		t.Error("the vector derives differently")
	}
}

// TestSpecBundle has the code read the vector's bundles and write them again.
func TestSpecBundle(t *testing.T) {
	for _, p := range readSpecVector(t).People {
		b, err := e2ee.ParseBundle(p.Bundle)
		must(t, err)
		fingerprint := b.Fingerprint()
		if b.Name != p.Name || b.Serial != p.Serial || !bytes.Equal(b.Identity[:], p.IdentityKey) ||
			!bytes.Equal(fingerprint[:], p.Fingerprint) ||
			uint64(b.NotBefore.Unix()) != p.NotBefore || uint64(b.NotAfter.Unix()) != p.NotAfter {
			t.Errorf("%s's bundle reads as %+v", p.Name, b)
		}
		if again := specBundle(&p, b.KEM.Bytes()); !bytes.Equal(again, p.Bundle[:len(p.Bundle)-64]) || !bytes.Equal(b.Marshal(), p.Bundle) {
			t.Errorf("%s's bundle is written differently", p.Name)
		}
	}
}

// TestSpecBundlePublished reads, by the spec, what a client publishes.
func TestSpecBundlePublished(t *testing.T) {
	relay := transport.NewMemory(nil)
	alice := newPerson(t, "alice", relay, relay)
	raw, err := relay.Lookup(t.Context(), "id:alice")
	must(t, err)
	b, err := e2ee.ParseBundle(raw)
	must(t, err)
	p := &specPerson{Name: "alice", Serial: 1, NotBefore: uint64(b.NotBefore.Unix()), NotAfter: uint64(b.NotAfter.Unix())}
	key := alice.Identity().Public()
	p.IdentityKey = key[:]
	body := specBundle(p, alice.Identity().DecapsulationKey().EncapsulationKey().Bytes())
	if !bytes.Equal(raw[:len(raw)-64], body) ||
		!ed25519.Verify(key[:], append([]byte("parley bundle v1\x00"), body...), raw[len(raw)-64:]) {
		t.Error("the published bundle is not as specified")
	}
}

// TestSpecSafetyNumber compares clients' numbers with the spec's.
func TestSpecSafetyNumber(t *testing.T) {
	relay := transport.NewMemory(nil)
	alice, bob := newPerson(t, "alice", relay, relay), newPerson(t, "bob", relay, relay)
	a, b := alice.Identity().Public(), bob.Identity().Public()
	sides := []string{specSide("alice", a[:]), specSide("bob", b[:])}
	slices.Sort(sides)
	want := strings.Join(sides, " ")
	for _, p := range []struct {
		*person
		of string
	}{{alice, "bob"}, {bob, "alice"}} {
		got, err := p.SafetyNumber(t.Context(), p.of)
		must(t, err)
		if got != want {
			t.Errorf("%s has %s, want %s", p.Name(), got, want)
		}
	}
}

// TestSpecLink reads the vector's link, and by the spec one that a room gives.
func TestSpecLink(t *testing.T) {
	v := readSpecVector(t)
	inv, err := e2ee.ParseLink(v.Link)
	must(t, err)
	secret := inv.Reveal()
	if !bytes.Equal(inv.Room[:], v.Room) || !bytes.Equal(secret[:], v.InviteSeed) {
		t.Error("the vector's link reads differently")
	}
	relay := transport.NewMemory(nil)
	room, err := newPerson(t, "alice", relay, relay).Create(t.Context(), "Secure", nil)
	must(t, err)
	link, err := room.InviteLink()
	must(t, err)
	inv, err = e2ee.ParseLink(link)
	must(t, err)
	secret, id := inv.Reveal(), room.ID()
	want := "parley:join#" + base64.RawURLEncoding.EncodeToString(slices.Concat([]byte{1}, id[:], secret[:]))
	if link != want {
		t.Error("the room's link is not as specified")
	}
}

// TestSpecWorkedBytes compares what spec/identity-v1.md quotes with the vector.
// Each block ```worked FIELD holds lines of a name, two spaces and the value;
// together the values are the field's, where … stands for any digits. Field
// 0.bundle is the first person's.
func TestSpecWorkedBytes(t *testing.T) {
	text, err := os.ReadFile(specFile)
	must(t, err)
	v := readSpecVector(t)
	fields := map[string]string{
		"safety_number": v.SafetyNumber, "link": v.Link,
		"link_room_id": hex.EncodeToString(v.Room), "link_invite_seed": hex.EncodeToString(v.InviteSeed),
	}
	for i, p := range v.People {
		fields[fmt.Sprintf("%d.identity_key", i)] = hex.EncodeToString(p.IdentityKey)
		fields[fmt.Sprintf("%d.fingerprint", i)] = hex.EncodeToString(p.Fingerprint)
		fields[fmt.Sprintf("%d.bundle", i)] = hex.EncodeToString(p.Bundle)
		fields[fmt.Sprintf("%d.safety_side", i)] = v.Sides[i]
	}
	blocks := regexp.MustCompile("(?s)```worked ([^\n]+)\n(.*?)```").FindAllSubmatch(text, -1)
	if len(blocks) < 4 {
		t.Fatalf("%d worked values", len(blocks))
	}
	for _, block := range blocks {
		var got string
		for line := range strings.Lines(string(block[2])) {
			_, value, _ := strings.Cut(strings.TrimRight(line, "\n"), "  ")
			got += strings.TrimSpace(value)
		}
		quoted := regexp.MustCompile("^" + strings.ReplaceAll(regexp.QuoteMeta(got), "…", "[0-9a-f]+") + "$")
		if want, ok := fields[string(block[1])]; !ok || got == "" || !quoted.MatchString(want) {
			t.Errorf("%s is quoted as %.80s, want %.80s", block[1], got, want)
		}
	}
}

// specSigned is a bundle of p, changed before it is signed.
func specSigned(t *testing.T, p specPerson, change func(*specPerson, *[]byte)) []byte {
	t.Helper()
	dk, err := compositekem.NewDecapsulationKey(p.KEMPrivate)
	must(t, err)
	kem := dk.EncapsulationKey().Bytes()
	if change != nil {
		change(&p, &kem)
	}
	body := specBundle(&p, kem)
	return append(body, ed25519.Sign(ed25519.NewKeyFromSeed(p.IdentitySeed), append([]byte("parley bundle v1\x00"), body...))...)
}

// TestSpecBundleRefused goes through what a reader refuses.
func TestSpecBundleRefused(t *testing.T) {
	p := readSpecVector(t).People[0]
	larger, err := compositekem.GenerateKey(compositekem.RSA3072)
	must(t, err)
	for name, c := range map[string]struct {
		raw  []byte
		want error
	}{
		"empty":              {nil, e2ee.ErrBadBundle},
		"two bytes":          {p.Bundle[:2], e2ee.ErrBadBundle},
		"version 2":          {append([]byte{2}, p.Bundle[1:]...), e2ee.ErrDowngrade},
		"suite 0":            {append([]byte{1, 0, 0}, p.Bundle[3:]...), e2ee.ErrDowngrade},
		"cut off":            {p.Bundle[:len(p.Bundle)-1], e2ee.ErrBadBundle},
		"left over":          {append(bytes.Clone(p.Bundle), 0), e2ee.ErrBadBundle},
		"no name":            {specSigned(t, p, func(p *specPerson, _ *[]byte) { p.Name = "" }), e2ee.ErrBadBundle},
		"not in form C":      {specSigned(t, p, func(p *specPerson, _ *[]byte) { p.Name = "e\u0301" }), e2ee.ErrBadBundle},
		"control in name":    {specSigned(t, p, func(p *specPerson, _ *[]byte) { p.Name = "a\n" }), e2ee.ErrBadBundle},
		"validity reversed":  {specSigned(t, p, func(p *specPerson, _ *[]byte) { p.NotAfter = p.NotBefore - 1 }), e2ee.ErrBadBundle},
		"valid for too long": {specSigned(t, p, func(p *specPerson, _ *[]byte) { p.NotAfter = 1<<40 + 1 }), e2ee.ErrBadBundle},
		"weak key":           {specSigned(t, p, func(p *specPerson, _ *[]byte) { p.IdentityKey = append([]byte{1}, make([]byte, 31)...) }), e2ee.ErrBadBundle},
		"another's key":      {specSigned(t, p, func(p *specPerson, _ *[]byte) { p.IdentityKey = readSpecVector(t).People[1].IdentityKey }), e2ee.ErrBadBundle},
		"KEM key cut off":    {specSigned(t, p, func(_ *specPerson, kem *[]byte) { *kem = (*kem)[:1453] }), e2ee.ErrBadBundle},
		"ML-KEM alone":       {specSigned(t, p, func(_ *specPerson, kem *[]byte) { *kem = (*kem)[:1184] }), e2ee.ErrDowngrade},
		"KEM key of 3072":    {specSigned(t, p, func(_ *specPerson, kem *[]byte) { *kem = larger.EncapsulationKey().Bytes() }), e2ee.ErrDowngrade},
	} {
		if _, err := e2ee.ParseBundle(c.raw); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	for i := range p.Bundle {
		changed := bytes.Clone(p.Bundle)
		changed[i] ^= 1
		if _, err := e2ee.ParseBundle(changed); err == nil {
			t.Errorf("reads with byte %d changed", i)
		}
	}
}

// TestSpecLookup goes through what somebody who looks up a name refuses, in
// the order in which a directory might try it.
func TestSpecLookup(t *testing.T) {
	v, dir := readSpecVector(t), transport.NewMemory(nil)
	carol := newPerson(t, "carol", dir, dir)
	now := uint64(time.Now().Unix())
	at := func(serial, from, until uint64) func(*specPerson, *[]byte) {
		return func(p *specPerson, _ *[]byte) { p.Serial, p.NotBefore, p.NotAfter = serial, from, until }
	}
	good := func(serial uint64) func(*specPerson, *[]byte) { return at(serial, now-1000, now+1000) }
	alice, mallory := v.People[0], v.People[1]
	mallory.Name = "alice"
	for _, c := range []struct {
		name string
		raw  []byte
		want error
	}{
		{"somebody else's", specSigned(t, v.People[1], good(1)), e2ee.ErrBadBundle},
		{"expired", specSigned(t, alice, at(5, now-1000, now-500)), e2ee.ErrBundleExpired},
		{"not valid yet", specSigned(t, alice, at(5, now+500, now+1000)), e2ee.ErrBundleExpired},
		{"good", specSigned(t, alice, good(5)), nil},
		{"the same again", specSigned(t, alice, good(5)), nil},
		{"lower serial", specSigned(t, alice, good(4)), e2ee.ErrBundleRollback},
		{"same serial, other bytes", specSigned(t, alice, at(5, now-1000, now+2000)), e2ee.ErrBundleRollback},
		{"another identity", specSigned(t, mallory, good(9)), e2ee.ErrIdentityChanged},
		{"next", specSigned(t, alice, good(6)), nil},
		{"the one before", specSigned(t, alice, good(5)), e2ee.ErrBundleRollback},
	} {
		must(t, dir.Publish(t.Context(), "id:alice", c.raw))
		if _, err := carol.Lookup(t.Context(), "alice"); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
}

// TestSpecLinkRefused goes through what is no link.
func TestSpecLinkRefused(t *testing.T) {
	link := readSpecVector(t).Link
	raw, err := base64.RawURLEncoding.DecodeString(link[len("parley:join#"):])
	must(t, err)
	with := func(raw []byte) string { return "parley:join#" + base64.RawURLEncoding.EncodeToString(raw) }
	for name, bad := range map[string]string{
		"empty":            "",
		"no fragment":      "parley:join",
		"fragment only":    "#",
		"version 2":        with(append([]byte{2}, raw[1:]...)),
		"short":            with(raw[:64]),
		"long":             with(append(bytes.Clone(raw), 0)),
		"padded":           link + "=",
		"line break":       link[:40] + "\n" + link[40:],
		"other alphabet":   link[:len(link)-1] + "+",
		"unused bits":      link[:len(link)-1] + "Z",
		"second fragment":  "https://example.org/#x#" + link[len("parley:join#"):],
		"over 2048 bytes":  strings.Repeat("a", 2048-87) + link[len("parley:join"):],
		"space at the end": link + " ",
	} {
		if _, err := e2ee.ParseLink(bad); !errors.Is(err, e2ee.ErrLink) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, good := range []string{link, link[len("parley:join"):], "https://example.org/join" + link[len("parley:join"):]} {
		if _, err := e2ee.ParseLink(good); err != nil {
			t.Errorf("%s…: %v", good[:20], err)
		}
	}
}
