package transporttest_test

import (
	"testing"

	"github.com/parley-e2ee/parley/transport"
	"github.com/parley-e2ee/parley/transport/transporttest"
)

// TestRelay is all that the tests of a relay of your own have to say.
func ExampleConformance() {
	TestRelay := func(t *testing.T) {
		transporttest.Conformance(t, func(t *testing.T) transport.Relay {
			relay := transport.NewMemory(nil) // yours here
			t.Cleanup(func() { _ = relay.Close() })
			return relay
		})
	}
	_ = TestRelay
	// Output:
}
