package keystoretest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/parley-e2ee/parley/keystore"
)

func checkClose(ctx context.Context, store keystore.Store) error {
	if err := put(ctx, store, plain, "key", "value"); err != nil {
		return err
	}
	release, err := store.Claim()
	if err != nil {
		return fmt.Errorf("claim: %w", err)
	}
	for range 2 {
		if err := store.Close(); err != nil {
			return fmt.Errorf("close: %w", err)
		}
	}
	release()
	return closed(ctx, store)
}

// closed wants every use refused.
func closed(ctx context.Context, store keystore.Store) error {
	called := false
	_, claimErr := store.Claim()
	err := errors.Join(
		wantError("view of a closed store", store.View(ctx, func(keystore.Tx) error {
			called = true
			return nil
		}), keystore.ErrClosed),
		wantError("update of a closed store", store.Update(ctx, func(keystore.WriteTx) error {
			called = true
			return nil
		}), keystore.ErrClosed),
		wantError("claim of a closed store", claimErr, keystore.ErrClosed),
	)
	if err == nil && called {
		err = errors.New("a function was called though the store was closed")
	}
	return err
}

// checkCloseDuringView closes while the function of a View runs.
func checkCloseDuringView(ctx context.Context, store keystore.Store) error {
	if err := scene(ctx, store); err != nil {
		return err
	}
	closing := make(chan error, 1)
	err := view(ctx, store, func(tx keystore.Tx) error {
		go func() { closing <- store.Close() }()
		return firstError(
			func() error { return refusesNew(ctx, store) },
			func() error { return expectScan(tx, erased, "", "kept", "old", "removed", "old") },
			func() error { return notYet(closing) },
		)
	})
	if err != nil {
		return err
	}
	return ends(ctx, store, closing)
}

// checkCloseDuringUpdate closes while the function of an Update runs and
// another Update waits.
func checkCloseDuringUpdate(ctx context.Context, store keystore.Store) error {
	closing, waiting := make(chan error, 1), make(chan error, 1)
	err := store.Update(ctx, func(tx keystore.WriteTx) error {
		go func() {
			waiting <- store.Update(ctx, func(keystore.WriteTx) error { return errOwn })
		}()
		go func() { closing <- store.Close() }()
		return firstError(
			func() error { return refusesNew(ctx, store) },
			func() error { return disturb(tx) },
			func() error { return expectScan(tx, erased, "", "added", "new", "kept", "newer") },
			func() error { return notYet(closing) },
			func() error {
				select {
				case err := <-waiting:
					return wantError("an update that waited for its turn until close", err, keystore.ErrClosed)
				case <-ctx.Done():
					return errors.New("an update goes on waiting after close")
				}
			},
		)
	})
	if err != nil {
		return err
	}
	return ends(ctx, store, closing)
}

// ends waits for Close to have returned.
func ends(ctx context.Context, store keystore.Store, closing chan error) error {
	select {
	case err := <-closing:
		if err != nil {
			return fmt.Errorf("close: %w", err)
		}
	case <-ctx.Done():
		return errors.New("close does not end")
	}
	return closed(ctx, store)
}

// refusesNew waits until Close has taken effect.
func refusesNew(ctx context.Context, store keystore.Store) error {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		result := make(chan error, 1)
		go func() { result <- store.View(ctx, func(keystore.Tx) error { return nil }) }()
		select {
		case err := <-result:
			if err != nil {
				return wantError("view while the store closes", err, keystore.ErrClosed)
			}
		case <-ctx.Done():
			return errors.New("view while the store closes does not end")
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return errors.New("close lets new transactions begin")
		}
	}
}

// notYet wants Close not to have returned.
func notYet(closing chan error) error {
	select {
	case <-closing:
		return errors.New("close returned while a transaction's function ran")
	default:
		return nil
	}
}
