package main

import (
	"flag"
	"fmt"
	"io"

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
	show(info)
	sealed := in.size()
	if text || in.whole == nil {
		rest, err := io.Copy(io.Discard, src)
		if err != nil {
			return err
		}
		sealed = info.HeaderSize + rest
	}
	return showSize(info, sealed)
}

// show quotes the metadata, which can hold anything, escape sequences that drive
// a terminal among them.
func show(info *envelope.Info) {
	fmt.Println("envelope  ", info.ID)
	fmt.Println("signed    ", map[bool]string{true: "yes; open says by whom", false: "no"}[info.Signed])
	if len(info.Metadata) > 0 {
		fmt.Printf("metadata   %q\n", info.Metadata)
	}
	for _, r := range info.Recipients {
		fmt.Println("recipient ", r)
	}
}

func showSize(info *envelope.Info, sealed int64) error {
	n, err := info.PlaintextSize(sealed)
	if err != nil {
		return err
	}
	fmt.Printf("size       %d bytes, sealed %d\n", n, sealed)
	return nil
}
