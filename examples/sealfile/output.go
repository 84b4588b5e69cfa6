package main

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
)

// An output is standard output, or a file that has a temporary name until commit.
type output struct {
	*os.File
	path      string // "": standard output
	temporary string
	forget    func()
}

// createOutput creates the file at path, which must not exist; "-" is standard
// output.
func createOutput(path string, mode fs.FileMode) (*output, error) {
	if path == "-" {
		return &output{File: os.Stdout}, nil
	}
	if _, err := os.Lstat(path); err == nil {
		return nil, &fs.PathError{Op: "create", Path: path, Err: fs.ErrExist} // before any work
	}
	out := &output{path: path, temporary: filepath.Join(filepath.Dir(path), ".sealfile-"+rand.Text())}
	out.forget = atSignal(out.remove)
	err := inOne(func() (err error) {
		out.File, err = os.OpenFile(out.temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
		return err
	})
	if err != nil {
		out.forget()
		return nil, &fs.PathError{Op: "create", Path: path, Err: errors.Unwrap(err)}
	}
	return out, nil
}

func (o *output) stdout() bool { return o.path == "" }

// commit makes these calls, of which each has to succeed:
//
//	fsync, close
//	link    to path, which fails where something is there, and unlink
//	fsync   the folder
//
// So at path there is nothing, or all of it on the disk. Where there are no hard links
// there is less to be had: see place.
func (o *output) commit() error {
	if o.stdout() {
		return nil
	}
	if err := errors.Join(o.Sync(), o.Close()); err != nil {
		return err
	}
	if err := inOne(func() error { return place(os.Link, o.temporary, o.path) }); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(o.path))
}

// discard removes what was not committed, and does nothing after that.
func (o *output) discard() {
	if o.stdout() {
		return
	}
	o.remove()
	o.forget()
}

func (o *output) remove() {
	o.Close()
	os.Remove(o.temporary)
}

// place gives a file another name, which must be free.
//
// Some file systems, FAT and exFAT among them, have no hard links. There it takes the
// name with an empty file and renames over that. A crash between the two leaves the
// empty file, and what another program writes to it between the two is lost. Linux
// and macOS can do better, by renameat2 with RENAME_NOREPLACE and renamex_np with
// RENAME_EXCL: a program for such file systems calls these, through golang.org/x/sys.
func place(link func(from, to string) error, from, to string) error {
	err := link(from, to)
	if err == nil {
		return os.Remove(from)
	}
	if errors.Is(err, fs.ErrExist) {
		return &fs.PathError{Op: "create", Path: to, Err: fs.ErrExist}
	}
	empty, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return &fs.PathError{Op: "create", Path: to, Err: fs.ErrExist}
	}
	if err != nil {
		return err
	}
	if err := errors.Join(empty.Close(), os.Rename(from, to)); err != nil {
		return errors.Join(err, os.Remove(to))
	}
	return nil
}

// syncFolder makes a new name last where the system has a call for it.
func syncFolder(path string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	err = folder.Sync()
	if errors.Is(err, syscall.EINVAL) {
		err = nil // some network file systems have none
	}
	return errors.Join(err, folder.Close())
}
