package keyfile_test

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"strings"
	"testing"

	"github.com/parley-e2ee/parley/keystore/keyfile"
)

const redacted = "keyfile.PrivateKey(REDACTED)"

// Every verb of package fmt, with and without flags, and one that is none.
var verbs = strings.Split("%v,%+v,%#v,%T,%t,%b,%c,%d,%o,%O,%q,%x,%X,%#x,%U,%e,%E,%f,%F,%g,%G,%s,%#q,%p,% x,%+q,%08d,%Z", ",")

// traces are the ways in which printers would write the secrets of key: of bytes
// and of integers, eight bytes from the middle.
func traces(t testing.TB, key *keyfile.PrivateKey) []string {
	t.Helper()
	var found []string
	add := func(secret []byte) {
		middle := secret[len(secret)/2:][:8]
		for _, verb := range []string{"%s", "%x", "%X", "% x", "%v", "%o", "%b"} {
			found = append(found, strings.Trim(fmt.Sprintf(verb, middle), "[]"))
		}
		found = append(found, fmt.Sprintf("%#v", middle)[len("[]byte{"):40])
	}
	der := marshal(t, key, keyfile.PKCS8DER)
	add(der[len(der)-16:])
	if rsaKey, ok := key.RSA(); ok {
		for _, n := range []*big.Int{rsaKey.D, rsaKey.Primes[0], rsaKey.Primes[1], rsaKey.Precomputed.Dp, rsaKey.Precomputed.Dq, rsaKey.Precomputed.Qinv} {
			add(n.Bytes())
			found = append(found, n.String()[:24], n.Text(16)[:24], strings.ToUpper(n.Text(16)[:24]))
		}
	}
	return found
}

func wantNoTrace(t testing.TB, key *keyfile.PrivateKey, what, out string) {
	t.Helper()
	for _, trace := range traces(t, key) {
		if strings.Contains(out, trace) {
			t.Errorf("%s shows the key", what)
			return
		}
	}
}

type holder struct {
	Exported *keyfile.PrivateKey
	pointer  *keyfile.PrivateKey
	value    keyfile.PrivateKey
	any      any
	key      keyfile.Key
	list     []keyfile.PrivateKey
	byName   map[string]keyfile.PrivateKey
	deeper   struct{ value keyfile.PrivateKey }
}

func newHolder(key *keyfile.PrivateKey) *holder {
	h := &holder{Exported: key, pointer: key, value: *key, any: *key, key: key,
		list: []keyfile.PrivateKey{*key}, byName: map[string]keyfile.PrivateKey{"": *key}}
	h.deeper.value = *key
	return h
}

// TestTraces: the search finds a key that is held in the open.
func TestTraces(t *testing.T) {
	key, _ := good(t)
	open, _ := key.RSA()
	for _, verb := range []string{"%v", "%+v", "%x", "%d"} {
		out, found := fmt.Sprintf(verb, open), false
		for _, trace := range traces(t, key) {
			found = found || strings.Contains(out, trace)
		}
		if !found {
			t.Errorf("%s of an rsa.PrivateKey: nothing found", verb)
		}
	}
}

func TestPrivateKeyDoesNotPrintItself(t *testing.T) {
	for _, key := range oneOfEach()[:3] {
		h := newHolder(key)
		secrets := traces(t, key)
		for _, verb := range verbs {
			for _, direct := range []any{key, *key} {
				if got := fmt.Sprintf(verb, direct); got != redacted && verb != "%T" && verb != "%p" {
					t.Errorf("%s of %T: %q", verb, direct, got)
				}
			}
			for _, x := range []any{key, *key, *h, h, []any{key, *key}, map[string]any{"": *key}, []holder{*h}, &h.deeper, h.key} {
				got := fmt.Sprintf(verb, x)
				for _, secret := range secrets {
					if strings.Contains(got, secret) {
						t.Fatalf("%s of %T shows the key", verb, x)
					}
				}
			}
		}
		if key.String() != redacted || key.GoString() != redacted {
			t.Error("String or GoString are not redacted")
		}
	}
}

