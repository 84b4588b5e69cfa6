//go:build !js && !wasip1

package keystore

import (
	"errors"
	"os"

	"github.com/parley-e2ee/parley/internal/boltpages"
)

// readPages checks the whole of a database, as bbolt cannot, and hands out what
// is in it. It returns the number of the last transaction.
func readPages(path string, visit func(bucket, key, value []byte) error) (tx uint64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	pages, err := boltpages.Open(f, info.Size())
	if err == nil {
		err = pages.Check(visit)
	}
	if errors.Is(err, boltpages.ErrDamaged) || errors.Is(err, boltpages.ErrPageSize) {
		return 0, &damage{"the database", err}
	}
	if err != nil {
		return 0, err
	}
	return pages.Metas()[0].TxID, nil
}
