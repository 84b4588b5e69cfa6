package main

import (
	"context"
	"fmt"

	"github.com/parley-e2ee/parley/e2ee"
	"github.com/parley-e2ee/parley/keystore"
	"github.com/parley-e2ee/parley/transport"
)

// play is the short conversation.
func play(ctx context.Context, out *printer) error {
	op := newOperator(out)
	relay := transport.NewMemory(&transport.MemoryOptions{Observe: op.observe})
	defer relay.Close()
	alice, err := newPerson(ctx, "Alice", keystore.NewMemory(), relay, out)
	if err != nil {
		return err
	}
	defer alice.Close()
	bob, err := newPerson(ctx, "Bob", keystore.NewMemory(), relay, out)
	if err != nil {
		return err
	}
	defer bob.Close()

	if err := meet(ctx, alice, bob); err != nil {
		return err
	}
	texts := [][]byte{[]byte("Test message"), []byte("Reply received")}
	if err := say(ctx, alice, bob, texts[0]); err != nil {
		return err
	}
	if err := say(ctx, bob, alice, texts[1]); err != nil {
		return err
	}
	if err := compare(ctx, alice, bob); err != nil {
		return err
	}
	return op.prove(texts)
}

// meet has one create the room and the other join it.
func meet(ctx context.Context, first, second *person) error {
	if err := first.open(ctx); err != nil {
		return err
	}
	if err := first.see(ctx, is[e2ee.Entered]); err != nil {
		return err
	}
	if err := second.enter(ctx); err != nil {
		return err
	}
	if err := first.see(ctx, is[e2ee.Joined]); err != nil {
		return err
	}
	return second.see(ctx, is[e2ee.Entered])
}

// say sends a text and waits until the other has read it.
func say(ctx context.Context, from, to *person, text []byte) error {
	if _, err := from.room.Send(ctx, text); err != nil {
		return err
	}
	return to.see(ctx, is[e2ee.Message])
}

// compare shows what people read to each other over the telephone.
func compare(ctx context.Context, people ...*person) error {
	for i, p := range people {
		other := people[(i+1)%len(people)]
		number, err := p.SafetyNumber(ctx, other.Name())
		if err != nil {
			return err
		}
		p.out.line(p.Name(), fmt.Sprintf("safety number with %s: %s", other.Name(), number))
	}
	for _, p := range people {
		authenticator, err := p.room.Authenticator()
		if err != nil {
			return err
		}
		p.out.line(p.Name(), fmt.Sprintf("authenticator of epoch %d: %s", p.room.Epoch(), authenticator))
	}
	return nil
}