func TestPrivateKeyDoesNotLogItself(t *testing.T) {
	key, _ := good(t)
	var out bytes.Buffer
	for _, handler := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
		out.Reset()
		slog.New(handler).Info("message", "pointer", key, "value", *key, "nested", newHolder(key))
		if strings.Count(out.String(), redacted) < 2 {
			t.Errorf("%T: %s", handler, out.String())
		}
		wantNoTrace(t, key, "slog", out.String())
	}
}

func TestPrivateKeyDoesNotMarshalItself(t *testing.T) {
	key, _ := good(t)
	type nested struct{ Key keyfile.PrivateKey }
	for name, marshal := range map[string]func(any) error{
		"json": func(x any) error { _, err := json.Marshal(x); return err },
		"xml":  func(x any) error { _, err := xml.Marshal(x); return err },
		"gob":  func(x any) error { return gob.NewEncoder(new(bytes.Buffer)).Encode(x) },
	} {
		for _, x := range []any{key, *key, nested{*key}, &nested{*key}} {
			if err := marshal(x); !errors.Is(err, keyfile.ErrSecret) {
				t.Errorf("%s of %T: %v, want ErrSecret", name, x, err)
			}
		}
	}
	if errors.Is(keyfile.ErrSecret, keyfile.ErrKey) {
		t.Error("ErrSecret is ErrKey")
	}
}

// TestErrorsShowNoInput spoils keys that carry marks, byte by byte, and feeds
// marks to every parser; none comes back in an error.
func TestErrorsShowNoInput(t *testing.T) {
	key, der := good(t)
	secret := []byte("SECRETSECRETSECRET")
	inputs := map[string][]byte{
		"text": secret, "PEM label": []byte("-----BEGIN SECRETSECRET-----\nSECRETSECRET\n-----END SECRETSECRET-----\n"),
		"PEM body":   []byte("-----BEGIN PRIVATE KEY-----\nSECRETSECRETSECRET!\n-----END PRIVATE KEY-----\n"),
		"PEM header": []byte("-----BEGIN PRIVATE KEY-----\nSECRET: SECRET\n\nSECRET\n-----END PRIVATE KEY-----\n"),
		"PEM after":  append(toPEM("PRIVATE KEY", der), secret...),
		"DER":        octetsIn(secret), "DER after": append(bytes.Clone(der), secret...),
		"kty": []byte(`{"kty":"SECRET"}`), "name": []byte(`{"SECRET":1,"SECRET":2}`), "syntax": []byte(`{"kty":SECRET}`),
		"alg": []byte(`{"kty":"RSA","alg":"SECRET"}`), "crv": []byte(`{"kty":"OKP","crv":"SECRET"}`), "number": []byte(`{"kty":"RSA","n":"SECRET!","e":"AQAB"}`),
		"ssh": []byte("ssh-SECRET SECRET SECRET"), "ssh body": []byte("ssh-rsa SECRET! SECRET"), "ssh lines": []byte("ssh-rsa AAAA\nSECRET"),
		"options": []byte("SECRET ssh-rsa SECRET"),
	}
	for name, data := range inputs {
		for _, p := range [][]byte{nil, secret} {
			_, err := keyfile.Parse(data, p)
			if err == nil || strings.Contains(err.Error(), "SECRET") || strings.Contains(err.Error(), "534543") {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	sealed := cheap(t).seal(t, pad(der))
	secrets := traces(t, key)
	for _, data := range [][]byte{der, sealed, marshal(t, key, keyfile.JWK), marshal(t, key, keyfile.PKCS8PEM)} {
		for at := 0; at < len(data); at += 7 {
			spoilt := bytes.Clone(data)
			spoilt[at] ^= 0x55
			_, err := keyfile.Parse(spoilt, []byte(passphrase))
			for _, secret := range secrets {
				if err != nil && (strings.Contains(err.Error(), secret) || strings.Contains(err.Error(), passphrase)) {
					t.Fatalf("byte %d: the error shows the key or the passphrase", at)
				}
			}
		}
	}
}

func octetsIn(b []byte) []byte { return seq(integer(0), seq(oidRSA, null), octets(b)) }
