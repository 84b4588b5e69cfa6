package keystore_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"

	"github.com/leanovate/gopter"
	"github.com/leanovate/gopter/commands"

	"github.com/parley-e2ee/parley/keystore"
)

// A state is what the store should hold before, within and after a command.
type state struct{ before, within, now model }

// still is the state after a command that writes nothing.
func (s state) still() state { return state{s.now, s.now, s.now} }

// A system is the store under test, which a command may replace.
type system struct {
	store keystore.Store
	kind  storeKind
}

// A storeKind is a kind of store, which comes back from a crash.
type storeKind interface {
	make() (keystore.Store, error)
	// crashed returns what another process would find if this one died now.
	crashed(keystore.Store) (keystore.Store, error)
	// restarted closes a store and returns it open again.
	restarted(keystore.Store) (keystore.Store, error)
}

// memories are stores in memory, of which nothing is left but clones.
type memories struct{}

func (memories) make() (keystore.Store, error) { return keystore.NewMemory(), nil }

func (memories) crashed(s keystore.Store) (keystore.Store, error) {
	return s.(*keystore.Memory).Clone(), nil
}

func (m memories) restarted(s keystore.Store) (keystore.Store, error) {
	next, err := m.crashed(s)
	return next, errors.Join(err, s.Close())
}

// A command's result is a dump of the store in place of each model.
type result struct{ before, within, now string }

// compare wants result to be what state says.
func compare(s state, got commands.Result, prefix string) *gopter.PropResult {
	want := result{s.before.dump(prefix), s.within.dump(prefix), s.now.dump(prefix)}
	if got == commands.Result(want) {
		return gopter.NewPropResult(true, "")
	}
	return gopter.NewPropResult(false, fmt.Sprintf("got\n%+v\nwant\n%+v", got, want))
}

// An ending is how an Update's function ends.
type ending int

const (
	returnsNil ending = iota
	returnsError
	panics
	exits
	killed  // the process dies there: what follows works on a clone
	endings = 5
)

// An update writes, beside a View that began before it.
type update struct {
	writes []write
	ending ending
}

func (u update) String() string { return fmt.Sprintf("update %d %+v", u.ending, u.writes) }

func (update) PreCondition(commands.State) bool { return true }

func (u update) NextState(from commands.State) commands.State {
	before := from.(state).now
	next := state{before: before, within: before.after(u.writes), now: before}
	if u.ending == returnsNil {
		next.now = next.within
	}
	return next
}

func (update) PostCondition(s commands.State, r commands.Result) *gopter.PropResult {
	return compare(s.(state), r, "")
}

func (u update) Run(sut commands.SystemUnderTest) commands.Result {
	s, next := sut.(*system), sut.(*system).store
	var found result
	var inside, crash error
	err := s.store.View(context.Background(), func(tx keystore.Tx) (err error) {
		toItsEnd(func() {
			s.store.Update(context.Background(), func(tx keystore.WriteTx) error {
				found.within, inside = u.write(tx)
				if u.ending == killed {
					next, crash = s.kind.crashed(s.store)
				}
				return u.end()
			})
		})
		found.before, err = dump(tx, "")
		return err
	})
	if err := errors.Join(err, inside, crash); err != nil {
		return err
	}
	if next != s.store {
		s.store.Close()
	}
	s.store = next
	return finish(s, found, "")
}

// write does what the update is about, and returns what its transaction sees.
func (u update) write(tx keystore.WriteTx) (string, error) {
	for _, w := range u.writes {
		bucket, key := modelBuckets[w.at.bucket], []byte(modelKeys[w.at.key])
		write := func() error { return tx.Store(bucket, key, []byte(w.value)) }
		if w.deletes {
			write = func() error { return tx.Delete(bucket, key) }
		}
		if err := write(); err != nil {
			return "", err
		}
	}
	return dump(tx, "")
}

func (u update) end() error {
	switch u.ending {
	case returnsError:
		return errOwn
	case panics:
		panic(errOwn)
	case exits:
		runtime.Goexit()
	}
	return nil
}

// toItsEnd runs fn until it returns, panics or exits its goroutine.
func toItsEnd(fn func()) {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer func() { recover() }()
		fn()
	}()
	<-ended
}

// finish completes a result by what the store holds now.
func finish(s *system, found result, prefix string) commands.Result {
	err := s.store.View(context.Background(), func(tx keystore.Tx) (err error) {
		found.now, err = dump(tx, prefix)
		return err
	})
	if err != nil {
		return err
	}
	return found
}

// A scan reads the keys with that prefix, in a View and in an Update.
type scan string

func (p scan) String() string { return fmt.Sprintf("scan %q", string(p)) }

func (scan) PreCondition(commands.State) bool { return true }

func (scan) NextState(from commands.State) commands.State { return from.(state).still() }

func (p scan) PostCondition(s commands.State, r commands.Result) *gopter.PropResult {
	return compare(s.(state), r, string(p))
}

func (p scan) Run(sut commands.SystemUnderTest) commands.Result {
	s := sut.(*system)
	var found result
	err := s.store.Update(context.Background(), func(tx keystore.WriteTx) (err error) {
		found.within, err = dump(tx, string(p))
		found.before = found.within
		return err
	})
	if err != nil {
		return err
	}
	return finish(s, found, string(p))
}

// A restart closes the store and goes on with what that leaves.
type restart struct{}

func (restart) String() string { return "restart" }

func (restart) PreCondition(commands.State) bool { return true }

func (restart) NextState(from commands.State) commands.State { return from.(state).still() }

func (restart) PostCondition(s commands.State, r commands.Result) *gopter.PropResult {
	return compare(s.(state), r, "")
}

func (restart) Run(sut commands.SystemUnderTest) commands.Result {
	s := sut.(*system)
	next, err := s.kind.restarted(s.store)
	if err != nil {
		return err
	}
	s.store = next
	found, ok := finish(s, result{}, "").(result)
	if !ok {
		return errors.New("what is left cannot be read")
	}
	return result{found.now, found.now, found.now}
}
