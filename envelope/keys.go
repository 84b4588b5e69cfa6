package envelope

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
)

// Labels, each for one use. That of a stanza is labelStanza, its type's name and
// a zero byte.
const (
	magic = "parley-envelope/v1\n"

	labelKeys        = "parley-envelope/v1 keys\x00"
	labelStanza      = "parley-envelope/v1 "
	labelSharedKeyID = "parley-envelope/v1 shared-key ID\x00"
	labelSignature   = "parley-envelope/v1 signature\x00"
)

// A digest is a SHA-256. C, S and P of the specification are digests.
type digest = [sha256.Size]byte

// contextOf returns C, which binds everything to the preamble and to the
// caller's associated data.
func contextOf(magicAndPreamble, associated []byte) (c digest) {
	h := sha256.New()
	h.Write(magicAndPreamble)
	h.Write(associated)
	h.Sum(c[:0])
	return c
}

// keys are what section 2 derives from the file key.
type keys struct {
	payload, mac, trailer [32]byte
}

func deriveKeys(fileKey []byte, c *digest) *keys {
	secret := expand(fileKey, labelKeys+string(c[:]), 3*32)
	defer clear(secret)
	k := new(keys)
	copy(k.payload[:], secret)
	copy(k.mac[:], secret[32:])
	copy(k.trailer[:], secret[64:])
	return k
}

// wipe is called when the last of the keys has been used.
func (k *keys) wipe() { *k = keys{} }

// header returns the MAC of a header.
func (k *keys) header(c, s *digest) []byte {
	m := hmac.New(sha256.New, k.mac[:])
	m.Write(c[:])
	m.Write(s[:])
	return m.Sum(nil)
}

// expand is HKDF-Expand with SHA-256 (RFC 5869, section 2.3).
func expand(secret []byte, info string, size int) []byte {
	key, err := hkdf.Expand(sha256.New, secret, info, size)
	if err != nil {
		panic("envelope: " + err.Error()) // sizes are constants, and far from the limit
	}
	return key
}

// kek returns the key that wraps the file key in a stanza (section 3).
func kek(t StanzaType, secret []byte, c *digest, keyHash, encapsulation []byte) []byte {
	return expand(secret, labelStanza+t.String()+"\x00"+string(c[:])+string(keyHash)+string(encapsulation), 32)
}

// singleUse is AES-256-GCM under a key that encrypts one message only, so that
// the nonce may be zero.
func singleUse(key []byte) cipher.AEAD {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic("envelope: " + err.Error())
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic("envelope: " + err.Error())
	}
	return aead
}

var zeroNonce [12]byte

// appendWrap encrypts plaintext under a key that is used for nothing else, and
// clears the key.
func appendWrap(dst, key, plaintext []byte) []byte {
	defer clear(key)
	return singleUse(key).Seal(dst, zeroNonce[:], plaintext, nil)
}

// unwrap opens what appendWrap has made, and clears the key.
func unwrap(key, wrapped []byte) (plaintext []byte, ok bool) {
	defer clear(key)
	plaintext, err := singleUse(key).Open(nil, zeroNonce[:], wrapped, nil)
	return plaintext, err == nil
}
