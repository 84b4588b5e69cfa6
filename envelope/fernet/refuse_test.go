package fernet_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/parley-e2ee/parley/envelope/fernet"
)

// TestRefuseRaw has one defect a case; all but the MAC's have a valid MAC.
func TestRefuseRaw(t *testing.T) {
	key := mustParse(t, specKey)
	block := bytes.Repeat([]byte{'x'}, 16)
	withPad := func(tail ...byte) []byte {
		last := append(block[:16-len(tail):16-len(tail)], tail...)
		return forge(key, 0x80, 0, [16]byte{}, append(bytes.Clone(block), last...))
	}
	whole := forge(key, 0x80, 0, [16]byte{}, pad([]byte("hello")))
	cases := []struct {
		name  string
		token []byte
		cause error
	}{
		{"nothing", nil, fernet.ErrMalformed},
		{"version alone", []byte{0x80}, fernet.ErrMalformed},
		{"other version, too short", []byte{0x81}, fernet.ErrVersion},
		{"other version", forge(key, 0x81, 0, [16]byte{}, pad(nil)), fernet.ErrVersion},
		{"version zero", forge(key, 0, 0, [16]byte{}, pad(nil)), fernet.ErrVersion},
		{"MAC alone", sign(key, []byte{0x80}), fernet.ErrMalformed},
		{"no ciphertext", forge(key, 0x80, 0, [16]byte{}, nil), fernet.ErrMalformed},
		{"ciphertext of 15 bytes", sign(key, append([]byte{0x80}, fill(24+15)...)), fernet.ErrMalformed},
		{"ciphertext of 17 bytes", sign(key, append([]byte{0x80}, fill(24+17)...)), fernet.ErrMalformed},
		{"no MAC", whole[:len(whole)-32], fernet.ErrMalformed},
		{"MAC of zeros", append(bytes.Clone(whole[:len(whole)-32]), make([]byte, 32)...), fernet.ErrMAC},
		{"MAC of another key", forge(fernet.GenerateKey(), 0x80, 0, [16]byte{}, pad(nil)), fernet.ErrMAC},
		{"pad 0", withPad(0), fernet.ErrPadding},
		{"pad 17", withPad(17), fernet.ErrPadding},
		{"pad 32", forge(key, 0x80, 0, [16]byte{}, bytes.Repeat([]byte{32}, 32)), fernet.ErrPadding},
		{"pad 255", withPad(255), fernet.ErrPadding},
		{"pad 2, first differs", withPad(1, 2), fernet.ErrPadding},
		{"pad 4, one differs", withPad(4, 4, 3, 4), fernet.ErrPadding},
		{"pad 16, first differs", withPad(append([]byte{15}, bytes.Repeat([]byte{16}, 15)...)...), fernet.ErrPadding},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, err := key.AppendOpen([]byte("before"), c.token, specTime)
			wantRefused(t, got, err, c.cause)
			got, err = key.DecryptAt(toText(c.token), specTime)
			wantRefused(t, got, err, c.cause)
		})
	}
}

// TestPadding tries every pad byte in every state of the bytes before it.
func TestPadding(t *testing.T) {
	for last := range 256 {
		for equal := range 17 {
			block := [16]byte(bytes.Repeat([]byte{byte(last) ^ 0xff}, 16))
			for i := 16 - equal; i < 16; i++ {
				block[i] = byte(last)
			}
			block[15] = byte(last)
			want := 0
			if last >= 1 && last <= 16 && max(equal, 1) >= last {
				want = last
			}
			if got := fernet.Padding(&block); got != want {
				t.Errorf("last byte %d, %d equal: padding %d, want %d", last, equal, got, want)
			}
		}
	}
}

