package keyfile_test

import (
	"bytes"
	"crypto/fips140"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parley-e2ee/parley/keystore/keyfile"
)

// The passphrases of testdata/make.sh.
const (
	passphrase     = "correct horse battery staple"
	passphraseUTF8 = "pässwörd"
)

// lines returns the lines "value path" of a list in testdata, at least so many.
func lines(t testing.TB, name string, least int) map[string]string {
	t.Helper()
	values := map[string]string{}
	for line := range strings.Lines(string(read(t, name))) {
		value, path, ok := strings.Cut(strings.TrimSpace(line), " ")
		if !ok {
			t.Fatalf("%s: %q", name, line)
		}
		values[path] = value
	}
	if len(values) < least {
		t.Fatalf("%s has %d lines, want at least %d", name, len(values), least)
	}
	return values
}

func read(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// files returns the names in a folder of testdata, at least so many.
func files(t testing.TB, folder string, least int) []string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join("testdata", folder))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if len(names) < least {
		t.Fatalf("%s has %d files, want at least %d", folder, len(names), least)
	}
	return names
}

func passphraseOf(name string) []byte {
	if strings.Contains(name, "utf8") {
		return []byte(passphraseUTF8)
	}
	return []byte(passphrase)
}

// formOf tells from the name of a good file which form it has, 0 where it is
// encrypted or has text before the key or a comment behind it.
func formOf(name string) keyfile.Form {
	der := strings.HasSuffix(name, ".der")
	pick := func(pem, d keyfile.Form) keyfile.Form {
		if der {
			return d
		}
		return pem
	}
	switch {
	case strings.Contains(name, "text"), strings.HasSuffix(name, ".pub"), strings.HasSuffix(name, ".jwk"), strings.HasPrefix(name, "forge"):
		return 0
	case strings.Contains(name, "pkcs1"):
		return pick(keyfile.PKCS1PEM, keyfile.PKCS1DER)
	case strings.Contains(name, "spki"):
		return pick(keyfile.SPKIPEM, keyfile.SPKIDER)
	case strings.Contains(name, "pkcs8"):
		return pick(keyfile.PKCS8PEM, keyfile.PKCS8DER)
	}
	return 0
}

