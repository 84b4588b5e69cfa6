package keyfile_test

import (
	"bytes"
	"crypto/fips140"
	"encoding/pem"
	"errors"
	"math"
	"slices"
	"testing"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/parley-e2ee/parley/internal/alloctest"
	"github.com/parley-e2ee/parley/keystore/keyfile"
)

// fast are the fewest iterations that are written.
var fast = &keyfile.EncryptOptions{Iterations: keyfile.MinIterations}

func TestMarshalEncrypted(t *testing.T) {
	for _, key := range []*keyfile.PrivateKey{
		must(keyfile.GenerateRSA(2048)), must(keyfile.GenerateComposite(2048)), must(keyfile.GenerateEd25519()),
	} {
		der := must(key.MarshalEncrypted(keyfile.PKCS8DER, []byte(passphrase), fast))
		text := must(key.MarshalEncrypted(keyfile.PKCS8PEM, []byte(passphrase), fast))
		block, rest := pem.Decode(text)
		if block == nil || block.Type != "ENCRYPTED PRIVATE KEY" || len(rest) != 0 {
			t.Fatal("not one PEM block")
		}
		if bytes.Equal(der, block.Bytes) {
			t.Error("twice the same salt and IV")
		}
		for _, data := range [][]byte{der, text} {
			again, err := keyfile.ParsePrivate(data, []byte(passphrase))
			if err != nil || !bytes.Equal(marshal(t, again, keyfile.PKCS8DER), marshal(t, key, keyfile.PKCS8DER)) {
				t.Errorf("%v: %v", key.Kind(), err)
			}
		}
	}
}

// TestEncryptedForm takes what is written apart: PBKDF2 with HMAC-SHA-256, 16
// bytes of salt and 600,000 iterations; AES-256-CBC.
func TestEncryptedForm(t *testing.T) {
	key := must(keyfile.GenerateEd25519())
	random := map[string]bool{}
	for _, opts := range []*keyfile.EncryptOptions{nil, {}, {Iterations: 123_456}} {
		want := 600_000
		if opts != nil && opts.Iterations != 0 {
			want = opts.Iterations
		}
		in := cryptobyte.String(must(key.MarshalEncrypted(keyfile.PKCS8DER, []byte(passphrase), opts)))
		var outer, scheme, params, kdf, kdfParams, cipherID cryptobyte.String
		var salt, iv, sealed []byte
		var iterations int
		ok := in.ReadASN1(&outer, asn1.SEQUENCE) && in.Empty() && outer.ReadASN1(&scheme, asn1.SEQUENCE) &&
			outer.ReadASN1Bytes(&sealed, asn1.OCTET_STRING) && outer.Empty() &&
			skip(&scheme, oid(1, 2, 840, 113549, 1, 5, 13)) && scheme.ReadASN1(&params, asn1.SEQUENCE) && scheme.Empty() &&
			params.ReadASN1(&kdf, asn1.SEQUENCE) && params.ReadASN1(&cipherID, asn1.SEQUENCE) && params.Empty() &&
			skip(&kdf, oid(1, 2, 840, 113549, 1, 5, 12)) && kdf.ReadASN1(&kdfParams, asn1.SEQUENCE) && kdf.Empty() &&
			kdfParams.ReadASN1Bytes(&salt, asn1.OCTET_STRING) && kdfParams.ReadASN1Integer(&iterations) &&
			skip(&kdfParams, seq(hmacOID(9), null)) && kdfParams.Empty() &&
			skip(&cipherID, aes256) && cipherID.ReadASN1Bytes(&iv, asn1.OCTET_STRING) && cipherID.Empty()
		if !ok || len(salt) != 16 || len(iv) != 16 || iterations != want || len(sealed) != 64 {
			t.Errorf("%v: written otherwise: %d iterations, want %d", ok, iterations, want)
		}
		random[string(salt)], random[string(iv)] = true, true
	}
	if len(random) != 6 {
		t.Errorf("%d different salts and IVs, want 6", len(random))
	}
}

func skip(in *cryptobyte.String, want []byte) bool {
	rest, ok := bytes.CutPrefix(*in, want)
	*in = rest
	return ok
}

