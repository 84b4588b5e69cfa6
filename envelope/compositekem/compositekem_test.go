package compositekem_test

import (
	"bytes"
	"crypto"
	"crypto/mlkem"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha3"
	"errors"
	"slices"
	"sync"
	"testing"

	"github.com/parley-e2ee/parley/envelope/compositekem"
	"github.com/parley-e2ee/parley/internal/keysource/keytest"
)

var sets = []compositekem.ParameterSet{compositekem.RSA2048, compositekem.RSA3072, compositekem.RSA4096}

// generate makes a key with an RSA half out of the test pool.
func generate(tb testing.TB, set compositekem.ParameterSet) *compositekem.DecapsulationKey {
	tb.Helper()
	keytest.Use(tb)
	dk, err := compositekem.GenerateKey(set)
	if err != nil {
		tb.Fatal(err)
	}
	return dk
}

func encoded(tb testing.TB, dk *compositekem.DecapsulationKey) []byte {
	tb.Helper()
	sk, err := dk.Bytes()
	if err != nil {
		tb.Fatal(err)
	}
	return sk
}

func pkcs8(tb testing.TB, dk *compositekem.DecapsulationKey) []byte {
	tb.Helper()
	der, err := compositekem.MarshalPKCS8PrivateKey(dk)
	if err != nil {
		tb.Fatal(err)
	}
	return der
}

func TestParameterSets(t *testing.T) {
	for _, want := range []struct {
		set                     compositekem.ParameterSet
		name, oid               string
		bits, key, ciphertext   int
		keyConst, ciphertextCon int
	}{
		{compositekem.RSA2048, "id-MLKEM768-RSA2048-SHA3-256", "1.3.6.1.5.5.7.6.55", 2048, 1454, 1344,
			compositekem.EncapsulationKeySize2048, compositekem.CiphertextSize2048},
		{compositekem.RSA3072, "id-MLKEM768-RSA3072-SHA3-256", "1.3.6.1.5.5.7.6.56", 3072, 1582, 1472,
			compositekem.EncapsulationKeySize3072, compositekem.CiphertextSize3072},
		{compositekem.RSA4096, "id-MLKEM768-RSA4096-SHA3-256", "1.3.6.1.5.5.7.6.57", 4096, 1710, 1600,
			compositekem.EncapsulationKeySize4096, compositekem.CiphertextSize4096},
	} {
		got := want
		got.name, got.oid, got.bits = want.set.String(), want.set.OID().String(), want.set.ModulusBits()
		got.key, got.ciphertext = want.set.EncapsulationKeySize(), want.set.CiphertextSize()
		got.keyConst, got.ciphertextCon = want.key, want.ciphertext
		if got != want {
			t.Errorf("%v: %+v, want %+v", want.set, got, want)
		}
	}
	compositekem.RSA2048.OID()[0] = 2
	if compositekem.RSA2048.OID()[0] != 1 {
		t.Error("a caller changed the OID")
	}
}

func TestUnknownParameterSet(t *testing.T) {
	for _, set := range []compositekem.ParameterSet{0, 4, 255} {
		if _, err := compositekem.GenerateKey(set); !errors.Is(err, compositekem.ErrParameterSet) {
			t.Errorf("GenerateKey(%d): %v, want ErrParameterSet", set, err)
		}
		if set.OID() != nil || set.ModulusBits() != 0 || set.EncapsulationKeySize() != 0 || set.CiphertextSize() != 0 {
			t.Errorf("set %d has sizes", set)
		}
	}
}

func TestRoundTripThroughEveryEncoding(t *testing.T) {
	for _, set := range sets {
		dk := generate(t, set)
		ek, err := compositekem.NewEncapsulationKey(dk.EncapsulationKey().Bytes())
		if err != nil {
			t.Fatal(err)
		}
		fromSPKI, err := compositekem.ParsePKIXPublicKey(compositekem.MarshalPKIXPublicKey(ek))
		if err != nil {
			t.Fatal(err)
		}
		fromBytes, err := compositekem.NewDecapsulationKey(encoded(t, dk))
		if err != nil {
			t.Fatal(err)
		}
		fromPKCS8, err := compositekem.ParsePKCS8PrivateKey(pkcs8(t, dk))
		if err != nil {
			t.Fatal(err)
		}
		for _, public := range []crypto.Encapsulator{ek, fromSPKI, dk.Encapsulator()} {
			key, ct := public.Encapsulate()
			if len(key) != compositekem.SharedKeySize || len(ct) != set.CiphertextSize() || len(public.Bytes()) != set.EncapsulationKeySize() {
				t.Fatalf("%v: sizes %d, %d, %d", set, len(key), len(ct), len(public.Bytes()))
			}
			for _, private := range []*compositekem.DecapsulationKey{dk, fromBytes, fromPKCS8} {
				got, err := private.Decapsulate(ct)
				if err != nil || !bytes.Equal(got, key) {
					t.Errorf("%v: decapsulated to another key: %v", set, err)
				}
				if private.ParameterSet() != set || !private.EncapsulationKey().Equal(ek) {
					t.Errorf("%v: the parsed key is another one", set)
				}
			}
		}
	}
}

