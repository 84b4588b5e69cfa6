package main

import (
	"errors"
	"flag"
	"fmt"

	"github.com/parley-e2ee/parley/envelope"
)

// A list is a flag that can be given several times.
type list []string

func (l *list) String() string     { return "" }
func (l *list) Set(s string) error { *l = append(*l, s); return nil }

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
	if len(all) == 0 {
		return nil, usageError("-i or -p is missing: with what is it to be opened?")
	}
	return all, nil
}

// inputName is the argument behind the flags; without one it is standard input.
func inputName(args []string) (string, error) {
	switch len(args) {
	case 0:
		return "-", nil
	case 1:
		return args[0], nil
	}
	return "", usageError("one input at most, and flags before it")
}
