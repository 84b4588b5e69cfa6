package keystoretest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"strconv"
	"sync"
	"time"

	"github.com/parley-e2ee/parley/keystore"
)

// scanOutlives pulls from a Scan after its transaction. Two records are there.
func scanOutlives(ctx context.Context, store keystore.Store) error {
	var next func() (keystore.Record, error, bool)
	var stop func()
	err := store.View(ctx, func(tx keystore.Tx) error {
		next, stop = iter.Pull2(tx.Scan(erased, nil))
		_, err, _ := next()
		return err
	})
	defer stop()
	if err != nil {
		return fmt.Errorf("view: %w", err)
	}
	record, err, more := next()
	if !more || record.Key != nil {
		return errors.New("a scan that outlived its transaction went on")
	}
	return wantError("a scan that outlived its transaction", err, keystore.ErrTxDone)
}

// A group collects the errors of concurrent functions.
type group struct {
	wg   sync.WaitGroup
	mu   sync.Mutex
	errs []error
}

func (g *group) start(fn func() error) {
	g.wg.Go(func() {
		if err := fn(); err != nil {
			g.mu.Lock()
			defer g.mu.Unlock()
			g.errs = append(g.errs, err)
		}
	})
}

// wait returns the first few of the errors.
func (g *group) wait() error {
	g.wg.Wait()
	return errors.Join(g.errs[:min(3, len(g.errs))]...)
}

// checkUpdatesTakeTurns counts in one record from several goroutines.
func checkUpdatesTakeTurns(ctx context.Context, store keystore.Store) error {
	const writers = 8
	each := repeat(50)
	if err := put(ctx, store, erased, "counter", "0"); err != nil {
		return err
	}
	var all group
	for range writers {
		all.start(func() error {
			for range each {
				if err := store.Update(ctx, increment); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := all.wait(); err != nil {
		return err
	}
	return expect(ctx, store, erased, "counter", strconv.Itoa(writers*each))
}

func increment(tx keystore.WriteTx) error {
	value, err := tx.Load(erased, []byte("counter"))
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(string(value))
	if err != nil {
		return err
	}
	return tx.Store(erased, []byte("counter"), strconv.AppendInt(nil, int64(n)+1, 10))
}

// checkViewsAreConsistent has Updates move two records together while Views
// read each of them twice. Between Updates a View ends, so that they mix.
func checkViewsAreConsistent(ctx context.Context, store keystore.Store) error {
	if err := moveTogether(ctx, store, 0); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var all group
	moved, viewed := make(chan struct{}), make(chan struct{})
	all.start(func() error {
		defer close(moved)
		for i := range repeat(200) {
			if err := moveTogether(ctx, store, i); err != nil {
				return err
			}
			select {
			case <-viewed:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	})
	for range 3 {
		all.start(func() error {
			for {
				if err := view(ctx, store, oneState); err != nil {
					cancel()
					return err
				}
				select {
				case viewed <- struct{}{}:
				case <-moved:
					return nil
				default:
					runtime.Gosched()
				}
			}
		})
	}
	return all.wait()
}

func moveTogether(ctx context.Context, store keystore.Store, i int) error {
	return store.Update(ctx, func(tx keystore.WriteTx) error {
		return errors.Join(
			tx.Store(erased, []byte("a"), []byte(strconv.Itoa(i))),
			tx.Store(plain, []byte("b"), []byte(strconv.Itoa(i))),
		)
	})
}

func oneState(tx keystore.Tx) error {
	first, err := tx.Load(erased, []byte("a"))
	if err != nil {
		return err
	}
	for range 2 {
		err := errors.Join(
			expectScan(tx, plain, "", "b", string(first)),
			expectScan(tx, erased, "", "a", string(first)),
			expectIn(tx, erased, "a", string(first)),
		)
		if err != nil {
			return fmt.Errorf("in one view: %w", err)
		}
	}
	return nil
}

// checkViewBesideUpdate has Views begin and end while the function of an
// Update runs.
func checkViewBesideUpdate(ctx context.Context, store keystore.Store) error {
	if err := scene(ctx, store); err != nil {
		return err
	}
	return store.Update(ctx, func(tx keystore.WriteTx) error {
		if err := disturb(tx); err != nil {
			return err
		}
		return elsewhere(ctx, "a view beside an update", func() error {
			return view(ctx, store, func(tx keystore.Tx) error {
				return expectScan(tx, erased, "", "kept", "old", "removed", "old")
			})
		})
	})
}

// checkUpdateBesideView has another View, and as far as the store does not
// make it wait an Update, begin and end while the function of a View runs.
func checkUpdateBesideView(ctx context.Context, store keystore.Store) error {
	if err := scene(ctx, store); err != nil {
		return err
	}
	updated := make(chan error, 1)
	err := view(ctx, store, func(tx keystore.Tx) error {
		err := elsewhere(ctx, "a view beside a view", func() error { return expect(ctx, store, erased, "kept", "old") })
		if err != nil {
			return err
		}
		go func() { updated <- store.Update(ctx, disturb) }()
		enough := time.NewTimer(50 * time.Millisecond)
		defer enough.Stop()
		select {
		case err := <-updated:
			updated <- err
		case <-enough.C:
		}
		return expectScan(tx, erased, "", "kept", "old", "removed", "old")
	})
	select {
	case updateErr := <-updated:
		if err := errors.Join(err, updateErr); err != nil {
			return err
		}
	case <-ctx.Done():
		return errors.Join(err, errors.New("an update does not end"))
	}
	return view(ctx, store, func(tx keystore.Tx) error {
		return expectScan(tx, erased, "", "added", "new", "kept", "newer")
	})
}

// elsewhere runs fn in a goroutine and wants it to end.
func elsewhere(ctx context.Context, what string, fn func() error) error {
	result := make(chan error, 1)
	go func() { result <- fn() }()
	select {
	case err := <-result:
		if err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%s does not end", what)
	}
}
