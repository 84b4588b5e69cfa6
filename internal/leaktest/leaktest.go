// Package leaktest fails a test run that leaves goroutines behind. Only tests
// import it.
package leaktest

import (
	"fmt"
	"os"
	"runtime"
	"runtime/pprof"
	"strings"
	"testing"
	"time"
)

// Main is what a package's TestMain calls: it runs the tests and exits with
// their code, or with 1 where a goroutine of this module is left once it had
// two seconds to end.
func Main(m *testing.M) {
	code := m.Run()
	if left := goroutine(); left != "" {
		fmt.Fprintf(os.Stderr, "a goroutine is left:\n%s\n", left)
		code = 1
	}
	os.Exit(code)
}

// goroutine returns the stack of a goroutine that does not end.
func goroutine() (left string) {
	for began := time.Now(); time.Since(began) < 2*time.Second; runtime.Gosched() {
		if left = moduleStack(); left == "" {
			break
		}
	}
	return left
}

func moduleStack() string {
	var dump strings.Builder
	_ = pprof.Lookup("goroutine").WriteTo(&dump, 2)
	for stack := range strings.SplitSeq(dump.String(), "\n\n") {
		if strings.Contains(stack, "parley-e2ee/parley/") && !strings.Contains(stack, "leaktest.moduleStack(") {
			return stack
		}
	}
	return ""
}
