package fernet_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"github.com/parley-e2ee/parley/envelope/fernet"
)

func TestParseKey(t *testing.T) {
	key := mustParse(t, specKey)
	if got := key.Reveal(); got != specKey {
		t.Error("the text form differs from what was parsed")
	}
	if !mustParse(t, strings.TrimSuffix(specKey, "=")).Equal(key) {
		t.Error("the text form without padding is another key")
	}
	raw := must(base64.URLEncoding.DecodeString(specKey))
	if !must(fernet.NewKey(raw)).Equal(key) {
		t.Error("the raw form is another key")
	}
	clear(raw)
	if key.Reveal() != specKey {
		t.Error("NewKey did not copy")
	}
}

func TestParseKeyRefuses(t *testing.T) {
	bare := strings.TrimSuffix(specKey, "=")
	refused := []string{
		"", "=", bare + "==", bare + "===", bare + "A", bare + "A=", bare[:42], bare[:42] + "=", bare[:42] + "==",
		bare[:40], "A" + bare, strings.Repeat("=", 44), strings.Repeat("A", 86),
		specKey + "\n", specKey + " ", "\n" + specKey, bare + "\n", bare[:42] + "\n", bare[:20] + "\n" + bare[20:],
		bare[:20] + "\n" + bare[21:], bare[:20] + "\r" + bare[21:], bare[:20] + " " + bare[21:],
		bare[:20] + "+" + bare[21:], bare[:20] + "/" + bare[21:], bare[:20] + "=" + bare[21:],
		bare[:42] + "5", // as 4, with a bit that no byte uses
	}
	for _, text := range refused {
		key, err := fernet.ParseKey(text)
		if !errors.Is(err, fernet.ErrKey) || !key.Equal(fernet.Key{}) {
			t.Errorf("%d characters: error %v", len(text), err)
		}
	}
	for _, n := range []int{0, 16, 31, 33, 64} {
		if _, err := fernet.NewKey(make([]byte, n)); !errors.Is(err, fernet.ErrKey) {
			t.Errorf("%d bytes: error %v", n, err)
		}
	}
}

func TestGenerateKey(t *testing.T) {
	seen := make(map[string]bool)
	for range 1000 {
		key := fernet.GenerateKey()
		if !mustParse(t, key.Reveal()).Equal(key) {
			t.Fatal("a key differs from its text form")
		}
		signing, encryption := secretOf(key)
		seen[string(signing)], seen[string(encryption)] = true, true
	}
	if len(seen) != 2000 {
		t.Errorf("%d different halves of 1000 keys", len(seen))
	}
}

func TestEqual(t *testing.T) {
	key, zero := fernet.GenerateKey(), fernet.Key{}
	raw := must(base64.URLEncoding.DecodeString(key.Reveal()))
	for i := range raw {
		raw[i] ^= 1
		if must(fernet.NewKey(raw)).Equal(key) {
			t.Errorf("equal in spite of byte %d", i)
		}
		raw[i] ^= 1
	}
	if !must(fernet.NewKey(raw)).Equal(key) || !zero.Equal(zero) || zero.Equal(key) || key.Equal(zero) {
		t.Error("Equal is wrong")
	}
}

// TestHalves: the first half signs, the second encrypts.
func TestHalves(t *testing.T) {
	raw := fill(fernet.KeySize)
	key := must(fernet.NewKey(raw))
	signing, encryption := secretOf(key)
	if !bytes.Equal(signing, raw[:16]) || !bytes.Equal(encryption, raw[16:]) {
		t.Fatal("the text form is not the raw form")
	}
	token := must(key.EncryptAt([]byte("hello"), specTime))
	raw[0] ^= 1
	_, err := must(fernet.NewKey(raw)).Decrypt(token)
	wantRefused(t, nil, err, fernet.ErrMAC)
	raw[0] ^= 1
	raw[16] ^= 1
	if err := must(fernet.NewKey(raw)).Verify(token); err != nil {
		t.Errorf("the encryption half took part in the MAC: %v", err)
	}
}

// TestZeroKey: every method of a zero Key or Keyring fails with ErrKey.
func TestZeroKey(t *testing.T) {
	var key fernet.Key
	var ring fernet.Keyring
	good := fernet.GenerateKey()
	text, raw := must(good.Encrypt(nil)), must(good.AppendSeal(nil, nil, specTime))
	var errs []error
	add := func(b []byte, err error) {
		if b != nil {
			t.Error("a result came with the error")
		}
		errs = append(errs, err)
	}
	add(key.Encrypt(nil))
	add(key.AppendSeal(nil, nil, specTime))
	add(key.Decrypt(text))
	add(key.AppendOpen(nil, raw, specTime))
	add(key.Decrypt([]byte("gAA")))
	add(key.AppendOpen(nil, nil, specTime))
	add(nil, key.Verify(text))
	_, err := key.Timestamp(text)
	add(nil, err)
	add(ring.Encrypt(nil))
	add(ring.AppendSeal(nil, nil, specTime))
	add(ring.Decrypt(text))
	add(ring.AppendOpen(nil, raw, specTime))
	add(ring.Rotate(text))
	add(nil, ring.Verify(text))
	_, err = ring.Timestamp(text)
	add(nil, err)
	_, err = fernet.NewKeyring()
	add(nil, err)
	_, err = fernet.NewKeyring(good, key)
	add(nil, err)
	for i, err := range errs {
		if !errors.Is(err, fernet.ErrKey) || errors.Is(err, fernet.ErrToken) {
			t.Errorf("call %d: error %v", i, err)
		}
	}
	if key.Reveal() != "" {
		t.Error("the zero Key reveals something")
	}
}
