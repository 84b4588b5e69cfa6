//go:build !js && !wasip1

package keystore

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io"
	"os"
)

// The key file has four slots, overwritten in place: two for the master key, of
// which the one with the higher number counts, and two for data keys, of which
// the store's state says which counts. Each slot is there twice (section 3).
const (
	blockSize    = 4096
	slotSize     = 2 * blockSize
	keyFileSize  = 4 * slotSize
	blockHead    = 4 + 1 + 8 + 2
	maxBlockBody = blockSize - blockHead - sha256.Size

	masterKind = 1
	dataKind   = 2
)

// blockMagic begins a block.
const blockMagic = "PKS1"

// A slot is what one slot of the key file holds.
type slot struct {
	kind   byte
	number uint64
	body   []byte
}

// place is where a slot belongs.
func (s *slot) place() int64 { return (int64(s.kind-masterKind)*2 + int64(s.number%2)) * slotSize }

// other is the slot that is to be empty while s counts.
func (s *slot) other() *slot { return &slot{kind: s.kind, number: s.number + 1} }

// encode returns both blocks of a slot.
func (s *slot) encode() []byte {
	b := append([]byte(blockMagic), s.kind)
	b = binary.BigEndian.AppendUint64(b, s.number)
	b = binary.BigEndian.AppendUint16(b, uint16(len(s.body)))
	b = append(b, s.body...)
	b = append(b, make([]byte, blockSize-sha256.Size-len(b))...)
	checksum := sha256.Sum256(b)
	b = append(b, checksum[:]...)
	return append(b, b...)
}

// decodeBlock returns nil for what is no block.
func decodeBlock(b []byte) *slot {
	checksum := sha256.Sum256(b[:blockSize-sha256.Size])
	if !bytes.Equal(checksum[:], b[blockSize-sha256.Size:]) || string(b[:4]) != blockMagic {
		return nil
	}
	s := &slot{kind: b[4], number: binary.BigEndian.Uint64(b[5:])}
	n := int(binary.BigEndian.Uint16(b[13:]))
	if n > maxBlockBody || (s.kind != masterKind && s.kind != dataKind) {
		return nil
	}
	s.body = bytes.Clone(b[blockHead:][:n])
	if !bytes.Equal(b, s.encode()[:blockSize]) {
		return nil // no zeros behind the body
	}
	return s
}

// A keyFile is the open key file of a store.
type keyFile struct {
	f    *os.File
	seam seam
}

// readKeyFile returns the slots that are there, and whether the file holds
// anything else, which is no error: a crash while one slot is written leaves it.
func readKeyFile(r io.ReaderAt) (slots []*slot, untidy bool, err error) {
	b := make([]byte, keyFileSize+1)
	if n, err := r.ReadAt(b, 0); err == nil || n != keyFileSize {
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, false, err
		}
		return nil, false, corrupt("the size of the key file")
	} else if !errors.Is(err, io.EOF) {
		return nil, false, err
	}
	zero := make([]byte, slotSize)
	for at := int64(0); at < keyFileSize; at += slotSize {
		raw := b[at:][:slotSize]
		if bytes.Equal(raw, zero) {
			continue
		}
		s := decodeBlock(raw[:blockSize])
		if s == nil {
			s = decodeBlock(raw[blockSize:])
		}
		if s == nil || s.place() != at {
			untidy = true
			continue
		}
		untidy = untidy || !bytes.Equal(raw, s.encode())
		slots = append(slots, s)
	}
	return slots, untidy, nil
}

// write writes a slot, and returns once it is on the disk.
func (k *keyFile) write(s *slot) error { return k.put(s.encode(), s.place()) }

// erase overwrites a slot with zeros.
func (k *keyFile) erase(s *slot) error { return k.put(make([]byte, slotSize), s.place()) }

func (k *keyFile) put(b []byte, at int64) error {
	err := k.seam.call("write the key file", func() error { _, err := k.f.WriteAt(b, at); return err })
	if err != nil {
		return err
	}
	return k.seam.call("sync the key file", k.f.Sync)
}

// head authenticates a data key: the slot up to the wrapped key.
func (s *slot) head() []byte {
	b := binary.BigEndian.AppendUint64([]byte{s.kind}, s.number)
	return append(b, s.body[:len(storeID{})]...)
}
