package fernet_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/parley-e2ee/parley/envelope/fernet"
	"github.com/parley-e2ee/parley/internal/alloctest"
)

// appendForm is one of the four Append methods with all but its buffers fixed.
type appendForm struct {
	name string
	call func(dst, src []byte) ([]byte, error)
	// inverse undoes call.
	inverse func(dst, src []byte) ([]byte, error)
}

func appendForms(key fernet.Key) []appendForm {
	seal := func(dst, msg []byte) ([]byte, error) { return key.AppendSeal(dst, msg, specTime) }
	open := func(dst, tok []byte) ([]byte, error) { return key.AppendOpen(dst, tok, specTime, fernet.MaxAge(0)) }
	encrypt := func(dst, msg []byte) ([]byte, error) { return key.AppendEncrypt(dst, msg, specTime) }
	decrypt := func(dst, tok []byte) ([]byte, error) {
		return key.AppendDecrypt(dst, tok, specTime, fernet.MaxAge(0), fernet.MaxSkew(time.Hour))
	}
	return []appendForm{
		{"AppendSeal", seal, open}, {"AppendOpen", open, seal},
		{"AppendEncrypt", encrypt, decrypt}, {"AppendDecrypt", decrypt, encrypt},
	}
}

// input returns a source for f and, where the result is not random, the result.
func (f appendForm) input(msg []byte) (src, want []byte) {
	if f.name == "AppendSeal" || f.name == "AppendEncrypt" {
		return bytes.Clone(msg), nil
	}
	return must(f.inverse(nil, msg)), msg
}

func (f appendForm) check(t *testing.T, out, prefix, msg, want []byte) {
	t.Helper()
	if !bytes.HasPrefix(out, prefix) {
		t.Fatalf("%s: the bytes before the result changed", f.name)
	}
	got := out[len(prefix):]
	if want == nil {
		got = must(f.inverse(nil, got))
	}
	if !bytes.Equal(got, msg) {
		t.Errorf("%s: the message changed", f.name)
	}
}

func TestAppend(t *testing.T) {
	prefix := []byte("what was there before")
	for _, f := range appendForms(fernet.GenerateKey()) {
		for _, n := range []int{0, 1, 15, 16, 17, 1000} {
			src, want := f.input(fill(n))
			exact := map[string]int{
				"AppendSeal": fernet.SealedSize(n), "AppendOpen": n,
				"AppendEncrypt": fernet.EncryptedSize(n), "AppendDecrypt": len(src) / 4 * 3,
			}[f.name]
			for _, room := range []int{0, 1, exact - 1, exact, exact + 1, 4 * exact} {
				room = max(room, 0)
				backup := bytes.Clone(src)
				dst := append(make([]byte, 0, len(prefix)+room), prefix...)
				out := must(f.call(dst, src))
				f.check(t, out, prefix, fill(n), want)
				if !bytes.Equal(src, backup) {
					t.Errorf("%s: the source changed", f.name)
				}
				if !bytes.Equal(dst, prefix) {
					t.Errorf("%s: dst changed", f.name)
				}
				if room >= exact && &out[0] != &dst[0] {
					t.Errorf("%s: room of %d bytes was not used", f.name, room)
				}
			}
		}
	}
}

// TestAppendOverlap places source and room in one array, at every distance.
func TestAppendOverlap(t *testing.T) {
	for _, f := range appendForms(fernet.GenerateKey()) {
		for _, n := range []int{0, 1, 16, 40} {
			src, want := f.input(fill(n))
			for srcAt := range 300 {
				memory := make([]byte, 700)
				copy(memory[srcAt:], src)
				// Cut its capacity, so that the end of the array is no hint.
				in := memory[srcAt : srcAt+len(src) : srcAt+len(src)]
				out := must(f.call(memory[:100], in))
				if !bytes.Equal(in, src) {
					t.Fatalf("%s: the source at %d changed", f.name, srcAt)
				}
				if srcAt >= 100 && !bytes.Equal(memory[:100], make([]byte, 100)) {
					t.Fatalf("%s: dst changed", f.name)
				}
				f.check(t, out, bytes.Clone(memory[:100]), fill(n), want)
			}
		}
	}
}

// TestAppendInPlace is the use of dst that comes to mind first.
func TestAppendInPlace(t *testing.T) {
	for _, f := range appendForms(fernet.GenerateKey()) {
		src, want := f.input(fill(100))
		src = append(make([]byte, 0, 1000), src...)
		f.check(t, must(f.call(src[:0], src)), nil, fill(100), want)
	}
}

// TestAppendErrors: no error changes dst, and no plaintext is left behind.
func TestAppendErrors(t *testing.T) {
	key := fernet.GenerateKey()
	secret := bytes.Repeat([]byte("secret plaintext"), 8)
	badPad := forge(key, 0x80, 0, [16]byte{}, append(bytes.Clone(secret), make([]byte, 16)...))
	badMAC := forge(key, 0x80, 0, [16]byte{}, pad(secret))
	badMAC[len(badMAC)-1] ^= 1
	old := forge(key, 0x80, 0, [16]byte{}, pad(secret))
	for _, f := range appendForms(key) {
		if f.name != "AppendOpen" && f.name != "AppendDecrypt" {
			continue
		}
		for i, tok := range [][]byte{badPad, badMAC, old, badMAC[:50], badMAC[:len(badMAC)-1], {0x81}} {
			if f.name == "AppendDecrypt" {
				tok = toText(tok)
			}
			memory := bytes.Repeat([]byte{'.'}, 1000)
			if out, err := f.call(memory[:7], tok); out != nil || err == nil {
				t.Errorf("%s %d: %d bytes, error %v", f.name, i, len(out), err)
			}
			if !bytes.Equal(memory[:7], []byte(".......")) {
				t.Errorf("%s %d: dst changed", f.name, i)
			}
			if bytes.Contains(memory, []byte("plaintext")) {
				t.Errorf("%s %d: plaintext is left in dst", f.name, i)
			}
			room := bytes.Trim(memory[7:], ".")
			if f.name == "AppendOpen" && len(room) > 0 || len(bytes.Trim(room, "\x00")) > 0 {
				t.Errorf("%s %d: %d bytes are left in dst", f.name, i, len(room))
			}
		}
	}
}

