package keyfile_test

import (
	"bytes"
	"math/big"
	"path/filepath"
	"testing"

	"github.com/parley-e2ee/parley/keystore/keyfile"
)

// TestSecretsAreWiped looks at what is overwritten on the way in and out: the
// buffers are zero in the end, and the secrets that are expected were in them.
func TestSecretsAreWiped(t *testing.T) {
	key, pkcs8 := good(t)
	rsaKey, _ := key.RSA()
	pkcs1 := marshal(t, key, keyfile.PKCS1DER)
	text := marshal(t, key, keyfile.PKCS8PEM)
	ed := must(keyfile.GenerateEd25519())
	edKey, _ := ed.Ed25519()
	composite := must(keyfile.GenerateComposite(2048))
	dk, _ := composite.Composite()
	e := cheap(t)
	jwk, edJWK := marshal(t, key, keyfile.JWK), marshal(t, ed, keyfile.JWK)
	sealed := e.seal(t, pad(pkcs8))
	path := filepath.Join(t.TempDir(), "key")
	if err := keyfile.WriteFile(path, text); err != nil {
		t.Fatal(err)
	}
	numbers := [][]byte{}
	for _, n := range []*big.Int{rsaKey.D, rsaKey.Primes[0], rsaKey.Primes[1], rsaKey.Precomputed.Dp, rsaKey.Precomputed.Dq, rsaKey.Precomputed.Qinv} {
		numbers = append(numbers, n.Bytes())
	}
	for name, c := range map[string]struct {
		run  func() error
		want [][]byte
	}{
		"PEM":       {func() error { _, err := keyfile.Parse(text, nil); return err }, [][]byte{pkcs8, text[28:60]}},
		"encrypted": {func() error { _, err := keyfile.Parse(sealed, []byte(passphrase)); return err }, [][]byte{pkcs8, e.key}},
		"JWK":       {func() error { _, err := keyfile.Parse(jwk, nil); return err }, numbers},
		"OKP":       {func() error { _, err := keyfile.Parse(edJWK, nil); return err }, [][]byte{edKey.Seed()}},
		"file":      {func() error { _, err := keyfile.ReadFile(path, nil); return err }, [][]byte{text, pkcs8}},
		"RSA":       {func() error { _, err := keyfile.NewPrivateKey(rsaKey); return err }, numbers},
		"composite": {func() error { _, err := keyfile.NewPrivateKey(dk); return err }, [][]byte{must(dk.Bytes())}},
		"PKCS#8":    {func() error { _, err := key.Marshal(keyfile.PKCS8DER); return err }, [][]byte{pkcs1}},
		"to PEM":    {func() error { _, err := key.Marshal(keyfile.PKCS8PEM); return err }, [][]byte{pkcs1, pkcs8}},
		"encrypt": {func() error { _, err := key.MarshalEncrypted(keyfile.PKCS8DER, []byte(passphrase), fast); return err },
			[][]byte{pkcs1, pkcs8}},
	} {
		var before, buffers [][]byte
		keyfile.OnWipe(t, func(secret []byte) {
			before, buffers = append(before, bytes.Clone(secret)), append(buffers, secret)
		})
		if err := c.run(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, b := range buffers {
			if bytes.Count(b, []byte{0}) != len(b) {
				t.Errorf("%s: a buffer is not zero", name)
			}
		}
		for i, want := range c.want {
			if !bytes.Contains(bytes.Join(before, nil), want) {
				t.Errorf("%s: secret %d was not wiped", name, i)
			}
		}
	}
	if !bytes.Equal(marshal(t, key, keyfile.PKCS8DER), pkcs8) || rsaKey.Validate() != nil {
		t.Error("a key of the caller's was wiped")
	}
}
