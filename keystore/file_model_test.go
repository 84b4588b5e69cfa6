//go:build !js && !wasip1

package keystore_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/parley-e2ee/parley/keystore"
)

// files are stores in files of a directory, whose data keys change all the time.
type files struct {
	dir   string
	count *int
	paths map[keystore.Store]string
}

var busy = &keystore.Options{EraseAfter: 50 * time.Microsecond}

func (f *files) path() string {
	*f.count++
	return filepath.Join(f.dir, fmt.Sprint(*f.count))
}

func (f *files) make() (keystore.Store, error) {
	path := f.path()
	s, err := keystore.Create(path, fileKey, busy)
	if err != nil {
		return nil, err
	}
	f.paths[s] = path
	return s, nil
}

func (f *files) open(path string) (keystore.Store, error) {
	s, err := keystore.Open(path, fileKey, busy)
	if err != nil {
		return nil, err
	}
	f.paths[s] = path
	return s, nil
}

// crashed copies the files, at a moment when no data key is being replaced: one
// file after the other would not be what a crash leaves.
func (f *files) crashed(s keystore.Store) (keystore.Store, error) {
	path, to := f.paths[s], f.path()
	keystore.Quiet(s.(*keystore.File), func() {
		db, err := os.ReadFile(path)
		keys, err2 := os.ReadFile(path + ".keys")
		if err := errors.Join(err, err2, os.WriteFile(to, db, 0o600), os.WriteFile(to+".keys", keys, 0o600)); err != nil {
			panic(err)
		}
	})
	return f.open(to)
}

func (f *files) restarted(s keystore.Store) (keystore.Store, error) {
	if err := s.Close(); err != nil {
		return nil, err
	}
	return f.open(f.paths[s])
}

// TestFileModel is TestModel with files.
func TestFileModel(t *testing.T) {
	testModel(t, &files{tempDir(t), new(int), make(map[keystore.Store]string)}, 200)
}
