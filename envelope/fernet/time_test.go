package fernet_test

import (
	"errors"
	"math"
	"math/big"
	"testing"
	"time"

	"github.com/parley-e2ee/parley/envelope/fernet"
)

func TestAge(t *testing.T) {
	const made = 1_000_000
	const s = time.Second
	key := mustParse(t, specKey)
	type opts = []fernet.Option
	age, skew := fernet.MaxAge, fernet.MaxSkew
	for _, c := range []struct {
		name  string
		ts    uint64
		now   int64
		opts  opts
		cause error
	}{
		{"no option, old", 0, math.MaxInt64, nil, nil},
		{"no option, far future", math.MaxUint64, made, nil, nil},
		{"exactly +age", made, made + 30, opts{age(30 * s)}, nil},
		{"one more", made, made + 31, opts{age(30 * s)}, fernet.ErrExpired},
		{"exactly +60", made + 60, made, opts{age(30 * s)}, nil},
		{"+61", made + 61, made, opts{age(30 * s)}, fernet.ErrClockSkew},
		{"zero age, same second", made, made, opts{age(0)}, nil},
		{"zero age, a second later", made, made + 1, opts{age(0)}, fernet.ErrExpired},
		{"zero age, from the future", made, made - 60, opts{age(0)}, nil},
		{"negative age, same second", made, made, opts{age(-s)}, fernet.ErrExpired},
		{"negative age, a second early", made, made - 1, opts{age(-s)}, nil},
		{"a nanosecond under zero is -1", made, made, opts{age(-1)}, fernet.ErrExpired},
		{"1.999 s is 1, exactly", made, made + 1, opts{age(1999 * time.Millisecond)}, nil},
		{"1.999 s is 1", made, made + 2, opts{age(1999 * time.Millisecond)}, fernet.ErrExpired},
		{"longest age", 0, math.MaxInt64, opts{age(math.MaxInt64)}, fernet.ErrExpired},
		{"shortest age", made, made, opts{age(math.MinInt64)}, fernet.ErrExpired},
		{"own skew, exactly", made + 5, made, opts{age(s), skew(5 * s)}, nil},
		{"own skew, one more", made + 6, made, opts{skew(5 * s), age(s)}, fernet.ErrClockSkew},
		{"larger skew", made + 600, made, opts{age(s), skew(600 * s)}, nil},
		{"zero skew", made + 1, made, opts{age(s), skew(0)}, fernet.ErrClockSkew},
		{"negative skew, exactly", made - 1, made, opts{age(s), skew(-s)}, nil},
		{"negative skew", made, made, opts{age(s), skew(-s)}, fernet.ErrClockSkew},
		{"skew alone", made + 6, made, opts{skew(5 * s)}, fernet.ErrClockSkew},
		{"skew alone asks for no age", 0, made, opts{skew(5 * s)}, nil},
		{"the last of a kind counts", made, made + 9, opts{age(s), age(9 * s)}, nil},
		{"empty option", made, made + 9, opts{{}}, nil},
		{"2^63-1 is the future", math.MaxInt64, made, opts{age(s)}, fernet.ErrClockSkew},
		{"2^63 is the future", 1 << 63, made, opts{age(s)}, fernet.ErrClockSkew},
		{"2^64-1 is the future", math.MaxUint64, made, opts{age(s)}, fernet.ErrClockSkew},
		{"2^64-1 with the longest age", math.MaxUint64, made, opts{age(math.MaxInt64)}, fernet.ErrClockSkew},
		{"now before 1970, exactly +60", 55, -5, opts{age(s)}, nil},
		{"now before 1970, +61", 56, -5, opts{age(s)}, fernet.ErrClockSkew},
		{"now long before 1970", 0, -61, opts{age(s)}, fernet.ErrClockSkew},
		{"now before 1970, negative age", 0, -5, opts{age(-10 * s)}, fernet.ErrExpired},
	} {
		t.Run(c.name, func(t *testing.T) {
			// The last nanosecond of a second is still that second.
			now := time.Unix(c.now, 999_999_999)
			text := must(fernet.EncryptWith(key, []byte("m"), [16]byte{}, c.ts))
			raw := must(fernet.SealWith(key, []byte("m"), [16]byte{}, c.ts))
			got, err := key.DecryptAt(text, now, c.opts...)
			got2, err2 := key.AppendOpen(nil, raw, now, c.opts...)
			err3 := key.VerifyAt(text, now, c.opts...)
			if c.cause != nil {
				wantRefused(t, got, err, c.cause)
				wantRefused(t, got2, err2, c.cause)
				wantRefused(t, nil, err3, c.cause)
			} else if err != nil || err2 != nil || err3 != nil || string(got) != "m" || string(got2) != "m" {
				t.Errorf("errors %v, %v, %v; messages %q, %q", err, err2, err3, got, got2)
			}
		})
	}
}

