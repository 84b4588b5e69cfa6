package e2ee_test

import (
	"context"
	"fmt"
	"log"

	"github.com/parley-e2ee/parley/e2ee"
	"github.com/parley-e2ee/parley/keystore"
	"github.com/parley-e2ee/parley/transport"
)

// open is NewClient on a store and a relay in memory.
func open(ctx context.Context, name string, relay *transport.Memory) *e2ee.Client {
	c, err := e2ee.NewClient(ctx, e2ee.Config{Name: name, Store: keystore.NewMemory(), Relay: relay, Directory: relay})
	if err != nil {
		log.Fatal(err)
	}
	return c
}

func ExampleClient() {
	ctx, relay := context.Background(), transport.NewMemory(nil)
	alice, bob := open(ctx, "alice", relay), open(ctx, "bob", relay)
	defer alice.Close()
	defer bob.Close()

	secure, err := alice.Create(ctx, "Secure", nil)
	if err != nil {
		log.Fatal(err)
	}
	link, err := secure.InviteLink()
	if err != nil {
		log.Fatal(err)
	}
	room, err := bob.JoinLink(ctx, link, nil)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := room.Send(ctx, []byte("Test message")); err != nil {
		log.Fatal(err)
	}
	for ev, err := range secure.Events(ctx) {
		if err != nil {
			log.Fatal(err)
		}
		if m, ok := ev.(e2ee.Message); ok {
			fmt.Printf("[%s] %s\n", m.From.Name, m.Text)
			break
		}
	}
	// Output: [bob] Test message
}

func ExampleClient_JoinLink() {
	ctx, relay := context.Background(), transport.NewMemory(nil)
	alice, bob := open(ctx, "alice", relay), open(ctx, "bob", relay)
	defer alice.Close()
	defer bob.Close()

	secure, err := alice.Create(ctx, "Secure", nil)
	if err != nil {
		log.Fatal(err)
	}
	// The name is in a directory; without the link it opens nothing.
	_, err = bob.Join(ctx, "Secure", nil)
	fmt.Println(err)

	link, err := secure.InviteLink() // to be told to bob, and to nobody else
	if err != nil {
		log.Fatal(err)
	}
	room, err := bob.JoinLink(ctx, link, nil)
	if err != nil {
		log.Fatal(err)
	}
	for ev, err := range room.Events(ctx) {
		if err != nil {
			log.Fatal(err)
		}
		if _, ok := ev.(e2ee.Entered); ok {
			fmt.Println("bob is in", room.Name(), "with", room.Members())
			break
		}
	}
	// Output:
	// group: room admits by invitation
	// bob is in Secure with [alice bob]
}

func ExampleClient_Verify() {
	ctx, relay := context.Background(), transport.NewMemory(nil)
	alice, bob := open(ctx, "alice", relay), open(ctx, "bob", relay)
	defer alice.Close()
	defer bob.Close()

	hers, err := alice.SafetyNumber(ctx, "bob")
	if err != nil {
		log.Fatal(err)
	}
	his, err := bob.SafetyNumber(ctx, "alice")
	if err != nil {
		log.Fatal(err)
	}
	// Alice and Bob read the numbers to each other, on the telephone or face
	// to face. That is the step that no software can take.
	fmt.Println("equal:", hers == his)
	if err := alice.Verify("bob", his); err != nil {
		log.Fatal(err)
	}
	fmt.Println("verified:", alice.Verified("bob"))
	// Output:
	// equal: true
	// verified: true
}

func ExampleClient_SafetyNumber() {
	ctx, relay := context.Background(), transport.NewMemory(nil)
	alice, bob := open(ctx, "alice", relay), open(ctx, "bob", relay)
	defer alice.Close()
	defer bob.Close()

	number, err := alice.SafetyNumber(ctx, "bob")
	if err != nil {
		log.Fatal(err)
	}
	var groups, digits int
	for _, r := range number + " " {
		if r == ' ' {
			groups++
		} else {
			digits++
		}
	}
	fmt.Println(digits, "digits in", groups, "groups")

	// Somebody puts another identity under bob's name.
	mallory, err := e2ee.NewClient(ctx, e2ee.Config{
		Name: "bob", Store: keystore.NewMemory(), Relay: relay, Directory: relay, TakeOver: true,
	})
	if err != nil {
		log.Fatal(err)
	}
	defer mallory.Close()
	_, err = alice.Lookup(ctx, "bob")
	fmt.Println(err)
	// Output:
	// 60 digits in 12 groups
	// e2ee: identity is not the one pinned under this name
}
