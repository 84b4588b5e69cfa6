package keystoretest_test

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"runtime"
	"sync"

	"github.com/parley-e2ee/parley/keystore"
)

// record says where a value is.
type record struct {
	bucket keystore.Bucket
	key    string
}

type records map[record][]byte

// broken is a simple store, with one fault or none.
type broken struct {
	fault   string
	turn    chan struct{}
	done    chan struct{}
	running sync.WaitGroup

	mu     sync.Mutex
	data   records
	closed bool
	owner  *int
}

func newBroken(fault string) *broken {
	return &broken{
		fault: fault,
		turn:  make(chan struct{}, 1),
		done:  make(chan struct{}),
		data:  make(records),
	}
}

func (s *broken) is(fault string) bool { return s.fault == fault }

func (s *broken) begin() (*brokenTx, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed && !s.is("works after close") {
		return nil, keystore.ErrClosed
	}
	if !s.is("works after close") {
		s.running.Add(1)
	}
	return &brokenTx{s: s, data: maps.Clone(s.data), before: s.data}, nil
}

func (s *broken) end() {
	if !s.is("works after close") {
		s.running.Done()
	}
}

func (s *broken) View(ctx context.Context, fn func(keystore.Tx) error) error {
	if ctx.Err() != nil && !s.is("view ignores ctx") {
		return ctx.Err()
	}
	if s.is("view waits for update") {
		s.turn <- struct{}{}
		defer func() { <-s.turn }()
	}
	tx, err := s.begin()
	if err != nil {
		return err
	}
	defer s.end()
	tx.live = s.is("view is no snapshot")
	defer func() {
		tx.over = true
		if s.is("view swallows panic") {
			recover()
		}
	}()
	if s.is("view writes") {
		defer s.commit(tx)
		return fn(tx)
	}
	return fn(readOnly{tx})
}

// readOnly hides a brokenTx's methods that write.
type readOnly struct{ keystore.Tx }

func (s *broken) Update(ctx context.Context, fn func(keystore.WriteTx) error) error {
	if ctx.Err() != nil && !s.is("update ignores ctx") {
		return ctx.Err()
	}
	release, err := s.wait(ctx)
	if err != nil {
		return err
	}
	defer release()
	tx, err := s.begin()
	if err != nil {
		return err
	}
	defer s.end()
	return s.run(tx, fn)
}

// wait takes the turn to update.
func (s *broken) wait(ctx context.Context) (release func(), err error) {
	turn, ended, closing := s.turn, ctx.Done(), s.done
	switch {
	case s.is("updates overlap"):
		return func() {}, nil
	case s.is("update waits beyond ctx"), s.is("update ignores ctx"):
		ended = nil
	case s.is("update waits beyond close"):
		closing = nil
	}
	select {
	case turn <- struct{}{}:
		return func() { <-turn }, nil
	case <-closing:
		return nil, keystore.ErrClosed
	case <-ended:
		return nil, ctx.Err()
	}
}

// run calls fn and commits, or not.
func (s *broken) run(tx *brokenTx, fn func(keystore.WriteTx) error) (err error) {
	returned := false
	defer func() {
		tx.over = true
		switch {
		case returned:
		case s.is("panic commits"):
			s.commit(tx)
		case s.is("panic swallowed"):
			recover()
		case s.is("goexit commits"):
			if panicked := recover(); panicked != nil {
				panic(panicked)
			}
			s.commit(tx)
		case s.is("panic keeps the turn"):
			s.turn = make(chan struct{})
		}
	}()
	err = fn(tx)
	if s.is("fn called twice") {
		err = fn(tx)
	}
	returned = true
	if err == nil || s.is("error commits") {
		s.commit(tx)
	}
	if err != nil && s.is("error replaced") {
		return errors.New("another")
	}
	return err
}

func (s *broken) commit(tx *brokenTx) {
	if s.is("updates overlap") {
		letOthersRun()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.is("commits bucket by bucket") {
		s.data = maps.Clone(s.data)
		maps.Copy(s.data, tx.data)
		for r := range s.data {
			if old, was := tx.before[r]; r.bucket.Erasable && was {
				s.data[r] = old
			}
		}
		s.mu.Unlock()
		letOthersRun()
		s.mu.Lock()
	}
	switch {
	case s.is("deletion is lost"):
		maps.Copy(tx.data, missing(s.data, tx.data))
	case s.is("overwriting is lost"):
		maps.Copy(tx.data, s.data)
	}
	s.data = tx.data
}

// missing returns what of all is not in some.
func missing(all, some records) records {
	left := maps.Clone(all)
	maps.DeleteFunc(left, func(r record, _ []byte) bool { return some[r] != nil })
	return left
}

func (s *broken) Claim() (func(), error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return nil, keystore.ErrClosed
	case s.owner != nil && !s.is("two owners"):
		return nil, keystore.ErrLocked
	case s.is("claims race"):
		s.mu.Unlock()
		letOthersRun()
		s.mu.Lock()
	}
	owner := new(int)
	s.owner = owner
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.is("never released") {
			return
		}
		if s.owner == owner || s.is("released by another") {
			s.owner = nil
		}
	}, nil
}

func (s *broken) Close() error {
	s.mu.Lock()
	closed := s.closed
	s.closed = true
	if !closed {
		close(s.done)
	}
	s.mu.Unlock()
	if closed && s.is("second close fails") {
		return keystore.ErrClosed
	}
	if !s.is("close does not wait") {
		s.running.Wait()
	}
	return nil
}

// copied is b, or a copy of it where the store has no such fault.
func (s *broken) copied(fault string, b []byte) []byte {
	if s.is(fault) {
		return b
	}
	return append([]byte{}, bytes.Clone(b)...)
}

// letOthersRun widens a gap for other goroutines to get into.
func letOthersRun() {
	for range 20 {
		runtime.Gosched()
	}
}
