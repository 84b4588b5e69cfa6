package compositekem

import (
	"crypto/mlkem"
	"sync"
)

// mlkemQ is the modulus q of FIPS 203, Section 2.3.
const mlkemQ = 3329

// validMLKEM is the check of an encapsulation key of FIPS 203, Section 7.2: its
// length, and that every coefficient of its polynomials, 12 bits each, is reduced.
// mlkem.NewEncapsulationKey768 checks the same, and then spends most of its time
// on the matrix, which it expands from the last 32 bytes; these may be anything.
func validMLKEM(mlkemPK []byte) bool {
	if len(mlkemPK) != mlkemPublicKeySize {
		return false
	}
	for t := mlkemPK[:mlkemPublicKeySize-32]; len(t) > 0; t = t[3:] {
		two := uint32(t[0]) | uint32(t[1])<<8 | uint32(t[2])<<16
		if two&0xfff >= mlkemQ || two>>12 >= mlkemQ {
			return false
		}
	}
	return true
}

// expandLater makes the key when it is first encapsulated to: many keys are
// checked, and never used.
func expandLater(mlkemPK []byte) func() *mlkem.EncapsulationKey768 {
	return sync.OnceValue(func() *mlkem.EncapsulationKey768 {
		key, err := mlkem.NewEncapsulationKey768(mlkemPK)
		if err != nil {
			panic("compositekem: crypto/mlkem refused a valid key: " + err.Error())
		}
		return key
	})
}
