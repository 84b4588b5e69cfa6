package envelope

import (
	"crypto/mlkem"

	"github.com/parley-e2ee/parley/envelope/compositekem"
)

var compositeSets = [...]compositekem.ParameterSet{compositekem.RSA2048, compositekem.RSA3072, compositekem.RSA4096}

// CompositeRecipient returns the recipient with the composite key. Its stanza type
// is [MLKEM768RSA]. A nil key is [ErrKey].
func CompositeRecipient(key *compositekem.EncapsulationKey) (*Recipient, error) {
	if key == nil || key.ParameterSet() == 0 {
		return nil, &detail{ErrKey, "no composite key"}
	}
	r := newRecipient(MLKEM768RSA, compositekem.MarshalPKIXPublicKey(key), key.ParameterSet().CiphertextSize()+wrappedSize)
	r.modulus, r.rsaAt = key.ParameterSet().ModulusBits(), mlkem.CiphertextSize768
	r.wrap = func(dst []byte, c *digest, fileKey []byte) ([]byte, error) {
		secret, ciphertext := key.Encapsulate()
		defer clear(secret)
		return appendWrap(append(dst, ciphertext...), kek(MLKEM768RSA, secret, c, r.keyHash(), ciphertext), fileKey), nil
	}
	return r, nil
}

// CompositeIdentity returns the identity with the composite key, whose halves may be
// in hardware. A nil key is [ErrKey].
func CompositeIdentity(key *compositekem.DecapsulationKey) (*Identity, error) {
	if key == nil || key.ParameterSet() == 0 {
		return nil, &detail{ErrKey, "no composite key"}
	}
	r, err := CompositeRecipient(key.EncapsulationKey())
	if err != nil {
		return nil, err
	}
	return newIdentity(&identity{
		recipient: r,
		unwrap: func(c *digest, body []byte) ([]byte, error) {
			ciphertext, wrapped := cutWrapped(body)
			secret, err := key.Decapsulate(ciphertext)
			if err != nil {
				return nil, nil // the package gives no reasons
			}
			defer clear(secret)
			fileKey, _ := unwrap(kek(MLKEM768RSA, secret, c, r.keyHash(), ciphertext), wrapped)
			return fileKey, nil
		},
		pkcs8: func() ([]byte, error) { return compositekem.MarshalPKCS8PrivateKey(key) },
	}), nil
}

// compositeBody reports whether the body of a stanza can be of n bytes.
func compositeBody(n int) bool {
	for _, set := range compositeSets {
		if n == set.CiphertextSize()+wrappedSize {
			return true
		}
	}
	return false
}

// cutWrapped splits a body into the encapsulation and the wrapped key.
func cutWrapped(body []byte) (encapsulation, wrapped []byte) {
	at := len(body) - wrappedSize
	return body[:at:at], body[at:]
}
