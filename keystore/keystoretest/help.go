package keystoretest

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/parley-e2ee/parley/keystore"
)

// put stores one record in an Update of its own.
func put(ctx context.Context, store keystore.Store, b keystore.Bucket, key, value string) error {
	err := store.Update(ctx, func(tx keystore.WriteTx) error {
		return tx.Store(b, []byte(key), []byte(value))
	})
	if err != nil {
		return fmt.Errorf("update: %w", err)
	}
	return nil
}

// expect compares one record in a View of its own.
func expect(ctx context.Context, store keystore.Store, b keystore.Bucket, key, value string) error {
	return view(ctx, store, func(tx keystore.Tx) error { return expectIn(tx, b, key, value) })
}

// expectNone wants no such record, in a View of its own.
func expectNone(ctx context.Context, store keystore.Store, b keystore.Bucket, key string) error {
	return view(ctx, store, func(tx keystore.Tx) error { return expectNoneIn(tx, b, key) })
}

func view(ctx context.Context, store keystore.Store, fn func(keystore.Tx) error) error {
	if err := store.View(ctx, fn); err != nil {
		return fmt.Errorf("view: %w", err)
	}
	return nil
}

func expectIn(tx keystore.Tx, b keystore.Bucket, key, value string) error {
	got, err := tx.Load(b, []byte(key))
	if err != nil {
		return fmt.Errorf("load of %q: %w", key, err)
	}
	if string(got) != value {
		return fmt.Errorf("load of %q returned %q, want %q", key, got, value)
	}
	return nil
}

func expectNoneIn(tx keystore.Tx, b keystore.Bucket, key string) error {
	got, err := tx.Load(b, []byte(key))
	if !errors.Is(err, keystore.ErrNotFound) || got != nil {
		return fmt.Errorf("load of %q, which is not there: got %q, %v, want ErrNotFound", key, got, err)
	}
	return nil
}

// expectScan compares what a Scan yields with keys and values in turn.
func expectScan(tx keystore.Tx, b keystore.Bucket, prefix string, want ...string) error {
	var got []string
	for record, err := range tx.Scan(b, []byte(prefix)) {
		if err != nil {
			return fmt.Errorf("scan: %w", err)
		}
		got = append(got, string(record.Key), string(record.Value))
	}
	if len(got) != len(want) {
		return fmt.Errorf("scan of %q yielded %d records, want %d", prefix, len(got)/2, len(want)/2)
	}
	for i := range want {
		if got[i] != want[i] {
			return fmt.Errorf("scan of %q yielded %q in place %d, want %q", prefix, got[i], i/2, want[i])
		}
	}
	return nil
}

// wantError compares an error with a sentinel.
func wantError(doing string, got, want error) error {
	if !errors.Is(got, want) {
		return fmt.Errorf("%s: got %v, want %w", doing, got, want)
	}
	return nil
}

// fill returns size bytes that differ by seed.
func fill(size int, seed byte) []byte {
	return bytes.Repeat([]byte{seed}, size)
}

// scanError returns the one error that a Scan should yield, and how many
// records it yielded before.
func scanError(tx keystore.Tx, b keystore.Bucket) (records int, err error) {
	for record, scanErr := range tx.Scan(b, nil) {
		switch {
		case err != nil:
			return records, errors.New("scan went on after an error")
		case scanErr == nil:
			records++
		case record.Key != nil || record.Value != nil:
			return records, errors.New("scan yielded an error together with a record")
		}
		err = scanErr
	}
	return records, err
}
