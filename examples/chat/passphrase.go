package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"

	"golang.org/x/term"

	"github.com/parley-e2ee/parley/keystore"
)

// A passphrase opens the stores of everybody here, as one person plays them all. It
// comes from the terminal or from a file, and never stands on the command line, which
// other users of the machine can read.
type passphrase struct {
	file  string
	bytes []byte
	sure  bool // it opened a store, or was typed twice
}

// ask gets the passphrase for a folder.
func (p *passphrase) ask(ctx context.Context, folder string) (err error) {
	if p.file == "" {
		p.bytes, err = askTerminal(ctx, "Passphrase for "+folder)
	} else {
		p.bytes, err = firstLine(p.file)
		p.sure = true
	}
	if err == nil && len(p.bytes) == 0 {
		err = errors.New("the passphrase is empty")
	}
	return err
}

func (p *passphrase) unlock() keystore.Unlock { return keystore.Passphrase(p.bytes) }

// confirm has a new passphrase typed again: nobody saw it, and a slip would come to
// light only when the store is to be opened.
func (p *passphrase) confirm(ctx context.Context) error {
	if p.sure {
		return nil
	}
	again, err := askTerminal(ctx, "This makes a new store. The same passphrase again")
	defer clear(again)
	if err != nil {
		return err
	}
	if !bytes.Equal(p.bytes, again) {
		return errors.New("the passphrases differ")
	}
	p.sure = true
	return nil
}

func firstLine(path string) ([]byte, error) {
	all, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	line, _, _ := bytes.Cut(all, []byte("\n"))
	return bytes.TrimSuffix(line, []byte("\r")), nil
}

// askTerminal asks whoever sits at the terminal, even where standard input is a
// pipe, and does not show what is typed.
func askTerminal(ctx context.Context, prompt string) ([]byte, error) {
	in, out, err := openTerminal()
	if err != nil {
		return nil, fmt.Errorf("no terminal to ask for a passphrase; -passphrase-file takes it from a file: %w", err)
	}
	defer out.Close()
	fd := int(in.Fd())
	state, err := term.GetState(fd)
	if err != nil {
		return nil, err
	}
	fmt.Fprint(out, prompt, ": ")
	defer fmt.Fprintln(out)
	type answer struct {
		typed []byte
		err   error
	}
	answers := make(chan answer, 1)
	go func() {
		defer in.Close()
		typed, err := term.ReadPassword(fd)
		answers <- answer{typed, err}
	}()
	select {
	case a := <-answers:
		return a.typed, a.err
	case <-ctx.Done():
		// Reading goes on until the program ends, which has to show again what is typed.
		return nil, errors.Join(ctx.Err(), term.Restore(fd, state))
	}
}

func openTerminal() (in, out *os.File, err error) {
	input, output := "/dev/tty", "/dev/tty"
	if runtime.GOOS == "windows" {
		input, output = "CONIN$", "CONOUT$"
	}
	if in, err = os.OpenFile(input, os.O_RDWR, 0); err != nil {
		return nil, nil, err
	}
	if out, err = os.OpenFile(output, os.O_WRONLY, 0); err != nil {
		in.Close()
		return nil, nil, err
	}
	return in, out, nil
}