func TestMarshalEncryptedRefuses(t *testing.T) {
	key := must(keyfile.GenerateEd25519())
	for _, n := range []int{-1, 1, keyfile.MinIterations - 1, keyfile.MaxIterations + 1, math.MaxInt32} {
		_, err := key.MarshalEncrypted(keyfile.PKCS8PEM, []byte(passphrase), &keyfile.EncryptOptions{Iterations: n})
		wantError(t, "iterations", err, keyfile.ErrLimit)
	}
	for _, p := range [][]byte{nil, {}} {
		_, err := key.MarshalEncrypted(keyfile.PKCS8PEM, p, nil)
		wantError(t, "empty passphrase", err, keyfile.ErrPassphrase)
	}
	for _, form := range append(slices.Clone(allForms), 0) {
		if form != keyfile.PKCS8PEM && form != keyfile.PKCS8DER {
			_, err := key.MarshalEncrypted(form, []byte(passphrase), nil)
			wantError(t, form.String(), err, keyfile.ErrForm)
		}
	}
}

func TestPassphrases(t *testing.T) {
	_, der := good(t)
	sealed := cheap(t).seal(t, pad(der))
	_, err := keyfile.Parse(sealed, nil)
	wantError(t, "nil", err, keyfile.ErrEncrypted)
	for _, p := range []string{"", "wrong", passphrase + " ", passphrase + "\n", "Correct horse battery staple"} {
		_, err := keyfile.Parse(sealed, []byte(p))
		wantError(t, p, err, keyfile.ErrPassphrase)
		if err != keyfile.ErrPassphrase {
			t.Errorf("%v says more than ErrPassphrase", err)
		}
	}
	p := []byte(passphrase)
	if _, err := keyfile.Parse(sealed, p); err != nil || string(p) != passphrase {
		t.Errorf("%v, or the passphrase was changed", err)
	}
	plain := read(t, "good/openssl-rsa2048-pkcs8.pem")
	if _, err := keyfile.Parse(plain, []byte("anything")); err != nil {
		t.Errorf("a passphrase for a key that is not encrypted: %v", err)
	}
}

// TestWhatIsInside: a wrong passphrase and damage are one error, a bad key under
// the right passphrase is its own.
func TestWhatIsInside(t *testing.T) {
	key, der := good(t)
	e := cheap(t)
	padded := pad(der)
	last := len(padded) - 1
	change := func(at int, to byte) []byte {
		c := slices.Clone(padded)
		c[at] = to
		return c
	}
	pkcs1 := marshal(t, key, keyfile.PKCS1DER)
	ec := must(pemBytes(read(t, "bad/algorithm-ec.pem")))
	for name, c := range map[string]struct {
		padded []byte
		want   error
	}{
		"padding 0":        {change(last, 0), keyfile.ErrPassphrase},
		"padding 17":       {change(last, 17), keyfile.ErrPassphrase},
		"padding 255":      {change(last, 255), keyfile.ErrPassphrase},
		"padding broken":   {change(last-1, padded[last]+1), keyfile.ErrPassphrase},
		"padding only":     {bytes.Repeat([]byte{16}, 16), keyfile.ErrPassphrase},
		"padding luck":     {append(bytes.Repeat([]byte{0xa5}, 15), 1), keyfile.ErrPassphrase},
		"padding too long": {change(last, padded[last]+1), keyfile.ErrPassphrase},
		"not a SEQUENCE":   {change(0, 0x31), keyfile.ErrPassphrase},
		"another length":   {change(3, padded[3]+9), keyfile.ErrPassphrase},
		"PKCS#1 inside":    {pad(pkcs1), keyfile.ErrPassphrase},
		"SPKI inside":      {pad(marshal(t, key.Public(), keyfile.SPKIDER)), keyfile.ErrPassphrase},
		"PEM inside":       {pad(marshal(t, key, keyfile.PKCS8PEM)), keyfile.ErrPassphrase},
		"encrypted inside": {pad(e.seal(t, padded)), keyfile.ErrPassphrase},
		"trailing byte":    {pad(append(slices.Clone(der), 0)), keyfile.ErrTrailingData},
		"version 2":        {pad(seq(integer(2), seq(oidRSA, null), octets(pkcs1))), keyfile.ErrMalformed},
		"EC key":           {pad(ec), keyfile.ErrAlgorithm},
		"small key":        {pad(must(pemBytes(read(t, "bad/size-rsa1024.pem")))), keyfile.ErrKeySize},
		"mismatch":         {pad(must(pemBytes(read(t, "bad/mismatch-d.pem")))), keyfile.ErrMismatch},
	} {
		_, err := keyfile.Parse(e.seal(t, c.padded), []byte(passphrase))
		wantError(t, name, err, c.want)
	}
}

