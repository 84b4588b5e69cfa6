package compositekem_test

import (
	"bytes"
	"crypto"
	"crypto/mlkem"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/parley-e2ee/parley/envelope/compositekem"
	"github.com/parley-e2ee/parley/internal/keysource/keytest"
)

var errHardware = errors.New("hardware: unplugged")

// rsaModule is an RSA key in hardware, which answers as it is told to.
type rsaModule struct {
	key    *rsa.PrivateKey
	public crypto.PublicKey
	answer func(plaintext []byte, err error) ([]byte, error)
	calls  int
	asked  rsa.OAEPOptions
}

func (m *rsaModule) Public() crypto.PublicKey { return m.public }

func (m *rsaModule) Decrypt(rand io.Reader, msg []byte, opts crypto.DecrypterOpts) ([]byte, error) {
	m.calls++
	m.asked = *opts.(*rsa.OAEPOptions)
	opts.(*rsa.OAEPOptions).Hash = crypto.SHA1 // must not last
	asked := m.asked
	return m.answer(m.key.Decrypt(rand, msg, &asked))
}

// mlkemModule is an ML-KEM key in hardware, which answers as it is told to.
type mlkemModule struct {
	key    *mlkem.DecapsulationKey768
	public crypto.Encapsulator
	answer func(sharedKey []byte, err error) ([]byte, error)
	calls  int
}

func (m *mlkemModule) Encapsulator() crypto.Encapsulator { return m.public }

func (m *mlkemModule) Decapsulate(ciphertext []byte) ([]byte, error) {
	m.calls++
	return m.answer(m.key.Decapsulate(ciphertext))
}

func honest(b []byte, err error) ([]byte, error) { return b, err }

func modules(t *testing.T, bits int) (*mlkemModule, *rsaModule) {
	t.Helper()
	mlkemKey, err := mlkem.GenerateKey768()
	if err != nil {
		t.Fatal(err)
	}
	rsaKey := keytest.RSA(t, bits)
	return &mlkemModule{key: mlkemKey, public: mlkemKey.EncapsulationKey(), answer: honest},
		&rsaModule{key: rsaKey, public: &rsaKey.PublicKey, answer: honest}
}

func TestOpaqueRoundTrip(t *testing.T) {
	for _, set := range sets {
		mlkemHalf, rsaHalf := modules(t, set.ModulusBits())
		for _, halves := range []struct {
			mlkem crypto.Decapsulator
			rsa   crypto.Decrypter
		}{{mlkemHalf, rsaHalf}, {mlkemHalf.key, rsaHalf}, {mlkemHalf, rsaHalf.key}, {mlkemHalf.key, rsaHalf.key}} {
			dk, err := compositekem.NewOpaqueDecapsulationKey(halves.mlkem, halves.rsa)
			if err != nil {
				t.Fatal(err)
			}
			if dk.ParameterSet() != set {
				t.Errorf("a key of %v, want %v", dk.ParameterSet(), set)
			}
			for range 2 {
				key, ct := dk.EncapsulationKey().Encapsulate()
				if got, err := dk.Decapsulate(ct); err != nil || !bytes.Equal(got, key) {
					t.Errorf("%v: decapsulated to another key: %v", set, err)
				}
			}
			if _, err := dk.Bytes(); err != compositekem.ErrOpaque {
				t.Errorf("Bytes: %v, want ErrOpaque", err)
			}
			if _, err := compositekem.MarshalPKCS8PrivateKey(dk); err != compositekem.ErrOpaque {
				t.Errorf("MarshalPKCS8PrivateKey: %v, want ErrOpaque", err)
			}
		}
		if rsaHalf.asked.Hash != crypto.SHA256 || rsaHalf.asked.MGFHash != 0 || len(rsaHalf.asked.Label) != 0 {
			t.Errorf("the RSA half was asked for %+v", rsaHalf.asked)
		}
	}
}

