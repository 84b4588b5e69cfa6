package compositekem_test

import (
	"bytes"
	"crypto/mlkem"
	"sync"
	"testing"

	"github.com/parley-e2ee/parley/envelope/compositekem"
)

// TestMLKEMModulusCheck puts the last value that is reduced, and the first that is
// not, in the place of each coefficient.
func TestMLKEMModulusCheck(t *testing.T) {
	good := generate(t, compositekem.RSA2048).EncapsulationKey().Bytes()
	mlkemPK, tradPK := good[:mlkem.EncapsulationKeySize768], good[mlkem.EncapsulationKeySize768:]
	for i := range 3 * 256 {
		for _, value := range []uint16{0, 3328, 3329, 4095} {
			edited := withCoefficient(mlkemPK, i, value)
			sameVerdict(t, edited, tradPK)
			_, err := compositekem.NewEncapsulationKey(append(edited, tradPK...))
			if (err == nil) != (value < 3329) {
				t.Fatalf("coefficient %d is %d: %v", i, value, err)
			}
		}
	}
	for _, n := range []int{0, 31, 32, 1183, 1185} {
		sameVerdict(t, make([]byte, n), tradPK)
	}
}

// withCoefficient replaces one of the 12-bit numbers, two of which share 3 bytes.
func withCoefficient(mlkemPK []byte, i int, value uint16) []byte {
	out := bytes.Clone(mlkemPK)
	pair := out[i/2*3:]
	if i%2 == 0 {
		pair[0], pair[1] = byte(value), pair[1]&0xf0|byte(value>>8)
	} else {
		pair[1], pair[2] = pair[1]&0x0f|byte(value<<4), byte(value>>4)
	}
	return out
}

// TestFirstEncapsulations come at once.
func TestFirstEncapsulations(t *testing.T) {
	dk := generate(t, compositekem.RSA2048)
	ek, err := compositekem.NewEncapsulationKey(dk.EncapsulationKey().Bytes())
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			key, ct := ek.Encapsulate()
			if got, err := dk.Decapsulate(ct); err != nil || !bytes.Equal(got, key) {
				t.Errorf("decapsulated to another key: %v", err)
			}
		})
	}
	all.Wait()
}
