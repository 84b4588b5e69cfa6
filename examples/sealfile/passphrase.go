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
	path  name
	input string // "-" if the command reads standard input
	file  *bufio.Reader
}

func (p *passphrases) define(flags *flag.FlagSet) {
	flags.Var(&p.path, "passphrase-file", "`file` to read passphrases from instead of the terminal, a line each: those of encrypted keys in the order of the flags, then that of -p; a new one has to be on the last line")
}

// done is called when all passphrases have been asked for.
func (p *passphrases) done() error {
	if p.path.given && p.file == nil {
		return usageError("-passphrase-file is of no use: nothing here has a passphrase")
	}
	return nil
}

// ask returns a passphrase, which is not empty.
func (p *passphrases) ask(prompt string) ([]byte, error) {
	read := p.line
	if !p.path.given {
		read = func() ([]byte, error) { return askTerminal(prompt) }
	}
	passphrase, err := read()
	if err == nil && len(passphrase) == 0 {
		err = errors.New("the passphrase is empty")
	}
	return passphrase, err
}

// choose returns a new passphrase. A wrong one would be noticed by nobody before it
// is needed. So it is typed twice, since nobody sees what is typed; in a file it is
// the last line, so that it is not one that was meant for a key which, it turns out,
// takes none.
func (p *passphrases) choose(prompt string) ([]byte, error) {
	passphrase, err := p.ask(prompt)
	if err != nil {
		return nil, err
	}
	if p.path.given {
		err = p.atEnd()
	} else {
		err = p.confirm(passphrase)
	}
	if err != nil {
		clear(passphrase)
		return nil, err
	}
	return passphrase, nil
}

func (p *passphrases) confirm(passphrase []byte) error {
	again, err := p.ask("The same again")
	defer clear(again)
	if err == nil && !bytes.Equal(passphrase, again) {
		err = errors.New("the passphrases differ")
	}
	return err
}

// atEnd refuses lines that nobody has asked for.
func (p *passphrases) atEnd() error {
	switch _, err := p.file.Peek(1); err {
	case io.EOF:
		return nil
	case nil:
		return fmt.Errorf("%s: more lines than passphrases that are needed, so that it is not clear which is the new one", p.path.value)
	default:
		return err
	}
}

// line returns the next line of the file without its end.
func (p *passphrases) line() ([]byte, error) {
	if p.file == nil {
		f, err := p.open()
		if err != nil {
			return nil, err
		}
		p.file = bufio.NewReader(f) // open until the program ends
	}
	line, err := p.file.ReadBytes('\n')
	if err == io.EOF && len(line) == 0 {
		return nil, fmt.Errorf("%s: no more passphrases", p.path.value)
	}
	if err != nil && err != io.EOF {
		return nil, err
	}
	line = bytes.TrimSuffix(line, []byte("\n"))
	return bytes.TrimSuffix(line, []byte("\r")), nil
}

// open refuses what is standard input, as /dev/stdin is, where that is the input of
// the command: each would read a part of the other.
func (p *passphrases) open() (*os.File, error) {
	f, err := os.Open(p.path.value)
	if err != nil {
		return nil, err
	}
	if p.input == "-" {
		a, err1 := f.Stat()
		b, err2 := os.Stdin.Stat()
		if err1 == nil && err2 == nil && os.SameFile(a, b) {
			f.Close()
			return nil, usageError("-passphrase-file is standard input, which is the input too: give that by name")
		}
	}
	return f, nil
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
