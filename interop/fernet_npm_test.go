package interop_test

import (
	"errors"
	"testing"
	"time"

	"github.com/parley-e2ee/parley/envelope/fernet"
)

func TestFernetNpm(t *testing.T) {
	p, r := npmFernet.get(t), newRandom(t)
	for range cases {
		key, text := fernetKey(r), r.text()
		at := time.Unix(1+int64(r.Uint32()), 0) // to the library 0 is no time at all

		ours := must(key.EncryptAt([]byte(text), at))
		if got := ask[string](t, p, "fernet_decrypt", args{"key": key.Reveal(), "token": string(ours), "ttl": 0}); got != text {
			t.Fatalf("our token, in npm fernet: %q, want %q", got, text)
		}

		theirs := []byte(ask[string](t, p, "fernet_encrypt", args{"key": key.Reveal(), "text": text, "at": at.Unix()}))
		got, err := key.Decrypt(theirs)
		if err != nil || string(got) != text {
			t.Fatalf("npm fernet's token: %q, %v, want %q", got, err, text)
		}
		if got := must(key.Timestamp(theirs)); !got.Equal(at) {
			t.Fatalf("we read the time %v in npm fernet's token, want %v", got, at)
		}
	}
}

// TestFernetNpmAge leaves the clock to the library, which has no other, and keeps
// well away from the second in which the answer changes.
func TestFernetNpmAge(t *testing.T) {
	p, r := npmFernet.get(t), newRandom(t)
	for _, c := range []struct {
		name string
		age  time.Duration
		ttl  any
		want error
	}{
		{"fresh, default of 60 s", 0, nil, nil},
		{"half a minute, default of 60 s", 30 * time.Second, nil, nil},
		{"two minutes, default of 60 s", 2 * time.Minute, nil, fernet.ErrExpired},
		{"two minutes, 180 s", 2 * time.Minute, 180, nil},
		{"four minutes, 180 s", 4 * time.Minute, 180, fernet.ErrExpired},
		{"half a minute ahead", -30 * time.Second, 60, nil},
		{"two minutes ahead", -2 * time.Minute, 60, fernet.ErrClockSkew},
		{"a year, none", 365 * 24 * time.Hour, 0, nil},
		{"a year ahead, none", -365 * 24 * time.Hour, 0, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			key, text, now := fernetKey(r), r.text(), time.Now()
			token := must(key.EncryptAt([]byte(text), now.Add(-c.age)))
			got, refused := try[string](t, p, "fernet_decrypt", args{"key": key.Reveal(), "token": string(token), "ttl": c.ttl})
			if (refused == "") != (c.want == nil) || refused == "" && got != text {
				t.Errorf("npm fernet says %q, %q", refused, got)
			}
			var opts []fernet.Option
			switch ttl := c.ttl.(type) {
			case nil:
				opts = append(opts, fernet.MaxAge(time.Minute))
			case int:
				if ttl > 0 {
					opts = append(opts, fernet.MaxAge(time.Duration(ttl)*time.Second))
				}
			}
			if _, err := key.DecryptAt(token, now, opts...); !errors.Is(err, c.want) {
				t.Errorf("we say %v, want %v", err, c.want)
			}
		})
	}
}

// TestFernetNpmTampered: a change that reaches the raw token is refused by both.
func TestFernetNpmTampered(t *testing.T) {
	p, r := npmFernet.get(t), newRandom(t)
	for range cases / 2 {
		key, text := fernetKey(r), r.text()
		raw := must(key.AppendSeal(nil, []byte(text), time.Now()))
		raw[r.IntN(len(raw))] ^= byte(1 + r.IntN(255))
		token := toText(raw)
		if got, refused := try[string](t, p, "fernet_decrypt", args{"key": key.Reveal(), "token": token, "ttl": 0}); refused == "" {
			t.Fatalf("npm fernet takes %q as %q", token, got)
		}
		if _, err := key.Decrypt([]byte(token)); !errors.Is(err, fernet.ErrMAC) && !errors.Is(err, fernet.ErrVersion) {
			t.Fatalf("we say %v to %q", err, token)
		}
	}
}
