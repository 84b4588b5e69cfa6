package fernet

import (
	"crypto/aes"
	"crypto/rand"
	"reflect"
	"slices"
	"time"
)

// AppendSeal appends the raw token of msg, dated now, to dst and returns the
// longer slice. It does not allocate where dst has room for [SealedSize] bytes
// and k is in use by one goroutine; where that room overlaps msg, new memory is
// taken instead.
//
// The errors are [ErrKey], [ErrTime] and [ErrSize]; dst is then as it was and
// the result nil.
func (k Key) AppendSeal(dst, msg []byte, now time.Time) ([]byte, error) {
	ts, err := unixTime(now)
	if err != nil {
		return nil, err
	}
	iv := newIV()
	return k.seal(dst, msg, &iv, ts)
}

// AppendOpen appends the message in the raw token to dst and returns the longer
// slice. It does not allocate where dst has room for the message and k is in use
// by one goroutine; where that room overlaps token, new memory is taken instead.
//
// The errors are [ErrKey] and those of [ErrToken]; dst, up to its capacity, is
// then as it was and the result nil.
func (k Key) AppendOpen(dst, token []byte, now time.Time, opts ...Option) ([]byte, error) {
	return keys{k}.appendOpen(dst, token, now, opts)
}

// seal is AppendSeal without its inputs from the outside.
func (k Key) seal(dst, msg []byte, iv *[aes.BlockSize]byte, ts uint64) ([]byte, error) {
	if len(msg) > maxMessage-len(dst) {
		return nil, ErrSize
	}
	m, err := k.machine()
	if err != nil {
		return nil, err
	}
	defer m.release()
	out := extend(dst, SealedSize(len(msg)), msg)
	m.seal(out[len(dst):], nil, msg, iv, ts)
	return out, nil
}

// newIV returns a random IV, which CBC needs to be unpredictable.
func newIV() (iv [aes.BlockSize]byte) {
	rand.Read(iv[:])
	return iv
}

// unixTime returns now as a token carries it.
func unixTime(now time.Time) (uint64, error) {
	s := now.Unix()
	if s < 0 {
		return 0, ErrTime
	}
	return uint64(s), nil
}

// extend returns dst with n more bytes, none of which is memory of src.
func extend(dst []byte, n int, src []byte) []byte {
	if n <= cap(dst)-len(dst) && overlap(dst[len(dst):len(dst)+n], src) {
		dst = slices.Clip(dst)
	}
	return slices.Grow(dst, n)[:len(dst)+n]
}

func overlap(a, b []byte) bool {
	if len(a) == 0 || len(b) == 0 {
		return false
	}
	pa, pb := address(&a[0]), address(&b[0])
	return pa < pb+uintptr(len(b)) && pb < pa+uintptr(len(a))
}

func address(p *byte) uintptr { return reflect.ValueOf(p).Pointer() }
