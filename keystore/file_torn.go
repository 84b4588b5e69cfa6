//go:build (linux && !android) || darwin || freebsd || netbsd || openbsd || dragonfly

package keystore

import (
	"bytes"
	"os"
	"syscall"

	"github.com/parley-e2ee/parley/internal/boltpages"
)

// emptyTorn empties a file that bbolt was interrupted in making, under the lock
// that bbolt takes: another Create may be at it just now.
func emptyTorn(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	if syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil {
		return ErrLocked
	}
	whole := boltpages.Empty()
	b := make([]byte, len(whole)+1)
	n, _ := f.ReadAt(b, 0)
	if !boltpages.Begun(b[:n]) || bytes.Equal(b[:n], whole) {
		return ErrLocked // it was, and is a database now
	}
	return f.Truncate(0)
}
