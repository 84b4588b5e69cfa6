package e2ee_test

import (
	"errors"
	"testing"

	"github.com/parley-e2ee/parley/e2ee"
	"github.com/parley-e2ee/parley/keystore"
	"github.com/parley-e2ee/parley/transport"
)

// TestProperty40_OneOwner opens one store for two clients, as two processes
// would.
func TestProperty40_OneOwner(t *testing.T) {
	cfg := e2ee.Config{Name: "alice", Store: keystore.NewMemory(), Relay: transport.NewMemory(nil)}
	first, err := e2ee.NewClient(t.Context(), cfg)
	must(t, err)
	if _, err := e2ee.NewClient(t.Context(), cfg); !errors.Is(err, keystore.ErrLocked) {
		t.Fatalf("a second client on the store: %v", err)
	}
	must(t, first.Close())
	second, err := e2ee.NewClient(t.Context(), cfg)
	must(t, err)
	if second.Identity().Fingerprint() != first.Identity().Fingerprint() {
		t.Fatal("the store gave another identity")
	}
	must(t, second.Close())
}
