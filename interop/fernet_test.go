package interop_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/parley-e2ee/parley/envelope/fernet"
)

const (
	cases        = 300
	invalidToken = "InvalidToken"
)

// must is for calls that fail only where the library is broken.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func fernetKey(r random) fernet.Key { return must(fernet.NewKey(r.bytes(fernet.KeySize))) }

func reveal(keys ...fernet.Key) []string {
	var all []string
	for _, k := range keys {
		all = append(all, k.Reveal())
	}
	return all
}

// fernetTime is any second from 1970 to 2106, and at times one of the ends.
func fernetTime(r random) time.Time {
	return time.Unix(pick(r, 0, 1, math.MaxInt32, math.MaxInt32+1, int64(r.Uint32()), int64(r.Uint32()), int64(r.Uint32())), 0)
}

func wantSame(t *testing.T, what string, got, want []byte) {
	t.Helper()
	if !bytes.Equal(got, want) {
		t.Fatalf("%s: got %.80x, want %.80x (%d and %d bytes)", what, got, want, len(got), len(want))
	}
}

func TestFernetPython(t *testing.T) {
	p, r := python.get(t), newRandom(t)
	for range cases {
		key, msg, at := fernetKey(r), r.message(), fernetTime(r)

		ours := must(key.EncryptAt(msg, at))
		wantSame(t, "our token, in Python", ask[octets](t, p, "fernet_decrypt", args{"keys": reveal(key), "token": ours}), msg)
		if got := ask[int64](t, p, "fernet_timestamp", args{"key": key.Reveal(), "token": ours}); got != at.Unix() {
			t.Fatalf("Python reads the time %d in our token, want %d", got, at.Unix())
		}

		theirs := ask[octets](t, p, "fernet_encrypt", args{"keys": reveal(key), "msg": msg, "at": at.Unix()})
		got, err := key.Decrypt(theirs)
		if err != nil {
			t.Fatalf("Python's token of %d bytes: %v", len(msg), err)
		}
		wantSame(t, "Python's token", got, msg)
		if got := must(key.Timestamp(theirs)); !got.Equal(at) {
			t.Fatalf("we read the time %v in Python's token, want %v", got, at)
		}
		if len(ours) != len(theirs) {
			t.Fatalf("tokens of %d and %d characters for %d bytes", len(ours), len(theirs), len(msg))
		}
	}
}

// TestFernetPythonNow leaves the clock to both sides.
func TestFernetPythonNow(t *testing.T) {
	p, r := python.get(t), newRandom(t)
	for range 50 {
		text := string(ask[octets](t, p, "fernet_key", args{}))
		key, err := fernet.ParseKey(text)
		if err != nil || key.Reveal() != text {
			t.Fatalf("Python's key: %v", err)
		}
		msg := r.message()
		ours := must(key.Encrypt(msg))
		wantSame(t, "our token, in Python", ask[octets](t, p, "fernet_decrypt", args{"keys": []string{text}, "token": ours, "ttl": 60}), msg)
		theirs := ask[octets](t, p, "fernet_encrypt", args{"keys": []string{text}, "msg": msg})
		wantSame(t, "Python's token", must(key.Decrypt(theirs, fernet.MaxAge(time.Minute))), msg)
	}
}

func TestFernetPythonLarge(t *testing.T) {
	p, r := python.get(t), newRandom(t)
	for _, n := range []int{64<<10 - 1, 64 << 10, 1<<20 + 7} {
		key, msg := fernetKey(r), r.bytes(n)
		wantSame(t, "our token, in Python", ask[octets](t, p, "fernet_decrypt", args{"keys": reveal(key), "token": must(key.Encrypt(msg))}), msg)
		wantSame(t, "Python's token", must(key.Decrypt(ask[octets](t, p, "fernet_encrypt", args{"keys": reveal(key), "msg": msg}))), msg)
	}
}

// TestFernetPythonAge asks both at each edge of a token's life, and around it.
func TestFernetPythonAge(t *testing.T) {
	p, r := python.get(t), newRandom(t)
	accepted := map[bool]int{}
	for range cases {
		key, ttl := fernetKey(r), int64(pick(r, -120, -61, -60, -59, -1, 0, 1, 60, r.IntN(1e6)))
		made := int64(r.Uint32()) + 2000
		edge := pick(r, made+ttl, made-60, made, made+r.Int64N(2e6)-1e6)
		now := max(edge+int64(r.IntN(5))-2, 0)
		token := must(key.EncryptAt([]byte("m"), time.Unix(made, 0)))

		_, refused := try[octets](t, p, "fernet_decrypt", args{"keys": reveal(key), "token": token, "ttl": ttl, "at": now})
		_, err := key.DecryptAt(token, time.Unix(now, 0), fernet.MaxAge(time.Duration(ttl)*time.Second))
		if (err == nil) != (refused == "") {
			t.Fatalf("made %d, ttl %d, now %d: Python says %q, we say %v", made, ttl, now, refused, err)
		}
		if err != nil {
			late, early := made+ttl < now, made > now+60
			if !(late && errors.Is(err, fernet.ErrExpired)) && !(early && errors.Is(err, fernet.ErrClockSkew)) || refused != invalidToken {
				t.Fatalf("made %d, ttl %d, now %d: Python says %q, we say %v", made, ttl, now, refused, err)
			}
		}
		accepted[err == nil]++
	}
	if accepted[true] < cases/20 || accepted[false] < cases/20 {
		t.Errorf("%d accepted, %d refused: one side is hardly tested", accepted[true], accepted[false])
	}
}

// TestFernetPythonTimestamps: all 64 bits of the time are a number without a sign.
func TestFernetPythonTimestamps(t *testing.T) {
	p, r := python.get(t), newRandom(t)
	for _, made := range []uint64{0, 1, 1 << 31, 1 << 32, 1<<62 + 1, math.MaxInt64, 1 << 63, 1<<63 + 5, math.MaxUint64} {
		t.Run(fmt.Sprint(made), func(t *testing.T) {
			key := fernetKey(r)
			token := ask[octets](t, p, "fernet_encrypt", args{"keys": reveal(key), "msg": []byte("m"), "at": made})
			wantSame(t, "without an age", must(key.Decrypt(token)), []byte("m"))
			for _, now := range []int64{0, 61, 1 << 31, 1 << 40} {
				for _, ttl := range []int64{0, 60, 1 << 33} {
					_, refused := try[octets](t, p, "fernet_decrypt", args{"keys": reveal(key), "token": token, "ttl": ttl, "at": now})
					_, err := key.DecryptAt(token, time.Unix(now, 0), fernet.MaxAge(time.Duration(ttl)*time.Second))
					if (err == nil) != (refused == "") {
						t.Errorf("ttl %d, now %d: Python says %q, we say %v", ttl, now, refused, err)
					}
				}
			}
			if made > math.MaxInt64 {
				if _, err := key.Timestamp(token); !errors.Is(err, fernet.ErrTime) {
					t.Errorf("Timestamp: %v", err)
				}
			}
		})
	}
}
