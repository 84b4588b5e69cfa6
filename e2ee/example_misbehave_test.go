package e2ee_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/parley-e2ee/parley/e2ee"
	"github.com/parley-e2ee/parley/keystore"
	"github.com/parley-e2ee/parley/transport"
	"github.com/parley-e2ee/parley/transport/transporttest"
)

// What does an application show when the relay withholds a message? Its tests
// ask a relay that does.
func ExampleWarning() {
	ctx, relay := context.Background(), transporttest.Misbehave(transport.NewMemory(nil), nil)
	client := func(name string) *e2ee.Client {
		c, err := e2ee.NewClient(ctx, e2ee.Config{Name: name, Store: keystore.NewMemory(), Relay: relay.For(name)})
		if err != nil {
			log.Fatal(err)
		}
		return c
	}
	alice, bob := client("alice"), client("bob")
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
	wait[e2ee.Entered](ctx, room)

	relay.Do(transporttest.Step{To: "bob", Times: 1, Do: transporttest.Drop()})
	for _, text := range []string{"one", "two"} {
		if _, err := secure.Send(ctx, []byte(text)); err != nil {
			log.Fatal(err)
		}
		wait[e2ee.Sent](ctx, secure)
	}
	for ev, err := range room.Events(ctx) {
		if err != nil {
			log.Fatal(err)
		}
		switch ev := ev.(type) {
		case e2ee.Warning:
			if errors.Is(ev.Reason, e2ee.ErrGap) && ev.Gap.Generations > 0 {
				fmt.Println(ev.Gap.Generations, "message is missing from", ev.Who.Name)
			}
			continue
		case e2ee.Message:
			fmt.Printf("[%s] %s\n", ev.From.Name, ev.Text)
		}
		break
	}
	// Output:
	// 1 message is missing from alice
	// [alice] two
}

// wait reads events up to the first of a type.
func wait[E e2ee.Event](ctx context.Context, r *e2ee.Room) {
	for ev, err := range r.Events(ctx) {
		if err != nil {
			log.Fatal(err)
		}
		if _, ok := ev.(E); ok {
			return
		}
	}
}
