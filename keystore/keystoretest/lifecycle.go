package keystoretest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/parley-e2ee/parley/keystore"
)

func checkContextEndedBefore(ctx context.Context, store keystore.Store) error {
	ended, cancel := context.WithCancel(ctx)
	cancel()
	called := false
	err := errors.Join(
		wantError("view with an ended context", store.View(ended, func(keystore.Tx) error {
			called = true
			return nil
		}), context.Canceled),
		wantError("update with an ended context", store.Update(ended, func(tx keystore.WriteTx) error {
			called = true
			return nil
		}), context.Canceled),
	)
	if err == nil && called {
		err = errors.New("a function was called though the context had ended")
	}
	return err
}

// checkContextEndsWhileWaiting ends the context of an Update that waits for
// another, and of one whose function runs.
func checkContextEndsWhileWaiting(ctx context.Context, store keystore.Store) error {
	running, cancelRunning := context.WithCancel(ctx)
	defer cancelRunning()
	called := false
	err := store.Update(running, func(tx keystore.WriteTx) error {
		cancelRunning()
		waiting, cancelWaiting := context.WithTimeout(ctx, 20*time.Millisecond)
		defer cancelWaiting()
		err := elsewhere(ctx, "an update whose context ended while it waited", func() error {
			err := store.Update(waiting, func(keystore.WriteTx) error { called = true; return nil })
			return wantError("its error", err, context.DeadlineExceeded)
		})
		return errors.Join(err, tx.Store(plain, []byte("key"), []byte("value")))
	})
	if err != nil {
		return err
	}
	if called {
		return errors.New("an update called its function after its context had ended")
	}
	return expect(ctx, store, plain, "key", "value")
}

func checkClaim(ctx context.Context, store keystore.Store) error {
	release, err := store.Claim()
	if err != nil {
		return fmt.Errorf("claim: %w", err)
	}
	if _, err := store.Claim(); !errors.Is(err, keystore.ErrLocked) {
		return wantError("a second claim", err, keystore.ErrLocked)
	}
	if err := put(ctx, store, plain, "key", "value"); err != nil {
		return err
	}
	release()
	again, err := store.Claim()
	if err != nil {
		return fmt.Errorf("claim after release: %w", err)
	}
	release() // the second time, of a claim that is over
	if _, err := store.Claim(); !errors.Is(err, keystore.ErrLocked) {
		return wantError("a claim beside one that was not released", err, keystore.ErrLocked)
	}
	again()
	return oneOwner(store)
}

// oneOwner claims from many goroutines at once.
func oneOwner(store keystore.Store) error {
	const claimants = 16
	results := make(chan error, claimants)
	start := make(chan struct{})
	for range claimants {
		go func() {
			<-start
			_, err := store.Claim()
			results <- err
		}()
	}
	close(start)
	owners := 0
	for range claimants {
		switch err := <-results; {
		case err == nil:
			owners++
		case !errors.Is(err, keystore.ErrLocked):
			return wantError("a claim among many", err, keystore.ErrLocked)
		}
	}
	if owners != 1 {
		return fmt.Errorf("%d of %d claims made at once were granted, want 1", owners, claimants)
	}
	return nil
}
