package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"

	"golang.org/x/term"

	"github.com/parley-e2ee/parley/envelope"
)

// An input is standard input or a file.
type input struct {
	io.Reader
	file  *os.File
	whole *io.SectionReader // nil where it cannot be read twice, as a pipe
}

// openInput opens the file at path; "-" is standard input.
func openInput(path string) (*input, error) {
	if path == "-" {
		if term.IsTerminal(int(os.Stdin.Fd())) {
			fmt.Fprintln(os.Stderr, "sealfile: reading what is typed, up to Ctrl-D (on Windows Ctrl-Z and Enter)")
		}
		return newInput(os.Stdin), nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	if info, err := f.Stat(); err == nil && info.IsDir() {
		f.Close()
		return nil, fmt.Errorf("%s is a folder, of which tar makes a stream", path) // before any output
	}
	return newInput(f), nil
}

func newInput(f *os.File) *input {
	in := &input{Reader: f, file: f}
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return in
	}
	if start, err := f.Seek(0, io.SeekCurrent); err == nil { // a shell may have read a part of standard input
		in.whole = io.NewSectionReader(f, start, max(info.Size()-start, 0))
	}
	return in
}

// size is 0 where it is not known.
func (in *input) size() int64 {
	if in.whole == nil {
		return 0
	}
	return in.whole.Size()
}

func (in *input) close() { in.file.Close() }

// envelope reads the input as an envelope, out of its text armor if it has one.
func (in *input) envelope() (src io.Reader, text bool) {
	buffered := bufio.NewReader(in.Reader)
	begin := []byte("-----BEGIN ")
	if start, _ := buffered.Peek(len(begin)); !bytes.Equal(start, begin) {
		return buffered, false // reading tells the error too
	}
	return envelope.NewArmorReader(buffered), true
}

// armor returns a writer to dst, through text armor if that is wanted.
func armor(dst io.Writer, wanted bool) io.WriteCloser {
	if wanted {
		return envelope.NewArmorWriter(dst)
	}
	return plain{dst}
}

type plain struct{ io.Writer }

func (plain) Close() error { return nil }
