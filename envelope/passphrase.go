package envelope

import "github.com/parley-e2ee/parley/internal/stretch"

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
	r := &Recipient{stanza: Stanza{Type: Passphrase}, bodySize: stretch.Size + wrappedSize}
	r.wrap = func(dst []byte, c *digest, fileKey []byte) ([]byte, error) {
		p := stretch.New()
		key, err := passphraseKEK(&p, own, c)
		if err != nil {
			return nil, err
		}
		return appendWrap(p.Append(dst), key, fileKey), nil
	}
	return newIdentity(&identity{recipient: r, unwrap: func(c *digest, body []byte) ([]byte, error) {
		p, err := parseStretch(body)
		if err != nil {
			return nil, err
		}
		key, err := passphraseKEK(&p, own, c)
		if err != nil {
			return nil, err
		}
		_, wrapped := cutWrapped(body)
		fileKey, _ := unwrap(key, wrapped)
		return fileKey, nil
	}}), nil
}

// parseStretch parses the parameters at the beginning of a body (section 3.4):
// check 6.
func parseStretch(body []byte) (stretch.Params, error) {
	p, err := stretch.Parse(body)
	switch err {
	case stretch.ErrUnknown:
		err = ErrVersion
	case stretch.ErrLimit:
		err = ErrLimit
	}
	return p, err
}

// passphraseKEK stretches the passphrase to the key that wraps the file key.
func passphraseKEK(p *stretch.Params, passphrase []byte, c *digest) ([]byte, error) {
	secret, err := p.Key(passphrase)
	if err == stretch.ErrFIPS {
		err = ErrFIPS
	}
	if err != nil {
		return nil, err
	}
	defer clear(secret)
	return kek(Passphrase, secret, c, nil, p.Append(nil)), nil
}
