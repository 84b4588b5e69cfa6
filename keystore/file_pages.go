//go:build !js && !wasip1

package keystore

import (
	"errors"
	"os"

	"github.com/parley-e2ee/parley/internal/boltpages"
)

// maxFile bounds a database in bytes: what a page costs while it is checked is
// little, but a file can claim any size.
const maxFile = 1 << 40

// openPages opens a database to be looked at page by page.
func openPages(path string) (*os.File, *boltpages.File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	var pages *boltpages.File
	switch {
	case err != nil:
	case !info.Mode().IsRegular() || info.Size() > maxFile:
		err = corrupt("the size of the database")
	default:
		pages, err = boltpages.Open(f, info.Size())
	}
	if errors.Is(err, boltpages.ErrDamaged) || errors.Is(err, boltpages.ErrPageSize) {
		err = &damage{"the database", err}
	}
	if err != nil {
		f.Close()
		return nil, nil, err
	}
	return f, pages, nil
}

// pagesFit checks what bbolt takes on trust in the first two pages.
func pagesFit(path string) error {
	f, _, err := openPages(path)
	if err == nil {
		f.Close()
	}
	return err
}

// readPages checks the whole of a database, as bbolt cannot, and hands out what
// is in it. It returns the number of the last transaction.
func readPages(path string, visit func(bucket, key, value []byte) error) (tx uint64, err error) {
	f, pages, err := openPages(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	err = pages.Check(visit)
	if errors.Is(err, boltpages.ErrDamaged) {
		return 0, &damage{"the database", err}
	}
	if err != nil {
		return 0, err
	}
	return pages.Metas()[0].TxID, nil
}
