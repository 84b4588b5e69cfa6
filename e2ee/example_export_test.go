package e2ee_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/parley-e2ee/parley/e2ee"
	"github.com/parley-e2ee/parley/keystore"
	"github.com/parley-e2ee/parley/transport"
)

func ExampleImport() {
	ctx, relay := context.Background(), transport.NewMemory(nil)
	alice, bob := open(ctx, "alice", relay), open(ctx, "bob", relay)
	defer bob.Close()
	hers, err := alice.Create(ctx, "Secure", &e2ee.RoomOptions{Admission: e2ee.Open})
	if err != nil {
		log.Fatal(err)
	}
	his, err := bob.Join(ctx, "Secure", nil)
	if err != nil {
		log.Fatal(err)
	}
	for len(hers.Members()) < 2 {
		for range hers.Events(ctx) {
			break // until bob is in
		}
	}

	passphrase := []byte("seven words that nobody would ever guess")
	backup, err := alice.Export(ctx, passphrase)
	if err != nil {
		log.Fatal(err)
	}
	alice.Close() // and the device is lost

	store := keystore.NewMemory()
	who, err := e2ee.Import(ctx, store, backup, passphrase)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("welcome back,", who.Name())
	alice, err = e2ee.NewClient(ctx, e2ee.Config{Store: store, Relay: relay, Directory: relay})
	if err != nil {
		log.Fatal(err)
	}
	defer alice.Close()
	rooms, err := alice.Rooms()
	if err != nil {
		log.Fatal(err)
	}
	for _, room := range rooms {
		fmt.Println(room.Name(), "is", room.Status())
		if err := room.Rejoin(ctx); err != nil {
			log.Fatal(err)
		}
		// It goes out when a member has served the request.
		if _, err := room.Send(ctx, []byte("I have a new phone")); err != nil {
			log.Fatal(err)
		}
	}
	for ev, err := range his.Events(ctx) {
		if err != nil {
			log.Fatal(err)
		}
		if m, ok := ev.(e2ee.Message); ok {
			fmt.Printf("[%s] %s\n", m.From.Name, m.Text)
			break
		}
	}
	// Output:
	// welcome back, alice
	// Secure is without keys
	// [alice] I have a new phone
}

func ExampleClient_Export() {
	ctx, relay := context.Background(), transport.NewMemory(nil)
	alice := open(ctx, "alice", relay)
	defer alice.Close()

	backup, err := alice.Export(ctx, []byte("seven words that nobody would ever guess"))
	if err != nil {
		log.Fatal(err)
	}
	// Anybody else learns nothing from it; a store that is in use is safe.
	store := keystore.NewMemory()
	_, err = e2ee.Import(ctx, store, backup, []byte("seven words that somebody might guess"))
	fmt.Println("wrong passphrase:", errors.Is(err, e2ee.ErrPassphrase))
	_, err = e2ee.Import(ctx, store, backup, []byte("seven words that nobody would ever guess"))
	fmt.Println(err)
	_, err = e2ee.Import(ctx, store, backup, []byte("seven words that nobody would ever guess"))
	fmt.Println(err)
	// Output:
	// wrong passphrase: true
	// <nil>
	// e2ee: store is in use by an identity already
}
