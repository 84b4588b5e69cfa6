package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
)

const idUsage = `usage: sealfile id [-passphrase-file FILE] FILE ...

Prints type, key ID and file of each key, public or private. What inspect shows of a
recipient, and open of whoever signed, is the same type and ID.
`

type idCommand struct{ ask passphrases }

func (c *idCommand) define(flags *flag.FlagSet) { c.ask.define(flags) }

func (c *idCommand) run(args []string) error {
	if len(args) == 0 {
		return usageError("a file is missing: of which key?")
	}
	var shown bytes.Buffer
	for _, path := range args {
		key, err := readID(path, &c.ask)
		if err != nil {
			return err
		}
		fmt.Fprintln(&shown, keyName(key), path)
	}
	if err := c.ask.done(); err != nil {
		return err
	}
	_, err := shown.WriteTo(os.Stdout)
	return err
}
