package keyfile

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
)

// calls are those to the operating system; a test has each of them fail.
type calls struct {
	create       func(path string) (file, error)
	link, rename func(from, to string) error
	remove       func(path string) error
	syncFolder   func(path string) error
}

type file interface {
	Write([]byte) (int, error)
	Sync() error
	Close() error
}

var osCalls = calls{create: create, link: os.Link, rename: os.Rename, remove: os.Remove, syncFolder: syncFolder}

// writeFile makes these calls, and one of them failing ends the row:
//
//	open    a random name in the folder of path: O_CREATE, O_EXCL, 0600
//	write, fsync, close
//	link    it to path, and unlink it; or, to replace, rename it to path
//	fsync   the folder
//
// Until the link or the rename there is at path what was there before, from then
// on the whole file, whose bytes have reached the disk. The random name is removed
// on every way out but a crash.
func writeFile(c *calls, path string, data []byte, put func(c *calls, from, to string) error) error {
	temporary := filepath.Join(filepath.Dir(path), ".keyfile-"+rand.Text())
	if err := fill(c, temporary, data); err != nil {
		return fmt.Errorf("keyfile: %w", err)
	}
	if err := put(c, temporary, path); err != nil {
		return fmt.Errorf("keyfile: %w", errors.Join(err, c.remove(temporary)))
	}
	if err := c.syncFolder(filepath.Dir(path)); err != nil {
		return fmt.Errorf("keyfile: %w", err)
	}
	return nil
}

// fill leaves a whole file at path, or none.
func fill(c *calls, path string, data []byte) error {
	f, err := c.create(path)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, c.remove(path))
	}
	return nil
}

// place gives the file at from the name to, which must be free. Where that cannot
// be a link, as on file systems without them, it takes the name with an empty
// file, which fails where the name is taken, and renames over that.
func place(c *calls, from, to string) error {
	if c.link(from, to) == nil {
		return c.remove(from)
	}
	empty, err := c.create(to)
	if err != nil {
		return err
	}
	if err := errors.Join(empty.Close(), c.rename(from, to)); err != nil {
		return errors.Join(err, c.remove(to))
	}
	return nil
}

// replace gives the file at from the name to, whatever has it.
func replace(c *calls, from, to string) error { return c.rename(from, to) }

func create(path string) (file, error) {
	return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
}

// syncFolder makes a new name durable where the system has a call for it.
func syncFolder(path string) error {
	switch runtime.GOOS {
	case "windows", "plan9", "js", "wasip1":
		return nil
	}
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	err = folder.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported) {
		err = nil // some network file systems have none
	}
	return errors.Join(err, folder.Close())
}
