package interop_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"slices"
	"testing"

	"github.com/parley-e2ee/parley/envelope/fernet"
)

// lenient is what Python reads in a text: the message, and the raw token.
type lenient struct{ Msg, Raw octets }

// leniencies are the texts of a token that Python takes although they are not the
// one that it writes.
var leniencies = []struct {
	name   string
	change func(r random, token []byte) []byte
}{
	{"line feed at the end", func(_ random, b []byte) []byte { return append(b, '\n') }},
	{"carriage return and line feed at the end", func(_ random, b []byte) []byte { return append(b, "\r\n"...) }},
	{"blank in front", func(_ random, b []byte) []byte { return slices.Insert(b, 0, ' ') }},
	{"line break inside", func(r random, b []byte) []byte { return slices.Insert(b, r.IntN(len(b)-3), '\n') }},
	{"as many line feeds as stand for whole blocks", func(r random, b []byte) []byte {
		return slices.Insert(b, r.IntN(len(b)-3), bytes.Repeat([]byte("\n"), 64)...)
	}},
	{"NUL inside", func(r random, b []byte) []byte { return slices.Insert(b, r.IntN(len(b)-3), 0) }},
	{"foreign character inside", func(r random, b []byte) []byte { return slices.Insert(b, r.IntN(len(b)-3), '!') }},
	{"standard alphabet", func(_ random, b []byte) []byte {
		return bytes.ReplaceAll(bytes.ReplaceAll(b, []byte("-"), []byte("+")), []byte("_"), []byte("/"))
	}},
	{"data after the padding", func(_ random, b []byte) []byte { return append(b, "AAAA"...) }},
	{"padding after the padding", func(_ random, b []byte) []byte { return append(b, '=') }},
	{"loose bits", func(_ random, b []byte) []byte { b[bytes.IndexByte(b, '=')-1]++; return b }},
}

// TestFernetPythonLeniency: Python takes each of these, and we do not.
func TestFernetPythonLeniency(t *testing.T) {
	p, r := python.get(t), newRandom(t)
	for _, l := range leniencies {
		t.Run(l.name, func(t *testing.T) {
			for range 20 {
				key, msg := fernetKey(r), r.bytes(r.IntN(16))
				token := must(key.Encrypt(msg))
				for l.name == "standard alphabet" && !bytes.ContainsAny(token, "-_") {
					token = must(key.Encrypt(msg))
				}
				changed := l.change(r, bytes.Clone(token))
				got, refused := try[lenient](t, p, "fernet_decrypt_lenient", args{"keys": reveal(key), "token": changed})
				if refused != "" || !bytes.Equal(got.Msg, msg) {
					t.Fatalf("Python says %q to %q", refused, changed)
				}
				if _, err := key.Decrypt(changed); !errors.Is(err, fernet.ErrMalformed) {
					t.Fatalf("we say %v to %q", err, changed)
				}
			}
		})
	}
}

// TestFernetPythonMutations: of any text we take exactly what Python takes, as long
// as it is the one text of its token that Python would write.
func TestFernetPythonMutations(t *testing.T) {
	p, r := python.get(t), newRandom(t)
	outcomes := map[string]int{}
	for range 2 * cases {
		key, msg := fernetKey(r), r.bytes(r.IntN(40))
		text := mutate(r, must(key.Encrypt(msg)))

		theirs, refused := try[lenient](t, p, "fernet_decrypt_lenient", args{"keys": reveal(key), "token": text})
		canonical := refused == "" && toText(theirs.Raw) == string(text)
		ours, err := key.Decrypt(text)
		if (err == nil) != canonical {
			t.Fatalf("%q: Python says %q, canonical %t; we say %v", text, refused, canonical, err)
		}
		switch {
		case refused != "" && refused != invalidToken:
			t.Fatalf("%q: Python says %q", text, refused)
		case err != nil && !errors.Is(err, fernet.ErrToken):
			t.Fatalf("%q: we say %v", text, err)
		case canonical:
			wantSame(t, "message", ours, theirs.Msg)
			outcomes["both take it"]++
		case refused == "":
			outcomes["Python alone takes it"]++
		default:
			outcomes["both refuse it"]++
		}
	}
	t.Log(outcomes)
	if len(outcomes) != 3 {
		t.Errorf("outcomes: %v, want all three", outcomes)
	}
}

func toText(raw []byte) string { return base64.URLEncoding.EncodeToString(raw) }

// mutate changes a text in one place or, at times, not at all.
func mutate(r random, b []byte) []byte {
	const alphabet = "ABCxyz019-_+/= \n\r\t\x00!\x80"
	at := r.IntN(len(b))
	switch r.IntN(10) {
	case 0:
		return b
	case 1:
		b[at] ^= byte(1 << r.IntN(8))
	case 2:
		b[at] = alphabet[r.IntN(len(alphabet))]
	case 3:
		return slices.Insert(b, at, alphabet[r.IntN(len(alphabet))])
	case 4:
		return slices.Delete(b, at, min(at+1+r.IntN(4), len(b)))
	case 5:
		return b[:at]
	case 6:
		return append(b, r.bytes(1+r.IntN(8))...)
	case 7:
		return append(b, alphabet[r.IntN(len(alphabet))])
	case 8:
		other := r.IntN(len(b))
		b[at], b[other] = b[other], b[at]
	case 9:
		return bytes.TrimRight(b, "=")
	}
	return b
}

// TestFernetPythonForged: whatever the key's holder signs, both read it the same.
func TestFernetPythonForged(t *testing.T) {
	p, r := python.get(t), newRandom(t)
	accepted := map[bool]int{}
	for range cases {
		secret := r.bytes(fernet.KeySize)
		key := must(fernet.NewKey(secret))
		body := r.bytes(25 + 16*r.IntN(4))
		body[0] = 0x80
		switch r.IntN(6) {
		case 0:
			body = body[:r.IntN(len(body)+1)]
		case 1:
			body[0] = byte(r.Uint32())
		case 2, 3: // a sound token, of which a byte of IV or ciphertext may then change
			raw := must(key.AppendSeal(nil, r.bytes(r.IntN(20)), fernetTime(r)))
			body = raw[:len(raw)-sha256.Size]
			body[9+r.IntN(len(body)-9)] ^= byte(pick(r, 0, 0, 1, 16, 255))
		}
		mac := hmac.New(sha256.New, secret[:16])
		mac.Write(body)
		text := toText(mac.Sum(body))

		theirs, refused := try[octets](t, p, "fernet_decrypt", args{"keys": reveal(key), "token": []byte(text)})
		ours, err := key.Decrypt([]byte(text))
		if (err == nil) != (refused == "") || !bytes.Equal(ours, theirs) || refused != "" && refused != invalidToken {
			t.Fatalf("%q: Python says %q, %x; we say %v, %x", text, refused, theirs, err, ours)
		}
		if errors.Is(err, fernet.ErrMAC) {
			t.Fatalf("%q: the MAC is good", text)
		}
		accepted[err == nil]++
	}
	if accepted[true] < cases/20 || accepted[false] < cases/20 {
		t.Errorf("%d accepted, %d refused: one side is hardly tested", accepted[true], accepted[false])
	}
}
