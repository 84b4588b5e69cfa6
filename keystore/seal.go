package keystore

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"sync/atomic"

	"github.com/parley-e2ee/parley/internal/xaes"
)

// A sealer seals the records of one class, kept or erasable (section 4). It may
// be used by any number of goroutines.
type sealer struct {
	store storeID
	class byte
	names [32]byte
	rows  *xaes.AEAD
}

type rowID [16]byte

// A record is a value of a File: where it is and what opens it.
type record struct {
	sealer *sealer
	id     rowID
	nonce  [xaes.NonceSize]byte // tells it from others that stood there
	// held is the row while the file does not have it: not yet, or no more.
	held atomic.Pointer[[]byte]
}

// newSealer derives the keys of a class from the master key or a data key.
func newSealer(key *[32]byte, store storeID, class byte) *sealer {
	kind := "kept"
	if class == classErasable {
		kind = "erasable"
	}
	rows := derive(key[:], store, kind+" rows")
	defer clear(rows[:])
	return &sealer{store, class, derive(key[:], store, kind+" names"), xaes.New(&rows)}
}

// id is where the record of a key in the tree stands.
func (s *sealer) id(treeKey []byte) rowID {
	mac := hmac.New(sha256.New, s.names[:])
	mac.Write(treeKey)
	return rowID(mac.Sum(nil)[:len(rowID{})])
}

func (s *sealer) additional(id rowID) []byte {
	b := append([]byte("parley keystore v1 row"), s.store[:]...)
	return append(append(b, s.class), id[:]...)
}

// seal returns a record that holds its row.
func (s *sealer) seal(treeKey, value []byte) *record {
	plain := make([]byte, 0, 2+len(treeKey)+len(value))
	plain = binary.BigEndian.AppendUint16(plain, uint16(len(treeKey)))
	plain = append(append(plain, treeKey...), value...)
	defer clear(plain)
	r := &record{sealer: s, id: s.id(treeKey)}
	row := s.rows.Seal(make([]byte, 0, xaes.Overhead+len(plain)), plain, s.additional(r.id))
	copy(r.nonce[:], row)
	r.held.Store(&row)
	return r
}

// open returns what stands in a row under an id, as slices of the caller's own.
func (s *sealer) open(id rowID, row []byte) (treeKey, value []byte, err error) {
	treeKey, value, err = s.decrypt(id, row)
	if err != nil {
		return nil, nil, err
	}
	if b, key, ok := splitTreeKey(treeKey); !ok || class(b) != s.class || b.Check() != nil ||
		CheckKey(key) != nil || CheckValue(value) != nil || s.id(treeKey) != id {
		return nil, nil, corrupt("a record")
	}
	return treeKey, value, nil
}

// decrypt is open for a row that was checked when the file was opened.
func (s *sealer) decrypt(id rowID, row []byte) (treeKey, value []byte, err error) {
	plain, err := s.rows.Open(nil, row, s.additional(id))
	if err != nil || len(plain) < 2 {
		return nil, nil, corrupt("a record")
	}
	n := int(binary.BigEndian.Uint16(plain))
	if len(plain)-2 < n {
		return nil, nil, corrupt("a record")
	}
	return plain[2 : 2+n : 2+n], plain[2+n:], nil
}

// splitTreeKey is the inverse of treeKey.
func splitTreeKey(k []byte) (b Bucket, key []byte, ok bool) {
	at := bytes.IndexAny(k, "\x00\x01")
	if at < 0 {
		return Bucket{}, nil, false
	}
	return Bucket{Name: string(k[:at]), Erasable: k[at] == classErasable}, k[at+1:], true
}

// A sum stands for a set of rows: the exclusive or of their MACs. Who does not
// know the key, and sees no sum, makes no other set with the same one.
type sum [32]byte

// A summer computes sums under one key.
type summer [32]byte

// toggle adds a row to a sum, or takes it out.
func (k *summer) toggle(s *sum, class byte, id rowID, row []byte) {
	mac := hmac.New(sha256.New, k[:])
	mac.Write([]byte{class})
	mac.Write(id[:])
	mac.Write(row[:xaes.NonceSize])
	mac.Write(row[len(row)-16:]) // the tag
	for i, b := range mac.Sum(nil) {
		s[i] ^= b
	}
}
