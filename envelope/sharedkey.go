package envelope

import "crypto/rand"

// SharedKeyIdentity returns the identity with a key of [SharedKeySize] uniformly
// random bytes that sender and receiver share. Its stanza type is [SharedKey]. The key
// must come from crypto/rand or a key derivation function, and never be a password:
// envelopes show an ID derived from it. It is copied. Any other size is [ErrKey].
func SharedKeyIdentity(key []byte) (*Identity, error) {
	if len(key) != SharedKeySize {
		return nil, &detail{ErrKey, "shared key that is not of 32 bytes"}
	}
	own := [SharedKeySize]byte(key)
	r := &Recipient{stanza: Stanza{Type: SharedKey}, bodySize: saltSize + wrappedSize}
	copy(r.stanza.KeyID[:], expand(own[:], labelSharedKeyID, keyIDSize))
	r.wrap = func(dst []byte, c *digest, fileKey []byte) ([]byte, error) {
		salt := make([]byte, saltSize)
		rand.Read(salt)
		return appendWrap(append(dst, salt...), kek(SharedKey, own[:], c, r.keyHash(), salt), fileKey), nil
	}
	return newIdentity(&identity{recipient: r, unwrap: func(c *digest, body []byte) ([]byte, error) {
		salt, wrapped := cutWrapped(body)
		fileKey, _ := unwrap(kek(SharedKey, own[:], c, r.keyHash(), salt), wrapped)
		return fileKey, nil
	}}), nil
}
