package envelope

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"math/big"
	"slices"
)

// RSARecipient returns the recipient with the RSA key. Its stanza type is [RSAOAEP].
// The modulus must have [MinModulus] to [MaxModulus] bits, and the exponent must be
// odd, at least 65537 and below 2³¹; otherwise the error is [ErrKey]. The key is
// copied.
//
// The key should have no other use, and must not be half of a composite key. RSA does
// not resist quantum computers: for new recipients use [GenerateIdentity].
func RSARecipient(key *rsa.PublicKey) (*Recipient, error) {
	if err := checkRSA(key); err != nil {
		return nil, err
	}
	own := &rsa.PublicKey{N: key.N, E: key.E}
	spki, err := x509.MarshalPKIXPublicKey(own)
	if err != nil {
		return nil, &detail{ErrKey, "RSA key that cannot be encoded"}
	}
	// Parsed, the key shares no memory with the caller's.
	parsed, err := x509.ParsePKIXPublicKey(spki)
	if err != nil {
		return nil, &detail{ErrKey, "RSA key that cannot be encoded"}
	}
	own = parsed.(*rsa.PublicKey)
	r := newRecipient(RSAOAEP, spki, own.Size())
	r.modulus = own.N.BitLen()
	r.wrap = func(dst []byte, c *digest, fileKey []byte) ([]byte, error) {
		ciphertext, err := rsa.EncryptOAEP(sha256.New(), rand.Reader, own, fileKey, oaepLabel(c))
		return append(dst, ciphertext...), err
	}
	return r, nil
}

// RSAIdentity returns the identity with the RSA key, in memory or in hardware: any
// [crypto.Decrypter] with an *[rsa.PublicKey] that accepts *[rsa.OAEPOptions] with a
// label. The limits are those of [RSARecipient], and the error is [ErrKey].
//
// Key services without OAEP labels cannot be used in this way, but can hold the RSA
// half of a composite key: see [compositekem.NewOpaqueDecapsulationKey].
func RSAIdentity(key crypto.Decrypter) (*Identity, error) {
	if isNil(key) {
		return nil, &detail{ErrKey, "no RSA key"}
	}
	private, inMemory := key.(*rsa.PrivateKey)
	var pkcs8 []byte
	if inMemory {
		var err error
		if private, pkcs8, err = copyRSA(private); err != nil {
			return nil, err
		}
		key = private
	}
	public, ok := key.Public().(*rsa.PublicKey)
	if !ok {
		return nil, &detail{ErrKey, "not an RSA key"}
	}
	r, err := RSARecipient(public)
	if err != nil {
		return nil, err
	}
	own := &identity{recipient: r, unwrap: func(c *digest, body []byte) ([]byte, error) {
		return decryptOAEP(key, body, c)
	}}
	if inMemory {
		own.pkcs8 = func() ([]byte, error) { return bytes.Clone(pkcs8), nil }
	}
	return newIdentity(own), nil
}

// copyRSA returns a sound private key that shares no memory with the caller's, and
// its encoding.
func copyRSA(key *rsa.PrivateKey) (own *rsa.PrivateKey, pkcs8 []byte, err error) {
	if err := checkRSA(&key.PublicKey); err != nil {
		return nil, nil, err
	}
	unsound := &detail{ErrKey, "RSA private key that does not fit its public key"}
	if key.D == nil || len(key.Primes) < 2 || slices.Contains(key.Primes, nil) {
		return nil, nil, unsound
	}
	fresh := &rsa.PrivateKey{PublicKey: rsa.PublicKey{N: new(big.Int).Set(key.N), E: key.E}, D: new(big.Int).Set(key.D)}
	for _, p := range key.Primes {
		fresh.Primes = append(fresh.Primes, new(big.Int).Set(p))
	}
	fresh.Precompute()
	if fresh.Validate() != nil {
		return nil, nil, unsound
	}
	if pkcs8, err = x509.MarshalPKCS8PrivateKey(fresh); err != nil {
		return nil, nil, unsound
	}
	return fresh, pkcs8, nil
}

func decryptOAEP(key crypto.Decrypter, body []byte, c *digest) ([]byte, error) {
	fileKey, err := key.Decrypt(rand.Reader, body, &rsa.OAEPOptions{Hash: crypto.SHA256, MGFHash: crypto.SHA256, Label: oaepLabel(c)})
	switch {
	case errors.Is(err, rsa.ErrDecryption):
		return nil, nil
	case err != nil:
		return nil, err
	case len(fileKey) != fileKeySize:
		clear(fileKey)
		return nil, nil
	}
	return fileKey, nil
}

// oaepLabel binds the ciphertext to this use and to C (section 3.1).
func oaepLabel(c *digest) []byte {
	return append([]byte(labelStanza+"rsa-oaep-sha256\x00"), c[:]...)
}

func checkRSA(key *rsa.PublicKey) error {
	switch {
	case key == nil || key.N == nil || key.N.Sign() <= 0:
		return &detail{ErrKey, "no RSA key"}
	case key.N.BitLen() < MinModulus || key.N.BitLen() > MaxModulus:
		return &detail{ErrKey, "RSA modulus of a size that is not allowed"}
	case key.N.Bit(0) == 0:
		return &detail{ErrKey, "RSA modulus is even"}
	case key.E < 65537 || key.E%2 == 0 || int64(key.E) >= 1<<31:
		return &detail{ErrKey, "RSA exponent that is not allowed"}
	}
	return nil
}
