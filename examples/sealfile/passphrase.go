package main

import (
	"bufio"
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"

	"golang.org/x/term"
)

// passphrases come from the terminal, or from a file for scripts. They never stand
// on the command line, which other users of the machine can read.
type passphrases struct {
	path string
	file *bufio.Reader
}

func (p *passphrases) define(flags *flag.FlagSet) {
	flags.StringVar(&p.path, "passphrase-file", "", "`file` to read passphrases from instead of the terminal, a line each in the order of need")
}

// ask returns a passphrase, which is not empty.
func (p *passphrases) ask(prompt string) ([]byte, error) {
	read := p.line
	if p.path == "" {
		read = func() ([]byte, error) { return askTerminal(prompt) }
	}
	passphrase, err := read()
	if err == nil && len(passphrase) == 0 {
		err = errors.New("the passphrase is empty")
	}
	return passphrase, err
}

// choose returns a new passphrase, typed twice where nobody sees what is typed.
func (p *passphrases) choose(prompt string) ([]byte, error) {
	first, err := p.ask(prompt)
	if err != nil || p.path != "" {
		return first, err
	}
	again, err := p.ask("The same again")
	defer clear(again)
	if err == nil && !bytes.Equal(first, again) {
		err = errors.New("the passphrases differ")
	}
	return first, err
}

// line returns the next line of the file without its end.
func (p *passphrases) line() ([]byte, error) {
	if p.file == nil {
		f, err := os.Open(p.path)
		if err != nil {
			return nil, err
		}
		p.file = bufio.NewReader(f)
	}
	line, err := p.file.ReadBytes('\n')
	if err == io.EOF && len(line) == 0 {
		return nil, fmt.Errorf("%s: no more passphrases", p.path)
	}
	if err != nil && err != io.EOF {
		return nil, err
	}
	line = bytes.TrimSuffix(line, []byte("\n"))
	return bytes.TrimSuffix(line, []byte("\r")), nil
}

// askTerminal asks whoever sits at the terminal, even where standard input and
// output are pipes, and does not show what is typed.
func askTerminal(prompt string) ([]byte, error) {
	in, out, err := openTerminal()
	if err != nil {
		return nil, fmt.Errorf("no terminal to ask for a passphrase; -passphrase-file takes it from a file: %w", err)
	}
	defer in.Close()
	defer out.Close()
	fd := int(in.Fd())
	state, err := term.GetState(fd)
	if err != nil {
		return nil, err
	}
	defer atSignal(func() { term.Restore(fd, state) })()
	fmt.Fprint(out, prompt, ": ")
	defer fmt.Fprintln(out)
	return term.ReadPassword(fd)
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
