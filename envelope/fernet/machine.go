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

	pass   pass
	front  front
	helper *helper
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
	m.pass.tok, m.pass.text = nil, nil
	m.home.idle.Store(m)
}

// help returns the helper of m.
func (m *machine) help() *helper {
	if m.helper == nil {
		m.helper = newHelper(m)
	}
	return m.helper
}

// restartMAC makes m.mac ready for a new token.
func (m *machine) restartMAC() {
	// A first Reset costs more than a whole MAC: a key used once does without.
	if m.macUsed {
		m.mac.Reset()
	}
	m.macUsed = true
}

// sum returns the HMAC of what m.mac has taken, valid until the next call.
func (m *machine) sum() []byte { return m.mac.Sum(m.tag[:0]) }

// encrypter returns CBC encryption from iv on, valid until the next call.
func (m *machine) encrypter(iv []byte) cipher.BlockMode {
	return from(&m.enc, cipher.NewCBCEncrypter, m.block, iv)
}

// decrypter returns CBC decryption from iv on, valid until the next call.
func (m *machine) decrypter(iv []byte) cipher.BlockMode {
	return from(&m.dec, cipher.NewCBCDecrypter, m.block, iv)
}

// from sets mode back to iv, or makes it where that is not possible.
func from(mode *cipher.BlockMode, make func(cipher.Block, []byte) cipher.BlockMode, block cipher.Block, iv []byte) cipher.BlockMode {
	if used, ok := (*mode).(ivSetter); ok {
		used.SetIV(iv)
	} else {
		*mode = make(block, iv)
	}
	return *mode
}
