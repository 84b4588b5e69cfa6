package keyfile_test

import (
	"testing"

	"github.com/parley-e2ee/parley/internal/keysource/keytest"
	"github.com/parley-e2ee/parley/internal/leaktest"
)

func TestMain(m *testing.M) {
	keytest.UsePool()
	leaktest.Main(m)
}
