package keystoretest_test

import (
	"testing"

	"github.com/parley-e2ee/parley/keystore"
	"github.com/parley-e2ee/parley/keystore/keystoretest"
)

func TestMemoryConforms(t *testing.T) {
	keystoretest.Conformance(t, func(*testing.T) keystore.Store { return keystore.NewMemory() })
}
