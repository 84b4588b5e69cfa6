package keyfile_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/parley-e2ee/parley/envelope/compositekem"
	"github.com/parley-e2ee/parley/keystore/keyfile"
)

func mustParse(t testing.TB, data []byte) keyfile.Key {
	t.Helper()
	key, err := keyfile.Parse(data, []byte(passphrase))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func marshal(t testing.TB, key keyfile.Key, form keyfile.Form) []byte {
	t.Helper()
	out, err := key.Marshal(form)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestJWKSets reads the examples of RFC 7517, Appendices A.1 and A.2: each a set
// of an EC and an RSA key, public and private.
func TestJWKSets(t *testing.T) {
	var fingerprints []keyfile.Fingerprint
	for _, name := range []string{"rfc/rfc7517-a1.jwks", "rfc/rfc7517-a2.jwks"} {
		_, err := keyfile.Parse(read(t, name), nil)
		wantError(t, name, err, keyfile.ErrSeveralKeys)
		var set struct{ Keys []json.RawMessage }
		if err := json.Unmarshal(read(t, name), &set); err != nil || len(set.Keys) != 2 {
			t.Fatal(name, err)
		}
		_, err = keyfile.Parse(set.Keys[0], nil)
		wantError(t, name, err, keyfile.ErrAlgorithm)
		fingerprints = append(fingerprints, mustParse(t, set.Keys[1]).Public().Fingerprint())
	}
	if fingerprints[0] != fingerprints[1] {
		t.Error("the private key is another than the public one")
	}
}

// TestThumbprints: RFC 7638, Section 3.1, and RFC 8037, Appendix A.3.
func TestThumbprints(t *testing.T) {
	for name, want := range map[string]string{
		"rfc/rfc7638-3.1.jwk": "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs",
		"rfc/rfc8037-a1.jwk":  "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
		"rfc/rfc8037-a2.jwk":  "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
	} {
		if got, err := mustParse(t, read(t, name)).Public().Thumbprint(); err != nil || got != want {
			t.Errorf("%s: %s (%v), want %s", name, got, err, want)
		}
	}
}

// TestEd25519Vectors: RFC 8410, Sections 10.1 and 10.3, whose second private key
// has attributes and the public key with it.
func TestEd25519Vectors(t *testing.T) {
	public := mustParse(t, read(t, "rfc/rfc8410-10.1.pem")).(*keyfile.PublicKey)
	plain := read(t, "rfc/rfc8410-10.3-plain.pem")
	for _, name := range []string{"rfc/rfc8410-10.3-plain.pem", "rfc/rfc8410-10.3-public.pem"} {
		key := mustParse(t, read(t, name)).(*keyfile.PrivateKey)
		if !key.Public().Equal(public) {
			t.Errorf("%s: another public key", name)
		}
		if out := marshal(t, key, keyfile.PKCS8PEM); !bytes.Equal(out, plain) {
			t.Errorf("%s: written as\n%s", name, out)
		}
	}
}

// TestScryptVector: RFC 7914, Section 13, asks for 1 GiB, of this package too much.
func TestScryptVector(t *testing.T) {
	_, err := keyfile.Parse(read(t, "rfc/rfc7914-13.pem"), []byte("Rabbit"))
	wantError(t, "RFC 7914", err, keyfile.ErrLimit)
}

type compositeVector struct {
	TcID    string `json:"tcId"`
	EK      []byte
	DKPKCS8 []byte `json:"dk_pkcs8"`
}

// TestCompositeVectors reads the keys of the draft's test vectors.
func TestCompositeVectors(t *testing.T) {
	b, err := os.ReadFile(filepath.Join("..", "..", "testdata", "vectors", "composite-mlkem.json"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Tests []compositeVector }
	if err := json.Unmarshal(b, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Tests) == 0 {
		t.Error("no vectors")
	}
	for _, v := range file.Tests {
		key, err := keyfile.ParsePrivate(v.DKPKCS8, nil)
		if err != nil {
			t.Errorf("%s: %v", v.TcID, err)
			continue
		}
		if key.Kind() != keyfile.Composite || !bytes.Equal(marshal(t, key, keyfile.PKCS8DER), v.DKPKCS8) {
			t.Errorf("%s: a %v key that marshals to other bytes", v.TcID, key.Kind())
		}
		ek, err := compositekem.NewEncapsulationKey(v.EK)
		if err != nil {
			t.Fatal(err)
		}
		public := mustParse(t, compositekem.MarshalPKIXPublicKey(ek))
		if !public.Public().Equal(key.Public()) || public.Bits() != key.Bits() {
			t.Errorf("%s: another public key", v.TcID)
		}
	}
}

// TestFingerprint: openssl pkey -pubin -in rfc8410-10.1.pem -outform DER | openssl sha256 -c
func TestFingerprint(t *testing.T) {
	const want = "a1:e9:15:60:54:e0:4f:ac:89:9a:e9:f2:75:13:2c:dc:07:a5:db:c4:ea:2c:2a:d3:a1:ff:c6:e0:d2:53:68:1f"
	key := mustParse(t, read(t, "rfc/rfc8410-10.1.pem")).Public()
	if got := key.Fingerprint().String(); got != want || fmt.Sprint(key.Fingerprint()) != want {
		t.Errorf("fingerprint %s, want %s", got, want)
	}
}
