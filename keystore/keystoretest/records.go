package keystoretest

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/parley-e2ee/parley/keystore"
)

func checkStoreLoadDelete(ctx context.Context, store keystore.Store) error {
	for _, b := range []keystore.Bucket{plain, erased} {
		remove := func() error {
			return store.Update(ctx, func(tx keystore.WriteTx) error { return tx.Delete(b, []byte("key")) })
		}
		err := firstError(
			func() error { return expectNone(ctx, store, b, "key") },
			remove, // what is not there
			func() error { return put(ctx, store, b, "key", "a first value") },
			func() error { return expect(ctx, store, b, "key", "a first value") },
			func() error { return put(ctx, store, b, "key", "another") },
			func() error { return expect(ctx, store, b, "key", "another") },
			remove,
			func() error { return expectNone(ctx, store, b, "key") },
			func() error { return put(ctx, store, b, "key", "back again") },
			func() error { return expect(ctx, store, b, "key", "back again") },
		)
		if err != nil {
			return fmt.Errorf("bucket %s: %w", b.Name, err)
		}
	}
	return nil
}

// firstError runs steps until one fails.
func firstError(steps ...func() error) error {
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// checkOwnWrites reads inside an Update what it wrote so far.
func checkOwnWrites(ctx context.Context, store keystore.Store) error {
	if err := put(ctx, store, erased, "b", "old"); err != nil {
		return err
	}
	err := store.Update(ctx, func(tx keystore.WriteTx) error {
		return firstError(
			func() error { return expectIn(tx, erased, "b", "old") },
			func() error { return tx.Store(erased, []byte("b"), []byte("new")) },
			func() error { return tx.Store(erased, []byte("a"), []byte("one")) },
			func() error { return expectIn(tx, erased, "b", "new") },
			func() error { return expectScan(tx, erased, "", "a", "one", "b", "new") },
			func() error { return tx.Delete(erased, []byte("b")) },
			func() error { return expectNoneIn(tx, erased, "b") },
			func() error { return expectScan(tx, erased, "", "a", "one") },
			func() error { return tx.Store(erased, []byte("b"), []byte("newer")) },
			func() error { return tx.Store(erased, []byte("a"), []byte("two")) },
			func() error { return expectScan(tx, erased, "", "a", "two", "b", "newer") },
			func() error { return tx.Store(erased, []byte("c"), []byte("gone")) },
			func() error { return tx.Delete(erased, []byte("c")) },
		)
	})
	if err != nil {
		return fmt.Errorf("update: %w", err)
	}
	return view(ctx, store, func(tx keystore.Tx) error {
		return expectScan(tx, erased, "", "a", "two", "b", "newer")
	})
}

func checkScan(ctx context.Context, store keystore.Store) error {
	keys := []string{"\x00", "\x00\x00", "a", "a\x00", "a/1", "a/10", "a/2", "a\xff", "a\xff\xff", "b", "\xff", "\xff\xff"}
	err := store.Update(ctx, func(tx keystore.WriteTx) error {
		for i := range keys {
			key := keys[i*5%len(keys)] // in another order
			if err := tx.Store(plain, []byte(key), []byte("v"+key)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("update: %w", err)
	}
	with := func(prefix string) (want []string) {
		for _, key := range keys {
			if bytes.HasPrefix([]byte(key), []byte(prefix)) {
				want = append(want, key, "v"+key)
			}
		}
		return want
	}
	return view(ctx, store, func(tx keystore.Tx) error {
		for _, prefix := range []string{"", "a", "a/", "a/1", "\x00", "a\xff", "\xff", "\xff\xff", "b", "c", "a/1000"} {
			if err := expectScan(tx, plain, prefix, with(prefix)...); err != nil {
				return err
			}
		}
		for record, err := range tx.Scan(plain, nil) { // break is no fault
			if err != nil || string(record.Key) != keys[0] {
				return fmt.Errorf("scan began with %q, %w", record.Key, err)
			}
			break
		}
		return nil
	})
}

// checkScanWhileWriting deletes, overwrites and adds in the loop body.
func checkScanWhileWriting(ctx context.Context, store keystore.Store) error {
	const records = 100
	key := func(i int) []byte { return fmt.Appendf(nil, "%03d", i) }
	err := store.Update(ctx, func(tx keystore.WriteTx) error {
		for i := range records {
			if err := tx.Store(erased, key(i), []byte("old")); err != nil {
				return err
			}
		}
		seen := 0
		for record, err := range tx.Scan(erased, nil) {
			if err != nil {
				return err
			}
			if !bytes.Equal(record.Key, key(seen)) || string(record.Value) != "old" {
				return fmt.Errorf("scan yielded %q, %q in place %d while its loop wrote", record.Key, record.Value, seen)
			}
			seen++
			err = errors.Join(
				tx.Delete(erased, record.Key),
				tx.Store(erased, key(seen), []byte("new")),
				tx.Store(erased, []byte("9"+string(record.Key)), []byte("new")),
			)
			if err != nil {
				return err
			}
		}
		if seen != records {
			return fmt.Errorf("scan yielded %d records while its loop wrote, want %d", seen, records)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("update: %w", err)
	}
	return expect(ctx, store, erased, "9099", "new")
}

// checkBucketsAreSeparate uses buckets and keys that run together if a store
// merely appends one to the other.
func checkBucketsAreSeparate(ctx context.Context, store keystore.Store) error {
	buckets := []keystore.Bucket{
		{Name: "a"}, {Name: "a", Erasable: true}, {Name: "A"}, {Name: "aa"}, {Name: "a/a"}, {Name: "a."}, {Name: "a-_"},
	}
	keys := []string{"a", "aa", "/a", "/", ".", "\x00a", "\x01a", "\x00\x00a", "A"}
	value := func(i int, key string) string { return fmt.Sprint(i, key) }
	for i, b := range buckets {
		for _, key := range keys {
			if err := put(ctx, store, b, key, value(i, key)); err != nil {
				return err
			}
		}
	}
	return view(ctx, store, func(tx keystore.Tx) error {
		for i, b := range buckets {
			for _, key := range keys {
				if err := expectIn(tx, b, key, value(i, key)); err != nil {
					return fmt.Errorf("bucket %+v: %w", b, err)
				}
			}
			for _, prefix := range []string{"/", "\x00"} {
				n, err := count(tx, b, prefix)
				if want := 2; err != nil || n != want {
					return fmt.Errorf("bucket %+v: scan of %q yielded %d records, %v, want %d", b, prefix, n, err, want)
				}
			}
			if n, err := count(tx, b, ""); err != nil || n != len(keys) {
				return fmt.Errorf("bucket %+v: scan yielded %d records, %v, want %d", b, n, err, len(keys))
			}
		}
		return nil
	})
}

func count(tx keystore.Tx, b keystore.Bucket, prefix string) (n int, err error) {
	for _, err := range tx.Scan(b, []byte(prefix)) {
		if err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}
