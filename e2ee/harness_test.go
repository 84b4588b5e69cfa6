package e2ee_test

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/parley-e2ee/parley/e2ee"
	"github.com/parley-e2ee/parley/internal/keysource/keytest"
	"github.com/parley-e2ee/parley/keystore"
	"github.com/parley-e2ee/parley/transport"
)

func TestMain(m *testing.M) {
	keytest.UsePool()
	os.Exit(m.Run())
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// person is a client with the means to come back.
type person struct {
	*e2ee.Client
	t     testing.TB
	cfg   e2ee.Config
	store *keystore.Memory
}

func newPerson(t testing.TB, name string, relay transport.Relay, dir transport.Directory) *person {
	t.Helper()
	p := &person{t: t, store: keystore.NewMemory()}
	p.cfg = e2ee.Config{Name: name, Store: p.store, Relay: relay, Directory: dir}
	p.open()
	t.Cleanup(func() { _ = p.Close() })
	return p
}

func (p *person) open() {
	p.t.Helper()
	c, err := e2ee.NewClient(p.t.Context(), p.cfg)
	must(p.t, err)
	p.Client = c
}

// crash stops the client as a killed process stops: what its store holds at
// this moment is all that remains.
func (p *person) crash() {
	p.t.Helper()
	left := p.store.Clone()
	_ = p.Close()
	p.store = left
	p.cfg.Store = left
	p.open()
}

// until reads events up to the first of type E that want accepts.
func until[E e2ee.Event](t testing.TB, r *e2ee.Room, want func(E) bool) E {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for ev, err := range r.Events(ctx) {
		if err != nil {
			var zero E
			t.Fatalf("waiting for %T: %v", zero, err)
		}
		if got, ok := ev.(E); ok && (want == nil || want(got)) {
			return got
		}
	}
	panic("events ended without an error")
}

func untilText(t testing.TB, r *e2ee.Room, text string) e2ee.Message {
	t.Helper()
	return until(t, r, func(m e2ee.Message) bool { return string(m.Text) == text })
}
