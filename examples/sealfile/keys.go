package main

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/parley-e2ee/parley/envelope"
	"github.com/parley-e2ee/parley/keystore/keyfile"
)

// readRecipient reads the public key of somebody who is sealed to.
func readRecipient(path string) (*envelope.Recipient, error) {
	key, err := readPublic(path)
	if err != nil {
		return nil, err
	}
	if key.Kind() == keyfile.Ed25519 {
		return nil, fmt.Errorf("%s is an Ed25519 key, which signs: nothing can be sealed to it", path)
	}
	der, err := key.Marshal(keyfile.SPKIDER)
	if err != nil {
		return nil, err
	}
	recipient, err := envelope.ParseRecipient(der)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return recipient, nil
}

// readIdentity reads the private key that opens envelopes.
func readIdentity(path string, ask *passphrases) (*envelope.Identity, error) {
	key, err := readPrivate(path, ask)
	if err != nil {
		return nil, err
	}
	if composite, ok := key.Composite(); ok {
		return envelope.CompositeIdentity(composite)
	}
	if rsa, ok := key.RSA(); ok {
		return envelope.RSAIdentity(rsa)
	}
	return nil, fmt.Errorf("%s is an %v key, which signs: it opens nothing", path, key.Kind())
}

// readSender reads the public key of somebody who signs.
func readSender(path string) (ed25519.PublicKey, error) {
	key, err := readPublic(path)
	if err != nil {
		return nil, err
	}
	sender, ok := key.Ed25519()
	if !ok {
		return nil, errNoSigner(path, key)
	}
	return sender, nil
}

// readSigner reads the private key that signs.
func readSigner(path string, ask *passphrases) (ed25519.PrivateKey, error) {
	key, err := readPrivate(path, ask)
	if err != nil {
		return nil, err
	}
	signer, ok := key.Ed25519()
	if !ok {
		return nil, errNoSigner(path, key)
	}
	return signer, nil
}

func errNoSigner(path string, key keyfile.Key) error {
	return fmt.Errorf("%s is a key of type %v: signatures take an Ed25519 key, of sealfile keygen -sign", path, key.Kind())
}

func readPublic(path string) (*keyfile.PublicKey, error) {
	data, err := readKey(path)
	if err != nil {
		return nil, err
	}
	defer clear(data) // it can be a private key, by mistake
	key, err := keyfile.ParsePublic(data)
	if errors.Is(err, keyfile.ErrNotPublic) {
		return nil, fmt.Errorf("%s: %w: that of sealfile keygen has a name that ends in .pub", path, err)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return key, nil
}

// readPrivate asks for a passphrase where the key is encrypted.
func readPrivate(path string, ask *passphrases) (*keyfile.PrivateKey, error) {
	data, err := readKey(path)
	if err != nil {
		return nil, err
	}
	defer clear(data)
	key, err := keyfile.ParsePrivate(data, nil)
	if errors.Is(err, keyfile.ErrEncrypted) {
		passphrase, asked := ask.ask("Passphrase of " + path)
		if asked != nil {
			return nil, asked
		}
		defer clear(passphrase)
		key, err = keyfile.ParsePrivate(data, passphrase)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return key, nil
}

// readID returns the public key of a file that has a public key or a private one.
func readID(path string, ask *passphrases) (*keyfile.PublicKey, error) {
	data, err := readKey(path)
	if err != nil {
		return nil, err
	}
	defer clear(data)
	key, err := keyfile.Parse(data, nil)
	if errors.Is(err, keyfile.ErrEncrypted) {
		private, err := readPrivate(path, ask)
		if err != nil {
			return nil, err
		}
		return private.Public(), nil
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return key.Public(), nil
}

// readKey reads no more than a byte over what keyfile takes.
func readKey(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, keyfile.MaxSize+1))
}

// passphraseIdentity is one of the passphrase that ask returns.
func passphraseIdentity(ask func(prompt string) ([]byte, error), prompt string) (*envelope.Identity, error) {
	passphrase, err := ask(prompt)
	if err != nil {
		return nil, err
	}
	defer clear(passphrase)
	return envelope.PassphraseIdentity(passphrase)
}

// keyID is the ID by which envelopes name recipients; signers have one too.
func keyID(key *keyfile.PublicKey) envelope.KeyID { return envelope.KeyID(key.Fingerprint()) }

// keyName is how keys are shown everywhere: of a recipient as inspect shows it.
func keyName(key *keyfile.PublicKey) string {
	stanza := envelope.Stanza{KeyID: keyID(key)}
	switch key.Kind() {
	case keyfile.RSA:
		stanza.Type = envelope.RSAOAEP
	case keyfile.Composite:
		stanza.Type = envelope.MLKEM768RSA
	default:
		return key.Kind().String() + " " + stanza.KeyID.String()
	}
	return stanza.String()
}

// senderName is keyName of a key that has signed.
func senderName(sender ed25519.PublicKey) string {
	key, err := keyfile.NewPublicKey(sender)
	if err != nil {
		return "an invalid key" // whose signatures package envelope refuses
	}
	return keyName(key)
}
