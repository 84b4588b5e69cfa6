package fernet

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"math"
	"time"
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

// checkShape checks all of tok that needs no key.
func checkShape(tok []byte) error {
	switch {
	case len(tok) == 0:
		return ErrMalformed
	case tok[0] != version:
		return ErrVersion
	case len(tok) < minTokenSize || (len(tok)-minTokenSize)%aes.BlockSize != 0:
		return ErrMalformed
	}
	return nil
}

// ciphertext returns the part of tok that is encrypted.
func ciphertext(tok []byte) []byte {
	return tok[headerSize : len(tok)-tagSize]
}

func timestamp(tok []byte) uint64 {
	return binary.BigEndian.Uint64(tok[tsOffset:])
}

// seal fills tok, of SealedSize(len(msg)) bytes, and encodes it to text unless
// that is nil. The message may lie at the very start of tok's ciphertext, but not
// overlap tok otherwise; tok may be the end of text.
func (m *machine) seal(tok, text, msg []byte, iv *[aes.BlockSize]byte, ts uint64) {
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
	m.begin(tok, text)
	for at := 0; at < whole; {
		end := min(at+pieceSize, whole)
		mode.CryptBlocks(ct[at:end], msg[at:end])
		at = end
		m.reach(headerSize + at)
	}
	mode.CryptBlocks(tail, tail)
	m.reach(headerSize + len(ct))
	m.stop()
	copy(tok[headerSize+len(ct):], m.sum())
	if text != nil {
		m.pass.encode(len(tok))
	}
}

// decode fills tok with what chars, without padding, encode, authenticates it on
// the way, and reports whether they are canonical.
func (m *machine) decode(tok, chars []byte) bool {
	m.begin(tok, nil)
	defer m.stop()
	body := max(len(tok)-tagSize, 0)
	for at := 0; at < len(tok); {
		end, charsEnd := at+decodedPiece, (at+decodedPiece)/3*4
		if end >= len(tok) {
			end, charsEnd = len(tok), len(chars)
		}
		if !decode(tok[at:end], chars[at/3*4:charsEnd]) {
			return false
		}
		at = end
		m.reach(min(at, body))
	}
	return true
}

// take has m.mac take tok.
func (m *machine) take(tok []byte) {
	m.restartMAC()
	m.mac.Write(tok[:len(tok)-tagSize])
}

// authentic reports, in constant time, whether the HMAC of tok, which m.mac has
// taken, is right.
func (m *machine) authentic(tok []byte) bool {
	return hmac.Equal(m.sum(), tok[len(tok)-tagSize:])
}

// admit checks the time and the padding of an authentic token and returns the
// length of its message.
func (m *machine) admit(tok []byte, now time.Time, opts []Option) (int, error) {
	if err := checkTime(timestamp(tok), now, opts); err != nil {
		return 0, err
	}
	return m.messageSize(tok)
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
	mode, at := m.decrypter(tok[ivOffset:headerSize]), 0
	if worthHelp(whole) {
		mode, at = m.startFront(msg, tok, whole/2/aes.BlockSize*aes.BlockSize)
	}
	mode.CryptBlocks(msg[at:whole], ct[at:whole])
	if at > 0 {
		m.decryptFront()
		m.helper.join()
	}
	copy(msg[whole:], m.last[:])
}

// decryptInPlace returns the message, of the length that messageSize has just
// returned, in the place of tok's ciphertext.
func (m *machine) decryptInPlace(tok []byte, n int) []byte {
	msg := ciphertext(tok)[:n]
	m.decryptTo(msg, tok)
	return msg
}

// A front is the half of a decryption that is left to the helper.
type front struct {
	mode     cipher.BlockMode
	dst, src []byte
}

// startFront has the helper decrypt the first n bytes of the ciphertext, and
// returns the mode to decrypt the rest.
func (m *machine) startFront(msg, tok []byte, n int) (cipher.BlockMode, int) {
	ct := ciphertext(tok)
	from(&m.front.mode, cipher.NewCBCDecrypter, m.block, tok[ivOffset:headerSize])
	rest := m.decrypter(ct[n-aes.BlockSize : n])
	m.front.dst, m.front.src = msg[:n], ct[:n]
	h := m.help()
	h.start(h.decryptFront)
	return rest, n
}

// decryptFront is the helper's work in a decryption, or that of the user of m
// where the helper has not come to it.
func (m *machine) decryptFront() {
	m.helper.work.Lock()
	defer m.helper.work.Unlock()
	f := &m.front
	if f.src != nil {
		f.mode.CryptBlocks(f.dst, f.src)
	}
	f.dst, f.src = nil, nil
}