// TestFilesOfOthers reads what OpenSSL, ssh-keygen, Python's cryptography, Forge
// and Node wrote, and compares the fingerprint that OpenSSL gives the key. What
// needs no conversion is written again to the same bytes.
func TestFilesOfOthers(t *testing.T) {
	want := lines(t, "fingerprints.txt", 61)
	names := files(t, "good", 61)
	if len(want) != len(names) {
		t.Errorf("%d files, %d fingerprints", len(names), len(want))
	}
	rewritten := 0
	for _, name := range names {
		key, err := keyfile.ReadFile(filepath.Join("testdata", "good", name), passphraseOf(name))
		if fips140.Enforced() && (errors.Is(err, keyfile.ErrEncryption) || errors.Is(err, keyfile.ErrKeySize)) {
			continue // TestFIPSOnly
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		sum := key.Public().Fingerprint()
		if hex.EncodeToString(sum[:]) != want["good/"+name] {
			t.Errorf("%s: fingerprint %s, want %s", name, sum, want["good/"+name])
		}
		checkNames(t, name, key)
		if form := formOf(name); form != 0 {
			rewritten++
			if out, err := key.Marshal(form); err != nil || !bytes.Equal(out, read(t, "good/"+name)) {
				t.Errorf("%s: written again as %v it differs (%v)", name, form, err)
			}
		}
	}
	if rewritten < 20 {
		t.Errorf("%d files written again, want at least 20", rewritten)
	}
}

// checkNames holds the key to what the file's name says of it.
func checkNames(t *testing.T, name string, key keyfile.Key) {
	t.Helper()
	_, public := key.(*keyfile.PublicKey)
	if want := strings.Contains(name, "public") || strings.Contains(name, "spki") || strings.HasSuffix(name, ".pub"); public != want {
		t.Errorf("%s: %T", name, key)
	}
	for part, want := range map[string]struct {
		kind keyfile.Kind
		bits int
	}{
		"rsa2048": {keyfile.RSA, 2048}, "rsa3072": {keyfile.RSA, 3072}, "rsa4096": {keyfile.RSA, 4096},
		"rsa2049": {keyfile.RSA, 2049}, "rsa8192": {keyfile.RSA, 8192}, "ed25519": {keyfile.Ed25519, 256},
	} {
		if strings.Contains(name, part) && (key.Kind() != want.kind || key.Bits() != want.bits) {
			t.Errorf("%s: %v of %d bits", name, key.Kind(), key.Bits())
		}
	}
}

func TestOpenSSHFingerprints(t *testing.T) {
	for path, want := range lines(t, "ssh-fingerprints.txt", 6) {
		key, err := keyfile.ParsePublic(read(t, path))
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		if got, err := key.OpenSSHFingerprint(); err != nil || got != want {
			t.Errorf("%s: %s (%v), want %s", path, got, err, want)
		}
	}
}

// refusals are the errors of the files in bad, by the beginning of their names.
var refusals = []struct {
	prefix string
	least  int
	err    error
}{
	{"size-", 7, keyfile.ErrKeySize}, {"exponent-", 12, keyfile.ErrExponent}, {"modulus-", 12, keyfile.ErrModulus},
	{"mismatch-", 15, keyfile.ErrMismatch}, {"algorithm-", 30, keyfile.ErrAlgorithm}, {"form-", 17, keyfile.ErrForm},
	{"encryption-", 13, keyfile.ErrEncryption}, {"limit-", 17, keyfile.ErrLimit}, {"several-", 6, keyfile.ErrSeveralKeys},
	{"trailing-", 12, keyfile.ErrTrailingData}, {"malformed-", 80, keyfile.ErrMalformed}, {"nokey-", 4, keyfile.ErrNoKey},
}

// allErrors are those of which a refused key is one.
var allErrors = []error{
	keyfile.ErrForm, keyfile.ErrMalformed, keyfile.ErrTrailingData, keyfile.ErrSeveralKeys, keyfile.ErrNoKey, keyfile.ErrKeySize,
	keyfile.ErrExponent, keyfile.ErrModulus, keyfile.ErrMismatch, keyfile.ErrAlgorithm, keyfile.ErrEncrypted, keyfile.ErrPassphrase,
	keyfile.ErrEncryption, keyfile.ErrLimit, keyfile.ErrNotPrivate, keyfile.ErrNotPublic,
}

// wantError checks that err is want, ErrKey and nothing else.
func wantError(t testing.TB, what string, err, want error) {
	t.Helper()
	for _, e := range allErrors {
		if errors.Is(err, e) != (e == want) {
			t.Errorf("%s: %v, want %v", what, err, want)
			return
		}
	}
	if !errors.Is(err, keyfile.ErrKey) || !strings.HasPrefix(err.Error(), "keyfile: ") {
		t.Errorf("%s: %v is not ErrKey", what, err)
	}
}

func TestBadFiles(t *testing.T) {
	seen := map[string]int{}
	for _, name := range files(t, "bad", 240) {
		if name == "encrypted.pem" {
			continue // TestPassphrases
		}
		for _, r := range refusals {
			if !strings.HasPrefix(name, r.prefix) {
				continue
			}
			seen[r.prefix]++
			data := read(t, "bad/"+name)
			key, err := keyfile.Parse(data, []byte(passphrase))
			if key != nil {
				t.Errorf("%s: a key", name)
			}
			wantError(t, name, err, r.err)
			if err != nil && len(err.Error()) > 150 {
				t.Errorf("%s: %d characters of error", name, len(err.Error()))
			}
			_, err = keyfile.ParsePrivate(data, []byte(passphrase))
			wantError(t, name, err, r.err)
			_, err = keyfile.ParsePublic(data)
			wantError(t, name, err, r.err)
		}
	}
	for _, r := range refusals {
		if seen[r.prefix] < r.least {
			t.Errorf("%d files %s*, want at least %d", seen[r.prefix], r.prefix, r.least)
		}
	}
}

// TestErrorsNameTheProblem: what a message has to say beyond the kind of error.
func TestErrorsNameTheProblem(t *testing.T) {
	for name, want := range map[string]string{
		"algorithm-rsa-pss.pem": "RSASSA-PSS", "algorithm-rsa-pss-spki.pem": "RSASSA-PSS", "algorithm-pss.jwk": "RSASSA-PSS",
		"algorithm-ec.pem": "EC", "algorithm-ec-sec1.pem": "EC", "algorithm-ec-sec1.der": "EC", "algorithm-ec.jwk": "EC", "algorithm-ssh-ecdsa.pub": "EC",
		"algorithm-dsa.pem": "DSA", "algorithm-dsa-traditional.pem": "DSA", "algorithm-dsa-traditional.der": "DSA", "algorithm-ssh-dsa.pub": "DSA",
		"algorithm-X25519.pem": "X25519", "algorithm-X448.pem": "X448", "algorithm-ED448.pem": "Ed448", "algorithm-x25519.jwk": "X25519",
		"algorithm-mlkem768.der": "ML-KEM-768", "algorithm-oct.jwk": "oct", "algorithm-oth.jwk": "two primes", "algorithm-rsa-3primes.pem": "two primes",
		"algorithm-sk.pub": "security key", "algorithm-unknown.der": "1.3.6.1.4.1.9999",
		"form-certificate.pem": "certificate", "form-certificate.der": "certificate", "form-request.pem": "certificate request", "form-ssh-certificate.pub": "certificate",
		"form-pkcs12.p12": "openssl pkcs12", "form-openssh-private": "ssh-keygen -p -m PKCS8", "form-rfc4716.pub": "ssh-keygen -i",
		"form-authorized-keys.pub": "options", "form-label-spki.pem": "label",
		"encryption-legacy.pem": "openssl pkcs8 -topk8", "encryption-des3.pem": "Triple DES", "encryption-forge-3des.pem": "Triple DES",
		"encryption-pbes1-des.pem": "PBES1 with SHA-1 and DES", "encryption-pkcs12-3des.pem": "PKCS#12 with SHA-1 and Triple DES",
		"encryption-hmacsha224.pem": "HMAC-SHA-224", "encryption-unknown-scheme.der": "1.3.6.1.4.1.9999", "encryption-unknown-cipher.der": "AES-256-GCM",
		"size-rsa1024.pem": "2048", "size-rsa8193-spki.der": "8192", "exponent-3.pem": "65537", "exponent-even-spki.pem": "even", "modulus-even-spki.der": "even",
		"modulus-not-the-product.pem": "product", "modulus-equal-factors.pem": "close", "modulus-uneven-factors.pem": "sizes",
		"mismatch-public-ed25519.pem": "public key beside", "mismatch-composite-prime.pem": "does not decrypt", "limit-iterations.pem": "iterations",
		"several-private.pem": "PEM blocks", "several-set.jwk": "JWK Set", "trailing-byte.der": "DER", "trailing-text.pem": "PEM",
	} {
		if _, err := keyfile.Parse(read(t, "bad/"+name), []byte(passphrase)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q in it", name, err, want)
		}
	}
}
