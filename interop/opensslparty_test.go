package interop_test

import (
	"strconv"
	"strings"
	"testing"
)

// opensslParty is keyOps by the openssl command.
type opensslParty struct{ s *shell }

// encoding splits "spki-pem" and the like into what openssl wants to know.
func encoding(form string) (pkcs1 bool, encoding string) {
	name, encoding, _ := strings.Cut(form, "-")
	return name == "pkcs1", encoding
}

func (o opensslParty) generate(t testing.TB, kind string, bits int, to string) []byte {
	t.Helper()
	words := []string{"openssl", "genpkey", "-algorithm", kind}
	if kind == kindRSA {
		words = append(words, "-pkeyopt", "rsa_keygen_bits:"+strconv.Itoa(bits))
	}
	return o.private(t, kind, o.s.must(t, words...), "pkcs8-pem", to)
}

func (o opensslParty) private(t testing.TB, _ string, key []byte, form, to string) []byte {
	t.Helper()
	_, from := encoding(form)
	pkcs1, encoding := encoding(to)
	words := []string{"openssl", "pkey", "-in", o.s.file(t, "key", key), "-inform", from, "-outform", encoding}
	if pkcs1 {
		words = append(words, "-traditional")
	}
	return o.s.must(t, words...)
}

func (o opensslParty) unseal(t testing.TB, key, passphrase []byte, form, to string) ([]byte, string) {
	t.Helper()
	_, from := encoding(form)
	_, encoding := encoding(to)
	return o.s.try(t, "openssl", "pkcs8", "-in", o.s.file(t, "key", key), "-inform", from, "-outform", encoding,
		"-passin", "file:"+o.s.file(t, "passphrase", passphrase))
}

// opensslSchemes are cipher and PRF, and scrypt.
func opensslSchemes() []string {
	all := []string{"scrypt"}
	for _, cipher := range []string{"aes-128-cbc", "aes-192-cbc", "aes-256-cbc"} {
		for _, prf := range []string{"hmacWithSHA1", "hmacWithSHA256", "hmacWithSHA384", "hmacWithSHA512"} {
			all = append(all, cipher+"/"+prf)
		}
	}
	return all
}

func (o opensslParty) seal(t testing.TB, key, passphrase []byte, form, to, scheme string) []byte {
	t.Helper()
	_, from := encoding(form)
	_, encoding := encoding(to)
	words := []string{"openssl", "pkcs8", "-topk8", "-in", o.s.file(t, "key", key), "-inform", from, "-outform", encoding,
		"-passout", "file:" + o.s.file(t, "passphrase", passphrase)}
	if cipher, prf, ok := strings.Cut(scheme, "/"); ok {
		words = append(words, "-v2", cipher, "-v2prf", prf)
	} else {
		words = append(words, "-scrypt")
	}
	return o.s.must(t, words...)
}

func (o opensslParty) public(t testing.TB, _ string, key []byte, form, to string) []byte {
	t.Helper()
	_, from := encoding(form)
	pkcs1, encoding := encoding(to)
	words := []string{"openssl", "pkey", "-pubout"}
	if pkcs1 {
		words = []string{"openssl", "rsa", "-RSAPublicKey_out"}
	}
	return o.s.must(t, append(words, "-in", o.s.file(t, "key", key), "-inform", from, "-outform", encoding)...)
}

func (o opensslParty) publicAgain(t testing.TB, _ string, key []byte, form, to string) []byte {
	t.Helper()
	fromPKCS1, from := encoding(form)
	toPKCS1, encoding := encoding(to)
	words := []string{"openssl", "pkey", "-pubin", "-pubout"}
	switch {
	case fromPKCS1 && toPKCS1:
		words = []string{"openssl", "rsa", "-RSAPublicKey_in", "-RSAPublicKey_out"}
	case fromPKCS1:
		words = []string{"openssl", "rsa", "-RSAPublicKey_in", "-pubout"}
	case toPKCS1:
		words = []string{"openssl", "rsa", "-pubin", "-RSAPublicKey_out"}
	}
	return o.s.must(t, append(words, "-in", o.s.file(t, "key", key), "-inform", from, "-outform", encoding)...)
}

// oaep leaves SHA-1 to the default; MGF1 follows the hash.
func oaep(words []string, hash string) []string {
	words = append(words, "-pkeyopt", "rsa_padding_mode:oaep")
	if hash == "sha1" {
		return words
	}
	return append(words, "-pkeyopt", "rsa_oaep_md:"+hash)
}

func (o opensslParty) encrypt(t testing.TB, key []byte, form, hash string, msg []byte) ([]byte, string) {
	t.Helper()
	pkcs1, from := encoding(form)
	if pkcs1 {
		key, from = o.publicAgain(t, kindRSA, key, form, "spki-pem"), "pem"
	}
	return o.s.try(t, oaep([]string{"openssl", "pkeyutl", "-encrypt", "-pubin", "-inkey", o.s.file(t, "key", key),
		"-keyform", from, "-in", o.s.file(t, "in", msg)}, hash)...)
}

func (o opensslParty) decrypt(t testing.TB, key []byte, form, hash string, ciphertext []byte) ([]byte, string) {
	t.Helper()
	_, from := encoding(form)
	return o.s.try(t, oaep([]string{"openssl", "pkeyutl", "-decrypt", "-inkey", o.s.file(t, "key", key),
		"-keyform", from, "-in", o.s.file(t, "in", ciphertext)}, hash)...)
}

func (o opensslParty) sign(t testing.TB, key []byte, form string, msg []byte) []byte {
	t.Helper()
	_, from := encoding(form)
	return o.s.must(t, "openssl", "pkeyutl", "-sign", "-rawin", "-inkey", o.s.file(t, "key", key),
		"-keyform", from, "-in", o.s.file(t, "in", msg))
}

func (o opensslParty) verify(t testing.TB, key []byte, form string, msg, sig []byte) string {
	t.Helper()
	_, from := encoding(form)
	_, refused := o.s.try(t, "openssl", "pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", o.s.file(t, "key", key),
		"-keyform", from, "-in", o.s.file(t, "in", msg), "-sigfile", o.s.file(t, "sig", sig))
	return refused
}
