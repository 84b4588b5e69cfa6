package main

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/parley-e2ee/parley/envelope"
)

const rewrapUsage = `usage: sealfile rewrap (-i FILE | -p) -to FILE ... [-keep] [-remove KEYID ...]
                       [flags] [in]

Gives an envelope other recipients without decrypting what is in it. They are those
of -to, with -keep the old ones too, and with -remove the old ones but for these,
by the key IDs that inspect shows. Your key, -i, is one of the old ones.

Who is removed can still read old copies: to shut somebody out of what is to come,
seal it anew. Signed envelopes cannot be rewrapped. The content is not verified; open
does that.
`

type rewrapCommand struct {
	recipientFlags
	identityFlags
	keep, armor bool
	remove      list
	removed     []envelope.KeyID
	ad, output  string
}

func (c *rewrapCommand) define(flags *flag.FlagSet) {
	c.recipientFlags.define(flags)
	c.identityFlags.define(flags)
	flags.Lookup("i").Usage = "`file` of your private key"
	flags.BoolVar(&c.keep, "keep", false, "keep the old recipients")
	flags.Var(&c.remove, "remove", "`key ID` of a recipient who goes, while the others stay; can be given several times")
	flags.BoolVar(&c.armor, "armor", false, "write text, for places that take nothing else")
	flags.StringVar(&c.ad, "ad", "", "`text` that was given to seal -ad")
	flags.StringVar(&c.output, "o", "-", "output `file`")
}

func (c *rewrapCommand) run(args []string) error {
	from, err := inputName(args)
	if err != nil {
		return err
	}
	if err := c.check(); err != nil {
		return err
	}
	recipients, err := c.recipients()
	if err != nil {
		return err
	}
	identities, err := c.identities()
	if err != nil {
		return err
	}
	return convert(from, c.output, 0o666, func(out *output, in *input) error {
		return c.explain(c.rewrap(out, in, identities[0], recipients))
	})
}

func (c *rewrapCommand) check() error {
	for _, text := range c.remove {
		id, err := parseKeyID(text)
		if err != nil {
			return err
		}
		c.removed = append(c.removed, id)
	}
	c.keep = c.keep || len(c.remove) > 0
	switch {
	case len(c.files) > 1 || c.passphrase && len(c.files) > 0:
		return usageError("-i once, or -p: one key is enough")
	case len(c.to) == 0 && !c.keep:
		return usageError("-to, -keep or -remove is missing: who is to be a recipient?")
	}
	return nil
}

func (c *rewrapCommand) rewrap(out *output, in *input, identity *envelope.Identity, recipients []*envelope.Recipient) error {
	src, _ := in.envelope()
	info, src, err := c.present(src)
	if err != nil {
		return err
	}
	old := &counted{Reader: src}
	text := armor(out, c.armor)
	err = envelope.Rewrap(text, old, &envelope.RewrapOptions{
		AssociatedData: []byte(c.ad),
		Remove:         c.removed,
		RemoveAll:      !c.keep,
		HideRecipients: c.hide,
		AllowMixed:     c.mixed,
	}, identity, recipients...)
	if err != nil {
		return err
	}
	if _, err := info.PlaintextSize(old.n); err != nil {
		return err // cut, as far as a length can tell
	}
	return text.Close()
}

// counted counts what is read.
type counted struct {
	io.Reader
	n int64
}

func (c *counted) Read(p []byte) (n int, err error) {
	n, err = c.Reader.Read(p)
	c.n += int64(n)
	return n, err
}

// present looks for those who are to be removed, and returns the envelope from its
// beginning.
func (c *rewrapCommand) present(src io.Reader) (*envelope.Info, io.Reader, error) {
	var header bytes.Buffer
	info, err := envelope.Inspect(io.TeeReader(src, &header))
	if err != nil {
		return nil, nil, err
	}
	if hidden := slices.IndexFunc(info.Recipients, envelope.Stanza.Hidden); hidden >= 0 && len(c.removed) > 0 {
		fmt.Fprintln(os.Stderr, "sealfile: there are hidden recipients, who stay: nobody can say who they are")
	}
	for i, id := range c.removed {
		if !slices.ContainsFunc(info.Recipients, func(s envelope.Stanza) bool { return s.KeyID == id }) {
			return nil, nil, fmt.Errorf("-remove %s: no recipient has this key ID", c.remove[i])
		}
	}
	return info, io.MultiReader(&header, src), nil
}

// parseKeyID takes what inspect and keygen print, and OpenSSL's form with colons.
func parseKeyID(text string) (id envelope.KeyID, err error) {
	if id, err = envelope.ParseKeyID(text); err != nil || id == (envelope.KeyID{}) {
		return id, usageError(fmt.Sprintf("-remove %q: not a key ID, of 64 hexadecimal digits", text))
	}
	return id, nil
}