// TestAppendBadText: what was decoded before the defect is not left behind.
func TestAppendBadText(t *testing.T) {
	key := fernet.GenerateKey()
	for _, spoilt := range []string{"%", "\n"} {
		text := must(key.Encrypt(fill(1000)))
		copy(text[len(text)-8:], spoilt)
		memory := make([]byte, 2000)
		out, err := key.AppendDecrypt(memory[:0], text, specTime)
		wantRefused(t, out, err, fernet.ErrMalformed)
		if !bytes.Equal(memory, make([]byte, len(memory))) {
			t.Error("bytes of the token are left in dst")
		}
	}
}

// TestMaxMessage: no length wraps around up to the longest message.
func TestMaxMessage(t *testing.T) {
	sealed, text := fernet.SealedSize(fernet.MaxMessage), fernet.EncryptedSize(fernet.MaxMessage)
	if sealed < fernet.MaxMessage || text < sealed {
		t.Errorf("the longest message, %d bytes, makes %d bytes or %d characters", fernet.MaxMessage, sealed, text)
	}
}

// TestAppendRoom: what AppendDecrypt uses beyond its result comes back as zeros.
func TestAppendRoom(t *testing.T) {
	key := fernet.GenerateKey()
	for n := range 70 {
		memory := bytes.Repeat([]byte{'.'}, 1000)
		must(key.AppendDecrypt(memory[:0], must(key.Encrypt(fill(n))), specTime))
		used := fernet.SealedSize(n)
		if !bytes.Equal(memory[n:used], make([]byte, used-n)) {
			t.Errorf("message of %d bytes: the room beyond is not zero", n)
		}
		if len(bytes.Trim(memory[used:], ".")) > 0 {
			t.Errorf("message of %d bytes: more room was used than documented", n)
		}
	}
}

// TestAllocations pins the documented costs.
func TestAllocations(t *testing.T) {
	if underRace {
		t.Skip("the race detector allocates on its own account")
	}
	raw := fill(32)
	key := must(fernet.NewKey(raw))
	msg, buf := fill(1000), make([]byte, 0, 4096)
	sealed, text := must(key.AppendSeal(nil, msg, specTime)), must(key.EncryptAt(msg, specTime))
	ring := must(fernet.NewKeyring(fernet.GenerateKey(), key))
	for _, c := range []struct {
		name string
		most float64
		call func() ([]byte, error)
	}{
		{"AppendSeal", 0, func() ([]byte, error) { return key.AppendSeal(buf, msg, specTime) }},
		{"AppendOpen", 0, func() ([]byte, error) { return key.AppendOpen(buf, sealed, specTime, fernet.MaxAge(time.Hour)) }},
		{"AppendEncrypt", 0, func() ([]byte, error) { return key.AppendEncrypt(buf, msg, specTime) }},
		{"AppendDecrypt", 0, func() ([]byte, error) {
			return key.AppendDecrypt(buf, text, specTime, fernet.MaxAge(time.Hour), fernet.MaxSkew(time.Minute))
		}},
		{"Keyring.AppendDecrypt", 0, func() ([]byte, error) { return ring.AppendDecrypt(buf, text, specTime) }},
		{"Encrypt", 1, func() ([]byte, error) { return key.Encrypt(msg) }},
		{"Decrypt", 1, func() ([]byte, error) { return key.Decrypt(text, fernet.MaxAge(centuries)) }},
		{"Rotate", 1, func() ([]byte, error) { return ring.Rotate(text) }},
		{"NewKey", 2, func() ([]byte, error) {
			var err error
			sink, err = fernet.NewKey(raw)
			return nil, err
		}},
		{"NewKey, AppendOpen", 11, func() ([]byte, error) {
			return must(fernet.NewKey(raw)).AppendOpen(buf, sealed, specTime)
		}},
	} {
		must(c.call())
		if got := testing.AllocsPerRun(100, func() { must(c.call()) }); got > c.most {
			t.Errorf("%s: %v allocations, want at most %v", c.name, got, c.most)
		} else {
			t.Logf("%s: %v allocations", c.name, got)
		}
	}
}

var sink fernet.Key

const centuries = 290 * 365 * 24 * time.Hour

// TestOneBuffer: a large token costs the memory of its result and no more.
func TestOneBuffer(t *testing.T) {
	if underRace {
		t.Skip("the race detector allocates on its own account")
	}
	key := fernet.GenerateKey()
	msg := make([]byte, 1<<20)
	text := must(key.Encrypt(msg))
	ring := must(fernet.NewKeyring(fernet.GenerateKey(), key))
	for name, call := range map[string]func() ([]byte, error){
		"Encrypt": func() ([]byte, error) { return key.Encrypt(msg) },
		"Decrypt": func() ([]byte, error) { return key.Decrypt(text) },
		"Rotate":  func() ([]byte, error) { return ring.Rotate(text) },
	} {
		var out []byte
		if got := alloctest.Bytes(func() { out = must(call()) }); got > uint64(cap(out))+8192 {
			t.Errorf("%s: %d bytes for a result of %d", name, got, len(out))
		}
	}
}
