package fernet

import (
	"bytes"
	"crypto/aes"
	"encoding/base64"
	"time"
)

// EncryptedSize returns the number of characters, each a byte, of the text form
// of the token of a message of n bytes.
func EncryptedSize(n int) int {
	return base64.URLEncoding.EncodedLen(SealedSize(n))
}

// Encrypt returns the token of msg, dated with the present time, in text form.
// The errors are those of [Key.AppendEncrypt].
func (k Key) Encrypt(msg []byte) ([]byte, error) {
	return k.AppendEncrypt(nil, msg, time.Now())
}

// EncryptAt is [Key.Encrypt] at the time now, of which the token keeps the whole
// seconds. A time before 1970 is [ErrTime].
func (k Key) EncryptAt(msg []byte, now time.Time) ([]byte, error) {
	return k.AppendEncrypt(nil, msg, now)
}

// AppendEncrypt appends the token of msg, dated now, in text form to dst and
// returns the longer slice. It does not allocate where dst has room for
// [EncryptedSize] bytes and k is in use by one goroutine; where that room
// overlaps msg, new memory is taken instead.
//
// The errors are [ErrKey], [ErrTime] and [ErrSize]; dst is then as it was and
// the result nil.
func (k Key) AppendEncrypt(dst, msg []byte, now time.Time) ([]byte, error) {
	ts, err := unixTime(now)
	if err != nil {
		return nil, err
	}
	iv := newIV()
	return k.encrypt(dst, msg, &iv, ts)
}

// encrypt is AppendEncrypt without its inputs from the outside.
func (k Key) encrypt(dst, msg []byte, iv *[aes.BlockSize]byte, ts uint64) ([]byte, error) {
	if len(msg) > maxMessage-len(dst) {
		return nil, ErrSize
	}
	m, err := k.machine()
	if err != nil {
		return nil, err
	}
	defer m.release()
	out := extend(dst, EncryptedSize(len(msg)), msg)
	text := out[len(dst):]
	m.seal(text[len(text)-SealedSize(len(msg)):], text, msg, iv, ts)
	return out, nil
}

// Decrypt returns the message in a token in text form, at the present time. The
// errors are those of [Key.AppendDecrypt].
func (k Key) Decrypt(token []byte, opts ...Option) ([]byte, error) {
	return k.AppendDecrypt(nil, token, time.Now(), opts...)
}

// DecryptAt is [Key.Decrypt] at the time now, of which the whole seconds count.
func (k Key) DecryptAt(token []byte, now time.Time, opts ...Option) ([]byte, error) {
	return k.AppendDecrypt(nil, token, now, opts...)
}

// AppendDecrypt appends the message in a token in text form to dst and returns
// the longer slice. It does not allocate where dst has room for three quarters
// of len(token) and k is in use by one goroutine; where that room overlaps
// token, new memory is taken instead. The room beyond the result is used and
// comes back as zeros.
//
// The errors are [ErrKey] and those of [ErrToken]; dst is then as it was, but
// for that room, and the result nil. No plaintext is written before the token
// has proved authentic.
func (k Key) AppendDecrypt(dst, token []byte, now time.Time, opts ...Option) ([]byte, error) {
	return keys{k}.decrypt(dst, token, now, opts)
}

// Verify checks a token in text form as [Key.Decrypt] does, but for its padding,
// and decrypts nothing.
func (k Key) Verify(token []byte, opts ...Option) error {
	return keys{k}.verify(token, time.Now(), opts)
}

// VerifyAt is [Key.Verify] at the time now.
func (k Key) VerifyAt(token []byte, now time.Time, opts ...Option) error {
	return keys{k}.verify(token, now, opts)
}

// Timestamp returns the time, in whole seconds, at which a token in text form
// says it was made, once it has proved authentic. Of its age nothing is asked.
// The errors are [ErrKey], [ErrTime] and those of [ErrToken].
func (k Key) Timestamp(token []byte) (time.Time, error) {
	return keys{k}.timestamp(token)
}

// unpadded returns text without its padding, of which there are two at most.
func unpadded(text []byte) []byte {
	return bytes.TrimSuffix(bytes.TrimSuffix(text, []byte("=")), []byte("="))
}

// rawSize returns the length of what text encodes.
func rawSize(text []byte) int {
	return textEncoding.DecodedLen(len(unpadded(text)))
}
