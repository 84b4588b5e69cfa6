package compositekem_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/parley-e2ee/parley/envelope/compositekem"
)

const minVectors = 1

type vector struct {
	ID    string `json:"tcId"`
	EK    []byte `json:"ek"`
	DK    []byte `json:"dk"`
	PKCS8 []byte `json:"dk_pkcs8"`
	C     []byte `json:"c"`
	K     []byte `json:"k"`
}

func vectors(tb testing.TB) []vector {
	tb.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", "testdata", "vectors", "composite-mlkem.json"))
	if err != nil {
		tb.Fatal(err)
	}
	var file struct{ Tests []vector }
	if err := json.Unmarshal(data, &file); err != nil {
		tb.Fatal(err)
	}
	if len(file.Tests) < minVectors {
		tb.Fatalf("%d vectors, want at least %d", len(file.Tests), minVectors)
	}
	return file.Tests
}

func TestVectors(t *testing.T) {
	for _, v := range vectors(t) {
		t.Run(v.ID, func(t *testing.T) {
			fromDK, err := compositekem.NewDecapsulationKey(v.DK)
			if err != nil {
				t.Fatal(err)
			}
			fromPKCS8, err := compositekem.ParsePKCS8PrivateKey(v.PKCS8)
			if err != nil {
				t.Fatal(err)
			}
			for _, dk := range []*compositekem.DecapsulationKey{fromDK, fromPKCS8} {
				if dk.ParameterSet().String() != v.ID {
					t.Errorf("a key of %v", dk.ParameterSet())
				}
				if k, err := dk.Decapsulate(v.C); err != nil || !bytes.Equal(k, v.K) {
					t.Errorf("c decapsulates to another k: %v", err)
				}
				if !bytes.Equal(dk.EncapsulationKey().Bytes(), v.EK) {
					t.Error("dk has another ek")
				}
				if !bytes.Equal(encoded(t, dk), v.DK) || !bytes.Equal(pkcs8(t, dk), v.PKCS8) {
					t.Error("dk marshals to other bytes")
				}
			}
			ek, err := compositekem.NewEncapsulationKey(v.EK)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(ek.Bytes(), v.EK) {
				t.Error("ek marshals to other bytes")
			}
			k, c := ek.Encapsulate()
			if got, err := fromDK.Decapsulate(c); err != nil || !bytes.Equal(got, k) {
				t.Errorf("decapsulated to another key: %v", err)
			}
		})
	}
}
