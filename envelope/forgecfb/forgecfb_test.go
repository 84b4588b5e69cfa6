package forgecfb_test

import (
	"bytes"
	"crypto/fips140"
	"errors"
	"testing"
	"time"

	"github.com/parley-e2ee/parley/envelope/fernet"
	"github.com/parley-e2ee/parley/envelope/forgecfb"
)

func TestRefused(t *testing.T) {
	needCFB(t)
	type inputs struct {
		name         string
		keySize, ivN int
		want         error
	}
	cases := []inputs{{"key first", 24, 17, forgecfb.ErrKey}}
	for n := range 65 {
		if n != 16 && n != 32 {
			cases = append(cases, inputs{"key", n, 16, forgecfb.ErrKey})
		}
		if n != 16 {
			cases = append(cases, inputs{"IV", 16, n, forgecfb.ErrIV}, inputs{"IV", 32, n, forgecfb.ErrIV})
		}
	}
	for _, c := range cases {
		key, iv := random(c.keySize), random(c.ivN)
		for _, ciphertext := range [][]byte{nil, random(20)} {
			plaintext, err := forgecfb.OpenUnauthenticated(key, iv, ciphertext)
			wantRefused(t, plaintext, err, c.want)
			token, err := forgecfb.Upgrade(fernet.GenerateKey(), key, iv, ciphertext)
			wantRefused(t, token, err, c.want)
		}
		if t.Failed() {
			t.Fatalf("%s: key of %d bytes, IV of %d", c.name, c.keySize, c.ivN)
		}
	}
}

func wantRefused(t *testing.T, result []byte, err, want error) {
	t.Helper()
	if result != nil {
		t.Errorf("%d bytes came with the error %v", len(result), err)
	}
	for _, e := range []error{forgecfb.ErrKey, forgecfb.ErrIV, forgecfb.ErrFIPS} {
		if errors.Is(err, e) != (e == want) {
			t.Errorf("errors.Is(%v, %v) = %v", err, e, e != want)
		}
	}
}

func TestFIPS(t *testing.T) {
	if !fips140.Enforced() {
		t.Skip("for GODEBUG=fips140=only")
	}
	plaintext, err := forgecfb.OpenUnauthenticated(random(16), random(16), random(20))
	wantRefused(t, plaintext, err, forgecfb.ErrFIPS)
	token, err := forgecfb.Upgrade(fernet.GenerateKey(), random(16), random(16), random(20))
	wantRefused(t, token, err, forgecfb.ErrFIPS)
}

func TestEmptyIsNotNil(t *testing.T) {
	needCFB(t)
	got, err := forgecfb.OpenUnauthenticated(random(16), random(16), nil)
	if got == nil || len(got) != 0 || err != nil {
		t.Errorf("%v, %v", got, err)
	}
}

func TestUpgradeTime(t *testing.T) {
	needCFB(t)
	to, key, iv := fernet.GenerateKey(), random(32), random(16)
	ciphertext := seal(key, iv, []byte("hello"))

	token := must(forgecfb.UpgradeAt(to, key, iv, ciphertext, someTime.Add(999*time.Millisecond)))
	if got := must(to.Timestamp(token)); !got.Equal(someTime) {
		t.Errorf("dated %v, want %v", got, someTime)
	}
	before := time.Now().Truncate(time.Second)
	token = must(forgecfb.Upgrade(to, key, iv, ciphertext))
	if got := must(to.Timestamp(token)); got.Before(before) || got.After(time.Now()) {
		t.Errorf("dated %v, which is not the present", got)
	}
}

// TestUpgradeWipes: the plaintext is gone, whether or not a token was made.
func TestUpgradeWipes(t *testing.T) {
	needCFB(t)
	key, iv, plaintext := random(16), random(16), bytes.Repeat([]byte("secret"), 10)
	ciphertext := seal(key, iv, plaintext)
	for _, c := range []struct {
		name string
		to   fernet.Key
		made time.Time
		want error
	}{
		{"made", fernet.GenerateKey(), someTime, nil},
		{"zero key", fernet.Key{}, someTime, fernet.ErrKey},
		{"before 1970", fernet.GenerateKey(), time.Unix(-1, 0), fernet.ErrTime},
	} {
		scratch := bytes.Repeat([]byte{0xFF}, len(ciphertext))
		token, err := forgecfb.UpgradeIn(scratch, c.to, key, iv, ciphertext, c.made)
		if !errors.Is(err, c.want) || (token == nil) != (c.want != nil) {
			t.Errorf("%s: %d bytes, %v", c.name, len(token), err)
		}
		if !bytes.Equal(scratch, make([]byte, len(scratch))) {
			t.Errorf("%s: the plaintext was left behind", c.name)
		}
	}
}

// TestDocumentedForgeries holds the package's documentation to its word on what a
// stranger can do.
func TestDocumentedForgeries(t *testing.T) {
	needCFB(t)
	key, iv, plaintext := random(32), random(16), random(48)
	ciphertext := seal(key, iv, plaintext)
	open := func(iv, ciphertext []byte) []byte {
		return must(forgecfb.OpenUnauthenticated(key, iv, ciphertext))
	}
	flipped := bytes.Clone(ciphertext)
	flipped[20] ^= 0x10
	want := bytes.Clone(plaintext)
	want[20] ^= 0x10
	if got := open(iv, flipped); !bytes.Equal(got[:32], want[:32]) || bytes.Equal(got[32:], want[32:]) {
		t.Error("a flipped bit is not a flipped bit and noise in the next block")
	}
	flipped[20] ^= 0x10
	flipped[40] ^= 0x10
	want[20] ^= 0x10
	want[40] ^= 0x10
	if got := open(iv, flipped); !bytes.Equal(got, want) {
		t.Error("a bit flipped in the last block has a price")
	}
	if got := open(iv, ciphertext[:37]); !bytes.Equal(got, plaintext[:37]) {
		t.Error("an end that was cut off leaves a trace")
	}
	if got := open(ciphertext[:16], ciphertext[16:]); !bytes.Equal(got, plaintext[16:]) {
		t.Error("a front that was cut off leaves a trace")
	}
}