// TestAgeExact holds the comparisons against integers without a size.
func TestAgeExact(t *testing.T) {
	const longest = math.MaxInt64 / int64(time.Second)
	seconds := []int64{
		math.MinInt64, math.MinInt64 + 1, -longest - 1, -longest, -61, -60, -1, 0, 1, 59, 60, 61,
		longest, math.MaxInt64 - longest, math.MaxInt64 - 60, math.MaxInt64 - 1, math.MaxInt64,
	}
	stamps := []uint64{
		0, 1, 59, 60, 61, uint64(longest), 1<<63 - 61, 1<<63 - 60, 1<<63 - 1, 1 << 63, 1<<63 + 60,
		1<<63 + uint64(longest), math.MaxUint64 - 60, math.MaxUint64 - 1, math.MaxUint64,
	}
	for _, ts := range stamps {
		for _, now := range seconds {
			for _, d := range seconds {
				if d < -longest-1 || d > longest {
					continue // beyond any Duration
				}
				bigTS, bigNow := new(big.Int).SetUint64(ts), big.NewInt(now)
				limit := new(big.Int).Add(bigTS, big.NewInt(d))
				if want := limit.Cmp(bigNow) < 0; fernet.Expired(ts, now, d) != want {
					t.Errorf("%d + %d < %d: want %v", ts, d, now, want)
				}
				limit.Add(bigNow, big.NewInt(d))
				if want := limit.Cmp(bigTS) < 0; fernet.Ahead(ts, now, d) != want {
					t.Errorf("%d + %d < %d: want %v", now, d, ts, want)
				}
			}
		}
	}
}

// TestAuthenticFirst: an answer about time is an authenticated one, and one about
// padding comes after it.
func TestAuthenticFirst(t *testing.T) {
	key := mustParse(t, specKey)
	old := must(fernet.SealWith(key, nil, [16]byte{}, 0))
	old[len(old)-1] ^= 1
	got, err := key.AppendOpen(nil, old, specTime, fernet.MaxAge(0))
	wantRefused(t, got, err, fernet.ErrMAC)

	unpadded := forge(key, 0x80, 0, [16]byte{}, make([]byte, 16))
	got, err = key.AppendOpen(nil, unpadded, specTime, fernet.MaxAge(0))
	wantRefused(t, got, err, fernet.ErrExpired)
	if err := key.Verify(toText(unpadded)); err != nil {
		t.Errorf("Verify looked at the padding: %v", err)
	}
}

func TestBefore1970(t *testing.T) {
	key := mustParse(t, specKey)
	ring := must(fernet.NewKeyring(key))
	for _, now := range []time.Time{{}, time.Unix(-1, 0), time.Unix(0, -1), time.Unix(math.MinInt64, 0)} {
		for _, call := range []func() ([]byte, error){
			func() ([]byte, error) { return key.EncryptAt(nil, now) },
			func() ([]byte, error) { return key.AppendEncrypt([]byte("x"), nil, now) },
			func() ([]byte, error) { return key.AppendSeal([]byte("x"), nil, now) },
			func() ([]byte, error) { return ring.EncryptAt(nil, now) },
		} {
			if got, err := call(); got != nil || !errors.Is(err, fernet.ErrTime) {
				t.Errorf("%v: error %v", now, err)
			}
		}
	}
}

func TestTimestamp(t *testing.T) {
	const latest = math.MaxInt64 - 62135596800 // the last second of a time.Time
	key := mustParse(t, specKey)
	for _, ts := range []uint64{0, 1, 499162800, 1 << 40, latest} {
		got, err := key.Timestamp(must(fernet.EncryptWith(key, nil, [16]byte{}, ts)))
		if err != nil || uint64(got.Unix()) != ts || got.Before(time.Unix(0, 0)) {
			t.Errorf("timestamp %d: %v, error %v", ts, got.Unix(), err)
		}
	}
	for _, ts := range []uint64{latest + 1, math.MaxInt64, 1 << 63, math.MaxUint64} {
		got, err := key.Timestamp(must(fernet.EncryptWith(key, nil, [16]byte{}, ts)))
		if !got.IsZero() || !errors.Is(err, fernet.ErrTime) {
			t.Errorf("timestamp %d: %v, error %v", ts, got, err)
		}
	}

	now := time.Unix(1_700_000_000, 999_999_999)
	token := must(key.EncryptAt([]byte("m"), now))
	if got := must(key.Timestamp(token)); !got.Equal(now.Truncate(time.Second)) {
		t.Errorf("timestamp %v of a token made at %v", got, now)
	}
	_, err := fernet.GenerateKey().Timestamp(token)
	wantRefused(t, nil, err, fernet.ErrMAC)
	_, err = key.Timestamp([]byte("gAAA\n"))
	wantRefused(t, nil, err, fernet.ErrMalformed)
}

// TestPresentTime covers the forms that read the clock.
func TestPresentTime(t *testing.T) {
	key := fernet.GenerateKey()
	start := time.Now().Truncate(time.Second)
	token := must(key.Encrypt([]byte("m")))
	made := must(key.Timestamp(token))
	if made.Before(start) || made.After(time.Now()) {
		t.Errorf("made at %v, after %v", made, start)
	}
	if _, err := key.Decrypt(token, fernet.MaxAge(time.Hour)); err != nil {
		t.Error(err)
	}
	if err := key.Verify(token, fernet.MaxAge(time.Hour)); err != nil {
		t.Error(err)
	}
	old := must(key.EncryptAt(nil, start.Add(-2*time.Hour)))
	_, err := key.Decrypt(old, fernet.MaxAge(time.Hour))
	wantRefused(t, nil, err, fernet.ErrExpired)
	wantRefused(t, nil, key.Verify(old, fernet.MaxAge(time.Hour)), fernet.ErrExpired)
}
