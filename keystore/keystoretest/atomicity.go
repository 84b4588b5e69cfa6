package keystoretest

import (
	"context"
	"errors"
	"fmt"
	"runtime"

	"github.com/parley-e2ee/parley/keystore"
)

var errOwn = errors.New("keystoretest: the function's own error")

// scene stores what writeAndFail then changes, and undisturbed wants it back.
func scene(ctx context.Context, store keystore.Store) error {
	return store.Update(ctx, func(tx keystore.WriteTx) error {
		return errors.Join(
			tx.Store(erased, []byte("kept"), []byte("old")),
			tx.Store(erased, []byte("removed"), []byte("old")),
			tx.Store(plain, []byte("kept"), []byte("old")),
			tx.Store(plain, []byte("removed"), []byte("old")),
		)
	})
}

// disturb writes in every way there is.
func disturb(tx keystore.WriteTx) error {
	for _, b := range []keystore.Bucket{plain, erased} {
		err := errors.Join(
			tx.Store(b, []byte("added"), []byte("new")),
			tx.Store(b, []byte("kept"), []byte("new")),
			tx.Store(b, []byte("kept"), []byte("newer")),
			tx.Delete(b, []byte("removed")),
		)
		if err != nil {
			return err
		}
	}
	return nil
}

// undisturbed wants the scene as it was, in a store that works.
func undisturbed(ctx context.Context, store keystore.Store) error {
	for range 2 {
		err := view(ctx, store, func(tx keystore.Tx) error {
			return errors.Join(
				expectScan(tx, plain, "", "kept", "old", "removed", "old"),
				expectScan(tx, erased, "", "kept", "old", "removed", "old"),
			)
		})
		if err != nil {
			return fmt.Errorf("after an update that failed: %w", err)
		}
		err = firstError(
			func() error { return put(ctx, store, plain, "later", "value") },
			func() error { return expect(ctx, store, plain, "later", "value") },
		)
		if err != nil {
			return fmt.Errorf("after an update that failed: %w", err)
		}
		err = store.Update(ctx, func(tx keystore.WriteTx) error { return tx.Delete(plain, []byte("later")) })
		if err != nil {
			return err
		}
	}
	return nil
}

func checkFailedUpdate(ctx context.Context, store keystore.Store) error {
	if err := scene(ctx, store); err != nil {
		return err
	}
	calls := 0
	err := store.Update(ctx, func(tx keystore.WriteTx) error {
		calls++
		if err := disturb(tx); err != nil {
			return err
		}
		return errOwn
	})
	if err != errOwn || calls != 1 {
		return fmt.Errorf("an update whose function failed called it %d times and returned %v, want its error", calls, err)
	}
	if err := store.View(ctx, func(keystore.Tx) error { return errOwn }); err != errOwn {
		return fmt.Errorf("a view whose function failed returned %v, want its error", err)
	}
	return undisturbed(ctx, store)
}

// caught calls fn and returns what it panicked with.
func caught(fn func()) (panicked any) {
	defer func() { panicked = recover() }()
	fn()
	return nil
}

func checkPanickingUpdate(ctx context.Context, store keystore.Store) error {
	if err := scene(ctx, store); err != nil {
		return err
	}
	var failed error
	panicked := caught(func() {
		store.Update(ctx, func(tx keystore.WriteTx) error {
			failed = disturb(tx)
			panic(errOwn)
		})
	})
	if failed != nil {
		return failed
	}
	if panicked != error(errOwn) {
		return fmt.Errorf("a function's panic came out of Update as %v", panicked)
	}
	return undisturbed(ctx, store)
}

// checkGoexitingUpdate leaves the function as t.FailNow does.
func checkGoexitingUpdate(ctx context.Context, store keystore.Store) error {
	if err := scene(ctx, store); err != nil {
		return err
	}
	var failed error
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		store.Update(ctx, func(tx keystore.WriteTx) error {
			failed = disturb(tx)
			runtime.Goexit()
			return nil
		})
	}()
	<-gone
	if failed != nil {
		return failed
	}
	return undisturbed(ctx, store)
}

func checkPanickingView(ctx context.Context, store keystore.Store) error {
	if err := scene(ctx, store); err != nil {
		return err
	}
	panicked := caught(func() {
		store.View(ctx, func(keystore.Tx) error { panic(errOwn) })
	})
	if panicked != error(errOwn) {
		return fmt.Errorf("a function's panic came out of View as %v", panicked)
	}
	return undisturbed(ctx, store)
}

// checkViewDoesNotWrite asserts a View's transaction to be what writes.
func checkViewDoesNotWrite(ctx context.Context, store keystore.Store) error {
	if err := scene(ctx, store); err != nil {
		return err
	}
	err := view(ctx, store, func(tx keystore.Tx) error {
		if w, ok := tx.(keystore.WriteTx); ok && disturb(w) == nil {
			return errors.New("the transaction can be used to write")
		}
		return nil
	})
	if err != nil {
		return err
	}
	return undisturbed(ctx, store)
}

// checkTxIsOver uses transactions whose function has returned, after a commit,
// an error and a View.
func checkTxIsOver(ctx context.Context, store keystore.Store) error {
	if err := scene(ctx, store); err != nil {
		return err
	}
	var reader keystore.Tx
	var committed, failed keystore.WriteTx
	err := errors.Join(
		store.View(ctx, func(tx keystore.Tx) error { reader = tx; return nil }),
		store.Update(ctx, func(tx keystore.WriteTx) error { committed = tx; return nil }),
	)
	if err != nil {
		return err
	}
	if err := store.Update(ctx, func(tx keystore.WriteTx) error { failed = tx; return errOwn }); err != errOwn {
		return fmt.Errorf("update returned %v, want the function's error", err)
	}
	for _, tx := range []keystore.Tx{reader, committed, failed} {
		value, err := tx.Load(erased, []byte("kept"))
		if err := wantError("load after the end", err, keystore.ErrTxDone); err != nil || value != nil {
			return errors.Join(err, errors.New("after the end of its function a transaction was of use"))
		}
		records, err := scanError(tx, erased)
		if err := wantError("scan after the end", err, keystore.ErrTxDone); err != nil || records != 0 {
			return errors.Join(err, fmt.Errorf("scan after the end yielded %d records", records))
		}
	}
	for _, tx := range []keystore.WriteTx{committed, failed} {
		err := errors.Join(
			wantError("store after the end", tx.Store(plain, []byte("kept"), []byte("new")), keystore.ErrTxDone),
			wantError("delete after the end", tx.Delete(plain, []byte("kept")), keystore.ErrTxDone),
		)
		if err != nil {
			return err
		}
	}
	return firstError(
		func() error { return scanOutlives(ctx, store) },
		func() error { return undisturbed(ctx, store) },
	)
}
