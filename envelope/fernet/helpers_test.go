package fernet_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"testing"
	"time"

	"github.com/parley-e2ee/parley/envelope/fernet"
)

// The key and the time of the published vectors.
const specKey = "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4="

var specTime = time.Unix(499162800, 0)

var causes = []error{
	fernet.ErrMalformed, fernet.ErrVersion, fernet.ErrMAC,
	fernet.ErrExpired, fernet.ErrClockSkew, fernet.ErrPadding,
}

func mustParse(t testing.TB, text string) fernet.Key {
	t.Helper()
	key, err := fernet.ParseKey(text)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// must is for calls that fail only where the package is broken.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// wantRefused checks that err is cause, ErrToken and no other cause, and that
// nothing came with it.
func wantRefused(t *testing.T, msg []byte, err, cause error) {
	t.Helper()
	if msg != nil {
		t.Errorf("%d bytes came with error %v", len(msg), err)
	}
	if !errors.Is(err, fernet.ErrToken) {
		t.Errorf("error %v is not ErrToken", err)
	}
	for _, c := range causes {
		if errors.Is(err, c) != (c == cause) {
			t.Errorf("errors.Is(%v, %v) = %v", err, c, c != cause)
		}
	}
}

// The helpers below are a second implementation, written from the spec alone.

func secretOf(k fernet.Key) (signing, encryption []byte) {
	raw := must(base64.URLEncoding.DecodeString(k.Reveal()))
	return raw[:16], raw[16:]
}

// sign appends the HMAC that makes any bytes authentic.
func sign(k fernet.Key, body []byte) []byte {
	signing, _ := secretOf(k)
	mac := hmac.New(sha256.New, signing)
	mac.Write(body)
	return mac.Sum(bytes.Clone(body))
}

// forge returns an authentic token around padded, whole blocks of plaintext.
func forge(k fernet.Key, version byte, ts uint64, iv [16]byte, padded []byte) []byte {
	_, encryption := secretOf(k)
	body := binary.BigEndian.AppendUint64([]byte{version}, ts)
	body = append(body, iv[:]...)
	ct := make([]byte, len(padded))
	cipher.NewCBCEncrypter(must(aes.NewCipher(encryption)), iv[:]).CryptBlocks(ct, padded)
	return sign(k, append(body, ct...))
}

// pad is PKCS#7.
func pad(msg []byte) []byte {
	n := 16 - len(msg)%16
	return append(bytes.Clone(msg), bytes.Repeat([]byte{byte(n)}, n)...)
}

func toText(raw []byte) []byte {
	return []byte(base64.URLEncoding.EncodeToString(raw))
}

func fill(n int) []byte {
	msg := make([]byte, n)
	for i := range msg {
		msg[i] = byte(i * 7)
	}
	return msg
}
