// Package xaes is XAES-256-GCM, the authenticated encryption of
// https://c2sp.org/XAES-256-GCM: AES-256-GCM under a key that is derived from
// half of a nonce of 24 bytes, so that nonces may be random for any number of
// messages.
package xaes

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
)

// Sizes in bytes.
const (
	KeySize   = 32
	NonceSize = 24
	Overhead  = NonceSize + 16 // what Seal adds: the nonce and the tag
)

// ErrOpen reports what does not open: another key, other additional data or
// other bytes.
var ErrOpen = errors.New("xaes: message authentication failed")

// An AEAD seals and opens under one key, for any number of goroutines.
type AEAD struct {
	block cipher.Block
	k1    [aes.BlockSize]byte // steps 1 and 2
}

// New returns the AEAD of a key of 32 bytes.
func New(key *[KeySize]byte) *AEAD {
	block, err := aes.NewCipher(key[:])
	if err != nil {
		panic("xaes: " + err.Error()) // only the key's size could be wrong
	}
	a := &AEAD{block: block}
	block.Encrypt(a.k1[:], a.k1[:])
	msb := a.k1[0] >> 7
	for i := range a.k1 {
		a.k1[i] <<= 1
		if i+1 < len(a.k1) {
			a.k1[i] |= a.k1[i+1] >> 7
		}
	}
	a.k1[len(a.k1)-1] ^= msb * 0b10000111
	return a
}

// derive is steps 3 to 5: the key for AES-256-GCM, from the first half of a nonce.
func (a *AEAD) derive(nonce []byte) cipher.Block {
	var key [KeySize]byte
	defer clear(key[:])
	for i := range 2 {
		m := key[i*aes.BlockSize:][:aes.BlockSize]
		m[1], m[2] = byte(i+1), 'X'
		copy(m[4:], nonce[:half])
		for j := range m {
			m[j] ^= a.k1[j]
		}
		a.block.Encrypt(m, m)
	}
	block, err := aes.NewCipher(key[:])
	if err != nil {
		panic("xaes: " + err.Error())
	}
	return block
}

// randomNonce is the AES-256-GCM that chooses the second half of a nonce, as FIPS
// 140-3 wants it, and writes it before the ciphertext.
func (a *AEAD) randomNonce(nonce []byte) cipher.AEAD {
	gcm, err := cipher.NewGCMWithRandomNonce(a.derive(nonce))
	if err != nil {
		panic("xaes: " + err.Error())
	}
	return gcm
}

const half = NonceSize / 2

// Seal appends a random nonce, the encryption of plaintext and a tag to dst. It
// must not overlap plaintext.
func (a *AEAD) Seal(dst, plaintext, additionalData []byte) []byte {
	var nonce [half]byte
	rand.Read(nonce[:])
	return a.randomNonce(nonce[:]).Seal(append(dst, nonce[:]...), nil, plaintext, additionalData)
}

// Open appends the plaintext of what Seal appended to dst, or returns [ErrOpen].
func (a *AEAD) Open(dst, sealed, additionalData []byte) ([]byte, error) {
	if len(sealed) < Overhead {
		return nil, ErrOpen
	}
	out, err := a.randomNonce(sealed).Open(dst, nil, sealed[half:], additionalData)
	if err != nil {
		return nil, ErrOpen
	}
	return out, nil
}
