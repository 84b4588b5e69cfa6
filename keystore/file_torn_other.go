//go:build !((linux && !android) || darwin || freebsd || netbsd || openbsd || dragonfly) && !js && !wasip1

package keystore

import "io/fs"

// emptyTorn leaves alone what it cannot lock: it is for a person to delete.
func emptyTorn(path string) error {
	return &fs.PathError{Op: "create", Path: path, Err: fs.ErrExist}
}
