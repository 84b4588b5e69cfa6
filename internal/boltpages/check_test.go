package boltpages_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/leanovate/gopter/gen"
	"github.com/leanovate/gopter/prop"
	"go.etcd.io/bbolt"

	"github.com/parley-e2ee/parley/internal/boltpages"
	"github.com/parley-e2ee/parley/internal/proptest"
)

func TestPropertyAsBbolt(t *testing.T) {
	path := filepath.Join(tempDir(t), "db")
	properties := proptest.New(t, 60, 10)
	properties.Property("what bbolt writes is whole, and reads as bbolt reads it", prop.ForAll(
		func(seed int64) bool {
			os.Remove(path)
			w := newWorker(path, rand.New(rand.NewSource(seed)))
			defer w.close()
			for range 40 {
				w.commit()
				tx := must(w.db.Begin(false))
				want := rowsOf(tx)
				tx.Rollback()
				data := must(os.ReadFile(path))
				got, err := check(data)
				if err != nil || !slices.Equal(got, want) {
					t.Logf("%d rows for %d: %v", len(got), len(want), err)
					return false
				}
				saved, reports := salvage(data)
				if len(reports) > 0 || !slices.Equal(saved, want) {
					t.Logf("%d rows salvaged of %d: %q", len(saved), len(want), reports)
					return false
				}
			}
			return true
		},
		gen.Int64(),
	))
	properties.TestingRun(t)
}

func TestNewFile(t *testing.T) {
	path := filepath.Join(tempDir(t), "db")
	must(0, must(bbolt.Open(path, 0o600, options(bbolt.FreelistArrayType))).Close())
	if rows, err := check(must(os.ReadFile(path))); len(rows) > 0 || err != nil {
		t.Errorf("%d rows, %v", len(rows), err)
	}
}

func TestLongFreelist(t *testing.T) {
	if testing.Short() {
		t.Skip("a file of 300 MB")
	}
	path := filepath.Join(tempDir(t), "db")
	db := must(bbolt.Open(path, 0o600, options(bbolt.FreelistMapType)))
	for i := range 2 {
		must(0, db.Update(func(tx *bbolt.Tx) error {
			if i == 1 {
				return tx.DeleteBucket([]byte("b"))
			}
			b := must(tx.CreateBucket([]byte("b")))
			for k := range 0x10200 / 0x200 {
				must(0, b.Put([]byte{byte(k), byte(k >> 8)}, make([]byte, 0x200*boltpages.PageSize)))
			}
			return nil
		}))
	}
	must(0, db.Close())
	file := must(os.Open(path))
	defer file.Close()
	size := must(file.Stat()).Size()
	f := must(boltpages.Open(file, size))
	if err := f.Check(nil); err != nil {
		t.Fatal(err)
	}
	at := int64(f.Metas()[0].Freelist) * boltpages.PageSize
	header := make([]byte, 24)
	must(file.ReadAt(header, at))
	if !bytes.Equal(header[10:12], []byte{0xFF, 0xFF}) {
		t.Fatalf("the list is not long: % x", header)
	}
	for _, count := range []uint64{0, 0xFFFE, 1 << 61, 1 << 63, 1<<64 - 1} {
		native.PutUint64(header[16:], count)
		f := must(boltpages.Open(&patched{file, at, header}, size))
		if err := f.Check(nil); !errors.Is(err, boltpages.ErrDamaged) {
			t.Errorf("a freelist of %#x: %v", count, err)
		}
	}
}

// patched is a file that has other bytes at one place.
type patched struct {
	io.ReaderAt
	at    int64
	bytes []byte
}

func (p *patched) ReadAt(b []byte, off int64) (int, error) {
	n, err := p.ReaderAt.ReadAt(b, off)
	if i := p.at - off; i >= 0 && i < int64(n) {
		copy(b[i:n], p.bytes)
	}
	return n, err
}

