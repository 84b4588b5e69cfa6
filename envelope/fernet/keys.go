package fernet

import (
	"math"
	"time"
)

// keys are tried one after the other; there is at least one.
type keys []Key

// unset reports whether ks is the zero Key.
func (ks keys) unset() bool { return len(ks) > 0 && ks[0].secret == nil }

// authenticate checks the raw token tok up to its HMAC and returns the machine of
// the key that made it, for the caller to release.
func (ks keys) authenticate(tok []byte) (*machine, error) {
	if ks.unset() {
		return nil, ErrKey
	}
	if err := checkShape(tok); err != nil {
		return nil, err
	}
	for _, k := range ks {
		m, err := k.machine()
		if err != nil {
			return nil, err
		}
		m.take(tok)
		if m.authentic(tok) {
			return m, nil
		}
		m.release()
	}
	return nil, ErrMAC
}

// read appends the raw token that text stands for to dst, and returns the machine
// of the key that made it, for the caller to release. On an error it zeroes what
// it has written.
func (ks keys) read(dst, text []byte) ([]byte, *machine, error) {
	if ks.unset() {
		return nil, nil, ErrKey
	}
	if len(text)%4 != 0 {
		return nil, nil, ErrMalformed
	}
	out := extend(dst, rawSize(text), text)
	tok := out[len(dst):]
	m, err := ks.decode(tok, unpadded(text))
	if err != nil {
		clear(tok)
		return nil, nil, err
	}
	return out, m, nil
}

// decode is authenticate on the token that chars encode, which it puts in tok.
// The first key, which made most of all tokens, takes it on the way.
func (ks keys) decode(tok, chars []byte) (*machine, error) {
	m, err := ks[0].machine()
	if err != nil {
		return nil, err
	}
	canonical := m.decode(tok, chars)
	if canonical && checkShape(tok) == nil && m.authentic(tok) {
		return m, nil
	}
	m.release()
	if !canonical {
		return nil, ErrMalformed
	}
	return ks[1:].authenticate(tok)
}

// appendOpen is [Key.AppendOpen].
func (ks keys) appendOpen(dst, tok []byte, now time.Time, opts []Option) ([]byte, error) {
	m, err := ks.authenticate(tok)
	if err != nil {
		return nil, err
	}
	defer m.release()
	n, err := m.admit(tok, now, opts)
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
	out, m, err := ks.read(dst, token)
	if err != nil {
		return nil, err
	}
	defer m.release()
	buf := out[len(dst):]
	n, err := m.admit(buf, now, opts)
	if err != nil {
		clear(buf)
		return nil, err
	}
	copy(buf, m.decryptInPlace(buf, n))
	clear(buf[n:])
	return out[:len(dst)+n], nil
}

// verify is [Key.VerifyAt].
func (ks keys) verify(token []byte, now time.Time, opts []Option) error {
	tok, m, err := ks.read(nil, token)
	if err != nil {
		return err
	}
	m.release()
	return checkTime(timestamp(tok), now, opts)
}

// timestamp is [Key.Timestamp].
func (ks keys) timestamp(token []byte) (time.Time, error) {
	// A time.Time counts its seconds from the year 1.
	const latest = math.MaxInt64 - 62135596800

	tok, m, err := ks.read(nil, token)
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
