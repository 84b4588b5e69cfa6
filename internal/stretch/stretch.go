// Package stretch derives keys from passphrases, with parameters that are
// written beside what the key protects, and believed up to limits.
package stretch

import (
	"crypto/fips140"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"

	"golang.org/x/crypto/argon2"
)

// Key derivations.
const (
	Argon2id = 1 // RFC 9106
	PBKDF2   = 2 // RFC 8018, with HMAC-SHA-256
)

// Read are parameters up to these limits.
const (
	maxTime        = 16
	maxMemory      = 256 << 10
	maxParallelism = 16
	maxWork        = 1 << 20 // passes times KiB
	maxIterations  = 10_000_000
)

// SaltSize and Size, of encoded parameters, are in bytes.
const (
	SaltSize = 32
	Size     = 1 + 4 + 4 + 1 + SaltSize
)

var (
	// ErrUnknown reports another key derivation.
	ErrUnknown = errors.New("stretch: unknown key derivation")
	// ErrLimit reports parameters out of bounds.
	ErrLimit = errors.New("stretch: parameters out of bounds")
	// ErrFIPS reports Argon2id in FIPS 140-3 mode.
	ErrFIPS = errors.New("stretch: Argon2id is not approved in FIPS 140-3 mode")
)

// Params are what a key derivation needs beside the passphrase.
type Params struct {
	KDF         byte
	Time        uint32 // passes, or iterations of PBKDF2
	Memory      uint32 // KiB
	Parallelism byte
	Salt        [SaltSize]byte
}

// What New returns, with a salt: of Argon2id the second recommendation of RFC 9106,
// section 4, of PBKDF2 what OWASP recommends for SHA-256. They are variables for
// tests, whose passphrases would cost more than all the rest.
var (
	Argon2idParams = Params{KDF: Argon2id, Time: 3, Memory: 64 << 10, Parallelism: 4}
	PBKDF2Params   = Params{KDF: PBKDF2, Time: 600_000}
)

// New returns parameters to write, with a random salt: of Argon2id, or in FIPS
// 140-3 mode of PBKDF2.
func New() Params {
	p := Argon2idParams
	if fips140.Enabled() {
		p = PBKDF2Params
	}
	rand.Read(p.Salt[:])
	return p
}

// Parse parses what Append wrote, the beginning of b, which has at least Size
// bytes. Errors: [ErrUnknown], [ErrLimit].
func Parse(b []byte) (p Params, err error) {
	p.KDF = b[0]
	p.Time = binary.BigEndian.Uint32(b[1:])
	p.Memory = binary.BigEndian.Uint32(b[5:])
	p.Parallelism = b[9]
	copy(p.Salt[:], b[10:])
	switch {
	case p.KDF != Argon2id && p.KDF != PBKDF2:
		return p, ErrUnknown
	case !p.allowed():
		return p, ErrLimit
	}
	return p, nil
}

func (p *Params) allowed() bool {
	if p.KDF == PBKDF2 {
		return p.Time >= 1 && p.Time <= maxIterations && p.Memory == 0 && p.Parallelism == 0
	}
	return p.Time >= 1 && p.Time <= maxTime &&
		p.Parallelism >= 1 && p.Parallelism <= maxParallelism &&
		p.Memory >= 8*uint32(p.Parallelism) && p.Memory <= maxMemory &&
		p.Time*p.Memory <= maxWork
}

// Append appends Size bytes to dst.
func (p *Params) Append(dst []byte) []byte {
	dst = append(dst, p.KDF)
	dst = binary.BigEndian.AppendUint32(dst, p.Time)
	dst = binary.BigEndian.AppendUint32(dst, p.Memory)
	dst = append(dst, p.Parallelism)
	return append(dst, p.Salt[:]...)
}

// Key derives 32 bytes from a passphrase. Errors: [ErrFIPS].
func (p *Params) Key(passphrase []byte) ([]byte, error) {
	switch {
	case p.KDF == PBKDF2:
		return pbkdf2.Key(sha256.New, string(passphrase), p.Salt[:], int(p.Time), 32)
	case fips140.Enabled():
		return nil, ErrFIPS
	}
	return argon2.IDKey(passphrase, p.Salt[:], p.Time, p.Memory, p.Parallelism, 32), nil
}
