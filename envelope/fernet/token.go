package fernet

import (
	"crypto/aes"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"math"
)

// A raw token, fernet/spec "Token Format":
//
//	Version 1 ‖ Timestamp 8 ‖ IV 16 ‖ Ciphertext 16·n ‖ HMAC 32
const (
	version    = 0x80
	tsOffset   = 1
	ivOffset   = tsOffset + 8
	headerSize = ivOffset + aes.BlockSize
	tagSize    = sha256.Size

	// minTokenSize is that of the empty message: its padding is a whole block.
	minTokenSize = headerSize + aes.BlockSize + tagSize

	// maxMessage keeps the length of the text form within an int.
	maxMessage = math.MaxInt/4*3 - 2*minTokenSize
)

// SealedSize returns the size in bytes of the raw token of a message of n bytes.
func SealedSize(n int) int {
	return headerSize + n - n%aes.BlockSize + aes.BlockSize + tagSize
}

// ciphertext returns the part of tok that is encrypted.
func ciphertext(tok []byte) []byte {
	return tok[headerSize : len(tok)-tagSize]
}

func timestamp(tok []byte) uint64 {
	return binary.BigEndian.Uint64(tok[tsOffset:])
}

// seal fills tok, of SealedSize(len(msg)) bytes. The message may lie at the very
// start of tok's ciphertext, but not overlap tok otherwise.
func (m *machine) seal(tok, msg []byte, iv *[aes.BlockSize]byte, ts uint64) {
	tok[0] = version
	binary.BigEndian.PutUint64(tok[tsOffset:], ts)
	copy(tok[ivOffset:], iv[:])

	ct := ciphertext(tok)
	whole := len(ct) - aes.BlockSize
	tail := ct[whole:]
	n := copy(tail, msg[whole:])
	for i := n; i < aes.BlockSize; i++ {
		tail[i] = byte(aes.BlockSize - n)
	}
	mode := m.encrypter(tok[ivOffset:headerSize])
	mode.CryptBlocks(ct[:whole], msg[:whole])
	mode.CryptBlocks(tail, tail)

	body := len(tok) - tagSize
	copy(tok[body:], m.sum(tok[:body]))
}

// authentic reports, in constant time, whether the HMAC of tok is right.
func (m *machine) authentic(tok []byte) bool {
	body := len(tok) - tagSize
	return hmac.Equal(m.sum(tok[:body]), tok[body:])
}

// messageSize decrypts the last block of an authentic token into m.last and
// returns the length of the message, or [ErrPadding].
func (m *machine) messageSize(tok []byte) (int, error) {
	end := len(tok) - tagSize
	last := end - aes.BlockSize
	// Before the only block of a short token stands the IV, as it should.
	m.decrypter(tok[last-aes.BlockSize:last]).CryptBlocks(m.last[:], tok[last:end])
	pad := padding(&m.last)
	if pad == 0 {
		return 0, ErrPadding
	}
	return end - headerSize - pad, nil
}

// padding returns the length of the PKCS#7 padding of block, 1 to 16, or 0 where
// it is not valid, in constant time.
func padding(block *[aes.BlockSize]byte) int {
	pad := int(block[aes.BlockSize-1])
	good := subtle.ConstantTimeLessOrEq(pad, aes.BlockSize)
	for i, b := range block {
		padded := subtle.ConstantTimeLessOrEq(aes.BlockSize-i, pad)
		equal := subtle.ConstantTimeByteEq(b, byte(pad))
		good &= subtle.ConstantTimeSelect(padded, equal, 1)
	}
	return good * pad
}

// decryptTo fills msg, of the length that messageSize has just returned. It may
// lie at the very start of tok's ciphertext, but not overlap tok otherwise.
func (m *machine) decryptTo(msg, tok []byte) {
	ct := ciphertext(tok)
	whole := len(ct) - aes.BlockSize
	m.decrypter(tok[ivOffset:headerSize]).CryptBlocks(msg[:whole], ct[:whole])
	copy(msg[whole:], m.last[:])
}
