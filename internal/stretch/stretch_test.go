package stretch_test

import (
	"bytes"
	"crypto/fips140"
	"testing"

	"github.com/parley-e2ee/parley/internal/stretch"
)

// TestNew: as RFC 9106, section 4, and OWASP say, and another salt each time.
func TestNew(t *testing.T) {
	a, b := stretch.New(), stretch.New()
	if a.Salt == b.Salt {
		t.Error("the same salt twice")
	}
	want := stretch.Params{KDF: stretch.Argon2id, Time: 3, Memory: 64 << 10, Parallelism: 4, Salt: a.Salt}
	if fips140.Enabled() {
		want = stretch.Params{KDF: stretch.PBKDF2, Time: 600_000, Salt: a.Salt}
	}
	if a != want {
		t.Errorf("%+v", a)
	}
}

func TestParse(t *testing.T) {
	for _, c := range []struct {
		p    stretch.Params
		want error
	}{
		{stretch.New(), nil},
		{stretch.Params{KDF: stretch.Argon2id, Time: 1, Memory: 8, Parallelism: 1}, nil},
		{stretch.Params{KDF: stretch.Argon2id, Time: 4, Memory: 256 << 10, Parallelism: 16}, nil},
		{stretch.Params{KDF: stretch.Argon2id, Time: 16, Memory: 64 << 10, Parallelism: 4}, nil},
		{stretch.Params{KDF: stretch.PBKDF2, Time: 10_000_000}, nil},
		{stretch.Params{KDF: 0, Time: 1, Memory: 8, Parallelism: 1}, stretch.ErrUnknown},
		{stretch.Params{KDF: 3, Time: 1, Memory: 8, Parallelism: 1}, stretch.ErrUnknown},
		{stretch.Params{KDF: stretch.Argon2id, Time: 0, Memory: 8, Parallelism: 1}, stretch.ErrLimit},
		{stretch.Params{KDF: stretch.Argon2id, Time: 17, Memory: 8, Parallelism: 1}, stretch.ErrLimit},
		{stretch.Params{KDF: stretch.Argon2id, Time: 1, Memory: 7, Parallelism: 1}, stretch.ErrLimit},
		{stretch.Params{KDF: stretch.Argon2id, Time: 1, Memory: 256<<10 + 1, Parallelism: 1}, stretch.ErrLimit},
		{stretch.Params{KDF: stretch.Argon2id, Time: 5, Memory: 256 << 10, Parallelism: 1}, stretch.ErrLimit},
		{stretch.Params{KDF: stretch.Argon2id, Time: 1, Memory: 1 << 10}, stretch.ErrLimit},
		{stretch.Params{KDF: stretch.Argon2id, Time: 1, Memory: 1 << 10, Parallelism: 17}, stretch.ErrLimit},
		{stretch.Params{KDF: stretch.PBKDF2}, stretch.ErrLimit},
		{stretch.Params{KDF: stretch.PBKDF2, Time: 10_000_001}, stretch.ErrLimit},
		{stretch.Params{KDF: stretch.PBKDF2, Time: 1, Memory: 1}, stretch.ErrLimit},
		{stretch.Params{KDF: stretch.PBKDF2, Time: 1, Parallelism: 1}, stretch.ErrLimit},
	} {
		b := c.p.Append(nil)
		got, err := stretch.Parse(b)
		if len(b) != stretch.Size || err != c.want || got != c.p || !bytes.Equal(got.Append(nil), b) {
			t.Errorf("%+v: %+v, %v", c.p, got, err)
		}
	}
}

// TestKey: each parameter and the passphrase matter.
func TestKey(t *testing.T) {
	base := stretch.Params{KDF: stretch.PBKDF2, Time: 2}
	all := []stretch.Params{base, {KDF: stretch.PBKDF2, Time: 3}, {KDF: stretch.PBKDF2, Time: 2, Salt: [stretch.SaltSize]byte{31: 1}}}
	argon := stretch.Params{KDF: stretch.Argon2id, Time: 1, Memory: 16, Parallelism: 1}
	if fips140.Enabled() {
		if _, err := argon.Key([]byte("passphrase")); err != stretch.ErrFIPS {
			t.Errorf("Argon2id: %v", err)
		}
	} else {
		more := []stretch.Params{argon, argon, argon, argon}
		more[1].Time, more[2].Memory, more[3].Parallelism = 2, 17+8, 2
		all = append(all, more...)
	}
	seen := make(map[string]bool)
	for _, p := range all {
		for _, passphrase := range []string{"passphrase", "passphrase "} {
			key, err := p.Key([]byte(passphrase))
			if err != nil || len(key) != 32 || seen[string(key)] {
				t.Errorf("%+v: %x, %v", p, key, err)
			}
			seen[string(key)] = true
		}
	}
}
