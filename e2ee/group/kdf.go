package group

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"

	"golang.org/x/crypto/cryptobyte"
)

// Hash is a SHA-256 hash, 32 bytes.
type Hash [32]byte

// text is the unambiguous input of a hash or signature: the protocol's name,
// the label, a zero byte and a structure of fixed or length-prefixed fields.
func text(l label, body []byte) []byte {
	return appendText(make([]byte, 0, len(protocol)+len(l)+1+len(body)), l, body)
}

func appendText(out []byte, l label, body []byte) []byte {
	out = append(out, protocol...)
	out = append(out, l...)
	out = append(out, 0)
	return append(out, body...)
}

// digest is H of a labelled structure.
func digest(l label, body []byte) Hash {
	var small [512]byte // most are, and need no memory of their own
	if len(protocol)+len(l)+1+len(body) <= len(small) {
		return sha256.Sum256(appendText(small[:0], l, body))
	}
	h := sha256.New()
	h.Write(text(l, nil))
	h.Write(body)
	var out Hash
	h.Sum(out[:0])
	return out
}

// kdf is KDF of spec/room-v1.md, HKDF-Expand (RFC 5869, section 2.3) to 32
// bytes. It fails for no input that this package has.
func kdf(key []byte, l label, ctx []byte) []byte {
	var small [512]byte
	out, err := hkdf.Expand(sha256.New, key, string(appendText(small[:0], l, ctx)), 32)
	if err != nil {
		panic("group: HKDF-Expand refused 32 bytes")
	}
	return out
}

// extract is HKDF-Extract (RFC 5869, section 2.2).
func extract(salt, ikm []byte) []byte {
	out, err := hkdf.Extract(sha256.New, ikm, salt)
	if err != nil {
		panic("group: HKDF-Extract refused 32 bytes")
	}
	return out
}

// hmac256 is HMAC-SHA-256.
func hmac256(key, msg []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write(msg)
	return h.Sum(nil)
}

// random32 returns 32 random bytes.
func random32() []byte {
	b := make([]byte, 32)
	rand.Read(b)
	return b
}

// build runs f over a builder and returns the bytes. It panics where f writes
// more than a length prefix holds, which the limits exclude.
func build(f func(*cryptobyte.Builder)) []byte {
	b := cryptobyte.NewBuilder(nil)
	f(b)
	return b.BytesOrPanic()
}

// wipe zeroes secrets that this package owns. The runtime may have copied
// them before; see SECURITY.md.
func wipe(secrets ...[]byte) {
	for _, s := range secrets {
		clear(s)
	}
}
