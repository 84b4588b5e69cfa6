package keyfile

import (
	"crypto/rsa"
	"slices"
)

// Marshal returns the public key in the form: SPKIPEM, SPKIDER, and of RSA keys
// PKCS1PEM and PKCS1DER, of RSA and Ed25519 keys JWK and OpenSSH. Other forms are
// [ErrForm]. A key has one encoding in each form, which ends in a line feed where
// it is text, but for a JWK.
func (k *PublicKey) Marshal(form Form) ([]byte, error) {
	rsaKey, isRSA := k.key.(*rsa.PublicKey)
	switch {
	case form == SPKIDER:
		return slices.Clone(k.spki), nil
	case form == SPKIPEM:
		return encodePEM(labelSPKI, k.spki), nil
	case form == PKCS1DER && isRSA:
		return marshalPKCS1Public(rsaKey), nil
	case form == PKCS1PEM && isRSA:
		return encodePEM(labelPKCS1Public, k.subject), nil
	case form == JWK && k.Kind() != Composite:
		return marshalPublicJWK(k), nil
	case form == OpenSSH && k.Kind() != Composite:
		return marshalOpenSSH(k), nil
	}
	return nil, noForm(k.Kind(), "public", form)
}

// Marshal returns the private key in the form, not encrypted; what it returns
// must be kept secret. The form is PKCS8PEM or PKCS8DER, of RSA keys also PKCS1PEM
// or PKCS1DER, of RSA and Ed25519 keys also JWK. Others are [ErrForm]; those of
// public keys are for k.Public().Marshal. A key has one encoding in each form,
// which ends in a line feed where it is text, but for a JWK.
func (k *PrivateKey) Marshal(form Form) ([]byte, error) {
	rsaKey, isRSA := k.private().(*rsa.PrivateKey)
	switch {
	case form == PKCS8DER:
		return marshalPKCS8(k), nil
	case form == PKCS8PEM:
		return secretPEM(labelPKCS8, marshalPKCS8(k)), nil
	case form == PKCS1DER && isRSA:
		return marshalPKCS1Private(rsaKey), nil
	case form == PKCS1PEM && isRSA:
		return secretPEM(labelPKCS1Private, marshalPKCS1Private(rsaKey)), nil
	case form == JWK && k.Kind() != Composite:
		return marshalPrivateJWK(k), nil
	}
	return nil, noForm(k.Kind(), "private", form)
}

func noForm(kind Kind, role string, form Form) error {
	return refuse(ErrForm, kind.String()+" "+role+" keys are not written as "+form.String())
}
