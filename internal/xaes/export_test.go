package xaes

// SealWith is Seal with a nonce that is given, and does not write it.
func (a *AEAD) SealWith(nonce [NonceSize]byte, plaintext, additionalData []byte) []byte {
	return a.seal(nil, &nonce, plaintext, additionalData)
}
