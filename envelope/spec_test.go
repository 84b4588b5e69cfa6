package envelope_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/crypto/argon2"

	"github.com/parley-e2ee/parley/envelope"
	"github.com/parley-e2ee/parley/envelope/cobblestone"
	"github.com/parley-e2ee/parley/envelope/compositekem"
)

const magic = "parley-envelope/v1\n"

// specKeys derives the three keys of section 2.
func specKeys(t testing.TB, fileKey, c []byte) []byte {
	return specExpand(t, fileKey, "parley-envelope/v1 keys\x00"+string(c), 96)
}

func specExpand(t testing.TB, secret []byte, info string, n int) []byte {
	t.Helper()
	key, err := hkdf.Expand(sha256.New, secret, info, n)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func specGCM(t testing.TB, key []byte) cipher.AEAD {
	t.Helper()
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	return aead
}

func same(t *testing.T, what string, got, want []byte) {
	t.Helper()
	if !bytes.Equal(got, want) {
		t.Errorf("%s is %x, want %x", what, got, want)
	}
}

func sum(parts ...[]byte) []byte {
	digest := sha256.Sum256(slices.Concat(parts...))
	return digest[:]
}

// specParts cuts an envelope as section 1 describes it.
func specParts(e []byte) (start, block, mac, rest []byte) {
	at := len(magic) + 1 + 32
	at += 2 + int(binary.BigEndian.Uint16(e[at:]))
	n := int(e[at])<<16 | int(e[at+1])<<8 | int(e[at+2])
	end := at + 3 + n
	return e[:at], e[at:end], e[end : end+32], e[end+32:]
}

// TestSpecDerivation derives every value of the vectors from the private keys, by
// the text of the specification and without the package.
func TestSpecDerivation(t *testing.T) {
	skipWithoutEnvelopes(t)
	for _, v := range vectors(t) {
		t.Run(v.Name, func(t *testing.T) {
			start, block, mac, rest := specParts(v.Envelope)
			same(t, "C", sum(start, v.AssociatedData), v.C)
			same(t, "S", sum(block), v.S)
			same(t, "MAC", mac, v.MAC)
			specStanzas(t, v, block[3:])
			keys := specKeys(t, v.FileKey, v.C)
			same(t, "payload key", keys[:32], v.PayloadKey)
			same(t, "MAC key", keys[32:64], v.MACKey)
			same(t, "trailer key", keys[64:], v.TrailerKey)
			m := hmac.New(sha256.New, v.MACKey)
			m.Write(append(v.C, v.S...))
			same(t, "MAC", m.Sum(nil), v.MAC)
			specRest(t, v, rest)
		})
	}
}

func specRest(t *testing.T, v vector, rest []byte) {
	t.Helper()
	if v.Signer != nil {
		trailer := rest[len(rest)-112:]
		rest = rest[:len(rest)-112]
		opened, err := specGCM(t, v.TrailerKey).Open(nil, make([]byte, 12), trailer, nil)
		if err != nil {
			t.Fatal(err)
		}
		same(t, "signer", opened[:32], v.Signer)
		text := slices.Concat([]byte("parley-envelope/v1 signature\x00"), v.Signer, v.C, v.S, v.P)
		same(t, "signature", opened[32:], ed25519.Sign(ed25519.NewKeyFromSeed(v.SignerSeed), text))
	}
	same(t, "P", sum(rest), v.P)
	plaintext, err := cobblestone.AppendOpen(nil, v.PayloadKey, v.C, rest, nil)
	if err != nil {
		t.Fatal(err)
	}
	v.plaintext(t, plaintext)
}

// specStanzas opens each stanza of a vector.
func specStanzas(t *testing.T, v vector, b []byte) {
	t.Helper()
	for _, s := range v.Stanzas {
		id := b[2 : 2+int(b[1])]
		size := int(binary.BigEndian.Uint16(b[2+len(id):]))
		body := b[4+len(id) : 4+len(id)+size]
		same(t, "key ID", id, s.KeyID)
		same(t, "file key", specFileKey(t, v, s, body), v.FileKey)
		b = b[4+len(id)+size:]
	}
	if len(b) > 0 {
		t.Errorf("%d bytes behind the stanzas", len(b))
	}
}

func specFileKey(t *testing.T, v vector, s vectorStanza, body []byte) []byte {
	t.Helper()
	label := "parley-envelope/v1 " + s.Type + "\x00" + string(v.C)
	if s.Type == "rsa-oaep-sha256" {
		parsed, err := x509.ParsePKCS8PrivateKey(s.Private)
		if err != nil {
			t.Fatal(err)
		}
		key := parsed.(*rsa.PrivateKey)
		same(t, "key hash", sum(spki(t, &key.PublicKey)), s.KeyHash)
		fileKey, err := rsa.DecryptOAEP(sha256.New(), nil, key, body, []byte(label))
		if err != nil {
			t.Fatal(err)
		}
		return fileKey
	}
	at := len(body) - 48
	same(t, "secret", specSecret(t, s, body[:at]), s.Secret)
	kek := specExpand(t, s.Secret, label+string(s.KeyHash)+string(body[:at]), 32)
	same(t, "KEK", kek, s.KEK)
	fileKey, err := specGCM(t, kek).Open(nil, make([]byte, 12), body[at:], nil)
	if err != nil {
		t.Fatal(err)
	}
	return fileKey
}

func spki(t *testing.T, key any) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// specSecret gets the secret of a stanza, and holds the key hash.
func specSecret(t *testing.T, s vectorStanza, encapsulation []byte) []byte {
	t.Helper()
	switch s.Type {
	case "mlkem768-rsa":
		dk, err := compositekem.NewDecapsulationKey(s.Private)
		if err != nil {
			t.Fatal(err)
		}
		same(t, "key hash", sum(compositekem.MarshalPKIXPublicKey(dk.EncapsulationKey())), s.KeyHash)
		secret, err := dk.Decapsulate(encapsulation)
		if err != nil {
			t.Fatal(err)
		}
		return secret
	case "shared-key":
		same(t, "key hash", specExpand(t, s.Private, "parley-envelope/v1 shared-key ID\x00", 32), s.KeyHash)
		return s.Private
	}
	time, memory, salt := binary.BigEndian.Uint32(encapsulation[1:]), binary.BigEndian.Uint32(encapsulation[5:]), encapsulation[10:]
	if encapsulation[0] == 1 {
		return argon2.IDKey(s.Private, salt, time, memory, encapsulation[9], 32)
	}
	secret, err := pbkdf2.Key(sha256.New, string(s.Private), salt, int(time), 32)
	if err != nil {
		t.Fatal(err)
	}
	return secret
}

func readSpec(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../spec/envelope-v1.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestSpecWorkedBytes holds that the worked example of the specification is the
// first of the vectors.
func TestSpecWorkedBytes(t *testing.T) {
	text, err := os.ReadFile("../testdata/vectors/envelope-v1.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Envelopes []any }
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```worked (\\S+)\n(.*?)```").FindAllStringSubmatch(readSpec(t), -1)
	if len(blocks) < 14 {
		t.Fatalf("%d blocks", len(blocks))
	}
	for _, b := range blocks {
		want := lookUp(file.Envelopes[0], strings.Split(b[1], ".")).(string)
		got := b[2]
		if b[1] != "text" {
			got = lastFields(b[2])
		}
		if got != want {
			t.Errorf("%s is %s, want %s", b[1], got, want)
		}
	}
	sealed, err := envelope.Dearmor([]byte(vectors(t)[0].Text))
	if err != nil || !bytes.Equal(sealed, vectors(t)[0].Envelope) {
		t.Errorf("the text is that of another envelope: %v", err)
	}
	if got := string(envelope.Armor(sealed)); got != vectors(t)[0].Text {
		t.Errorf("armor is %s", got)
	}
}

// lookUp follows a path of names and indices.
func lookUp(v any, path []string) any {
	for _, name := range path {
		if list, ok := v.([]any); ok {
			i, _ := strconv.Atoi(name)
			v = list[i]
			continue
		}
		v = v.(map[string]any)[name]
	}
	return v
}

func lastFields(block string) string {
	var all strings.Builder
	for line := range strings.Lines(block) {
		fields := strings.Fields(line)
		last := fields[len(fields)-1]
		if _, err := hex.DecodeString(last); err == nil {
			all.WriteString(last)
		}
	}
	return all.String()
}
