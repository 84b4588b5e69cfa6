package keyfile_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/parley-e2ee/parley/keystore/keyfile"
)

// wantSound holds the outcome of a parser: an error that is ErrKey and one of
// those that say why, or a key that every form which it has brings back.
func wantSound(t *testing.T, key keyfile.Key, err error) {
	t.Helper()
	if err != nil {
		if key != nil {
			t.Fatal("a key beside an error")
		}
		for _, e := range allErrors {
			if errors.Is(err, e) {
				wantError(t, "error", err, e)
				return
			}
		}
		t.Fatalf("an error of no kind: %v", err)
	}
	for _, form := range allForms {
		out, err := key.Marshal(form)
		if errors.Is(err, keyfile.ErrForm) {
			continue
		}
		again, err := keyfile.Parse(out, nil)
		if err != nil || !again.Public().Equal(key.Public()) || !bytes.Equal(marshal(t, again, form), out) {
			t.Fatalf("marshals as %v to what is not read back: %v", form, err)
		}
	}
}

// wantCanonical checks that DER which was read is what is written, but for what
// the package says it takes besides.
func wantCanonical(t *testing.T, key keyfile.Key, data []byte) {
	t.Helper()
	in := cryptobyte.String(data)
	if !in.SkipASN1(asn1.SEQUENCE) || !in.Empty() || takenBesides(data) {
		return
	}
	for _, form := range []keyfile.Form{keyfile.PKCS8DER, keyfile.PKCS1DER, keyfile.SPKIDER} {
		if out, err := key.Marshal(form); err == nil && bytes.Equal(out, data) {
			return
		}
	}
	t.Fatal("DER that is read is not what is written")
}

// takenBesides reports whether RSA stands without NULL, or PKCS#8 has attributes
// or a public key.
func takenBesides(der []byte) bool {
	in := cryptobyte.String(der)
	var outer, id, rest cryptobyte.String
	in.ReadASN1(&outer, asn1.SEQUENCE)
	outer.SkipOptionalASN1(asn1.INTEGER)
	if !outer.ReadASN1(&id, asn1.SEQUENCE) || !id.SkipASN1(asn1.OBJECT_IDENTIFIER) {
		return false
	}
	outer.ReadAnyASN1(&rest, new(asn1.Tag))
	return id.Empty() || !outer.Empty()
}

func FuzzParse(f *testing.F) {
	for _, folder := range []string{"good", "bad"} {
		for _, name := range files(f, folder, 1) {
			f.Add(read(f, folder+"/"+name))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		before := bytes.Clone(data)
		key, err := keyfile.Parse(data, nil)
		if !bytes.Equal(data, before) {
			t.Fatal("the input was changed")
		}
		wantSound(t, key, err)
		if err == nil {
			wantCanonical(t, key, data)
		}
	})
}

// FuzzJWK holds what is read to the names as they stand there.
func FuzzJWK(f *testing.F) {
	for _, folder := range []string{"good", "bad", "rfc"} {
		for _, name := range files(f, folder, 1) {
			if filepath.Ext(name) == ".jwk" {
				f.Add(read(f, folder+"/"+name))
			}
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if !bytes.HasPrefix(bytes.TrimSpace(data), []byte("{")) {
			return
		}
		key, err := keyfile.Parse(data, nil)
		wantSound(t, key, err)
		if err != nil || bytes.Contains(data, []byte("-----BEGIN ")) {
			return
		}
		var m map[string]any
		if err := json.Unmarshal(data, &m); err != nil || m["kty"] != "RSA" && m["kty"] != "OKP" {
			t.Fatalf("a key out of %v (%v)", m["kty"], err)
		}
		_, private := key.(*keyfile.PrivateKey)
		if _, d := m["d"]; d != private {
			t.Fatal("private without d, or public with it")
		}
	})
}

// FuzzParseEncrypted gives the parameters to Parse without a passphrase, so that
// none of them costs anything, and the plaintext under one iteration.
func FuzzParseEncrypted(f *testing.F) {
	e := cheap(f)
	for _, name := range []string{"openssl-ed25519-pkcs8.der", "openssl-rsa2048-pkcs8.der"} {
		f.Add(e.kdf, pad(read(f, "good/"+name)))
	}
	f.Fuzz(func(t *testing.T, params, padded []byte) {
		key, err := keyfile.Parse(seq(params, octets(padded)), nil)
		wantSound(t, key, err)

		if len(padded)%16 != 0 || len(padded) == 0 || len(padded) > 8000 {
			return
		}
		key, err = keyfile.Parse(e.seal(t, padded), []byte(passphrase))
		wantSound(t, key, err)
		if err == nil {
			plain := padded[:len(padded)-int(padded[len(padded)-1])]
			wantCanonical(t, key, plain)
		}
	})
}

// TestFuzzCorpus: each target has its seeds.
func TestFuzzCorpus(t *testing.T) {
	for target, least := range map[string]int{"FuzzParse": 20, "FuzzJWK": 10, "FuzzParseEncrypted": 8} {
		seeds, err := os.ReadDir(filepath.Join("testdata", "fuzz", target))
		if err != nil || len(seeds) < least {
			t.Errorf("%s: %d seeds, want at least %d (%v)", target, len(seeds), least, err)
		}
	}
}
