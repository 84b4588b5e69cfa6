package main

import (
	"flag"

	"github.com/parley-e2ee/parley/envelope"
)

const sealUsage = `usage: sealfile seal -to FILE ... [flags] [in]
       sealfile seal -p [flags] [in]

Encrypts a file or standard input to the public keys of all recipients, or under a
passphrase. Whoever has one of the private keys can open it, and nobody else: to read
it yourself, seal it to your own key too. Take public keys only from where you know
whose they are.

The keys are those of sealfile keygen, or RSA keys of 2048 bits or more in any form:
PEM, DER, JWK or OpenSSH.
`

type sealCommand struct {
	recipientFlags
	outputFlags
	passphrase bool
	sign       name
	meta, ad   text
	ask        passphrases
}

func (c *sealCommand) define(flags *flag.FlagSet) {
	c.recipientFlags.define(flags)
	c.outputFlags.define(flags)
	flags.BoolVar(&c.passphrase, "p", false, "seal under a passphrase instead of keys")
	flags.Var(&c.sign, "sign", "`file` of the Ed25519 private key that signs")
	flags.Var(&c.meta, "meta", "`text` that everybody can read")
	flags.Var(&c.ad, "ad", "`text` that is not stored, and that open -ad has to repeat")
	c.ask.define(flags)
}

func (c *sealCommand) run(args []string) error {
	from, err := inputName(args)
	if err != nil {
		return err
	}
	if err := c.check(); err != nil {
		return err
	}
	c.ask.input = from
	opts, err := c.options()
	if err != nil {
		return err
	}
	recipients, err := c.recipients()
	if err != nil {
		return err
	}
	if err := c.ask.done(); err != nil {
		return err
	}
	return convert(from, c.output.value, 0o666, func(out *output, in *input) error {
		return c.explain(c.seal(out, in, opts, recipients))
	})
}

func (c *sealCommand) check() error {
	switch {
	case !c.passphrase && len(c.to) == 0:
		return usageError("-to or -p is missing: to whom is it to be sealed?")
	case c.passphrase && len(c.to) > 0:
		return usageError("-to and -p exclude each other: a passphrase has to be alone")
	case c.passphrase && (c.hide || c.mixed):
		return usageError("-hide and -mixed are for -to: with -p there are no keys")
	}
	return c.outputFlags.check()
}

func (c *sealCommand) options() (*envelope.Options, error) {
	opts := &envelope.Options{
		AssociatedData: []byte(c.ad.value),
		Metadata:       []byte(c.meta.value),
		HideRecipients: c.hide,
		AllowMixed:     c.mixed,
	}
	if c.sign.given {
		signer, err := readSigner(c.sign.value, &c.ask)
		if err != nil {
			return nil, err
		}
		opts.Signer = signer
	}
	return opts, nil
}

func (c *sealCommand) recipients() ([]*envelope.Recipient, error) {
	if !c.passphrase {
		return c.recipientFlags.recipients()
	}
	identity, err := passphraseIdentity(c.ask.choose, "New passphrase")
	if err != nil {
		return nil, err
	}
	return []*envelope.Recipient{identity.Recipient()}, nil
}

// seal leaves the envelope open where reading fails, since closing it would make a
// whole one of a part.
func (c *sealCommand) seal(out *output, in *input, opts *envelope.Options, recipients []*envelope.Recipient) error {
	text := armor(out, c.armor)
	w, err := envelope.NewWriter(text, opts, recipients...)
	if err != nil {
		return err
	}
	if _, err := w.ReadFrom(in); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	return text.Close()
}