// TestCombiner takes the key apart and does the draft's steps with the standard
// library alone, in both directions.
func TestCombiner(t *testing.T) {
	labels := map[compositekem.ParameterSet]string{
		compositekem.RSA2048: "MLKEM768-RSAOAEP2048",
		compositekem.RSA3072: "MLKEM768-RSAOAEP3072",
		compositekem.RSA4096: "MLKEM768-RSAOAEP4096",
	}
	tradSSSeen := map[string]bool{}
	for set, label := range labels {
		rsaKey := keytest.RSA(t, set.ModulusBits())
		mlkemKey, err := mlkem.GenerateKey768()
		if err != nil {
			t.Fatal(err)
		}
		dk, err := compositekem.NewOpaqueDecapsulationKey(mlkemKey, rsaKey)
		if err != nil {
			t.Fatal(err)
		}
		tradPK := dk.EncapsulationKey().Bytes()[mlkem.EncapsulationKeySize768:]
		combiner := func(mlkemSS, tradSS, tradCT []byte) []byte {
			ss := sha3.Sum256(slices.Concat(mlkemSS, tradSS, tradCT, tradPK, []byte(label)))
			return ss[:]
		}

		key, ct := dk.EncapsulationKey().Encapsulate()
		tradCT := ct[mlkem.CiphertextSize768:]
		mlkemSS, err := mlkemKey.Decapsulate(ct[:mlkem.CiphertextSize768])
		if err != nil {
			t.Fatal(err)
		}
		tradSS, err := rsa.DecryptOAEP(sha256.New(), nil, rsaKey, tradCT, nil)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Equal(tradSS, make([]byte, 32)) || tradSSSeen[string(tradSS)] {
			t.Errorf("%v: tradSS is not random", set)
		}
		tradSSSeen[string(tradSS)] = true
		if len(tradSS) != 32 || !bytes.Equal(key, combiner(mlkemSS, tradSS, tradCT)) {
			t.Errorf("%v: Encapsulate is not the draft's", set)
		}

		mlkemSS, mlkemCT := mlkemKey.EncapsulationKey().Encapsulate()
		tradSS = bytes.Repeat([]byte{7}, 32)
		tradCT, err = rsa.EncryptOAEP(sha256.New(), rand.Reader, &rsaKey.PublicKey, tradSS, nil)
		if err != nil {
			t.Fatal(err)
		}
		key, err = dk.Decapsulate(slices.Concat(mlkemCT, tradCT))
		if err != nil || !bytes.Equal(key, combiner(mlkemSS, tradSS, tradCT)) {
			t.Errorf("%v: Decapsulate is not the draft's: %v", set, err)
		}
	}
}

// TestDecapsulateRefusesOtherSecretSizes has a sender who follows the draft in
// everything but the 32 bytes of tradSS.
func TestDecapsulateRefusesOtherSecretSizes(t *testing.T) {
	rsaKey := keytest.RSA(t, 2048)
	mlkemKey, err := mlkem.GenerateKey768()
	if err != nil {
		t.Fatal(err)
	}
	dk, err := compositekem.NewOpaqueDecapsulationKey(mlkemKey, rsaKey)
	if err != nil {
		t.Fatal(err)
	}
	_, mlkemCT := mlkemKey.EncapsulationKey().Encapsulate()
	for _, test := range []struct {
		size  int
		label string
		want  error
	}{{32, "", nil}, {0, "", compositekem.ErrDecapsulate}, {31, "", compositekem.ErrDecapsulate},
		{33, "", compositekem.ErrDecapsulate}, {32, "label", compositekem.ErrDecapsulate}} {
		tradCT, err := rsa.EncryptOAEP(sha256.New(), rand.Reader, &rsaKey.PublicKey, make([]byte, test.size), []byte(test.label))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := dk.Decapsulate(slices.Concat(mlkemCT, tradCT)); err != test.want {
			t.Errorf("tradSS of %d bytes, label %q: %v, want %v", test.size, test.label, err, test.want)
		}
	}
}

