package envelope

import (
	"crypto/rsa"
	"crypto/x509"

	"github.com/parley-e2ee/parley/envelope/compositekem"
)

// An Identity opens envelopes that were sealed to its [Identity.Recipient]. It
// must be kept secret, and prints as REDACTED. [GenerateIdentity],
// [ParseIdentity], [CompositeIdentity], [RSAIdentity], [SharedKeyIdentity] and
// [PassphraseIdentity] make one. It does not change, and is safe for concurrent
// use as far as a key in hardware is.
type Identity struct {
	redacted
	id func() *identity // a closure, which fmt does not see through
}

type identity struct {
	recipient *Recipient
	// unwrap opens the body of a stanza. Where that is not this identity's, or
	// was changed, it returns no key, and an error only if hardware or a policy
	// has one.
	unwrap func(c *digest, body []byte) (fileKey []byte, err error)
	// pkcs8 is nil where the key has no encoding.
	pkcs8 func() ([]byte, error)
}

// GenerateIdentity returns a new composite identity, of ML-KEM-768 and RSA-2048.
func GenerateIdentity() (*Identity, error) {
	dk, err := compositekem.GenerateKey(compositekem.RSA2048)
	if err != nil {
		return nil, err
	}
	return CompositeIdentity(dk)
}

// ParseIdentity returns the identity whose private key is the DER PKCS#8: RSA of
// 2048 to 8192 bits, or composite. It refuses everything else with [ErrKey].
// Encrypted keys, PEM and other forms are for package keyfile.
func ParseIdentity(pkcs8 []byte) (*Identity, error) {
	if dk, err := compositekem.ParsePKCS8PrivateKey(pkcs8); err == nil {
		return CompositeIdentity(dk)
	}
	private, err := x509.ParsePKCS8PrivateKey(pkcs8)
	if err != nil {
		return nil, &detail{ErrKey, "not an RSA or composite private key as DER PKCS#8, or an encrypted one" + pemHint(pkcs8)}
	}
	key, ok := private.(*rsa.PrivateKey)
	if !ok {
		return nil, &detail{ErrKey, "not an RSA or composite key"}
	}
	return RSAIdentity(key)
}

// Recipient returns the recipient whose envelopes the identity opens. That of a
// key pair is public; that of a shared key or a passphrase is of use only where
// these are known, and holds them.
func (i *Identity) Recipient() *Recipient {
	if !i.usable() {
		return new(Recipient)
	}
	return i.id().recipient
}

// MarshalPKCS8 returns the private key as DER PKCS#8, which is not encrypted and
// must be kept secret. Keys in hardware, shared keys and passphrases have no such
// form: [ErrOpaque].
func (i *Identity) MarshalPKCS8() ([]byte, error) {
	if !i.usable() || i.id().pkcs8 == nil {
		return nil, ErrOpaque
	}
	der, err := i.id().pkcs8()
	if err != nil {
		return nil, ErrOpaque
	}
	return der, nil
}

func (i *Identity) usable() bool { return i != nil && i.id != nil }

func newIdentity(own *identity) *Identity {
	return &Identity{id: func() *identity { return own }}
}

// resolve refuses what is no identity: skipped, it would hide a mistake.
func resolve(identities []*Identity) ([]*identity, error) {
	if len(identities) == 0 {
		return nil, ErrNoRecipients
	}
	all := make([]*identity, len(identities))
	for i, one := range identities {
		if !one.usable() {
			return nil, &detail{ErrKey, "an identity that was made by no function of this package"}
		}
		all[i] = one.id()
	}
	return all, nil
}
