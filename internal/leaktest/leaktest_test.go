package leaktest

import (
	"strings"
	"testing"
)

// TestGoroutine leaves one and looks whether it is found.
func TestGoroutine(t *testing.T) {
	stop := make(chan struct{})
	go leave(stop)
	if left := goroutine(); !strings.Contains(left, "leaktest.leave") {
		t.Errorf("found %q", left)
	}
	close(stop)
	for strings.Contains(moduleStack(), "leaktest.leave") {
	}
}

func leave(stop chan struct{}) { <-stop }
