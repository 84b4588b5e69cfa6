package main

import (
	"crypto/ed25519"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/parley-e2ee/parley/envelope"
)

const openUsage = `usage: sealfile open -i FILE ... [flags] [in]
       sealfile open -p [flags] [in]

Decrypts a file or standard input, text armor or not, and says on standard error who
signed it. With -from it has to be signed by one of those. Without, anybody who has
the public key of a recipient, or knows the passphrase, can have made it.

With -o the plaintext gets its name after all of it is verified, and a failure leaves
no file. To standard output:

  from a file           all of it is verified before any of it is written
  from a pipe or armor  plaintext is written before the end is verified

In the second case whoever reads the output must wait for the exit code: if it is not
0 the output may be cut short or, of a signed envelope, from somebody else.
`

type openCommand struct {
	identityFlags
	from   list
	ad     text
	output name
}

func (c *openCommand) define(flags *flag.FlagSet) {
	c.identityFlags.define(flags)
	flags.Var(&c.from, "from", "`file` of the public key of somebody from whom it may be; can be given several times")
	flags.Var(&c.ad, "ad", "`text` that was given to seal -ad")
	c.output.value = "-"
	flags.Var(&c.output, "o", "output `file`, which must not exist; - is standard output")
}

func (c *openCommand) run(args []string) error {
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
	identities, err := c.identities()
	if err != nil {
		return err
	}
	if err := c.ask.done(); err != nil {
		return err
	}
	var r opened
	err = convert(from, c.output.value, 0o600, func(out *output, in *input) (err error) {
		r, err = open(out, in, opts, identities)
		return err
	})
	if err != nil {
		return err
	}
	c.report(r, opts.Senders)
	return nil
}

func (c *openCommand) options() (*envelope.OpenOptions, error) {
	opts := &envelope.OpenOptions{AssociatedData: []byte(c.ad.value)}
	for _, path := range c.from {
		sender, err := readSender(path)
		if err != nil {
			return nil, err
		}
		opts.Senders = append(opts.Senders, sender)
	}
	return opts, nil
}

// opened is an envelope that was verified to the end.
type opened interface {
	Metadata() []byte
	Sender() ed25519.PublicKey
}

// open writes the plaintext.
func open(out *output, in *input, opts *envelope.OpenOptions, identities []*envelope.Identity) (opened, error) {
	src, text := in.envelope()
	if out.stdout() && in.whole != nil && !text {
		return openVerified(out, in.whole, opts, identities)
	}
	r, err := envelope.NewReader(src, opts, identities...)
	if err != nil {
		return nil, explainOpening(err)
	}
	n, err := r.WriteTo(out)
	err = explainOpening(err)
	if err != nil && out.stdout() && n > 0 {
		err = fmt.Errorf("%w; do not use what was written to standard output, it is not verified", err)
	}
	return r, err
}

// openVerified writes nothing before everything is verified: by NewReaderAt if the
// envelope is signed, by reading it all if not.
func openVerified(out io.Writer, src *io.SectionReader, opts *envelope.OpenOptions, identities []*envelope.Identity) (opened, error) {
	r, err := envelope.NewReaderAt(src, src.Size(), opts, identities...)
	if err != nil {
		return nil, explainOpening(err)
	}
	if r.Sender() == nil {
		if err := copyAll(io.Discard, r); err != nil {
			return nil, err
		}
	}
	if err := copyAll(out, r); err != nil {
		return r, fmt.Errorf("%w; do not use what was written to standard output: the input changed, or the output ended", err)
	}
	return r, nil
}

// copyAll reads many chunks at a time, of which each read decrypts all it touches.
func copyAll(dst io.Writer, src *envelope.ReaderAt) error {
	buf := make([]byte, 1<<20)
	for off := int64(0); off < src.Size(); off += int64(len(buf)) {
		part := buf[:min(int64(len(buf)), src.Size()-off)]
		if n, err := src.ReadAt(part, off); n < len(part) {
			return err
		}
		if _, err := dst.Write(part); err != nil {
			return err
		}
	}
	return nil
}

// explainOpening names whoever signed instead as keys are named everywhere here, and
// the flag that may be missing.
func explainOpening(err error) error {
	if other, ok := errors.AsType[*envelope.SenderError](err); ok {
		return fmt.Errorf("%w: %s", envelope.ErrSender, senderName(other.Sender))
	}
	if errors.Is(err, envelope.ErrStanza) {
		return fmt.Errorf("%w (associated data is what -ad gives)", err)
	}
	return err
}

// report says on standard error what is known now: metadata and who signed.
func (c *openCommand) report(r opened, senders []ed25519.PublicKey) {
	if metadata := r.Metadata(); len(metadata) > 0 {
		fmt.Fprintf(os.Stderr, "sealfile: metadata %q\n", metadata)
	}
	sender := r.Sender()
	if sender == nil {
		fmt.Fprintln(os.Stderr, "sealfile: not signed: who made it is not known")
		return
	}
	i := slices.IndexFunc(senders, func(s ed25519.PublicKey) bool { return s.Equal(sender) })
	if i < 0 {
		fmt.Fprintf(os.Stderr, "sealfile: signed by %s, whoever has that key: -from says who may\n", senderName(sender))
		return
	}
	fmt.Fprintf(os.Stderr, "sealfile: signed by %s, %s\n", senderName(sender), c.from[i])
}