// TestRefuseText spoils the text of a good token in every way that a lenient
// decoder takes.
func TestRefuseText(t *testing.T) {
	key := mustParse(t, specKey)
	// One text for each number of padding characters.
	for _, n := range []int{0, 16, 32} {
		text := string(must(fernet.EncryptWith(key, fill(n), [16]byte{}, 0)))
		if _, err := key.Decrypt([]byte(text)); err != nil {
			t.Fatal(err)
		}
		bare := strings.TrimRight(text, "=")
		spoilt := []string{
			text + "=", text + "====", text + "A", text + "AAAA", text + "\x00", "=" + text,
			bare[:len(bare)-1], bare[:len(bare)-4] + "====", bare[:8] + "=" + bare[8:],
			bare + "\n" + text[len(bare):], text[:len(text)-1] + "\n", text + "\n\n\n\n",
			"Z" + text, strings.Repeat("=", len(text)),
		}
		if bare != text {
			spoilt = append(spoilt, bare, text[:len(text)-1], looseBits(bare)+text[len(bare):])
		}
		for _, space := range []string{"\n", "\r", "\r\n", " ", "\t", "\v", "\u00a0", "\r\n\r\n", strings.Repeat("\n", 64)} {
			for _, at := range []int{0, 1, 4, len(text) / 2, len(bare) - 1, len(bare), len(text)} {
				spoilt = append(spoilt, text[:at]+space+text[at:])
			}
		}
		for _, c := range []string{"+", "/", "=", "%", "\x00", "\xff", "\n", "\r"} {
			spoilt = append(spoilt, text[:50]+c+text[51:])
		}
		for _, s := range spoilt {
			got, err := key.Decrypt([]byte(s))
			if !errors.Is(err, fernet.ErrMalformed) || got != nil {
				t.Errorf("%q: error %v", s, err)
			}
			if err := key.Verify([]byte(s)); !errors.Is(err, fernet.ErrMalformed) {
				t.Errorf("Verify %q: error %v", s, err)
			}
		}
	}
}

// looseBits sets the last of the bits that no byte uses.
func looseBits(bare string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := strings.IndexByte(alphabet, bare[len(bare)-1])
	return bare[:len(bare)-1] + string(alphabet[last|1])
}

// TestRefuseEveryChange changes every byte of a token to every other value, and
// cuts and extends it everywhere.
func TestRefuseEveryChange(t *testing.T) {
	key := mustParse(t, specKey)
	raw := must(fernet.SealWith(key, []byte("hello"), [16]byte{}, 0))
	text := toText(raw)
	open := func(b []byte) ([]byte, error) { return key.AppendOpen(nil, b, specTime) }
	decrypt := func(b []byte) ([]byte, error) { return key.Decrypt(b) }
	for _, form := range []struct {
		token []byte
		open  func([]byte) ([]byte, error)
	}{{raw, open}, {text, decrypt}} {
		refused := func(what string, at int, b []byte) {
			if got, err := form.open(b); got != nil || !errors.Is(err, fernet.ErrToken) {
				t.Errorf("%s at %d of %d: error %v", what, at, len(form.token), err)
			}
		}
		for i := range form.token {
			changed := bytes.Clone(form.token)
			for x := 1; x < 256; x++ {
				changed[i] = form.token[i] ^ byte(x)
				refused("change", i, changed)
			}
			refused("cut before", i, form.token[i+1:])
			refused("cut", i, form.token[:i])
			refused("insertion", i, append(append(bytes.Clone(form.token[:i]), 'A'), form.token[i:]...))
		}
		refused("twice", 0, append(bytes.Clone(form.token), form.token...))
	}
}

// TestErrorTexts: a text names the package and holds no detail of a secret layer.
func TestErrorTexts(t *testing.T) {
	for _, err := range append(causes, fernet.ErrToken, fernet.ErrKey, fernet.ErrTime, fernet.ErrSize) {
		if !strings.HasPrefix(err.Error(), "fernet: ") {
			t.Errorf("%q does not name the package", err)
		}
	}
	if fernet.ErrMAC.Error() != fernet.ErrPadding.Error() {
		t.Error("the texts tell a bad MAC from bad padding")
	}
	if errors.Is(fernet.ErrKey, fernet.ErrToken) || errors.Is(fernet.ErrTime, fernet.ErrToken) {
		t.Error("ErrKey or ErrTime is ErrToken")
	}
}
