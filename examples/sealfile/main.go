// Command sealfile encrypts files, backups and whatever comes through a pipe to
// public keys. It is package envelope with keys as files, and is meant to be
// copied from.
//
// Bob makes a key: bob.pem is secret, bob.pem.pub is for everybody. Alice makes one
// to sign with, and seals to Bob. What she made can be looked at without a key, and
// Bob opens it if it is from her:
//
//	sealfile keygen  -o bob.pem
//	sealfile keygen  -o alice.pem -sign
//	sealfile seal    -to bob.pem.pub -sign alice.pem -meta report -o report.sealed report.txt
//	sealfile inspect report.sealed
//	sealfile open    -i bob.pem -from alice.pem.pub -o opened.txt report.sealed
//
// Recipients of what is not signed can be changed without opening it. Here Carol
// becomes one beside Bob, and then the only one. What id prints is what inspect shows
// of recipients:
//
//	sealfile keygen  -o carol.pem
//	sealfile seal    -to bob.pem.pub -o backup.sealed report.txt
//	sealfile rewrap  -i bob.pem -to carol.pem.pub -o shared.sealed backup.sealed
//	sealfile rewrap  -i carol.pem -remove bob.pem.pub -o carol.sealed shared.sealed
//	sealfile open    -i carol.pem -o carol.txt carol.sealed
//	sealfile inspect carol.sealed
//	sealfile id      bob.pem.pub carol.pem.pub
//
// Everything streams, in a few MiB of memory whatever the length:
//
//	tar c photos | sealfile seal -to bob.pem.pub | ssh store 'cat > photos.sealed'
//
// An output file gets its name when it is whole and on the disk, and what open makes
// when it is verified; nothing is overwritten, and a command that fails or is ended by
// a signal leaves no content behind. Only after kill -9 or a crash there can be a file
// .sealfile-* to remove and, where a file system has no hard links, as FAT, an empty
// file under the name.
// Standard output cannot be taken back: see sealfile open -h. Exit codes are 0, 1
// for what failed and 2 for wrong usage.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
)

// A command is one of the words that can follow sealfile.
type command interface {
	define(*flag.FlagSet)
	run(args []string) error
}

var commands = []struct {
	name, about, usage string
	new                func() command
}{
	{"keygen", "make a key", keygenUsage, func() command { return new(keygenCommand) }},
	{"seal", "encrypt to public keys or a passphrase", sealUsage, func() command { return new(sealCommand) }},
	{"open", "decrypt", openUsage, func() command { return new(openCommand) }},
	{"id", "print the IDs of keys", idUsage, func() command { return new(idCommand) }},
	{"inspect", "show what is public of an envelope", inspectUsage, func() command { return new(inspectCommand) }},
	{"rewrap", "change the recipients of an envelope", rewrapUsage, func() command { return new(rewrapCommand) }},
}

func main() {
	watchSignals()
	os.Exit(exitCode(run(os.Args[1:])))
}

func run(args []string) error {
	if len(args) == 0 {
		return usageError("a command is missing: sealfile -h lists them")
	}
	switch args[0] {
	case "-h", "-help", "--help", "help":
		switch len(args) {
		case 1:
			help(os.Stdout)
			return nil
		case 2:
			return run([]string{args[1], "-h"})
		}
		return usageError("help takes one command at most")
	}
	for _, c := range commands {
		if c.name == args[0] {
			return runCommand(c.name, c.usage, c.new(), args[1:])
		}
	}
	return usageError(fmt.Sprintf("no command %q: sealfile -h lists them", args[0]))
}

func runCommand(name, usage string, c command, args []string) error {
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	flags.SetOutput(io.Discard) // exitCode prints the error
	c.define(flags)
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		fmt.Print(usage, "\n")
		flags.SetOutput(os.Stdout)
		flags.PrintDefaults()
		return nil
	case err != nil:
		return fmt.Errorf("%s: %w", name, usageError(err.Error()))
	}
	if err := c.run(flags.Args()); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

func help(w io.Writer) {
	fmt.Fprint(w, "sealfile encrypts files and streams to public keys.\n\n")
	for _, c := range commands {
		fmt.Fprintf(w, "  sealfile %-8s %s\n", c.name, c.about)
	}
	fmt.Fprint(w, "\nsealfile COMMAND -h says more.\n")
}

// A usageError says what is wrong with the command line.
type usageError string

func (e usageError) Error() string { return string(e) }

func exitCode(err error) int {
	if err == nil {
		return 0
	}
	fmt.Fprintln(os.Stderr, "sealfile:", err)
	if errors.As(err, new(usageError)) {
		return 2
	}
	return 1
}