func pemBytes(data []byte) ([]byte, error) {
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, errors.New("no PEM block")
	}
	return block.Bytes, nil
}

// TestWrongPassphraseLuck goes on until the padding is right by chance.
func TestWrongPassphraseLuck(t *testing.T) {
	sealed := cheap(t).seal(t, pad(marshal(t, must(keyfile.GenerateEd25519()), keyfile.PKCS8DER)))
	for i := range 2000 {
		_, err := keyfile.Parse(sealed, []byte{byte(i), byte(i >> 8)})
		if err != keyfile.ErrPassphrase {
			t.Fatalf("%d: %v", i, err)
		}
	}
}

// TestLimitsBeforeWork: what is over a limit is refused before anything is done
// about it, passphrase or not.
func TestLimitsBeforeWork(t *testing.T) {
	memory := alloctest.Once(func() {
		for _, name := range files(t, "bad", 1) {
			if len(name) > 6 && name[:6] == "limit-" {
				_, err := keyfile.Parse(read(t, "bad/"+name), nil)
				wantError(t, name, err, keyfile.ErrLimit)
				_, err = keyfile.Parse(read(t, "bad/"+name), []byte(passphrase))
				wantError(t, name, err, keyfile.ErrLimit)
			}
		}
	})
	if memory > 16<<20 {
		t.Errorf("refusing took %d bytes", memory)
	}
}

// TestScryptAtTheLimit: what is allowed stays below 256 MiB.
func TestScryptAtTheLimit(t *testing.T) {
	if fips140.Enforced() {
		t.Skip("no scrypt")
	}
	_, der := good(t)
	e := cheap(t)
	e.kdf = seq(oid(1, 3, 6, 1, 4, 1, 11591, 4, 11), seq(octets(salt), integer(4), integer(1), integer(1<<16+1)))
	_, err := keyfile.Parse(e.seal(t, pad(der)), []byte(passphrase))
	wantError(t, "too many lanes", err, keyfile.ErrLimit)
	for _, p := range [][3]int64{{1 << 17, 15, 1}, {2, 1 << 16, 1}, {2, 1, 1 << 16}} {
		e.kdf = seq(oid(1, 3, 6, 1, 4, 1, 11591, 4, 11), seq(octets(salt), integer(p[0]), integer(p[1]), integer(p[2])))
		var err error
		memory := alloctest.Once(func() { _, err = keyfile.Parse(e.seal(t, pad(der)), []byte("wrong")) })
		wantError(t, "wrong passphrase", err, keyfile.ErrPassphrase)
		if memory > 260<<20 {
			t.Errorf("N, r, p = %v: %d bytes", p, memory)
		}
	}
}

// TestFIPSOnly: under GODEBUG=fips140=only what is not approved is refused by
// name, and does not panic.
func TestFIPSOnly(t *testing.T) {
	if !fips140.Enforced() {
		t.Skip("not in FIPS 140-only mode")
	}
	// scrypt, HMAC-SHA-1, and a salt of 8 bytes.
	for _, name := range []string{"openssl-rsa2048-scrypt.pem", "forge-rsa2048-aes128.pem", "openssl-rsa2048-default.pem"} {
		_, err := keyfile.Parse(read(t, "good/"+name), []byte(passphrase))
		wantError(t, name, err, keyfile.ErrEncryption)
	}
	key := must(keyfile.GenerateRSA(2048))
	if _, err := keyfile.Parse(must(key.MarshalEncrypted(keyfile.PKCS8PEM, []byte("short"), fast)), []byte("short")); err != nil {
		t.Errorf("what is written is not read: %v", err)
	}
	_, err := keyfile.Parse(read(t, "good/python-rsa2049-pkcs8.pem"), nil)
	wantError(t, "odd size", err, keyfile.ErrKeySize)
}
