package e2ee

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/parley-e2ee/parley/e2ee/group"
	"github.com/parley-e2ee/parley/envelope/compositekem"
	"github.com/parley-e2ee/parley/keystore"
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/text/unicode/norm"
)

// Identity is who a client is: a name, a long-term Ed25519 key, and the
// composite KEM key that its bundle offers for sealing files. It never prints
// or marshals a private key.
type Identity struct {
	name   string
	secret func() *identitySecret // a closure: fmt looks through pointers
}

type identitySecret struct {
	group   group.Identity
	signing ed25519.PrivateKey
	kem     *compositekem.DecapsulationKey
	serial  uint64
	bundle  []byte
}

// Name is the name that others see, in Unicode normal form C.
func (id Identity) Name() string { return id.name }

// Public is the identity's public key.
func (id Identity) Public() group.IdentityKey { return id.secret().group.Public() }

// Fingerprint is what others pin: the hash of the public key and its type.
func (id Identity) Fingerprint() group.Fingerprint { return id.Public().Fingerprint() }

// DecapsulationKey opens what was sealed to the bundle's KEM key. Rooms never
// use it. It must be kept secret.
func (id Identity) DecapsulationKey() *compositekem.DecapsulationKey { return id.secret().kem }

// Buckets of the store. What is erased for good is in erasable ones.
var (
	bucketIdentity = keystore.Bucket{Name: "identity"}
	bucketPins     = keystore.Bucket{Name: "pins"}
	bucketRooms    = keystore.Bucket{Name: "rooms"}
	bucketPublic   = keystore.Bucket{Name: "room.public"}
	bucketSecret   = keystore.Bucket{Name: "room.secret", Erasable: true}
	bucketOutbox   = keystore.Bucket{Name: "outbox", Erasable: true}
	bucketEvents   = keystore.Bucket{Name: "events", Erasable: true}
)

var keySelf = []byte("self")

// usableName is the protocol's rule, and what keeps names from looking alike
// where that is simple: normal form C, nothing invisible, one plain space
// between words. Letters of different scripts still look alike.
func usableName(name string) bool {
	return group.ValidName(name) && norm.NFC.IsNormalString(name) &&
		strings.Join(strings.Fields(name), " ") == name && !strings.ContainsFunc(name, invisible)
}

// invisible are format characters (zero width, direction, tags), line and
// paragraph separators, private use, and spaces other than U+0020.
func invisible(r rune) bool {
	return unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Co) || r != ' ' && unicode.IsSpace(r)
}

// openIdentity loads the store's identity, or makes one under name.
func openIdentity(ctx context.Context, store keystore.Store, name string, now time.Time) (id Identity, fresh bool, err error) {
	id, err = loadIdentity(ctx, store)
	switch {
	case err == nil && name != "" && id.Name() != name:
		return Identity{}, false, fmt.Errorf("%w: the store is that of %q", ErrName, id.Name())
	case err == nil && !id.bundleDue(now):
		return id, false, nil
	case errors.Is(err, keystore.ErrNotFound):
		if id, err = newIdentity(name); err != nil {
			return Identity{}, false, err
		}
		fresh = true
	case err != nil:
		return Identity{}, false, err
	}
	id.signBundle(now)
	if err := id.store(ctx, store.Update); err != nil {
		return Identity{}, false, err
	}
	return id, fresh, nil
}

// forgetIdentity takes back an identity that could not be published: its name
// may be taken.
func forgetIdentity(ctx context.Context, store keystore.Store) error {
	return store.Update(ctx, func(tx keystore.WriteTx) error { return tx.Delete(bucketIdentity, keySelf) })
}

// store writes the identity by a Store's Update, or by the client's own.
func (id Identity) store(ctx context.Context, update func(context.Context, func(keystore.WriteTx) error) error) error {
	raw := id.marshal()
	defer clear(raw)
	return update(ctx, func(tx keystore.WriteTx) error { return tx.Store(bucketIdentity, keySelf, raw) })
}

func newIdentity(name string) (Identity, error) {
	if !usableName(name) {
		return Identity{}, ErrName
	}
	_, signing, err := ed25519.GenerateKey(nil)
	if err != nil {
		return Identity{}, err
	}
	kem, err := compositekem.GenerateKey(compositekem.RSA2048)
	if err != nil {
		return Identity{}, err
	}
	return assembleIdentity(name, &identitySecret{signing: signing, kem: kem})
}

func assembleIdentity(name string, secret *identitySecret) (_ Identity, err error) {
	if secret.group, err = group.NewIdentity(name, secret.signing); err != nil {
		return Identity{}, err
	}
	return Identity{name, func() *identitySecret { return secret }}, nil
}

func loadIdentity(ctx context.Context, store keystore.Store) (id Identity, err error) {
	var raw []byte
	err = store.View(ctx, func(tx keystore.Tx) (err error) {
		raw, err = tx.Load(bucketIdentity, keySelf)
		return err
	})
	if err != nil {
		return Identity{}, err
	}
	defer clear(raw)
	return parseIdentity(raw)
}

// marshal is the stored form: version u8, name (length u8), seed 32, KEM key
// (length u16), serial u64, bundle (length u16).
func (id Identity) marshal() []byte {
	kem, err := id.secret().kem.Bytes()
	if err != nil {
		panic("e2ee: an identity's own KEM key has no encoding")
	}
	b := cryptobyte.NewBuilder(nil)
	b.AddUint8(1)
	addVector8(b, []byte(id.Name()))
	b.AddBytes(id.secret().signing.Seed())
	addVector16(b, kem)
	b.AddUint64(id.secret().serial)
	addVector16(b, id.secret().bundle)
	return b.BytesOrPanic()
}

func parseIdentity(raw []byte) (Identity, error) {
	s := cryptobyte.String(raw)
	var version uint8
	var name, kem, bundle cryptobyte.String
	seed := make([]byte, ed25519.SeedSize)
	secret := &identitySecret{}
	if !s.ReadUint8(&version) || version != 1 || !s.ReadUint8LengthPrefixed(&name) || !s.CopyBytes(seed) ||
		!s.ReadUint16LengthPrefixed(&kem) || !s.ReadUint64(&secret.serial) ||
		!s.ReadUint16LengthPrefixed(&bundle) || !s.Empty() {
		return Identity{}, ErrState
	}
	dk, err := compositekem.NewDecapsulationKey(kem)
	if err != nil {
		return Identity{}, ErrState
	}
	secret.signing, secret.kem, secret.bundle = ed25519.NewKeyFromSeed(seed), dk, append([]byte(nil), bundle...)
	return assembleIdentity(string(name), secret)
}

func addVector8(b *cryptobyte.Builder, v []byte) {
	b.AddUint8LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(v) })
}

func addVector16(b *cryptobyte.Builder, v []byte) {
	b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(v) })
}
