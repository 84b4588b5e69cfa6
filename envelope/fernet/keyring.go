package fernet

import (
	"crypto/aes"
	"slices"
	"time"
)

// A Keyring is Python's MultiFernet: it encrypts with its first key and decrypts with any, so that keys can
// be changed while old tokens live on: put the new key in front, [Keyring.Rotate]
// what is stored, then drop the old one. It must be kept secret.
//
// A Keyring is immutable, cheap to copy and safe for concurrent use. The zero
// Keyring holds no key: it makes nothing and opens nothing, with [ErrKey].
type Keyring struct {
	redacted
	keys keys
}

// NewKeyring returns a keyring of the given keys, which are tried in that order.
// Without keys, or with a zero one among them, it fails with [ErrKey].
func NewKeyring(ks ...Key) (Keyring, error) {
	unset := func(k Key) bool { return k.secret == nil }
	if len(ks) == 0 || slices.ContainsFunc(ks, unset) {
		return Keyring{}, ErrKey
	}
	return Keyring{keys: slices.Clone(ks)}, nil
}

// all returns the keys of r: where there are none, the zero Key, which says so.
func (r Keyring) all() keys {
	if len(r.keys) == 0 {
		return keys{{}}
	}
	return r.keys
}

// first returns the key that encrypts.
func (r Keyring) first() Key { return r.all()[0] }

// Encrypt is [Key.Encrypt] with the first key.
func (r Keyring) Encrypt(msg []byte) ([]byte, error) {
	return r.first().Encrypt(msg)
}

// EncryptAt is [Key.EncryptAt] with the first key.
func (r Keyring) EncryptAt(msg []byte, now time.Time) ([]byte, error) {
	return r.first().EncryptAt(msg, now)
}

// AppendEncrypt is [Key.AppendEncrypt] with the first key.
func (r Keyring) AppendEncrypt(dst, msg []byte, now time.Time) ([]byte, error) {
	return r.first().AppendEncrypt(dst, msg, now)
}

// AppendSeal is [Key.AppendSeal] with the first key.
func (r Keyring) AppendSeal(dst, msg []byte, now time.Time) ([]byte, error) {
	return r.first().AppendSeal(dst, msg, now)
}

// Decrypt is [Key.Decrypt] with the key that made the token. A token of none of
// the keys is [ErrMAC].
func (r Keyring) Decrypt(token []byte, opts ...Option) ([]byte, error) {
	return r.all().decrypt(nil, token, time.Now(), opts)
}

// DecryptAt is [Key.DecryptAt] with the key that made the token.
func (r Keyring) DecryptAt(token []byte, now time.Time, opts ...Option) ([]byte, error) {
	return r.all().decrypt(nil, token, now, opts)
}

// AppendDecrypt is [Key.AppendDecrypt] with the key that made the token.
func (r Keyring) AppendDecrypt(dst, token []byte, now time.Time, opts ...Option) ([]byte, error) {
	return r.all().decrypt(dst, token, now, opts)
}

// AppendOpen is [Key.AppendOpen] with the key that made the token.
func (r Keyring) AppendOpen(dst, token []byte, now time.Time, opts ...Option) ([]byte, error) {
	return r.all().appendOpen(dst, token, now, opts)
}

// Verify is [Key.Verify] with the key that made the token.
func (r Keyring) Verify(token []byte, opts ...Option) error {
	return r.all().verify(token, time.Now(), opts)
}

// VerifyAt is [Key.VerifyAt] with the key that made the token.
func (r Keyring) VerifyAt(token []byte, now time.Time, opts ...Option) error {
	return r.all().verify(token, now, opts)
}

// Timestamp is [Key.Timestamp] with the key that made the token.
func (r Keyring) Timestamp(token []byte) (time.Time, error) {
	return r.all().timestamp(token)
}

// Rotate opens a token in text form with the key that made it, whatever its age,
// and returns a token of the same message and the same timestamp, encrypted anew
// with the first key. It does so even for a token of the first key. The errors
// are [ErrKey] and those of [ErrToken].
func (r Keyring) Rotate(token []byte) ([]byte, error) {
	iv := newIV()
	return r.rotate(token, &iv)
}

// rotate works in the memory of its result: both tokens have one length.
func (r Keyring) rotate(token []byte, iv *[aes.BlockSize]byte) ([]byte, error) {
	gap := len(token) - rawSize(token)
	text, m, err := r.all().read(make([]byte, gap, len(token)), token)
	if err != nil {
		return nil, err
	}
	tok := text[gap:]
	n, err := m.messageSize(tok)
	if err != nil {
		m.release()
		return nil, err
	}
	msg := m.decryptInPlace(tok, n)
	m.release()
	if m, err = r.first().machine(); err != nil {
		return nil, err
	}
	defer m.release()
	m.seal(tok, text, msg, iv, timestamp(tok))
	return text, nil
}
