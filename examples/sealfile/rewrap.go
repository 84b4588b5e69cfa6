package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"

	"github.com/parley-e2ee/parley/envelope"
)

const rewrapUsage = `usage: sealfile rewrap (-i FILE | -p) [-to FILE ...] [-remove KEY ... | -remove-all]
                       [flags] [in]

Changes the recipients of an envelope without decrypting what is in it, and writes the
changed envelope to another file. Those of -to come, those of -remove go, and all others
stay. A KEY is the file of a public key or a key ID, which inspect and id show. With
-remove-all those of -to are the only ones. Your key, -i, is that of an old recipient,
who stays unless removed.

Whoever is removed can still open old copies, and may have kept the key of what is in
it, which stays the same: to shut somebody out, seal anew what they are not to read.
Signed envelopes cannot be rewrapped. The content is not verified; open does that.
`

type rewrapCommand struct {
	recipientFlags
	identityFlags
	outputFlags
	remove    list
	removeAll bool
	removed   []envelope.KeyID
	ad        text
}

func (c *rewrapCommand) define(flags *flag.FlagSet) {
	c.recipientFlags.define(flags)
	c.identityFlags.define(flags)
	c.outputFlags.define(flags)
	flags.Lookup("i").Usage = "`file` of your private key"
	flags.Lookup("to").Usage = "`file` of the public key of a recipient who is added; can be given several times"
	flags.Lookup("hide").Usage = "leave out the key IDs of the recipients who are added"
	flags.Lookup("mixed").Usage = "allow RSA recipients beside post-quantum ones, which weakens the envelope to RSA; where there are both already too"
	flags.Var(&c.remove, "remove", "`key` of a recipient who goes, a file or an ID; can be given several times")
	flags.BoolVar(&c.removeAll, "remove-all", false, "remove all old recipients, hidden ones too")
	flags.Var(&c.ad, "ad", "`text` that was given to seal -ad")
}

func (c *rewrapCommand) run(args []string) error {
	from, err := inputName(args)
	if err != nil {
		return err
	}
	if err := c.check(); err != nil {
		return err
	}
	c.ask.input = from
	if err := c.readRemoved(); err != nil {
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
	if err := c.ask.done(); err != nil {
		return err
	}
	return convert(from, c.output.value, 0o666, func(out *output, in *input) error {
		return c.explain(c.rewrap(out, in, identities[0], recipients))
	})
}

func (c *rewrapCommand) check() error {
	switch {
	case len(c.files) > 1 || c.passphrase && len(c.files) > 0:
		return usageError("-i once, or -p: one key is enough")
	case len(c.to)+len(c.remove) == 0 && !c.removeAll:
		return usageError("-to, -remove or -remove-all is missing: which recipients come or go?")
	case c.removeAll && len(c.remove) > 0:
		return usageError("-remove and -remove-all exclude each other")
	case c.removeAll && len(c.to) == 0:
		return usageError("-remove-all goes with -to: nobody would be left")
	case c.hide && len(c.to) == 0:
		return usageError("-hide goes with -to: recipients who stay are as they were")
	}
	if err := c.identityFlags.check(); err != nil {
		return err
	}
	return c.outputFlags.check()
}

// explain says which flag helps.
func (c *rewrapCommand) explain(err error) error {
	if errors.Is(err, envelope.ErrPassphraseAlone) {
		return fmt.Errorf("%w: -remove-all removes it", err)
	}
	return c.recipientFlags.explain(explainOpening(err))
}

// readRemoved finds out which key IDs are to go.
func (c *rewrapCommand) readRemoved() error {
	for _, key := range c.remove {
		id, err := removedID(key)
		if err != nil {
			return err
		}
		c.removed = append(c.removed, id)
	}
	return nil
}

// removedID takes a key ID as it is shown here, or in OpenSSL's form with colons, and
// all else as the name of a file. A file that has a name like an ID goes with ./ before
// it.
func removedID(key string) (envelope.KeyID, error) {
	if id, err := envelope.ParseKeyID(key); err == nil {
		if id == (envelope.KeyID{}) {
			return id, usageError(fmt.Sprintf("-remove %s: no key has this ID", key))
		}
		return id, nil
	}
	recipient, err := readRecipient(key)
	if errors.Is(err, fs.ErrNotExist) {
		return envelope.KeyID{}, usageError(fmt.Sprintf("-remove %q: neither a key ID, of 64 hexadecimal digits, nor a file", key))
	}
	if err != nil {
		return envelope.KeyID{}, fmt.Errorf("-remove: %w", err)
	}
	return recipient.KeyID(), nil
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
		AssociatedData: []byte(c.ad.value),
		Remove:         c.removed,
		RemoveAll:      c.removeAll,
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
	hidden := slices.ContainsFunc(info.Recipients, envelope.Stanza.Hidden)
	for i, id := range c.removed {
		switch shown := slices.ContainsFunc(info.Recipients, func(s envelope.Stanza) bool { return s.KeyID == id }); {
		case !shown && hidden:
			return nil, nil, fmt.Errorf("-remove %s: no recipient shows this key ID; some are hidden, and go by -remove-all alone", c.remove[i])
		case !shown:
			return nil, nil, fmt.Errorf("-remove %s: no recipient has this key ID", c.remove[i])
		}
	}
	if hidden && len(c.removed) > 0 {
		fmt.Fprintln(os.Stderr, "sealfile: there are hidden recipients, who stay: nobody can say who they are")
	}
	return info, io.MultiReader(&header, src), nil
}
