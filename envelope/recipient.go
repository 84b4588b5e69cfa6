package envelope

import (
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"fmt"
	"io"

	"github.com/parley-e2ee/parley/envelope/compositekem"
)

// A Recipient is a key that envelopes are sealed to. [RSARecipient],
// [CompositeRecipient], [ParseRecipient] and [Identity.Recipient] make one. It is
// immutable and safe for concurrent use, and prints as its type and key ID.
type Recipient struct {
	stanza   Stanza // as if it was not hidden
	bodySize int
	spki     []byte
	modulus  int // bits of the RSA key, 0 where there is none
	rsaAt    int // where in a body its ciphertext is

	// wrap appends the body of a stanza. It is a function, which fmt does not see
	// through, since that of a shared key or a passphrase holds a secret.
	wrap func(dst []byte, c *digest, fileKey []byte) ([]byte, error)
}

// ParseRecipient returns the recipient with the public key in DER
// SubjectPublicKeyInfo: RSA of 2048 to 8192 bits, or composite. It refuses everything
// else with [ErrKey], and says what it looks like. Package keyfile reads PEM and other
// forms.
func ParseRecipient(spki []byte) (*Recipient, error) {
	if ek, err := compositekem.ParsePKIXPublicKey(spki); err == nil {
		return CompositeRecipient(ek)
	}
	public, err := x509.ParsePKIXPublicKey(spki)
	key, ok := public.(*rsa.PublicKey)
	if err != nil || !ok {
		return nil, mistaken(spki, wantedRecipient)
	}
	r, err := RSARecipient(key)
	if err == nil && string(r.spki) != string(spki) {
		return nil, &detail{ErrKey, "not in canonical encoding"}
	}
	return r, err
}

// newRecipient is a recipient with a public key.
func newRecipient(t StanzaType, spki []byte, bodySize int) *Recipient {
	return &Recipient{stanza: Stanza{Type: t, KeyID: sha256.Sum256(spki)}, bodySize: bodySize, spki: spki}
}

// Type returns the type of the recipient's stanzas.
func (r *Recipient) Type() StanzaType { return r.stanza.Type }

// KeyID returns the ID that envelopes show unless they hide it. It is zero for a
// passphrase.
func (r *Recipient) KeyID() KeyID { return r.stanza.KeyID }

// SPKI returns the public key as DER SubjectPublicKeyInfo, for [ParseRecipient] and
// for package keyfile, which converts it to PEM and other forms. For shared keys and
// passphrases the error is [ErrOpaque].
func (r *Recipient) SPKI() ([]byte, error) {
	if r.spki == nil {
		return nil, ErrOpaque
	}
	return append([]byte(nil), r.spki...), nil
}

// String returns type and key ID.
func (r *Recipient) String() string {
	if !r.usable() {
		return "no recipient"
	}
	return r.stanza.String()
}

// Format writes what String returns, whatever the verb.
func (r *Recipient) Format(s fmt.State, _ rune) { io.WriteString(s, r.String()) }

func (r *Recipient) usable() bool { return r != nil && r.wrap != nil }

// keyHash is what the specification calls so.
func (r *Recipient) keyHash() []byte {
	if r.stanza.Type == Passphrase {
		return nil
	}
	return r.stanza.KeyID[:]
}

// encode makes the recipient's stanza.
func (r *Recipient) encode(c *digest, fileKey []byte, hide bool) ([]byte, error) {
	id := r.keyHash()
	if hide {
		id = nil
	}
	dst := appendStanzaStart(make([]byte, 0, r.encodedSize(hide)), r.stanza.Type, id, r.bodySize)
	for {
		encoded, err := r.wrap(dst, c, fileKey)
		if err != nil || !hide || !r.showsModulus(encoded[len(dst):]) {
			return encoded, err
		}
	}
}

// showsModulus reports whether the RSA ciphertext in a body is one that not every
// modulus of this length could have made: section 3 of the specification.
func (r *Recipient) showsModulus(body []byte) bool {
	if r.modulus == 0 {
		return false
	}
	size := (r.modulus + 7) / 8
	ciphertext := body[r.rsaAt : r.rsaAt+size]
	top := uint(r.modulus-1) % 8 // of the highest bit, in the first byte
	return ciphertext[0]>>top != 0
}

// encodedSize is the size of the recipient's stanza.
func (r *Recipient) encodedSize(hide bool) int {
	size := stanzaOverhead - keyIDSize + r.bodySize
	if !hide {
		size += len(r.keyHash())
	}
	return size
}