func TestDecapsulateRefusesOtherLengths(t *testing.T) {
	for _, set := range sets {
		dk := generate(t, set)
		_, ct := dk.EncapsulationKey().Encapsulate()
		for _, bad := range [][]byte{nil, {}, ct[:1087], ct[:1088], ct[:len(ct)-1], append(slices.Clone(ct), 0), ct[1:]} {
			if key, err := dk.Decapsulate(bad); err != compositekem.ErrDecapsulate || key != nil {
				t.Errorf("%v: %d bytes: %v", set, len(bad), err)
			}
		}
	}
}

// TestDecapsulateRefusesStrippedZero looks for a ciphertext whose RSA half
// starts with a zero byte; crypto/rsa would decrypt it without.
func TestDecapsulateRefusesStrippedZero(t *testing.T) {
	rsaKey := keytest.RSA(t, 2048)
	mlkemKey, err := mlkem.GenerateKey768()
	if err != nil {
		t.Fatal(err)
	}
	dk, err := compositekem.NewOpaqueDecapsulationKey(mlkemKey, rsaKey)
	if err != nil {
		t.Fatal(err)
	}
	var ct []byte
	for ct == nil || ct[mlkem.CiphertextSize768] != 0 {
		_, ct = dk.EncapsulationKey().Encapsulate()
	}
	if _, err := dk.Decapsulate(ct); err != nil {
		t.Fatal(err)
	}
	stripped := slices.Delete(slices.Clone(ct), mlkem.CiphertextSize768, mlkem.CiphertextSize768+1)
	if _, err := rsa.DecryptOAEP(sha256.New(), nil, rsaKey, stripped[mlkem.CiphertextSize768:], nil); err != nil {
		t.Logf("crypto/rsa refuses it as well: %v", err)
	}
	if _, err := dk.Decapsulate(stripped); err != compositekem.ErrDecapsulate {
		t.Errorf("%v, want ErrDecapsulate", err)
	}
}

func TestDecapsulateIsBoundToTheKey(t *testing.T) {
	dk, other := generate(t, compositekem.RSA2048), generate(t, compositekem.RSA2048)
	_, ct := dk.EncapsulationKey().Encapsulate()
	if _, err := other.Decapsulate(ct); err != compositekem.ErrDecapsulate {
		t.Errorf("%v, want ErrDecapsulate", err)
	}
}

func TestEqual(t *testing.T) {
	dk, other := generate(t, compositekem.RSA2048), generate(t, compositekem.RSA2048)
	ek := dk.EncapsulationKey()
	same, err := compositekem.NewEncapsulationKey(ek.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if !ek.Equal(same) || !same.Equal(ek) {
		t.Error("a copy is not equal")
	}
	for _, x := range []crypto.PublicKey{other.EncapsulationKey(), (*compositekem.EncapsulationKey)(nil), nil, ek.Bytes(), dk} {
		if ek.Equal(x) {
			t.Errorf("equal to %T", x)
		}
	}
}

func TestBytesAreCopies(t *testing.T) {
	dk := generate(t, compositekem.RSA2048)
	ek := dk.EncapsulationKey()
	public, private := ek.Bytes(), encoded(t, dk)
	clear(ek.Bytes())
	clear(encoded(t, dk))
	if !bytes.Equal(ek.Bytes(), public) || !bytes.Equal(encoded(t, dk), private) {
		t.Error("a caller changed the key")
	}
	input := slices.Clone(public)
	parsed, err := compositekem.NewEncapsulationKey(input)
	if err != nil {
		t.Fatal(err)
	}
	clear(input)
	if !bytes.Equal(parsed.Bytes(), public) {
		t.Error("the key shares memory with its input")
	}
}

func TestConcurrentUse(t *testing.T) {
	dk := generate(t, compositekem.RSA2048)
	ek := dk.EncapsulationKey()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 4 {
				key, ct := ek.Encapsulate()
				got, err := dk.Decapsulate(ct)
				if err != nil || !bytes.Equal(got, key) {
					t.Errorf("decapsulated to another key: %v", err)
				}
				if _, err := dk.Bytes(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}
