package cobblestone

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/fips140"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/binary"
)

const label = "c2sp.org/chunked-encryption@v1+"

// A schedule is what the specification, "Key derivation", derives for one
// message: the AEAD under its key, the base nonce and the commitment.
type schedule struct {
	aead       cipher.AEAD
	baseNonce  [nonceSize]byte
	commitment [commitmentSize]byte
}

// check refuses what no message can be derived from.
func check(suite Suite, inputKey []byte) error {
	switch {
	case !suite.known():
		return ErrSuite
	case len(inputKey) != suite.KeySize():
		return ErrKey
	case fips140.Enforced():
		return ErrFIPS
	}
	return nil
}

// derive implements "Key derivation".
func derive(suite Suite, inputKey, salt, context []byte) (*schedule, error) {
	if err := check(suite, inputKey); err != nil {
		return nil, err
	}
	info := label + suites[suite].aead + "\x00" + string(salt) + string(context)
	keySize := suite.KeySize()
	secret, err := hkdf.Expand(sha512.New, inputKey, info, keySize+nonceSize+commitmentSize)
	if err != nil {
		return nil, err
	}
	defer clear(secret)
	block, err := aes.NewCipher(secret[:keySize])
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	s := &schedule{aead: aead}
	copy(s.baseNonce[:], secret[keySize:])
	copy(s.commitment[:], secret[keySize+nonceSize:])
	return s, nil
}

// deriveFor returns the schedule of the message that begins with header, once
// its commitment is checked.
func deriveFor(suite Suite, inputKey []byte, header *[HeaderSize]byte, context []byte) (*schedule, error) {
	s, err := derive(suite, inputKey, header[:saltSize], context)
	if err != nil {
		return nil, err
	}
	if subtle.ConstantTimeCompare(s.commitment[:], header[saltSize:]) != 1 {
		return nil, ErrCommitment
	}
	return s, nil
}

// header returns what precedes the chunks.
func (s *schedule) header(salt *[saltSize]byte) (h [HeaderSize]byte) {
	copy(h[:], salt[:])
	copy(h[saltSize:], s.commitment[:])
	return h
}

// nonce implements "AEAD usage": the base nonce XOR the chunk number.
func (s *schedule) nonce(nonce *[nonceSize]byte, number int64) {
	*nonce = s.baseNonce
	low := nonce[nonceSize-8:]
	binary.BigEndian.PutUint64(low, binary.BigEndian.Uint64(low)^uint64(number))
}

// newSalt returns a random salt. As [crypto/rand.Read] does, it ends the program
// if the system has no randomness to give.
func newSalt() (salt [saltSize]byte) {
	rand.Read(salt[:])
	return salt
}