func TestOpaqueHalvesThatMisbehave(t *testing.T) {
	answers := map[string]func([]byte, error) ([]byte, error){
		"an error":               func([]byte, error) ([]byte, error) { return nil, errHardware },
		"an error with a secret": func(b []byte, _ error) ([]byte, error) { return b, errHardware },
		"nothing":                func([]byte, error) ([]byte, error) { return nil, nil },
		"31 bytes":               func(b []byte, err error) ([]byte, error) { return b[:31], err },
		"33 bytes":               func(b []byte, err error) ([]byte, error) { return append(b, 0), err },
		"64 bytes":               func(b []byte, err error) ([]byte, error) { return slices.Concat(b, b), err },
	}
	for name, answer := range answers {
		for _, misbehaving := range []string{"ML-KEM", "RSA", "both"} {
			mlkemHalf, rsaHalf := modules(t, 2048)
			if misbehaving != "RSA" {
				mlkemHalf.answer = answer
			}
			if misbehaving != "ML-KEM" {
				rsaHalf.answer = answer
			}
			dk, err := compositekem.NewOpaqueDecapsulationKey(mlkemHalf, rsaHalf)
			if err != nil {
				t.Fatal(err)
			}
			_, ct := dk.EncapsulationKey().Encapsulate()
			if key, err := dk.Decapsulate(ct); err != compositekem.ErrDecapsulate || key != nil {
				t.Errorf("%s from %s: %v, want ErrDecapsulate alone", name, misbehaving, err)
			}
			if mlkemHalf.calls != 1 || rsaHalf.calls != 1 {
				t.Errorf("%s from %s: the halves were called %d and %d times, want once each", name, misbehaving, mlkemHalf.calls, rsaHalf.calls)
			}
			if _, err := dk.Decapsulate(ct[1:]); err != compositekem.ErrDecapsulate || mlkemHalf.calls != 1 || rsaHalf.calls != 1 {
				t.Error("a ciphertext of the wrong length reached the hardware")
			}
		}
	}
}

func TestOpaqueHalvesAreWiped(t *testing.T) {
	for _, fails := range []bool{false, true} {
		var given [][]byte
		keep := func(b []byte, err error) ([]byte, error) {
			given = append(given, b)
			if fails {
				err = errHardware
			}
			return b, err
		}
		mlkemHalf, rsaHalf := modules(t, 2048)
		mlkemHalf.answer, rsaHalf.answer = keep, keep
		dk, err := compositekem.NewOpaqueDecapsulationKey(mlkemHalf, rsaHalf)
		if err != nil {
			t.Fatal(err)
		}
		_, ct := dk.EncapsulationKey().Encapsulate()
		if _, err := dk.Decapsulate(ct); (err != nil) != fails {
			t.Fatal(err)
		}
		for _, secret := range given {
			if !bytes.Equal(secret, make([]byte, 32)) {
				t.Errorf("a component's secret was left in memory; failure: %v", fails)
			}
		}
		if len(given) != 2 {
			t.Fatal("not both halves were asked")
		}
	}
}

// TestOpaqueSwappedPublicKeys has hardware lie about its public key: what it
// decapsulates is then not what the sender encapsulated.
func TestOpaqueSwappedPublicKeys(t *testing.T) {
	mlkemHalf, rsaHalf := modules(t, 2048)
	otherMLKEM, otherRSA := modules(t, 2048)

	rsaHalf.public = otherRSA.public
	dk, err := compositekem.NewOpaqueDecapsulationKey(mlkemHalf, rsaHalf)
	if err != nil {
		t.Fatal(err)
	}
	_, ct := dk.EncapsulationKey().Encapsulate()
	if _, err := dk.Decapsulate(ct); err != compositekem.ErrDecapsulate {
		t.Errorf("another RSA key: %v, want ErrDecapsulate", err)
	}

	rsaHalf.public, mlkemHalf.public = &rsaHalf.key.PublicKey, otherMLKEM.public
	dk, err = compositekem.NewOpaqueDecapsulationKey(mlkemHalf, rsaHalf)
	if err != nil {
		t.Fatal(err)
	}
	key, ct := dk.EncapsulationKey().Encapsulate()
	if got, err := dk.Decapsulate(ct); err != nil || bytes.Equal(got, key) {
		t.Errorf("another ML-KEM key: the same secret, or %v instead of implicit rejection", err)
	}
}

