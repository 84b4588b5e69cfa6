package keystore_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/parley-e2ee/parley/keystore"
)

var outbox = keystore.Bucket{Name: "outbox", Erasable: true}

func Example() {
	ctx := context.Background()
	ks := keystore.NewMemory()
	defer ks.Close()

	err := ks.Update(ctx, func(tx keystore.WriteTx) error {
		return errors.Join(
			tx.Store(outbox, []byte("room/1"), []byte("first frame")),
			tx.Store(outbox, []byte("room/2"), []byte("second frame")),
		)
	})
	if err != nil {
		fmt.Println(err)
	}

	err = ks.View(ctx, func(tx keystore.Tx) error {
		for record, err := range tx.Scan(outbox, []byte("room/")) {
			if err != nil {
				return err
			}
			fmt.Printf("%s: %s\n", record.Key, record.Value)
		}
		return nil
	})
	if err != nil {
		fmt.Println(err)
	}
	// Output:
	// room/1: first frame
	// room/2: second frame
}

func ExampleMemory_Clone() {
	ctx := context.Background()
	ks := keystore.NewMemory()
	ks.Update(ctx, func(tx keystore.WriteTx) error {
		return tx.Store(outbox, []byte("sent"), []byte("1"))
	})

	var killed *keystore.Memory
	ks.Update(ctx, func(tx keystore.WriteTx) error {
		killed = ks.Clone() // before this one is committed
		return tx.Store(outbox, []byte("sent"), []byte("2"))
	})

	for _, store := range []*keystore.Memory{ks, killed} {
		store.View(ctx, func(tx keystore.Tx) error {
			value, err := tx.Load(outbox, []byte("sent"))
			fmt.Printf("%s\n", value)
			return err
		})
	}
	// Output:
	// 2
	// 1
}
