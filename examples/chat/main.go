// Command chat shows two people, one room and a relay that reads nothing.
//
//	go run ./examples/chat             plays a short conversation
//	go run ./examples/chat -name you   lets you type, with Bob beside you
//
// Relay, directory and both people live in this one process; lines tell who
// sees what. What the relay's operator sees comes from group.Public, which
// holds no key.
package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
)

func main() {
	name := flag.String("name", "", "your name: type yourself instead of watching")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	out := &printer{w: os.Stdout}
	var err error
	if *name == "" {
		err = play(ctx, out)
	} else {
		in := bufio.NewScanner(os.Stdin)
		in.Buffer(nil, 1<<20)
		err = converse(ctx, out, in, *name)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "chat:", err)
		os.Exit(1)
	}
}
