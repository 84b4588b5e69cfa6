package xaes

import "crypto/cipher"

// SealWith is Seal with a nonce that is given, and does not write it.
func (a *AEAD) SealWith(nonce [NonceSize]byte, plaintext, additionalData []byte) []byte {
	gcm, err := cipher.NewGCM(a.derive(nonce[:]))
	if err != nil {
		panic(err)
	}
	return gcm.Seal(nil, nonce[half:], plaintext, additionalData)
}
