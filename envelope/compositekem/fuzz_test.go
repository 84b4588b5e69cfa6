package compositekem_test

import (
	"bytes"
	"crypto/mlkem"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/parley-e2ee/parley/envelope/compositekem"
)

// fuzzEncoding holds a parser to: an error of the given kinds, or a key that
// marshals to the identical bytes.
func fuzzEncoding(f *testing.F, reencode func([]byte) ([]byte, error), kinds ...error) {
	f.Fuzz(func(t *testing.T, data []byte) {
		again, err := reencode(bytes.Clone(data))
		if err != nil {
			for _, kind := range kinds {
				if errors.Is(err, kind) {
					return
				}
			}
			t.Fatalf("an error of no kind: %v", err)
		}
		if !bytes.Equal(again, data) {
			t.Fatal("parsed, and marshals to other bytes")
		}
	})
}

func FuzzEncapsulationKey(f *testing.F) {
	fuzzEncoding(f, reencodeEK, compositekem.ErrEncapsulationKey)
}

// FuzzMLKEMHalf: the verdict on an ML-KEM half is crypto/mlkem's.
func FuzzMLKEMHalf(f *testing.F) {
	half := generate(f, compositekem.RSA2048).EncapsulationKey().Bytes()[mlkem.EncapsulationKeySize768:]
	f.Add(make([]byte, mlkem.EncapsulationKeySize768))
	f.Fuzz(func(t *testing.T, mlkemPK []byte) { sameVerdict(t, mlkemPK, half) })
}

// sameVerdict holds what is said of an ML-KEM half against crypto/mlkem.
func sameVerdict(tb testing.TB, mlkemPK, tradPK []byte) {
	tb.Helper()
	_, want := mlkem.NewEncapsulationKey768(mlkemPK)
	_, err := compositekem.NewEncapsulationKey(slices.Concat(mlkemPK, tradPK))
	if (err == nil) != (want == nil) {
		tb.Fatalf("%v, and crypto/mlkem says %v", err, want)
	}
}

func FuzzPKIXPublicKey(f *testing.F) {
	fuzzEncoding(f, reencodeSPKI, compositekem.ErrEncapsulationKey, compositekem.ErrAlgorithm)
}

func FuzzDecapsulationKey(f *testing.F) {
	fuzzEncoding(f, reencodeDK, compositekem.ErrDecapsulationKey)
}

func FuzzPKCS8PrivateKey(f *testing.F) {
	fuzzEncoding(f, reencodePKCS8, compositekem.ErrDecapsulationKey, compositekem.ErrAlgorithm)
}

func FuzzDecapsulate(f *testing.F) {
	dk, err := compositekem.NewDecapsulationKey(vectors(f)[0].DK)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, ciphertext []byte) {
		before := bytes.Clone(ciphertext)
		key, err := dk.Decapsulate(ciphertext)
		switch {
		case err != nil && (err != compositekem.ErrDecapsulate || key != nil):
			t.Errorf("%v and %d bytes, want ErrDecapsulate alone", err, len(key))
		case err == nil && (len(key) != compositekem.SharedKeySize || len(ciphertext) != dk.ParameterSet().CiphertextSize()):
			t.Errorf("%d bytes of ciphertext gave a key of %d bytes", len(ciphertext), len(key))
		case !bytes.Equal(ciphertext, before):
			t.Error("the caller's ciphertext was changed")
		}
	})
}

// TestFuzzCorpus: each target has seeds, and those of keys have all three sizes.
func TestFuzzCorpus(t *testing.T) {
	for target, least := range map[string]int{
		"FuzzEncapsulationKey": 6, "FuzzMLKEMHalf": 4, "FuzzPKIXPublicKey": 6, "FuzzDecapsulationKey": 6, "FuzzPKCS8PrivateKey": 6, "FuzzDecapsulate": 4,
	} {
		seeds, err := os.ReadDir(filepath.Join("testdata", "fuzz", target))
		if err != nil {
			t.Fatal(err)
		}
		if len(seeds) < least {
			t.Errorf("%s: %d seeds, want at least %d", target, len(seeds), least)
		}
	}
}
