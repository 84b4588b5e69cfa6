// Command quickstart is the code of README.md: two clients, a room with an
// invite link, one message.
package main

import (
	"context"
	"fmt"
	"log"

	"github.com/parley-e2ee/parley/e2ee"
	"github.com/parley-e2ee/parley/keystore"
	"github.com/parley-e2ee/parley/transport"
)

func main() {
	greet(context.Background())
}

func greet(ctx context.Context) {
	relay := transport.NewMemory(nil) // stores and orders bytes it cannot read
	alice := must(e2ee.NewClient(ctx, e2ee.Config{Name: "alice", Store: keystore.NewMemory(), Relay: relay, Directory: relay}))
	bob := must(e2ee.NewClient(ctx, e2ee.Config{Name: "bob", Store: keystore.NewMemory(), Relay: relay, Directory: relay}))
	defer alice.Close()
	defer bob.Close()
	room := must(alice.Create(ctx, "Secure", nil))
	joined := must(bob.JoinLink(ctx, must(room.InviteLink()), nil))
	must(room.Send(ctx, []byte("Test message")))
	for ev, err := range joined.Events(ctx) {
		if m, ok := must(ev, err).(e2ee.Message); ok {
			fmt.Printf("[%s] %s\n", m.From, m.Text)
			break
		}
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return v
}
