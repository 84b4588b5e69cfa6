package fernet

import (
	"crypto/aes"
	"math"
	"time"
)

// keys are tried one after the other.
type keys []Key

// admit is authenticate and then the check of the time.
func (ks keys) admit(tok []byte, now time.Time, opts []Option) (*machine, error) {
	m, err := ks.authenticate(tok)
	if err != nil {
		return nil, err
	}
	if err := checkTime(timestamp(tok), now, opts); err != nil {
		m.release()
		return nil, err
	}
	return m, nil
}

// authenticate checks tok up to its HMAC and returns the machine of the key that
// made it, for the caller to release.
func (ks keys) authenticate(tok []byte) (*machine, error) {
	switch {
	case len(tok) == 0:
		return nil, ErrMalformed
	case tok[0] != version:
		return nil, ErrVersion
	case len(tok) < minTokenSize || (len(tok)-minTokenSize)%aes.BlockSize != 0:
		return nil, ErrMalformed
	case len(ks) == 0:
		return nil, ErrKey
	}
	for _, k := range ks {
		m, err := k.machine()
		if err != nil {
			return nil, err
		}
		if m.authentic(tok) {
			return m, nil
		}
		m.release()
	}
	return nil, ErrMAC
}

// appendOpen is [Key.AppendOpen].
func (ks keys) appendOpen(dst, tok []byte, now time.Time, opts []Option) ([]byte, error) {
	m, err := ks.admit(tok, now, opts)
	if err != nil {
		return nil, err
	}
	defer m.release()
	n, err := m.messageSize(tok)
	if err != nil {
		return nil, err
	}
	out := extend(dst, n, tok)
	m.decryptTo(out[len(dst):], tok)
	return out, nil
}

// decrypt is [Key.AppendDecrypt]. It decodes token into the memory of the result
// and decrypts it there, so that a large token costs no other buffer.
func (ks keys) decrypt(dst, token []byte, now time.Time, opts []Option) ([]byte, error) {
	out, err := appendRaw(dst, token)
	if err != nil {
		return nil, err
	}
	buf := out[len(dst):]
	msg, err := ks.openInPlace(buf, now, opts)
	n := copy(buf, msg)
	clear(buf[n:])
	if err != nil {
		return nil, err
	}
	return out[:len(dst)+n], nil
}

// openInPlace returns the message of tok, which takes the place of the ciphertext.
func (ks keys) openInPlace(tok []byte, now time.Time, opts []Option) ([]byte, error) {
	m, err := ks.admit(tok, now, opts)
	if err != nil {
		return nil, err
	}
	defer m.release()
	n, err := m.messageSize(tok)
	if err != nil {
		return nil, err
	}
	msg := ciphertext(tok)[:n]
	m.decryptTo(msg, tok)
	return msg, nil
}

// verify is [Key.VerifyAt].
func (ks keys) verify(token []byte, now time.Time, opts []Option) error {
	tok, err := appendRaw(nil, token)
	if err != nil {
		return err
	}
	m, err := ks.admit(tok, now, opts)
	if err != nil {
		return err
	}
	m.release()
	return nil
}

// timestamp is [Key.Timestamp].
func (ks keys) timestamp(token []byte) (time.Time, error) {
	// A time.Time counts its seconds from the year 1.
	const latest = math.MaxInt64 - 62135596800

	tok, err := appendRaw(nil, token)
	if err != nil {
		return time.Time{}, err
	}
	m, err := ks.authenticate(tok)
	if err != nil {
		return time.Time{}, err
	}
	m.release()
	ts := timestamp(tok)
	if ts > latest {
		return time.Time{}, ErrTime
	}
	return time.Unix(int64(ts), 0), nil
}
