package transporttest_test

import (
	"testing"

	"github.com/parley-e2ee/parley/transport"
	"github.com/parley-e2ee/parley/transport/transporttest"
)

func TestLiarWithoutScript(t *testing.T) {
	transporttest.Conformance(t, func(*testing.T) transport.Relay {
		return transporttest.Misbehave(transport.NewMemory(nil), nil)
	})
	transporttest.DirectoryConformance(t, func(*testing.T) transport.Directory {
		return transporttest.Misbehave(transport.NewMemory(nil), nil)
	})
}

// TestLiarThatBehaves has told lies before.
func TestLiarThatBehaves(t *testing.T) {
	transporttest.Conformance(t, func(*testing.T) transport.Relay {
		l := transporttest.Misbehave(transport.NewMemory(nil), transporttest.Random(1, 0.5, transporttest.Lies()...))
		l.Behave()
		return l.For("alice")
	})
}
