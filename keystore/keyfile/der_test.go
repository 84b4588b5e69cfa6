package keyfile_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	encasn1 "encoding/asn1"
	"encoding/pem"
	"hash"
	"slices"
	"testing"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
	"golang.org/x/crypto/scrypt"

	"github.com/parley-e2ee/parley/keystore/keyfile"
)

// What a test wants to write that the package does not: DER in parts.

func tlv(tag asn1.Tag, parts ...[]byte) []byte {
	var b cryptobyte.Builder
	b.AddASN1(tag, func(b *cryptobyte.Builder) {
		for _, part := range parts {
			b.AddBytes(part)
		}
	})
	return b.BytesOrPanic()
}

func seq(parts ...[]byte) []byte { return tlv(asn1.SEQUENCE, parts...) }
func octets(b []byte) []byte     { return tlv(asn1.OCTET_STRING, b) }
func bits(b []byte) []byte       { return tlv(asn1.BIT_STRING, []byte{0}, b) }

func integer(n int64) []byte {
	var b cryptobyte.Builder
	b.AddASN1Int64(n)
	return b.BytesOrPanic()
}

func oid(arcs ...int) []byte {
	var b cryptobyte.Builder
	b.AddASN1ObjectIdentifier(encasn1.ObjectIdentifier(arcs))
	return b.BytesOrPanic()
}

var (
	null    = []byte{5, 0}
	oidRSA  = oid(1, 2, 840, 113549, 1, 1, 1)
	aes256  = oid(2, 16, 840, 1, 101, 3, 4, 1, 42)
	hmacOID = func(n int) []byte { return oid(1, 2, 840, 113549, 2, n) }
)

// An envelope is an encrypted key in parts, each of them for a test to set.
type envelope struct {
	kdf []byte // the AlgorithmIdentifier
	key []byte // what it derives
}

var (
	salt = []byte("0123456789abcdef")
	iv   = []byte("fedcba9876543210")
)

// byPBKDF2 takes the tail of PBKDF2-params: keyLength and prf.
func byPBKDF2(t testing.TB, h func() hash.Hash, iterations int, salt []byte, tail ...[]byte) envelope {
	t.Helper()
	key, err := pbkdf2.Key(h, passphrase, salt, iterations, 32)
	if err != nil {
		t.Skip(err) // FIPS 140-only mode
	}
	params := append([][]byte{octets(salt), integer(int64(iterations))}, tail...)
	return envelope{kdf: seq(oid(1, 2, 840, 113549, 1, 5, 12), seq(params...)), key: key}
}

func byScrypt(t testing.TB, n, r, p int, tail ...[]byte) envelope {
	t.Helper()
	key, err := scrypt.Key([]byte(passphrase), salt, n, r, p, 32)
	if err != nil {
		t.Fatal(err)
	}
	params := append([][]byte{octets(salt), integer(int64(n)), integer(int64(r)), integer(int64(p))}, tail...)
	return envelope{kdf: seq(oid(1, 3, 6, 1, 4, 1, 11591, 4, 11), seq(params...)), key: key}
}

func cheap(t testing.TB) envelope {
	return byPBKDF2(t, sha256.New, 1, salt, seq(hmacOID(9), null))
}

// seal encrypts plain, which padded makes whole blocks.
func (e envelope) seal(t testing.TB, padded []byte) []byte {
	t.Helper()
	block, err := aes.NewCipher(e.key)
	if err != nil {
		t.Fatal(err)
	}
	sealed := make([]byte, len(padded))
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(sealed, padded)
	scheme := seq(oid(1, 2, 840, 113549, 1, 5, 13), seq(e.kdf, seq(aes256, octets(iv))))
	return seq(scheme, octets(sealed))
}

func pad(plain []byte) []byte {
	n := 16 - len(plain)%16
	padded := append([]byte{}, plain...)
	for range n {
		padded = append(padded, byte(n))
	}
	return padded
}

// good is a key of testdata in PKCS#8.
func good(t testing.TB) (key *keyfile.PrivateKey, der []byte) {
	t.Helper()
	der = read(t, "good/openssl-rsa2048-pkcs8.der")
	return mustParse(t, der).(*keyfile.PrivateKey), der
}

func toPEM(label string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: label, Bytes: der})
}

