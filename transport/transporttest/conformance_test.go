package transporttest_test

import (
	"testing"

	"github.com/parley-e2ee/parley/transport"
	"github.com/parley-e2ee/parley/transport/transporttest"
)

func TestMemoryConforms(t *testing.T) {
	transporttest.Conformance(t, func(t *testing.T) transport.Relay {
		m := transport.NewMemory(nil)
		t.Cleanup(func() { m.Close() })
		return m
	})
}

func TestMemoryDirectoryConforms(t *testing.T) {
	transporttest.DirectoryConformance(t, func(t *testing.T) transport.Directory {
		return transport.NewMemory(nil)
	})
}
