package keystoretest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/parley-e2ee/parley/keystore"
)

// checkSizes stores at the edges of what is allowed.
func checkSizes(ctx context.Context, store keystore.Store) error {
	name := strings.Repeat("n", keystore.MaxBucketName)
	records := []struct {
		bucket     keystore.Bucket
		key, value []byte
	}{
		{plain, []byte{0}, nil},
		{plain, []byte{1}, []byte{}},
		{plain, fill(keystore.MaxKey, 'k'), []byte("v")},
		{keystore.Bucket{Name: name}, fill(keystore.MaxKey, 'k'), []byte("v")},
		{keystore.Bucket{Name: "AZaz09-_./"}, []byte("k"), []byte("v")},
		{erased, []byte("largest"), fill(keystore.MaxValue, 'v')},
	}
	for i, r := range records {
		err := store.Update(ctx, func(tx keystore.WriteTx) error { return tx.Store(r.bucket, r.key, r.value) })
		if err != nil {
			return fmt.Errorf("record %d: store: %w", i, err)
		}
	}
	return view(ctx, store, func(tx keystore.Tx) error {
		for i, r := range records {
			got, err := tx.Load(r.bucket, r.key)
			if err != nil || !bytes.Equal(got, r.value) {
				return fmt.Errorf("record %d: load returned %d bytes, %v, want %d bytes", i, len(got), err, len(r.value))
			}
		}
		return nil
	})
}

var badBuckets = []keystore.Bucket{
	{}, {Erasable: true}, {Name: strings.Repeat("n", keystore.MaxBucketName+1)},
	{Name: "a\x00"}, {Name: "a b"}, {Name: "é"}, {Name: "a\n"}, {Name: "\xff"}, {Name: "a:b"},
}

// checkBadArguments has each refused by name, and the rest committed.
func checkBadArguments(ctx context.Context, store keystore.Store) error {
	badKeys := [][]byte{nil, {}, fill(keystore.MaxKey+1, 'k')}
	key := []byte("key")
	err := store.Update(ctx, func(tx keystore.WriteTx) error {
		for i, b := range badBuckets {
			_, loadErr := tx.Load(b, key)
			_, scanErr := scanError(tx, b)
			for _, err := range []error{loadErr, scanErr, tx.Store(b, key, key), tx.Delete(b, key)} {
				if err := wantError(fmt.Sprintf("bad bucket %d", i), err, keystore.ErrBadBucket); err != nil {
					return err
				}
			}
		}
		for i, bad := range badKeys {
			_, loadErr := tx.Load(plain, bad)
			for _, err := range []error{loadErr, tx.Store(plain, bad, key), tx.Delete(plain, bad)} {
				if err := wantError(fmt.Sprintf("bad key %d", i), err, keystore.ErrBadKey); err != nil {
					return err
				}
			}
		}
		err := tx.Store(plain, key, fill(keystore.MaxValue+1, 'v'))
		if err := wantError("a value too large", err, keystore.ErrTooLarge); err != nil {
			return err
		}
		return errors.Join(expectNoneIn(tx, plain, "key"), tx.Store(plain, []byte("good"), []byte("value")))
	})
	if err != nil {
		return err
	}
	return expect(ctx, store, plain, "good", "value")
}

// checkBytesAreCopied overwrites every slice that goes in or comes out.
func checkBytesAreCopied(ctx context.Context, store keystore.Store) error {
	for _, b := range []keystore.Bucket{plain, erased} {
		err := store.Update(ctx, func(tx keystore.WriteTx) error {
			for i := range 3 {
				key, value := fmt.Appendf(nil, "key %d", i), fmt.Appendf(nil, "value %d", i)
				if err := tx.Store(b, key, value); err != nil {
					return err
				}
				if string(key) != fmt.Sprint("key ", i) || string(value) != fmt.Sprint("value ", i) {
					return errors.New("store changed its caller's slices")
				}
				clear(key)
				clear(value)
			}
			return scribble(tx, b)
		})
		if err != nil {
			return fmt.Errorf("update: %w", err)
		}
		for range 2 {
			if err := view(ctx, store, func(tx keystore.Tx) error { return scribble(tx, b) }); err != nil {
				return err
			}
		}
		if err := keptAfterwards(ctx, store, b); err != nil {
			return err
		}
	}
	return nil
}

// scribble overwrites what Load and Scan return, to its capacity, after
// checking that it is right.
func scribble(tx keystore.Tx, b keystore.Bucket) error {
	for i := range 3 {
		value, err := tx.Load(b, fmt.Appendf(nil, "key %d", i))
		if err != nil || string(value) != fmt.Sprint("value ", i) {
			return errors.New("a record changed with a slice of a caller's")
		}
		clear(value[:cap(value)])
	}
	i := 0
	for record, err := range tx.Scan(b, nil) {
		if err != nil || string(record.Key) != fmt.Sprint("key ", i) || string(record.Value) != fmt.Sprint("value ", i) {
			return errors.New("a record changed with a slice of a caller's")
		}
		clear(record.Key[:cap(record.Key)])
		clear(record.Value[:cap(record.Value)])
		i++
	}
	return nil
}

// keptAfterwards holds slices beyond their transaction and an overwrite.
func keptAfterwards(ctx context.Context, store keystore.Store, b keystore.Bucket) error {
	var value []byte
	var records []keystore.Record
	err := view(ctx, store, func(tx keystore.Tx) (err error) {
		for record, err := range tx.Scan(b, nil) {
			if err != nil {
				return err
			}
			records = append(records, record)
		}
		value, err = tx.Load(b, []byte("key 0"))
		return err
	})
	if err != nil {
		return err
	}
	for i := range records {
		if err := put(ctx, store, b, fmt.Sprint("key ", i), "another"); err != nil {
			return err
		}
	}
	if string(value) != "value 0" {
		return errors.New("a loaded value changed after its transaction")
	}
	for i, record := range records {
		if string(record.Key) != fmt.Sprint("key ", i) || string(record.Value) != fmt.Sprint("value ", i) {
			return errors.New("a scanned record changed after its transaction")
		}
	}
	return nil
}
