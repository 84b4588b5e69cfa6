package fernet_test

import (
	"bytes"
	"sync"
	"testing"
	"time"

	"github.com/parley-e2ee/parley/envelope/fernet"
)

func TestKeyring(t *testing.T) {
	a, b, stranger := fernet.GenerateKey(), fernet.GenerateKey(), fernet.GenerateKey()
	list := []fernet.Key{a, b}
	ring := must(fernet.NewKeyring(list...))
	list[0], list[1] = stranger, stranger
	msg := []byte("hello")

	for _, token := range [][]byte{
		must(ring.Encrypt(msg)), must(ring.EncryptAt(msg, specTime)), must(ring.AppendEncrypt(nil, msg, specTime)),
	} {
		if got := must(a.Decrypt(token)); !bytes.Equal(got, msg) {
			t.Error("the first key did not encrypt")
		}
		if _, err := b.Decrypt(token); err == nil {
			t.Error("the second key opened it")
		}
	}
	if got := must(a.AppendOpen(nil, must(ring.AppendSeal(nil, msg, specTime)), specTime)); !bytes.Equal(got, msg) {
		t.Error("the first key did not seal")
	}
	for _, key := range []fernet.Key{a, b} {
		token := must(key.EncryptAt(msg, specTime))
		raw := must(key.AppendSeal(nil, msg, specTime))
		for _, got := range [][]byte{
			must(ring.Decrypt(token)), must(ring.DecryptAt(token, specTime, fernet.MaxAge(0))),
			must(ring.AppendDecrypt(nil, token, specTime)), must(ring.AppendOpen(nil, raw, specTime)),
		} {
			if !bytes.Equal(got, msg) {
				t.Errorf("message %q", got)
			}
		}
		if err := ring.VerifyAt(token, specTime, fernet.MaxAge(0)); err != nil {
			t.Error(err)
		}
		if got := must(ring.Timestamp(token)); !got.Equal(specTime) {
			t.Errorf("timestamp %v", got)
		}
		_, err := ring.DecryptAt(token, specTime.Add(time.Second), fernet.MaxAge(0))
		wantRefused(t, nil, err, fernet.ErrExpired)
		wantRefused(t, nil, ring.Verify(token, fernet.MaxAge(0)), fernet.ErrExpired)
	}
	got, err := ring.Decrypt(must(stranger.Encrypt(msg)))
	wantRefused(t, got, err, fernet.ErrMAC)
}

func TestRotate(t *testing.T) {
	old, fresh := fernet.GenerateKey(), fernet.GenerateKey()
	ring := must(fernet.NewKeyring(fresh, old))
	for _, key := range []fernet.Key{old, fresh} {
		for _, ts := range []uint64{0, 499162800, 1 << 63, 1<<64 - 1} {
			for _, n := range []int{0, 1, 15, 16, 17, 767, 768, 5000} {
				token := must(fernet.EncryptWith(key, fill(n), [16]byte{}, ts))
				backup := bytes.Clone(token)
				got := must(ring.Rotate(token))
				if !bytes.Equal(token, backup) {
					t.Fatal("the old token changed")
				}
				if !bytes.Equal(must(fresh.Decrypt(got)), fill(n)) {
					t.Errorf("%d bytes: the message changed", n)
				}
				iv := [16]byte(must(fernet.DecodeText(got))[9:])
				if iv == [16]byte{} || iv == [16]byte(must(fernet.DecodeText(must(ring.Rotate(token))))[9:]) {
					t.Error("the IV is not fresh")
				}
				if want := must(fernet.EncryptWith(fresh, fill(n), iv, ts)); !bytes.Equal(got, want) {
					t.Errorf("%d bytes at %d: the token is not what the first key makes", n, ts)
				}
			}
		}
	}
	good := must(old.Encrypt(nil))
	unpadded := toText(forge(old, 0x80, 0, [16]byte{}, make([]byte, 16)))
	for _, c := range []struct {
		token []byte
		cause error
	}{
		{nil, fernet.ErrMalformed}, {good[:len(good)-4], fernet.ErrMalformed}, {append(good, '\n'), fernet.ErrMalformed},
		{good[1:], fernet.ErrMalformed}, {[]byte("===="), fernet.ErrMalformed}, {[]byte("AAAA"), fernet.ErrVersion},
		{must(fernet.GenerateKey().Encrypt(nil)), fernet.ErrMAC}, {unpadded, fernet.ErrPadding},
	} {
		got, err := ring.Rotate(c.token)
		wantRefused(t, got, err, c.cause)
	}
}

// TestConcurrent is for the race detector.
func TestConcurrent(t *testing.T) {
	a, b := fernet.GenerateKey(), fernet.GenerateKey()
	ring := must(fernet.NewKeyring(a, b))
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 200 {
				msg := fill(g*31 + i)
				if !bytes.Equal(must(ring.Decrypt(must(b.Encrypt(msg)))), msg) ||
					!bytes.Equal(must(a.Decrypt(must(ring.Encrypt(msg)))), msg) {
					t.Error("a message changed")
				}
			}
		})
	}
	wg.Wait()
}

// TestFreshIV: no two tokens of one message are alike.
func TestFreshIV(t *testing.T) {
	key := fernet.GenerateKey()
	seen := make(map[string]bool)
	for range 1000 {
		raw := must(key.AppendSeal(nil, nil, specTime))
		seen[string(raw[9:25])] = true
		text := must(fernet.DecodeText(must(key.EncryptAt(nil, specTime))))
		seen[string(text[9:25])] = true
	}
	if len(seen) != 2000 {
		t.Errorf("%d different IVs in 2000 tokens", len(seen))
	}
}