func TestErrors(t *testing.T) {
	data := sample(t, bbolt.FreelistArrayType)
	broken := errors.New("broken")

	t.Run("of the visitor", func(t *testing.T) {
		f := must(boltpages.Open(bytes.NewReader(data), int64(len(data))))
		n := 0
		visit := func(_, _, _ []byte) error {
			if n++; n%3 == 0 {
				return broken
			}
			return nil
		}
		if err := f.Check(visit); err != broken || n != 3 {
			t.Errorf("check: %v after %d rows", err, n)
		}
		if err := f.Salvage(f.Metas()[0], visit, nil); err != broken || n != 6 {
			t.Errorf("salvage: %v after %d rows", err, n)
		}
	})
	t.Run("of the reader", func(t *testing.T) {
		for page := range len(data) / boltpages.PageSize {
			r := &failing{bytes.NewReader(data), int64(page) * boltpages.PageSize, broken}
			f, err := boltpages.Open(r, int64(len(data)))
			if err == nil {
				err = f.Check(nil)
			}
			// A page that is free is not read.
			if err != broken && err != nil || page < 3 && err != broken {
				t.Errorf("page %d: %v", page, err)
			}
			for _, eof := range []error{io.EOF, io.ErrUnexpectedEOF, nil} {
				r.err = eof
				f := must(boltpages.Open(r, int64(len(data))))
				now := f.Check(nil)
				if err == nil != (now == nil) || now != nil && (!errors.Is(now, boltpages.ErrDamaged) || !strings.Contains(now.Error(), "ends before")) {
					t.Errorf("page %d, %v: %v", page, eof, now)
				}
			}
		}
		// io.ReaderAt may say that the file ends with what it has read.
		if err := must(boltpages.Open(ending{bytes.NewReader(data)}, int64(len(data)))).Check(nil); err != nil {
			t.Error(err)
		}
		r := &failing{bytes.NewReader(nil), 0, broken}
		if _, err := boltpages.Open(r, int64(len(data))); err != broken {
			t.Errorf("neither meta page: %v", err)
		}
	})
	t.Run("none is read twice", func(t *testing.T) {
		r := &counting{ReaderAt: bytes.NewReader(data), read: map[int64]int{}}
		f := must(boltpages.Open(r, int64(len(data))))
		must(0, f.Check(nil))
		for page, n := range r.read {
			if n != 1 {
				t.Errorf("page %d is read %d times", page, n)
			}
		}
	})
	t.Run("page size", func(t *testing.T) {
		path := filepath.Join(tempDir(t), "db")
		for _, size := range []int{8192, 65536} {
			os.Remove(path)
			must(0, must(bbolt.Open(path, 0o600, &bbolt.Options{PageSize: size})).Close())
			if _, err := check(must(os.ReadFile(path))); err != boltpages.ErrPageSize {
				t.Errorf("pages of %d: %v", size, err)
			}
		}
	})
	t.Run("text", func(t *testing.T) {
		_, err := check(nil)
		var damage *boltpages.DamageError
		if !errors.As(err, &damage) || damage.Page != 0 || !strings.HasPrefix(err.Error(), boltpages.ErrDamaged.Error()+": page 0: ") {
			t.Error(err)
		}
	})
}

// failing cannot read the page at off, or beyond it if that is 0 and there is none.
type failing struct {
	*bytes.Reader
	off int64
	err error
}

func (r *failing) ReadAt(p []byte, off int64) (int, error) {
	if r.Len() == 0 || off <= r.off && r.off < off+int64(len(p)) {
		return 0, r.err
	}
	return r.Reader.ReadAt(p, off)
}

type ending struct{ io.ReaderAt }

func (r ending) ReadAt(p []byte, off int64) (int, error) {
	n, _ := r.ReaderAt.ReadAt(p, off)
	return n, io.EOF
}

type counting struct {
	io.ReaderAt
	read map[int64]int
}

func (r *counting) ReadAt(p []byte, off int64) (int, error) {
	for i := range int64(len(p) / boltpages.PageSize) {
		r.read[off/boltpages.PageSize+i]++
	}
	return r.ReaderAt.ReadAt(p, off)
}
