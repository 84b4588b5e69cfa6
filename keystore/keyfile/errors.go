package keyfile

import "errors"

// ErrKey is behind every error that refuses a key, a file's contents or a
// parameter: [errors.Is] reports it beside the error below that says why.
var ErrKey = errors.New("keyfile: invalid key")

// Why a key is refused, to be tested for with [errors.Is]. The message that
// comes with it says more, and has neither bytes of the input nor a passphrase
// in it; what it takes from the input is an object identifier at most.
var (
	// ErrForm: a known form that this package does not read, such as a
	// certificate or an OpenSSH private key; a PEM label that does not fit what
	// is inside; or, from Marshal, a form that this kind of key does not have.
	ErrForm error = &keyError{"keyfile: form not supported", ErrKey}

	// ErrMalformed: not what its form demands: broken PEM, DER, JSON, base64 or
	// SSH wire encoding, or one that is not the canonical one.
	ErrMalformed error = &keyError{"keyfile: malformed key", ErrKey}

	// ErrTrailingData: a whole key, and something behind it.
	ErrTrailingData error = &keyError{"keyfile: data after the key", ErrKey}

	// ErrSeveralKeys: several PEM blocks, lines or JSON objects, or a JWK Set,
	// where one key is meant.
	ErrSeveralKeys error = &keyError{"keyfile: more than one key", ErrKey}

	// ErrNoKey: nothing that looks like a key in any form.
	ErrNoKey error = &keyError{"keyfile: no key found", ErrKey}

	// ErrKeySize: an RSA modulus below 2048 or above 8192 bits, or of another
	// size than the operation or the algorithm has.
	ErrKeySize error = &keyError{"keyfile: key size not allowed", ErrKey}

	// ErrExponent: an RSA public exponent that is even, below 65537 or not below
	// 2³¹, or a private one too small to be safe.
	ErrExponent error = &keyError{"keyfile: RSA exponent not allowed", ErrKey}

	// ErrModulus: an RSA modulus that is even or not the product p·q, or factors
	// that are equal, close, or of different sizes.
	ErrModulus error = &keyError{"keyfile: RSA modulus not valid", ErrKey}

	// ErrMismatch: the private key does not match the public key that comes with
	// it, or its numbers contradict each other.
	ErrMismatch error = &keyError{"keyfile: private and public key do not match", ErrKey}

	// ErrAlgorithm: a key, but for another algorithm, which the message names.
	ErrAlgorithm error = &keyError{"keyfile: algorithm not supported", ErrKey}

	// ErrEncrypted: an encrypted private key, and no passphrase given.
	ErrEncrypted error = &keyError{"keyfile: key is encrypted and needs a passphrase", ErrKey}

	// ErrPassphrase: the passphrase does not open the key, or, as nothing
	// authenticates an encrypted key, the file is damaged. From MarshalEncrypted:
	// an empty passphrase.
	ErrPassphrase error = &keyError{"keyfile: wrong passphrase or damaged key", ErrKey}

	// ErrEncryption: encrypted in a way that this package does not read, or that
	// FIPS 140-only mode does not allow; the message names it.
	ErrEncryption error = &keyError{"keyfile: encryption scheme not supported", ErrKey}

	// ErrLimit: larger than [MaxSize], or encryption parameters outside the
	// limits of this package.
	ErrLimit error = &keyError{"keyfile: outside the limits", ErrKey}

	// ErrNotPrivate: a public key where a private one is wanted.
	ErrNotPrivate error = &keyError{"keyfile: not a private key", ErrKey}

	// ErrNotPublic: a private key where a public one is wanted.
	ErrNotPublic error = &keyError{"keyfile: not a public key", ErrKey}
)

// ErrSecret reports that a [PrivateKey] was handed to a general-purpose encoder.
var ErrSecret = errors.New("keyfile: a private key is encoded by Marshal or MarshalEncrypted only")

type keyError struct {
	text string
	kind error
}

func (e *keyError) Error() string { return e.text }
func (e *keyError) Unwrap() error { return e.kind }

// refuse says why a key is refused with the error kind.
func refuse(kind error, reason string) error {
	return &keyError{kind.Error() + ": " + reason, kind}
}
