package transport_test

import (
	"testing"

	"github.com/parley-e2ee/parley/internal/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }
