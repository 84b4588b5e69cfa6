//go:build unix

package main

import (
	"bytes"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"testing"
)

// TestSignals ends commands while they write, and looks for what they leave.
func TestSignals(t *testing.T) {
	for _, s := range []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT} {
		t.Run(s.String(), func(t *testing.T) {
			// Under nohup the tests ignore a signal, and what they start would.
			heard := make(chan os.Signal, 1)
			signal.Notify(heard, s)
			defer signal.Stop(heard)
			f := newFolder(t)
			sealed := f.seal(long, "-to", f.pub("bob"))
			for _, args := range [][]string{
				{"seal", "-to", f.pub("bob"), "-o", "out"},
				{"open", "-i", f.key("bob"), "-o", "out"},
				{"rewrap", "-i", f.key("bob"), "-to", f.pub("carol"), "-o", "out"},
			} {
				cmd := f.command(args...)
				var stderr bytes.Buffer
				cmd.Stderr = &stderr
				in := f.startMidway(cmd, sealed)
				if err := cmd.Process.Signal(s); err != nil {
					t.Fatal(err)
				}
				cmd.Wait()
				in.Close()
				if code := cmd.ProcessState.ExitCode(); code != 1 || !strings.HasPrefix(stderr.String(), "sealfile: ended by signal: ") {
					t.Errorf("%s: exit code %d: %s", args[0], code, &stderr)
				}
				f.holds()
			}
		})
	}
}
