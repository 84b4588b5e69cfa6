package keystoretest_test

import (
	"testing"

	"github.com/parley-e2ee/parley/keystore"
	"github.com/parley-e2ee/parley/keystore/keystoretest"
)

// TestStore is all that the tests of a store of your own have to say.
func ExampleConformance() {
	TestStore := func(t *testing.T) {
		keystoretest.Conformance(t, func(t *testing.T) keystore.Store {
			store := keystore.NewMemory() // yours here
			t.Cleanup(func() { _ = store.Close() })
			return store
		})
	}
	_ = TestStore
	// Output:
}
