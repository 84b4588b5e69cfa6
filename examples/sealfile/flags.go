package main

import (
	"errors"
	"flag"
	"fmt"
	"os"

	"golang.org/x/term"

	"github.com/parley-e2ee/parley/envelope"
)

// A list is a flag of names that can be given several times.
type list []string

func (l *list) String() string { return "" }

func (l *list) Set(s string) error {
	if s == "" {
		return errNoName
	}
	*l = append(*l, s)
	return nil
}

// A text is a flag that can be given once: of two, one would be ignored.
type text struct {
	value string
	given bool
}

func (t *text) String() string { return t.value }

func (t *text) Set(s string) error {
	if t.given {
		return errors.New("given twice")
	}
	t.value, t.given = s, true
	return nil
}

// A name is a text that is not empty. An empty one comes from a variable of a script
// that is not set, and is not taken for a flag that was not given.
type name struct{ text }

func (n *name) Set(s string) error {
	if s == "" {
		return errNoName
	}
	return n.text.Set(s)
}

var errNoName = errors.New("it is empty")

// outputFlags say where an envelope is written, and in which form.
type outputFlags struct {
	output name
	armor  bool
}

func (o *outputFlags) define(flags *flag.FlagSet) {
	o.output.value = "-"
	flags.Var(&o.output, "o", "output `file`, which must not exist; -o - is standard output, even if that is a terminal")
	flags.BoolVar(&o.armor, "armor", false, "write text, for places that take nothing else")
}

// check refuses to fill a terminal with bytes that are no text.
func (o *outputFlags) check() error {
	if o.output.given || o.armor || !term.IsTerminal(int(os.Stdout.Fd())) {
		return nil
	}
	return usageError("standard output is a terminal, and envelopes are not text: -o FILE writes a file, -armor text (and -o - the bytes all the same)")
}

// recipientFlags say to whom an envelope is sealed.
type recipientFlags struct {
	to          list
	hide, mixed bool
}

func (r *recipientFlags) define(flags *flag.FlagSet) {
	flags.Var(&r.to, "to", "`file` of a recipient's public key; can be given several times")
	flags.BoolVar(&r.hide, "hide", false, "leave out the recipients' key IDs")
	flags.BoolVar(&r.mixed, "mixed", false, "allow RSA recipients beside post-quantum ones, which weakens the envelope to RSA")
}

func (r *recipientFlags) recipients() (all []*envelope.Recipient, err error) {
	for _, path := range r.to {
		recipient, err := readRecipient(path)
		if err != nil {
			return nil, err
		}
		all = append(all, recipient)
	}
	return all, nil
}

// explain puts the name of a file or of a flag to an error that is about it.
func (r *recipientFlags) explain(err error) error {
	var which *envelope.RecipientError
	switch {
	case errors.As(err, &which) && which.Index < len(r.to):
		return fmt.Errorf("-to %s: %w", r.to[which.Index], which.Err)
	case errors.Is(err, envelope.ErrMixed):
		return fmt.Errorf("%w: -mixed allows it", err)
	}
	return err
}

// identityFlags say with which keys an envelope is opened.
type identityFlags struct {
	files      list
	passphrase bool
	ask        passphrases
}

func (i *identityFlags) define(flags *flag.FlagSet) {
	flags.Var(&i.files, "i", "`file` of a private key; can be given several times")
	flags.BoolVar(&i.passphrase, "p", false, "open with a passphrase")
	i.ask.define(flags)
}

func (i *identityFlags) identities() (all []*envelope.Identity, err error) {
	for _, path := range i.files {
		identity, err := readIdentity(path, &i.ask)
		if err != nil {
			return nil, err
		}
		all = append(all, identity)
	}
	if i.passphrase {
		identity, err := passphraseIdentity(i.ask.ask, "Passphrase")
		if err != nil {
			return nil, err
		}
		all = append(all, identity)
	}
	return all, nil
}

// check is called before anything is read or asked for.
func (i *identityFlags) check() error {
	if len(i.files) == 0 && !i.passphrase {
		return usageError("-i or -p is missing: with what is it to be opened?")
	}
	return nil
}

// inputName is the argument behind the flags; without one it is standard input.
func inputName(args []string) (string, error) {
	switch len(args) {
	case 0:
		return "-", nil
	case 1:
		if args[0] == "" {
			return "", usageError("the name of the input is empty")
		}
		return args[0], nil
	}
	return "", usageError("one input at most, and flags before it")
}
