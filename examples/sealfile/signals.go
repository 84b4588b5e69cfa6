package main

import (
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// ending is held while the program ends by a signal, and while something is done
// that must not be cut in two. undo is what puts right what is half done then.
var ending struct {
	sync.Mutex
	undo map[*func()]bool
}

// watchSignals has signals that end the program do so after everything half done
// is undone. Reading from a pipe cannot be interrupted, so it does not wait for the
// command to notice.
func watchSignals() {
	ending.undo = make(map[*func()]bool)
	caught := make(chan os.Signal, 1)
	for _, s := range []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT} {
		if !signal.Ignored(s) { // as under nohup
			signal.Notify(caught, s)
		}
	}
	go func() {
		s := <-caught
		ending.Lock()
		for undo := range ending.undo {
			(*undo)()
		}
		fmt.Fprintln(os.Stderr, "sealfile: ended by signal:", s)
		os.Exit(1)
	}()
}

// atSignal has undo called if a signal ends the program before forget is called.
func atSignal(undo func()) (forget func()) {
	ending.Lock()
	defer ending.Unlock()
	ending.undo[&undo] = true
	return func() {
		ending.Lock()
		defer ending.Unlock()
		delete(ending.undo, &undo)
	}
}

// inOne does what a signal must not cut in two.
func inOne(do func() error) error {
	ending.Lock()
	defer ending.Unlock()
	return do()
}
