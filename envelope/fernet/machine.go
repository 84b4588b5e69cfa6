package fernet

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"hash"
)

// A machine is the cipher state of one key: AES-128-CBC and HMAC-SHA256. It
// serves one goroutine at a time and is reused, because setting it up allocates.
type machine struct {
	home     *material
	block    cipher.Block
	enc, dec cipher.BlockMode
	mac      hash.Hash
	macUsed  bool
	tag      [tagSize]byte
	last     [aes.BlockSize]byte
}

// ivSetter is implemented by the CBC modes of the standard library, which can
// then be used again.
type ivSetter interface {
	SetIV(iv []byte)
}

func newMachine(s *material) (*machine, error) {
	block, err := aes.NewCipher(s.raw[KeySize/2:])
	if err != nil {
		return nil, err
	}
	return &machine{
		home:  s,
		block: block,
		mac:   hmac.New(sha256.New, s.raw[:KeySize/2]),
	}, nil
}

// release gives m back to its key. With several goroutines on one key, the last
// machine to come back is kept.
func (m *machine) release() {
	clear(m.last[:])
	m.home.idle.Store(m)
}

// sum returns the HMAC of data, valid until the next call.
func (m *machine) sum(data []byte) []byte {
	// A first Reset costs more than a whole MAC: a key used once does without.
	if m.macUsed {
		m.mac.Reset()
	}
	m.macUsed = true
	m.mac.Write(data)
	return m.mac.Sum(m.tag[:0])
}

// encrypter returns CBC encryption from iv on, valid until the next call.
func (m *machine) encrypter(iv []byte) cipher.BlockMode {
	if mode, ok := m.enc.(ivSetter); ok {
		mode.SetIV(iv)
	} else {
		m.enc = cipher.NewCBCEncrypter(m.block, iv)
	}
	return m.enc
}

// decrypter returns CBC decryption from iv on, valid until the next call.
func (m *machine) decrypter(iv []byte) cipher.BlockMode {
	if mode, ok := m.dec.(ivSetter); ok {
		mode.SetIV(iv)
	} else {
		m.dec = cipher.NewCBCDecrypter(m.block, iv)
	}
	return m.dec
}
