package envelope

import (
	"crypto/rsa"
	"crypto/x509"
	"strconv"

	"github.com/parley-e2ee/parley/envelope/compositekem"
)

// An Identity opens envelopes that were sealed to its [Identity.Recipient]. It must
// be kept secret, and prints as REDACTED. [GenerateIdentity], [ParseIdentity],
// [CompositeIdentity], [RSAIdentity], [SharedKeyIdentity] and [PassphraseIdentity]
// make one. It is immutable and safe for concurrent use, if its key is in hardware
// only as far as that is.
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

// ParseIdentity returns the identity with the private key in DER PKCS#8: RSA of
// 2048 to 8192 bits, or composite. It refuses everything else with [ErrKey], and says
// what it looks like. Package keyfile reads encrypted keys, PEM and other forms.
func ParseIdentity(pkcs8 []byte) (*Identity, error) {
	if dk, err := compositekem.ParsePKCS8PrivateKey(pkcs8); err == nil {
		return CompositeIdentity(dk)
	}
	private, err := x509.ParsePKCS8PrivateKey(pkcs8)
	key, ok := private.(*rsa.PrivateKey)
	if err != nil || !ok || !oneSequence(pkcs8) { // crypto/x509 takes more behind it
		return nil, mistaken(pkcs8, wantedIdentity)
	}
	return RSAIdentity(key)
}

// Recipient returns the recipient whose envelopes the identity opens. The recipient
// of a key pair is public; that of a shared key or a passphrase holds the secret
// itself.
func (i *Identity) Recipient() *Recipient {
	if !i.usable() {
		return new(Recipient)
	}
	return i.id().recipient
}

// MarshalPKCS8 returns the private key as DER PKCS#8, which is not encrypted and
// must be kept secret. For keys in hardware, shared keys and passphrases the error is
// [ErrOpaque].
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
		return nil, errNoIdentity
	}
	all := make([]*identity, len(identities))
	for i, one := range identities {
		if !one.usable() {
			return nil, &detail{ErrKey, "identity " + strconv.Itoa(i) + " is nil, or was made by no function of this package"}
		}
		all[i] = one.id()
	}
	return all, nil
}
