package keystore_test

import (
	"fmt"
	"os"
	"runtime"
	"runtime/pprof"
	"strings"
	"testing"
	"time"
)

func TestMain(m *testing.M) {
	code := m.Run()
	if left := leftGoroutines(); left != "" {
		fmt.Fprintf(os.Stderr, "a goroutine is left:\n%s\n", left)
		code = 1
	}
	os.Exit(code)
}

// leftGoroutines returns the stack of a goroutine of this module that the
// tests have left, once it had time to end.
func leftGoroutines() (left string) {
	for began := time.Now(); time.Since(began) < 2*time.Second; runtime.Gosched() {
		if left = moduleStack(); left == "" {
			break
		}
	}
	return left
}

func moduleStack() string {
	var dump strings.Builder
	pprof.Lookup("goroutine").WriteTo(&dump, 2)
	for stack := range strings.SplitSeq(dump.String(), "\n\n") {
		if strings.Contains(stack, "parley-e2ee/parley/") && !strings.Contains(stack, "TestMain") {
			return stack
		}
	}
	return ""
}
