package main

import (
	"flag"
	"fmt"
	"io/fs"
	"os"

	"github.com/parley-e2ee/parley/keystore/keyfile"
)

const keygenUsage = `usage: sealfile keygen [-o FILE] [-rsa | -sign] [-passphrase]

Makes a key and prints its type and key ID, as sealfile id does later. The private
key is written to FILE, which only you can read, and the public one to FILE.pub, which
you give to others. Without -rsa and -sign it is a composite key, ML-KEM-768 and
RSA-2048, which is safe while one of the two is.
`

type keygenCommand struct {
	path                  name
	rsa, sign, passphrase bool
	ask                   passphrases
}

func (c *keygenCommand) define(flags *flag.FlagSet) {
	c.path.value = "key.pem"
	flags.Var(&c.path, "o", "`file` for the private key, which must not exist")
	flags.BoolVar(&c.rsa, "rsa", false, "an RSA-2048 key, which a quantum computer would break")
	flags.BoolVar(&c.sign, "sign", false, "an Ed25519 key, which signs, for seal -sign and open -from")
	flags.BoolVar(&c.passphrase, "passphrase", false, "encrypt the private key under a passphrase")
	c.ask.define(flags)
}

func (c *keygenCommand) run(args []string) error {
	switch {
	case len(args) > 0:
		return usageError("takes no input")
	case c.rsa && c.sign:
		return usageError("-rsa and -sign exclude each other")
	case c.ask.path.given && !c.passphrase:
		return usageError("-passphrase-file goes with -passphrase")
	case c.path.value == "-":
		return usageError("-o takes the name of a file: there are two to write")
	}
	if _, err := os.Lstat(c.path.value); err == nil {
		return &fs.PathError{Op: "create", Path: c.path.value, Err: fs.ErrExist} // before any work
	}
	key, err := c.generate()
	if err != nil {
		return err
	}
	if err := c.write(key); err != nil {
		return err
	}
	_, err = fmt.Println(keyName(key.Public()))
	return err
}

func (c *keygenCommand) generate() (*keyfile.PrivateKey, error) {
	switch {
	case c.rsa:
		return keyfile.GenerateRSA(keyfile.DefaultBits)
	case c.sign:
		return keyfile.GenerateEd25519()
	}
	return keyfile.GenerateComposite(keyfile.DefaultBits)
}

// write writes both files. The private one comes when nothing but the name of the
// public one can fail any more.
func (c *keygenCommand) write(key *keyfile.PrivateKey) error {
	private, err := c.marshal(key)
	if err != nil {
		return err
	}
	defer clear(private)
	public, err := key.Public().Marshal(keyfile.SPKIPEM)
	if err != nil {
		return err
	}
	out, err := createOutput(c.path.value+".pub", 0o666)
	if err != nil {
		return err
	}
	defer out.discard()
	if _, err := out.Write(public); err != nil {
		return err
	}
	if err := inOne(func() error { return keyfile.WriteFile(c.path.value, private) }); err != nil {
		return err
	}
	return out.commit()
}

func (c *keygenCommand) marshal(key *keyfile.PrivateKey) ([]byte, error) {
	if !c.passphrase {
		return key.Marshal(keyfile.PKCS8PEM)
	}
	passphrase, err := c.ask.choose("New passphrase of " + c.path.value)
	if err != nil {
		return nil, err
	}
	defer clear(passphrase)
	return key.MarshalEncrypted(keyfile.PKCS8PEM, passphrase, nil)
}
