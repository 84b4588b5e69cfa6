package fernet_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"github.com/parley-e2ee/parley/envelope/fernet"
)

// FuzzDecrypt: any bytes end in a typed error or a message; a text that decodes is
// the only text of its token, and a token that opens the only token of its message.
func FuzzDecrypt(f *testing.F) {
	key := mustParse(f, specKey)
	f.Add(must(fernet.EncryptWith(key, []byte("hello"), [16]byte{}, 0)))
	f.Fuzz(func(t *testing.T, token []byte) {
		backup := bytes.Clone(token)
		raw, err := fernet.DecodeText(token)
		if err == nil && !bytes.Equal(toText(raw), token) {
			t.Errorf("%q is not the text of its token", token)
		}
		msg, err2 := key.AppendDecrypt([]byte("dst"), token, specTime, fernet.MaxAge(0))
		if !bytes.Equal(token, backup) {
			t.Error("the token changed")
		}
		if err2 != nil {
			if msg != nil || !errors.Is(err2, fernet.ErrToken) {
				t.Errorf("%d bytes, error %v", len(msg), err2)
			}
			return
		}
		if err != nil {
			t.Fatal("a text opened that does not decode")
		}
		want := must(fernet.EncryptWith(key, msg[3:], [16]byte(raw[9:]), binary.BigEndian.Uint64(raw[1:])))
		if !bytes.Equal(want, token) {
			t.Errorf("%q is not the token of its message", token)
		}
	})
}

// FuzzOpen: whatever the key's holder signs ends in a typed error or in a message
// of which it is the only token.
func FuzzOpen(f *testing.F) {
	key := mustParse(f, specKey)
	raw := must(fernet.SealWith(key, []byte("hello"), [16]byte{}, 0))
	f.Add(raw[:len(raw)-32])
	f.Fuzz(func(t *testing.T, body []byte) {
		token := sign(key, body)
		msg, err := key.AppendOpen(nil, token, specTime)
		got, err2 := key.Decrypt(toText(token))
		if !bytes.Equal(msg, got) || !errors.Is(err, err2) {
			t.Errorf("the forms differ: %d bytes, %v; %d bytes, %v", len(msg), err, len(got), err2)
		}
		if err != nil {
			if !errors.Is(err, fernet.ErrToken) || errors.Is(err, fernet.ErrMAC) {
				t.Errorf("error %v", err)
			}
			return
		}
		want := must(fernet.SealWith(key, msg, [16]byte(token[9:]), binary.BigEndian.Uint64(token[1:])))
		if !bytes.Equal(want, token) {
			t.Errorf("%x is not the token of its message", token)
		}
	})
}

// FuzzParseKey: a text that parses is a key's only text, but for its padding.
func FuzzParseKey(f *testing.F) {
	f.Add(specKey)
	f.Fuzz(func(t *testing.T, text string) {
		key, err := fernet.ParseKey(text)
		if err != nil {
			if !errors.Is(err, fernet.ErrKey) {
				t.Errorf("error %v", err)
			}
			return
		}
		want := key.Reveal()
		if text != want && text != strings.TrimSuffix(want, "=") {
			t.Errorf("%q parses to the key %q", text, want)
		}
	})
}