func TestOpaqueHalvesThatAreRefused(t *testing.T) {
	mlkemHalf, rsaHalf := modules(t, 2048)
	key1024, err := mlkem.GenerateKey1024()
	if err != nil {
		t.Fatal(err)
	}
	withPublic := func(public crypto.PublicKey) crypto.Decrypter { return &rsaModule{public: public} }
	inconsistent := keytest.RSA(t, 2048)
	inconsistent.D = new(big.Int).Add(inconsistent.D, big.NewInt(2))
	noD, noPrime := keytest.RSA(t, 2048), keytest.RSA(t, 2048)
	noD.D, noPrime.Primes[1] = nil, nil
	thirdPrime, unequal := keytest.RSA(t, 2048), keytest.RSA(t, 2048)
	thirdPrime.Primes = append(thirdPrime.Primes, keytest.RSA(t, 2048).Primes[0])
	thirdPrime.Precomputed = rsa.PrecomputedValues{}
	if err := thirdPrime.Validate(); err != nil {
		t.Fatalf("crypto/rsa refuses it as well: %v", err)
	}
	found := unequalPrimes(t)
	*unequal = rsa.PrivateKey{PublicKey: rsa.PublicKey{N: found[1], E: 65537}, D: found[3], Primes: found[4:6]}
	if err := unequal.Validate(); err != nil {
		t.Fatalf("crypto/rsa refuses it as well: %v", err)
	}
	public := func(n *big.Int, e int) crypto.Decrypter { return withPublic(&rsa.PublicKey{N: n, E: e}) }

	for name, halves := range map[string]struct {
		mlkem crypto.Decapsulator
		rsa   crypto.Decrypter
	}{
		"no halves":             {nil, nil},
		"no ML-KEM half":        {nil, rsaHalf},
		"no RSA half":           {mlkemHalf, nil},
		"ML-KEM-1024":           {key1024, rsaHalf},
		"no ML-KEM public key":  {&mlkemModule{}, rsaHalf},
		"no RSA public key":     {mlkemHalf, withPublic(nil)},
		"a nil RSA public key":  {mlkemHalf, withPublic((*rsa.PublicKey)(nil))},
		"not an RSA public key": {mlkemHalf, withPublic([]byte{1})},
		"an RSA key by value":   {mlkemHalf, withPublic(rsaHalf.key.PublicKey)},
		"no modulus":            {mlkemHalf, public(nil, 65537)},
		"a negative modulus":    {mlkemHalf, public(new(big.Int).Neg(rsaHalf.key.N), 65537)},
		"an even modulus":       {mlkemHalf, public(new(big.Int).Sub(rsaHalf.key.N, one), 65537)},
		"a modulus of 2047":     {mlkemHalf, public(oddOf(2047), 65537)},
		"a modulus of 2056":     {mlkemHalf, public(oddOf(2056), 65537)},
		"a modulus of 1024":     {mlkemHalf, public(oddOf(1024), 65537)},
		"e = 1":                 {mlkemHalf, public(rsaHalf.key.N, 1)},
		"e = 3":                 {mlkemHalf, public(rsaHalf.key.N, 3)},
		"e even":                {mlkemHalf, public(rsaHalf.key.N, 65536)},
		"an inconsistent key":   {mlkemHalf, inconsistent},
		"an empty key":          {mlkemHalf, new(rsa.PrivateKey)},
		"no private exponent":   {mlkemHalf, noD},
		"a missing prime":       {mlkemHalf, noPrime},
		"a third prime":         {mlkemHalf, thirdPrime},
		"unequal primes":        {mlkemHalf, unequal},
	} {
		if _, err := compositekem.NewOpaqueDecapsulationKey(halves.mlkem, halves.rsa); !errors.Is(err, compositekem.ErrDecapsulationKey) {
			t.Errorf("%s: %v, want ErrDecapsulationKey", name, err)
		}
	}
}

func TestOpaquePublicKeyIsReadOnce(t *testing.T) {
	mlkemHalf, rsaHalf := modules(t, 2048)
	dk, err := compositekem.NewOpaqueDecapsulationKey(mlkemHalf, rsaHalf)
	if err != nil {
		t.Fatal(err)
	}
	before := dk.EncapsulationKey().Bytes()
	shown := rsaHalf.public.(*rsa.PublicKey)
	n := new(big.Int).Set(shown.N)
	shown.N.SetInt64(15)
	shown.E = 3
	defer func() { shown.N.Set(n) }()
	_, ct := dk.EncapsulationKey().Encapsulate()
	if len(ct) != compositekem.CiphertextSize2048 || !bytes.Equal(dk.EncapsulationKey().Bytes(), before) {
		t.Error("hardware changed the public key after the fact")
	}
}

// A software token, by value, with its PIN.
type token struct {
	rsaModule
	pin []byte
}

func (tk token) Public() crypto.PublicKey { return tk.public }

func (tk token) Decrypt(io.Reader, []byte, crypto.DecrypterOpts) ([]byte, error) {
	return nil, errHardware
}

func TestOpaqueKeyDoesNotPrintItsHalves(t *testing.T) {
	const pin = "0123-4567-89ab"
	mlkemHalf, rsaHalf := modules(t, 2048)
	dk, err := compositekem.NewOpaqueDecapsulationKey(mlkemHalf, token{*rsaHalf, []byte(pin)})
	if err != nil {
		t.Fatal(err)
	}
	holder := struct{ key compositekem.DecapsulationKey }{*dk}
	for _, verb := range verbs {
		for _, x := range []any{dk, *dk, holder, &holder} {
			got := fmt.Sprintf(verb, x)
			for _, secret := range []string{pin, fmt.Sprintf("%x", pin), fmt.Sprintf("%X", pin), strings.Trim(fmt.Sprint([]byte(pin)), "[]")} {
				if strings.Contains(got, secret) {
					t.Errorf("%s of %T shows what is in a half", verb, x)
				}
			}
		}
	}
}
