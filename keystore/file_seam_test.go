//go:build !js && !wasip1

package keystore

import (
	"bytes"
	"iter"
)

// WithSeam returns options with which calls to the disk go through s.
func WithSeam(o Options, s func(what string, call func() error) error) *Options {
	o.seam = s
	return &o
}

// An Opener opens rows with all that a store's passphrase leads to: the master
// key and every data key that is in the key file.
type Opener struct{ sealers []*sealer }

// Opener returns that of an open store. keys is its key file.
func (f *File) Opener(keys []byte) *Opener {
	o := &Opener{[]*sealer{f.s.kept}}
	for at := 0; at+blockSize <= len(keys); at += blockSize {
		if slot := decodeBlock(keys[at:][:blockSize]); slot != nil && slot.kind == dataKind {
			if s, err := openDataKey(f.s.master, f.s.store, slot); err == nil {
				o.sealers = append(o.sealers, s)
			}
		}
	}
	return o
}

// Open returns the value of a row, if it opens.
func (o *Opener) Open(id, row []byte) (value []byte, ok bool) {
	for _, s := range o.sealers {
		if _, value, err := s.open(rowID(id), row); err == nil {
			return value, true
		}
	}
	return nil, false
}

// Held is how many committed records are in memory beside the file.
func (f *File) Held() (n int) {
	f.s.current.root.ascend(nil, func(n2 *node[*record]) bool {
		if n2.value.held.Load() != nil {
			n++
		}
		return true
	})
	return n
}

// FileSizes are those of a slot's block and of the key file.
const (
	BlockSize   = blockSize
	KeyFileSize = keyFileSize
)

// Rows yields the rows with their classes.
func (f *File) Rows() iter.Seq2[byte, []byte] {
	return func(yield func(byte, []byte) bool) {
		f.s.current.root.ascend(nil, func(n *node[*record]) (more bool) {
			f.s.withRow(n.value, func(row []byte) error {
				more = yield(n.value.sealer.class, bytes.Clone(row))
				return nil
			})
			return more
		})
	}
}

// Quiet calls fn while nothing is committed.
func Quiet(f *File, fn func()) {
	f.s.commits <- struct{}{}
	defer func() { <-f.s.commits }()
	fn()
}
