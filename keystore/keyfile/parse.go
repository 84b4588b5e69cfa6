package keyfile

import (
	"bytes"
	"errors"
)

// MaxSize is the size in bytes of the largest input that is read. The largest
// key, RSA of 8192 bits with the text that OpenSSL prints before it, has a third
// of it.
const MaxSize = 64 << 10

// Parse reads one key in any [Form], encrypted or not, which it recognises. What
// it returns has passed all checks of this package; everything else is an error
// that is [ErrKey] and one of those below it.
//
// passphrase is for an encrypted private key: with nil such a key is refused
// with [ErrEncrypted], with a wrong one with [ErrPassphrase]. An empty passphrase
// that is not nil is a passphrase like any other: an environment variable that is
// not set gives that one, and a line feed read with a passphrase is part of it. Where the key is not encrypted
// the passphrase is not looked at.
//
// Before a PEM block text may stand, as openssl rsa -text prints it, and behind it
// white space only: openssl pkey -text prints behind it, which is
// [ErrTrailingData]. Neither data nor passphrase is changed or kept.
func Parse(data, passphrase []byte) (Key, error) {
	if len(data) > MaxSize {
		return nil, refuse(ErrLimit, "more than 64 KiB")
	}
	switch recognise(data) {
	case looksDER:
		return parseDER(data, passphrase)
	case looksPEM:
		return parsePEM(data, passphrase)
	case looksJWK:
		return parseJWK(data)
	case looksOpenSSH:
		return orNil(parseOpenSSH(data))
	}
	return nil, explainNoKey(data)
}

// ParsePrivate is [Parse] for a private key; a public one is refused with
// [ErrNotPrivate].
func ParsePrivate(data, passphrase []byte) (*PrivateKey, error) {
	key, err := Parse(data, passphrase)
	if err != nil {
		return nil, err
	}
	private, ok := key.(*PrivateKey)
	if !ok {
		return nil, ErrNotPrivate
	}
	return private, nil
}

// ParsePublic is [Parse] for a public key; a private one, encrypted or not, is
// refused with [ErrNotPublic].
func ParsePublic(data []byte) (*PublicKey, error) {
	key, err := Parse(data, nil)
	if errors.Is(err, ErrEncrypted) {
		return nil, ErrNotPublic
	}
	if err != nil {
		return nil, err
	}
	public, ok := key.(*PublicKey)
	if !ok {
		return nil, ErrNotPublic
	}
	return public, nil
}

type look uint8

const (
	looksUnknown look = iota
	looksDER
	looksPEM
	looksJWK
	looksOpenSSH
)

// recognise decides by whose rules data is judged. What is one whole SEQUENCE is
// DER, and refused with a PEM block in it; and a text that happens to start with "0", the
// tag of a SEQUENCE, can still hold a PEM block.
func recognise(data []byte) look {
	if _, err := readSequence(data); err == nil {
		return looksDER
	}
	text := bytes.TrimLeft(data, jsonSpace)
	switch {
	case bytes.Contains(data, []byte(pemBegin)):
		return looksPEM
	case bytes.HasPrefix(data, []byte{0x30}):
		return looksDER
	case bytes.HasPrefix(text, []byte("{")):
		return looksJWK
	case isOpenSSH(data):
		return looksOpenSSH
	}
	return looksUnknown
}

func explainNoKey(data []byte) error {
	switch {
	case len(bytes.TrimSpace(data)) == 0:
		return refuse(ErrNoKey, "empty")
	case bytes.Contains(data, []byte("---- BEGIN SSH2 PUBLIC KEY ----")):
		return refuse(ErrForm, "RFC 4716 public key; ssh-keygen -i converts it")
	case hasOpenSSHInside(data):
		return refuse(ErrForm, "OpenSSH public key with options or a host name before it")
	}
	return refuse(ErrNoKey, "not PEM, DER, JWK or an OpenSSH public key")
}
