package compositekem

import (
	"crypto/mlkem"
	"crypto/sha3"
)

// Names are the draft's: the ML-KEM half has mlkemPK, mlkemCT and mlkemSS, the
// traditional half, RSA-OAEP, has tradPK, tradCT and tradSS.
const (
	mlkemPublicKeySize  = mlkem.EncapsulationKeySize768
	mlkemCiphertextSize = mlkem.CiphertextSize768
	mlkemSeedSize       = mlkem.SeedSize
	mlkemSSSize         = mlkem.SharedKeySize

	// tradSSSize is ss_len of the draft, Section 6.1.
	tradSSSize = 32

	labelSize       = len("MLKEM768-RSAOAEP0000")
	maxCombinerSize = mlkemSSSize + tradSSSize + CiphertextSize4096 - mlkemCiphertextSize +
		EncapsulationKeySize4096 - mlkemPublicKeySize + labelSize
)

// combine implements KemCombiner of the draft, Section 3.4. Each input has a
// length fixed by the label.
func combine(mlkemSS, tradSS, tradCT, tradPK []byte, label string) []byte {
	var buf [maxCombinerSize]byte
	defer clear(buf[:])

	input := append(buf[:0], mlkemSS...)
	input = append(input, tradSS...)
	input = append(input, tradCT...)
	input = append(input, tradPK...)
	input = append(input, label...)
	ss := sha3.Sum256(input)
	return ss[:]
}
