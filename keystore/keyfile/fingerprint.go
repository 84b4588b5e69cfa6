package keyfile

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
)

// A Fingerprint is the SHA-256 of a public key as DER SubjectPublicKeyInfo, 32
// bytes. It is the same for a private key and its public key in every form, and
// comparable with ==.
type Fingerprint [sha256.Size]byte

// String returns the fingerprint in lower-case hexadecimal with colons, 95
// characters.
func (f Fingerprint) String() string {
	pairs := make([][]byte, len(f))
	for i, b := range f {
		pairs[i] = hex.AppendEncode(nil, []byte{b})
	}
	return string(bytes.Join(pairs, []byte(":")))
}

// Fingerprint returns the key's fingerprint, which `openssl pkey -pubin -outform
// DER | openssl sha256 -c` shows too.
func (k *PublicKey) Fingerprint() Fingerprint { return sha256.Sum256(k.spki) }

// OpenSSHFingerprint returns "SHA256:" and the SHA-256 of the key in SSH's wire
// form, in base64, which `ssh-keygen -l` shows too. Composite keys have none:
// [ErrForm].
func (k *PublicKey) OpenSSHFingerprint() (string, error) {
	if k.Kind() == Composite {
		return "", noForm(Composite, "public", OpenSSH)
	}
	wire, _ := marshalSSHWire(k)
	sum := sha256.Sum256(wire)
	return "SHA256:" + base64.RawStdEncoding.EncodeToString(sum[:]), nil
}

// Thumbprint returns the JWK thumbprint of RFC 7638, its SHA-256 in base64url
// without padding, 43 characters. Composite keys have none: [ErrForm].
func (k *PublicKey) Thumbprint() (string, error) {
	if k.Kind() == Composite {
		return "", noForm(Composite, "public", JWK)
	}
	sum := sha256.Sum256(marshalPublicJWK(k))
	return base64URL(sum[:]), nil
}
