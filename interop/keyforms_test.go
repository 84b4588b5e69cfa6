package interop_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/parley-e2ee/parley/internal/keysource/keytest"
	"github.com/parley-e2ee/parley/keystore/keyfile"
)

// TestThumbprint: WebCrypto's JWK has the thumbprint that we give.
func TestThumbprint(t *testing.T) {
	p := webcrypto.get(t)
	for _, key := range someKeys(t) {
		for _, form := range []string{"spki-der", "jwk"} {
			ours := must(key.Public().Marshal(forms[form]))
			got := ask[string](t, p, "thumbprint", args{"kind": kindOf(key), "key": ours, "form": form})
			if want := must(key.Public().Thumbprint()); got != want {
				t.Errorf("%v as %s: WebCrypto has %s, we have %s", key.Kind(), form, got, want)
			}
		}
	}
}

// TestOpenSSLText: with -text openssl rsa prints numbers before the PEM block, which
// are read over; openssl pkey prints them behind it, where nothing may stand.
func TestOpenSSLText(t *testing.T) {
	s := openssl.get(t)
	for _, key := range ourKeys(t, kindRSA) {
		file := s.file(t, "key", must(key.Marshal(keyfile.PKCS8PEM)))
		for _, words := range [][]string{
			{"openssl", "rsa", "-text", "-in", file},
			{"openssl", "rsa", "-text", "-traditional", "-in", file},
			{"openssl", "rsa", "-text", "-pubout", "-in", file},
			{"openssl", "pkey", "-text", "-in", file},
			{"openssl", "pkey", "-text", "-pubout", "-in", file},
		} {
			command := strings.Join(words[:len(words)-2], " ")
			out := s.must(t, words...)
			if bytes.HasPrefix(out, []byte("-----BEGIN")) {
				if _, err := keyfile.Parse(out, nil); !errors.Is(err, keyfile.ErrTrailingData) {
					t.Errorf("%s: text behind the block: %v", command, err)
				}
				continue
			}
			got, err := keyfile.Parse(out, nil)
			if err != nil || !got.Public().Equal(key.Public()) {
				t.Errorf("%s: %v\n%.400q", command, err, out)
			}
		}
	}
}

// TestForgeLineEnds: Forge's PEM has CRLF, which changes nothing.
func TestForgeLineEnds(t *testing.T) {
	ops := jsonParty{forge.get(t)}
	key := must(keyfile.NewPrivateKey(keytest.RSA(t, 2048)))
	for _, form := range []string{"pkcs8-pem", "pkcs1-pem"} {
		out := ops.private(t, kindRSA, must(key.Marshal(keyfile.PKCS8PEM)), "pkcs8-pem", form)
		if lines := bytes.Count(out, []byte("\n")); lines < 5 || bytes.Count(out, []byte("\r\n")) != lines {
			t.Fatalf("%s: not CRLF throughout: %.200q", form, out)
		}
		wantPrivate(t, form, out, key)
	}
}

// TestOpenSSLLegacy: what OpenSSL encrypts in its own old way is refused by name.
func TestOpenSSLLegacy(t *testing.T) {
	s := openssl.get(t)
	key := must(keyfile.NewPrivateKey(keytest.RSA(t, 2048)))
	file := s.file(t, "key", must(key.Marshal(keyfile.PKCS8PEM)))
	for _, words := range [][]string{
		{"openssl", "rsa", "-aes128", "-traditional", "-passout", "pass:secret", "-in", file},
		{"openssl", "pkcs8", "-topk8", "-v1", "PBE-SHA1-3DES", "-passout", "pass:secret", "-in", file},
		{"openssl", "pkcs8", "-topk8", "-v2", "des3", "-passout", "pass:secret", "-in", file},
	} {
		if _, err := keyfile.Parse(s.must(t, words...), []byte("secret")); !errors.Is(err, keyfile.ErrEncryption) {
			t.Errorf("%s: %v", strings.Join(words[:4], " "), err)
		}
	}
}

// TestOpenSSLOtherKeys: keys that OpenSSL makes as readily, and that are refused by
// name.
func TestOpenSSLOtherKeys(t *testing.T) {
	s := openssl.get(t)
	for _, c := range []struct {
		name    string
		options []string
		want    error
	}{
		{"RSA of 1024 bits", []string{"-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"}, keyfile.ErrKeySize},
		{"RSA with exponent 3", []string{"-algorithm", "RSA", "-pkeyopt", "rsa_keygen_pubexp:3"}, keyfile.ErrExponent},
		{"RSA of three primes", []string{"-algorithm", "RSA", "-pkeyopt", "rsa_keygen_primes:3"}, keyfile.ErrAlgorithm},
		{"RSA for PSS alone", []string{"-algorithm", "RSA-PSS"}, keyfile.ErrAlgorithm},
		{"EC", []string{"-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"}, keyfile.ErrAlgorithm},
		{"X25519", []string{"-algorithm", "X25519"}, keyfile.ErrAlgorithm},
		{"Ed448", []string{"-algorithm", "ED448"}, keyfile.ErrAlgorithm},
	} {
		t.Run(c.name, func(t *testing.T) {
			private := s.must(t, append([]string{"openssl", "genpkey"}, c.options...)...)
			public := s.must(t, "openssl", "pkey", "-pubout", "-in", s.file(t, "key", private))
			if _, err := keyfile.Parse(private, nil); !errors.Is(err, c.want) {
				t.Errorf("private: %v", err)
			}
			// A public key does not tell of how many primes it is.
			if _, err := keyfile.Parse(public, nil); !errors.Is(err, c.want) && c.name != "RSA of three primes" {
				t.Errorf("public: %v", err)
			}
		})
	}
}
