package e2ee_test

import (
	"fmt"
	"os"
	"runtime"
	"runtime/pprof"
	"strings"
	"testing"
	"time"

	"github.com/parley-e2ee/parley/internal/keysource/keytest"
)

func TestMain(m *testing.M) {
	keytest.UsePool()
	code := m.Run()
	if code == 0 && leaked() {
		code = 1
	}
	os.Exit(code)
}

// leaked reports goroutines of this package or of its tests that are left when
// the tests are over, TestMain's own apart.
func leaked() bool {
	var left []string
	for deadline := time.Now().Add(2 * time.Second); time.Now().Before(deadline); runtime.Gosched() {
		var dump strings.Builder
		pprof.Lookup("goroutine").WriteTo(&dump, 2)
		left = nil
		for _, g := range strings.Split(dump.String(), "\n\n") {
			if strings.Contains(g, "parley/e2ee") && !strings.Contains(g, "e2ee_test.TestMain") {
				left = append(left, g)
			}
		}
		if left == nil {
			return false
		}
	}
	fmt.Fprintf(os.Stderr, "goroutines are left:\n%s\n", strings.Join(left, "\n\n"))
	return true
}
