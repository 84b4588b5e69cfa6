package keystore

import (
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"

	"github.com/parley-e2ee/parley/internal/redact"
	"github.com/parley-e2ee/parley/internal/stretch"
	"github.com/parley-e2ee/parley/internal/xaes"
)

// secret keeps what embeds it from being shown.
type secret = redact.Secret

// An Unlock opens a [File]: a passphrase or a key. The zero Unlock opens
// nothing. It shows nothing of itself when printed or encoded.
type Unlock struct {
	secret
	// A function, since fmt looks into all else that is within something.
	s func() *unlockSecret
}

type unlockSecret struct {
	kind  byte
	bytes []byte
}

// What unlocks a file, as written in it.
const (
	byPassphrase = 1
	byKey        = 2
)

// Passphrase unlocks a file by a passphrase of at least one byte (an empty one is
// [ErrPassphrase]), taken as the bytes it is and copied. Each opening takes 64 MiB and about a tenth of a
// second: Argon2id with the second set of parameters of RFC 9106, section 4;
// in FIPS 140-3 mode PBKDF2-HMAC-SHA-256 with 600,000 iterations.
func Passphrase(passphrase []byte) Unlock {
	return newUnlock(byPassphrase, passphrase)
}

// Key unlocks a file by 32 random bytes that something else keeps: the
// operating system's keyring, a key service. They are copied.
func Key(key [32]byte) Unlock {
	return newUnlock(byKey, key[:])
}

func newUnlock(kind byte, secret []byte) Unlock {
	own := &unlockSecret{kind, append([]byte(nil), secret...)}
	return Unlock{s: func() *unlockSecret { return own }}
}

func (u Unlock) check() error {
	if u.s == nil || len(u.s().bytes) == 0 {
		return fmt.Errorf("%w: an empty one", ErrPassphrase)
	}
	return nil
}

// A wrapping is the master key as the key file holds it (section 3.2).
type wrapping struct {
	store  storeID
	kind   byte
	params [stretch.Size]byte // zero for byKey
	check  [32]byte
	sealed [xaes.Overhead + 32]byte
}

type storeID [16]byte

const wrappingSize = len(storeID{}) + 1 + stretch.Size + 32 + xaes.Overhead + 32

// wrap wraps a master key.
func (u Unlock) wrap(store storeID, master *[32]byte) (*wrapping, error) {
	w := &wrapping{store: store, kind: u.s().kind}
	if u.s().kind == byPassphrase {
		p := stretch.New()
		p.Append(w.params[:0])
	}
	kek, err := u.kek(w)
	if err != nil {
		return nil, err
	}
	defer clear(kek[:])
	w.check = derive(kek[:], store, "check")
	key := derive(kek[:], store, "wrap")
	defer clear(key[:])
	xaes.New(&key).Seal(w.sealed[:0], master[:], w.head())
	return w, nil
}

// unwrap returns the master key, or ErrPassphrase.
func (u Unlock) unwrap(w *wrapping) (*[32]byte, error) {
	if u.s().kind != w.kind {
		return nil, ErrPassphrase
	}
	kek, err := u.kek(w)
	if err != nil {
		return nil, err
	}
	defer clear(kek[:])
	if check := derive(kek[:], w.store, "check"); subtle.ConstantTimeCompare(check[:], w.check[:]) == 0 {
		return nil, ErrPassphrase
	}
	key := derive(kek[:], w.store, "wrap")
	defer clear(key[:])
	master, err := xaes.New(&key).Open(nil, w.sealed[:], w.head())
	if err != nil {
		return nil, corrupt("the master key")
	}
	defer clear(master)
	return (*[32]byte)(append([]byte(nil), master...)), nil
}

// kek is the key that the others of a wrapping come from.
func (u Unlock) kek(w *wrapping) (*[32]byte, error) {
	if u.s().kind == byKey {
		return (*[32]byte)(append([]byte(nil), u.s().bytes...)), nil
	}
	p, err := stretch.Parse(w.params[:])
	if err != nil {
		return nil, corrupt("the key derivation")
	}
	key, err := p.Key(u.s().bytes)
	if errors.Is(err, stretch.ErrFIPS) {
		return nil, ErrFIPS
	}
	if err != nil {
		return nil, err
	}
	return (*[32]byte)(key), nil
}

// head is what stands before the wrapped key, which authenticates it.
func (w *wrapping) head() []byte {
	b := append([]byte(nil), w.store[:]...)
	b = append(b, w.kind)
	b = append(b, w.params[:]...)
	return append(b, w.check[:]...)
}

func (w *wrapping) encode() []byte { return append(w.head(), w.sealed[:]...) }

func decodeWrapping(b []byte) (*wrapping, error) {
	if len(b) != wrappingSize {
		return nil, corrupt("the master key")
	}
	w := new(wrapping)
	b = b[copy(w.store[:], b):]
	w.kind, b = b[0], b[1:]
	b = b[copy(w.params[:], b):]
	b = b[copy(w.check[:], b):]
	copy(w.sealed[:], b)
	_, err := stretch.Parse(w.params[:])
	if w.kind == byPassphrase && err == nil || w.kind == byKey && w.params == [stretch.Size]byte{} {
		return w, nil
	}
	return nil, corrupt("the master key")
}

// derive is HKDF-SHA-256 (RFC 5869), salted with the store's ID.
func derive(secret []byte, store storeID, purpose string) (key [32]byte) {
	out, err := hkdf.Key(sha256.New, secret, store[:], "parley keystore v1 "+purpose, len(key))
	if err != nil {
		panic("keystore: " + err.Error()) // only the length could be wrong
	}
	copy(key[:], out)
	clear(out)
	return key
}
