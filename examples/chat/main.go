// Command chat shows two people, one room and a relay that reads nothing.
//
//	go run ./examples/chat             plays a short conversation
//	go run ./examples/chat -name you   lets you type, with Bob beside you
//	go run ./examples/chat -name you -store folder   and remembers it
//
// Relay, directory and both people live in this one process; lines tell who
// sees what. What the relay's operator sees comes from group.Public, which
// holds no key.
//
// With -store both go on where they stopped, whatever ended the program: with their
// identities, pins, rooms, unread messages and those not sent yet. The folder has a
// store for each person, encrypted under a passphrase, and relay.log, which is what a
// server elsewhere would have. One passphrase is enough here, where one person plays
// everybody; in your program each person has one store, on a machine of their own.
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	name := flag.String("name", "", "your name: type yourself instead of watching")
	store := flag.String("store", "", "`folder` that remembers everybody in it; needs -name")
	pass := &passphrase{}
	flag.StringVar(&pass.file, "passphrase-file", "", "`file` with the passphrase of -store as its first line, instead of the terminal")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	out := &printer{w: os.Stdout}
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 1<<20)
	var err error
	switch {
	case flag.NArg() > 0:
		err = fmt.Errorf("what is %q? The options are: -name, -store, -passphrase-file", flag.Arg(0))
	case *name == "" && *store != "":
		err = errors.New("-store needs -name: whose store is it?")
	case *store == "" && pass.file != "":
		err = errors.New("-passphrase-file is of no use without -store")
	case *name == "":
		err = play(ctx, out)
	case *store == "":
		err = converse(ctx, out, in, *name)
	default:
		err = converseIn(ctx, *store, pass, out, in, *name)
	}
	if errors.Is(err, context.Canceled) {
		err = context.Cause(ctx) // names the signal
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "chat:", err)
		os.Exit(1)
	}
}
