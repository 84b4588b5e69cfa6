package main

import (
	"io/fs"
	"os"

	"github.com/cheggaaa/pb/v3"
	"golang.org/x/term"
)

// convert has work turn the input into the output, which gets its name only if
// there is no error.
func convert(from, to string, mode fs.FileMode, work func(out *output, in *input) error) error {
	in, err := openInput(from)
	if err != nil {
		return err
	}
	defer in.close()
	out, err := createOutput(to, mode)
	if err != nil {
		return err
	}
	defer out.discard()
	stop := showProgress(out, in)
	err = work(out, in)
	stop()
	if err != nil {
		return err
	}
	return out.commit()
}

// showProgress shows a bar while a file is written and somebody looks.
func showProgress(out *output, in *input) (stop func()) {
	if out.stdout() || !term.IsTerminal(int(os.Stderr.Fd())) {
		return func() {}
	}
	bar := pb.New64(in.size()).SetTemplate(pb.Full)
	if in.size() == 0 {
		bar.SetTemplate(`{{counters .}} {{speed .}}`)
	}
	in.Reader = bar.NewProxyReader(in.Reader)
	bar.Start()
	finish := func() { bar.Finish() }
	forget := atSignal(finish)
	return func() {
		finish()
		forget()
	}
}
