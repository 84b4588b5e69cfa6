package envelope

import (
	"crypto/fips140"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"

	"golang.org/x/crypto/argon2"
)

// A stretch is a key derivation from a passphrase, with its parameters: what
// precedes the wrapped key in a stanza (section 3.4).
type stretch struct {
	kdf         byte
	time        uint32
	memory      uint32 // KiB
	parallelism byte
	salt        [saltSize]byte
}

const (
	kdfArgon2id = 1
	kdfPBKDF2   = 2

	// Read are parameters up to these limits.
	maxArgon2Time        = 16
	maxArgon2Memory      = 256 << 10
	maxArgon2Parallelism = 16
	maxArgon2Work        = 1 << 20 // passes times KiB
	maxPBKDF2Iterations  = 10_000_000

	stretchSize = 1 + 4 + 4 + 1 + saltSize
)

// The parameters that are written: of Argon2id the second recommendation of RFC
// 9106, section 4; of PBKDF2 what OWASP recommends for SHA-256.
var (
	writtenArgon2 = stretch{kdf: kdfArgon2id, time: 3, memory: 64 << 10, parallelism: 4}
	writtenPBKDF2 = stretch{kdf: kdfPBKDF2, time: 600_000}
)

// PassphraseIdentity returns the identity of a passphrase, which must be the only
// recipient of its envelopes. Its stanza type is [Passphrase]. Sealing and opening
// take 64 MiB and about a tenth of a second (Argon2id); opening an envelope made to
// be expensive takes up to 256 MiB and some seconds. The passphrase is used byte by
// byte: two encodings of an accented letter are two passphrases. It is copied. An
// empty one is [ErrKey].
//
// In FIPS 140-3 mode PBKDF2 replaces Argon2id, and envelopes made with Argon2id do
// not open: [ErrFIPS].
func PassphraseIdentity(passphrase []byte) (*Identity, error) {
	if len(passphrase) == 0 {
		return nil, &detail{ErrKey, "empty passphrase"}
	}
	own := append([]byte(nil), passphrase...)
	r := &Recipient{stanza: Stanza{Type: Passphrase}, bodySize: stretchSize + wrappedSize}
	r.wrap = func(dst []byte, c *digest, fileKey []byte) ([]byte, error) {
		s := writtenArgon2
		if fips140.Enabled() {
			s = writtenPBKDF2
		}
		rand.Read(s.salt[:])
		key, err := s.kek(own, c)
		if err != nil {
			return nil, err
		}
		return appendWrap(s.append(dst), key, fileKey), nil
	}
	return newIdentity(&identity{recipient: r, unwrap: func(c *digest, body []byte) ([]byte, error) {
		s, err := parseStretch(body)
		if err != nil {
			return nil, err
		}
		key, err := s.kek(own, c)
		if err != nil {
			return nil, err
		}
		_, wrapped := cutWrapped(body)
		fileKey, _ := unwrap(key, wrapped)
		return fileKey, nil
	}}), nil
}

// parseStretch parses the beginning of a body: check 6.
func parseStretch(body []byte) (s stretch, err error) {
	s.kdf = body[0]
	s.time = binary.BigEndian.Uint32(body[1:])
	s.memory = binary.BigEndian.Uint32(body[5:])
	s.parallelism = body[9]
	copy(s.salt[:], body[10:])
	switch {
	case s.kdf != kdfArgon2id && s.kdf != kdfPBKDF2:
		return s, ErrVersion
	case !s.allowed():
		return s, ErrLimit
	}
	return s, nil
}

func (s *stretch) allowed() bool {
	if s.kdf == kdfPBKDF2 {
		return s.time >= 1 && s.time <= maxPBKDF2Iterations && s.memory == 0 && s.parallelism == 0
	}
	return s.time >= 1 && s.time <= maxArgon2Time &&
		s.parallelism >= 1 && s.parallelism <= maxArgon2Parallelism &&
		s.memory >= 8*uint32(s.parallelism) && s.memory <= maxArgon2Memory &&
		s.time*s.memory <= maxArgon2Work
}

func (s *stretch) append(dst []byte) []byte {
	dst = append(dst, s.kdf)
	dst = binary.BigEndian.AppendUint32(dst, s.time)
	dst = binary.BigEndian.AppendUint32(dst, s.memory)
	dst = append(dst, s.parallelism)
	return append(dst, s.salt[:]...)
}

// kek stretches the passphrase to the key that wraps the file key.
func (s *stretch) kek(passphrase []byte, c *digest) ([]byte, error) {
	var secret []byte
	var err error
	switch {
	case s.kdf == kdfPBKDF2:
		secret, err = pbkdf2.Key(sha256.New, string(passphrase), s.salt[:], int(s.time), 32)
	case fips140.Enabled():
		err = ErrFIPS
	default:
		secret = argon2.IDKey(passphrase, s.salt[:], s.time, s.memory, s.parallelism, 32)
	}
	if err != nil {
		return nil, err
	}
	defer clear(secret)
	return kek(Passphrase, secret, c, nil, s.append(nil)), nil
}
