//go:build !js && !wasip1

package keystore_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/parley-e2ee/parley/keystore"
)

// Opens a store, or makes it the first time.
func ExampleOpen() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "alice.db")

	for range 2 {
		unlock := keystore.Passphrase([]byte("correct horse battery staple"))
		ks, err := keystore.Open(path, unlock, nil)
		if errors.Is(err, fs.ErrNotExist) {
			fmt.Println("a new store")
			ks, err = keystore.Create(path, unlock, nil)
		}
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println("generation", ks.Generation())
		if err := ks.Close(); err != nil {
			fmt.Println(err)
			return
		}
	}
	_, err = keystore.Open(path, keystore.Passphrase([]byte("wrong")), nil)
	fmt.Println("wrong passphrase:", errors.Is(err, keystore.ErrPassphrase))
	// Output:
	// a new store
	// generation 1
	// generation 1
	// wrong passphrase: true
}

// Moves what is left of a damaged store to a new one.
func ExampleSalvage() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	path, unlock := filepath.Join(dir, "alice.db"), keystore.Key([32]byte{1, 2, 3})
	ctx := context.Background()
	old, err := keystore.Create(path, unlock, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	err = old.Update(ctx, func(tx keystore.WriteTx) error { return tx.Store(outbox, []byte("key"), []byte("value")) })
	if err := errors.Join(err, old.Close()); err != nil {
		fmt.Println(err)
		return
	}

	// Suppose that Open says ErrCorrupt now.
	rescued, err := keystore.Create(filepath.Join(dir, "rescued.db"), unlock, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer rescued.Close()
	found, err := keystore.Salvage(ctx, path, unlock, rescued)
	fmt.Println("records:", found.Records, "whole:", found.Whole, err)
	// Output:
	// records: 1 whole: true <nil>
}