// TestWhatIsTaken holds what is read although it is not how it is written.
func TestWhatIsTaken(t *testing.T) {
	key, der := good(t)
	pkcs1, spki := marshal(t, key, keyfile.PKCS1DER), marshal(t, key.Public(), keyfile.SPKIDER)
	public := marshal(t, key.Public(), keyfile.PKCS1DER)
	attribute := seq(oid(1, 2, 3), tlv(asn1.SET, octets([]byte("what"))))
	attributes := tlv(asn1.Tag(0).ContextSpecific().Constructed(), attribute, attribute)
	beside := tlv(asn1.Tag(1).ContextSpecific(), []byte{0}, public)
	text := "Private-Key: (2048 bit)\n0 is where DER begins\n\r\n\x00\xff"
	jwk := marshal(t, key.Public(), keyfile.JWK)
	line := bytes.TrimSpace(marshal(t, key.Public(), keyfile.OpenSSH))
	for name, data := range map[string][]byte{
		"SPKI without NULL":           seq(seq(oidRSA), bits(public)),
		"PKCS#8 without NULL":         seq(integer(0), seq(oidRSA), octets(pkcs1)),
		"attributes":                  seq(integer(0), seq(oidRSA, null), octets(pkcs1), attributes),
		"no attributes in their list": seq(integer(0), seq(oidRSA, null), octets(pkcs1), tlv(0xa0)),
		"public key beside":           seq(integer(1), seq(oidRSA, null), octets(pkcs1), beside),
		"attributes and public key":   seq(integer(1), seq(oidRSA, null), octets(pkcs1), attributes, beside),
		"text before PEM":             append([]byte(text+"\n"), toPEM("PRIVATE KEY", der)...),
		"0 before PEM":                append([]byte("0\n"), toPEM("PRIVATE KEY", der)...),
		"white space behind PEM":      append(toPEM("PUBLIC KEY", spki), " \t\r\n\n"...),
		"one long line":               pemLines("PUBLIC KEY", spki, 1<<20, "\n", ""),
		"short lines":                 pemLines("PUBLIC KEY", spki, 7, "\n", ""),
		"blanks at line ends":         pemLines("PUBLIC KEY", spki, 64, "\n", " \t"),
		"CRLF":                        pemLines("PUBLIC KEY", spki, 64, "\r\n", ""),
		"no line end after PEM":       pemLines("PUBLIC KEY", spki, 64, "\n", ""),
		"JWK in white space":          []byte("\r\n\t " + string(jwk) + " \n"),
		"other members":               []byte(`{"KEY":"EC","x5c":["",{"e":1}],"key_ops":null,"use":"sig","alg":"RSA-OAEP-256",` + string(jwk[1:])),
		"escapes":                     []byte(`{"kt\u0079":"R\u0053A",` + string(jwk[len(`{`):len(`{"e":"AQAB",`)]) + string(jwk[len(`{"e":"AQAB","kty":"RSA",`):])),
		"OpenSSH comment":             append(bytes.Clone(line), " a comment\t\xff\r\n"...),
		"OpenSSH without line end":    line,
		"HMAC-SHA-1 by default":       byPBKDF2(t, sha1.New, 1, salt).seal(t, pad(der)),
		"HMAC-SHA-1 in full":          byPBKDF2(t, sha1.New, 1, salt, seq(hmacOID(7), null)).seal(t, pad(der)),
		"HMAC without NULL":           byPBKDF2(t, sha256.New, 1, salt, seq(hmacOID(9))).seal(t, pad(der)),
		"key length":                  byPBKDF2(t, sha256.New, 1, salt, integer(32), seq(hmacOID(9), null)).seal(t, pad(der)),
		"salt of 8 bytes":             byPBKDF2(t, sha256.New, 1, salt[:8], seq(hmacOID(9), null)).seal(t, pad(der)),
		"scrypt":                      byScrypt(t, 2, 1, 1).seal(t, pad(der)),
		"scrypt with key length":      byScrypt(t, 1024, 8, 2, integer(32)).seal(t, pad(der)),
	} {
		got, err := keyfile.Parse(data, []byte(passphrase))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if !got.Public().Equal(key.Public()) {
			t.Errorf("%s: another key", name)
		}
	}
}

// TestTwoReadings: what others would read another key from is refused.
func TestTwoReadings(t *testing.T) {
	key, der := good(t)
	other := must(keyfile.GenerateEd25519())
	block := marshal(t, other, keyfile.PKCS8PEM)
	pkcs1 := marshal(t, key, keyfile.PKCS1DER)
	inAttribute := tlv(0xa0, seq(oid(1, 2, 3), tlv(asn1.SET, octets(slices.Concat([]byte("\n"), block)))))
	within := seq(integer(0), seq(oidRSA, null), octets(pkcs1), inAttribute)
	jwk := marshal(t, key, keyfile.JWK)
	for name, c := range map[string]struct {
		data []byte
		want error
	}{
		"PEM within DER":         {within, keyfile.ErrSeveralKeys},
		"PEM within DER in PEM":  {toPEM("PRIVATE KEY", within), keyfile.ErrSeveralKeys},
		"DER before PEM":         {slices.Concat(der, []byte("\n"), block), keyfile.ErrSeveralKeys},
		"JWK before PEM":         {slices.Concat(jwk, []byte("\n"), block), keyfile.ErrSeveralKeys},
		"OpenSSH before PEM":     {slices.Concat(marshal(t, key.Public(), keyfile.OpenSSH), block), keyfile.ErrSeveralKeys},
		"OpenSSH behind a line":  {slices.Concat([]byte("text\n"), marshal(t, key.Public(), keyfile.OpenSSH), block), keyfile.ErrSeveralKeys},
		"JWK, another by case":   {[]byte(`{"KTY":"RSA",` + string(jwk[1:])), keyfile.ErrMalformed},
		"JWK, d twice by case":   {[]byte(`{"D":"AQAB",` + string(jwk[1:])), keyfile.ErrMalformed},
		"JWK, kty with a Kelvin": {[]byte("{\"\u212aty\":\"RSA\"," + string(jwk[1:])), keyfile.ErrMalformed},
	} {
		got, err := keyfile.Parse(c.data, nil)
		if got != nil {
			t.Errorf("%s: a key", name)
		}
		wantError(t, name, err, c.want)
	}
}

func pemLines(label string, der []byte, width int, end, blanks string) []byte {
	text := toPEM(label, der)
	body := string(text[len("-----BEGIN -----\n")+len(label) : len(text)-len("-----END -----\n")-len(label)])
	var joined string
	for _, c := range body {
		if c != '\n' {
			joined += string(c)
		}
	}
	out := "-----BEGIN " + label + "-----" + blanks + end
	for len(joined) > 0 {
		n := min(width, len(joined))
		out += joined[:n] + blanks + end
		joined = joined[n:]
	}
	return []byte(out + "-----END " + label + "-----")
}
