package main

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/parley-e2ee/parley/envelope"
)

const inspectUsage = `usage: sealfile inspect [in]

Shows what everybody can see of an envelope, without a key: ID, sizes, whether it is
signed, metadata and recipients. Nothing of it is verified: whoever had the envelope
can have changed it.
`

type inspectCommand struct{}

func (*inspectCommand) define(*flag.FlagSet) {}

func (*inspectCommand) run(args []string) error {
	from, err := inputName(args)
	if err != nil {
		return err
	}
	in, err := openInput(from)
	if err != nil {
		return err
	}
	defer in.close()
	src, text := in.envelope()
	info, err := envelope.Inspect(src)
	if err != nil {
		return err
	}
	var shown bytes.Buffer
	show(&shown, info)
	sealed := in.size()
	if text || in.whole == nil {
		rest, err := io.Copy(io.Discard, src)
		if err != nil {
			return err
		}
		sealed = info.HeaderSize + rest
	}
	if err := showSize(&shown, info, sealed); err != nil {
		return err
	}
	_, err = shown.WriteTo(os.Stdout)
	return err
}

// show quotes the metadata, which can hold anything, escape sequences that drive
// a terminal among them.
func show(w io.Writer, info *envelope.Info) {
	fmt.Fprintln(w, "envelope  ", info.ID)
	fmt.Fprintln(w, "signed    ", map[bool]string{true: "yes; open says by whom", false: "no"}[info.Signed])
	if len(info.Metadata) > 0 {
		fmt.Fprintf(w, "metadata   %q\n", info.Metadata)
	}
	for _, r := range info.Recipients {
		fmt.Fprintln(w, "recipient ", r)
	}
}

func showSize(w io.Writer, info *envelope.Info, sealed int64) error {
	n, err := info.PlaintextSize(sealed)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "size       %d bytes, sealed %d\n", n, sealed)
	return nil
}
