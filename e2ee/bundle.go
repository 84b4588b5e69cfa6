package e2ee

import (
	"crypto/ed25519"
	"crypto/mlkem"
	"time"

	"github.com/parley-e2ee/parley/e2ee/group"
	"github.com/parley-e2ee/parley/envelope/compositekem"
	"golang.org/x/crypto/cryptobyte"
)

const (
	bundleVersion = 1
	bundleSuite   = 1 // Ed25519 and MLKEM768-RSA2048-SHA3-256
	// bundleDomain starts the signed text; no text of package group does.
	bundleDomain = "parley bundle v1\x00"
	// bundleLife is the validity of a bundle; it is signed anew when a
	// quarter of that is left.
	bundleLife = 365 * 24 * time.Hour
	bundleSlop = 24 * time.Hour // for clocks that differ
)

// Bundle is what a directory knows of a person, signed by its identity:
// whom to pin, and the KEM key to which files can be sealed. Rooms do not use
// that key.
type Bundle struct {
	Serial    uint64
	Name      string
	Identity  group.IdentityKey
	KEM       *compositekem.EncapsulationKey
	NotBefore time.Time
	NotAfter  time.Time
	raw       []byte
}

// ParseBundle reads a bundle and verifies its signature: version u8, suite
// u16, serial u64, name (length u8), identity key 32, KEM key (length u16),
// validity u64 and u64 Unix seconds, signature 64. It returns ErrDowngrade for
// another version or suite, or a KEM key that is not the suite's hybrid, and
// ErrBadBundle for whatever else is wrong.
func ParseBundle(raw []byte) (*Bundle, error) {
	s := cryptobyte.String(raw)
	var version uint8
	var suite uint16
	if !s.ReadUint8(&version) || !s.ReadUint16(&suite) {
		return nil, ErrBadBundle
	}
	if version != bundleVersion || suite != bundleSuite {
		return nil, ErrDowngrade
	}
	var name, kem cryptobyte.String
	var key, sig []byte
	var from, until uint64
	b := &Bundle{raw: append([]byte(nil), raw...)}
	if !s.ReadUint64(&b.Serial) || !s.ReadUint8LengthPrefixed(&name) || !s.ReadBytes(&key, 32) ||
		!s.ReadUint16LengthPrefixed(&kem) || !s.ReadUint64(&from) || !s.ReadUint64(&until) ||
		!s.ReadBytes(&sig, ed25519.SignatureSize) || !s.Empty() {
		return nil, ErrBadBundle
	}
	if err := b.check(string(name), key, kem, from, until, sig); err != nil {
		return nil, err
	}
	return b, nil
}

func (b *Bundle) check(name string, key, kem []byte, from, until uint64, sig []byte) (err error) {
	const maxTime = 1 << 40
	if !usableName(name) || from > until || until > maxTime {
		return ErrBadBundle
	}
	if b.Identity, err = group.ParseIdentityKey(key); err != nil {
		return ErrBadBundle
	}
	signed := append([]byte(bundleDomain), b.raw[:len(b.raw)-len(sig)]...)
	if !ed25519.Verify(key, signed, sig) {
		return ErrBadBundle
	}
	if len(kem) <= mlkem.EncapsulationKeySize768 { // one half alone
		return ErrDowngrade
	}
	if b.KEM, err = compositekem.NewEncapsulationKey(kem); err != nil {
		return ErrBadBundle
	}
	if b.KEM.ParameterSet() != compositekem.RSA2048 {
		return ErrDowngrade
	}
	b.Name, b.NotBefore, b.NotAfter = name, time.Unix(int64(from), 0), time.Unix(int64(until), 0)
	return nil
}

// Fingerprint is the identity's.
func (b *Bundle) Fingerprint() group.Fingerprint { return b.Identity.Fingerprint() }

// Marshal returns the bytes that were parsed.
func (b *Bundle) Marshal() []byte { return append([]byte(nil), b.raw...) }

func (b *Bundle) validAt(now time.Time) bool {
	return !now.Before(b.NotBefore) && !now.After(b.NotAfter)
}

// bundleDue reports that the bundle should be signed anew.
func (id Identity) bundleDue(now time.Time) bool {
	b, err := ParseBundle(id.secret().bundle)
	return err != nil || now.Before(b.NotBefore) || b.NotAfter.Sub(now) < bundleLife/4
}

// signBundle makes the next bundle of this identity.
func (id Identity) signBundle(now time.Time) {
	id.secret().serial++
	key := id.Public()
	b := cryptobyte.NewBuilder(nil)
	b.AddUint8(bundleVersion)
	b.AddUint16(bundleSuite)
	b.AddUint64(id.secret().serial)
	addVector8(b, []byte(id.Name()))
	b.AddBytes(key[:])
	addVector16(b, id.secret().kem.EncapsulationKey().Bytes())
	b.AddUint64(uint64(max(now.Add(-bundleSlop).Unix(), 0)))
	b.AddUint64(uint64(now.Add(bundleLife).Unix()))
	raw := b.BytesOrPanic()
	sig := ed25519.Sign(id.secret().signing, append([]byte(bundleDomain), raw...))
	id.secret().bundle = append(raw, sig...)
}
