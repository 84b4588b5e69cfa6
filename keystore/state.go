package keystore

import (
	"encoding/binary"

	"github.com/parley-e2ee/parley/internal/xaes"
)

// A fileState is what a file says of itself, written with every commit
// (section 5).
type fileState struct {
	generation uint64 // commits so far
	epoch      uint64 // which data key
	// erasing: what was erased since the data key was made is readable with it.
	erasing bool
	sums    [2]sum // of the rows, by class
}

const (
	stateVersion   = 1
	statePlainSize = 8 + 8 + 1 + 2*len(sum{})
	stateHead      = 1 + len(storeID{})
	stateSize      = stateHead + xaes.Overhead + statePlainSize
)

func (s *fileState) encode(key *xaes.AEAD, store storeID) []byte {
	plain := binary.BigEndian.AppendUint64(nil, s.generation)
	plain = binary.BigEndian.AppendUint64(plain, s.epoch)
	plain = append(plain, 0)
	if s.erasing {
		plain[16] = 1
	}
	plain = append(append(plain, s.sums[0][:]...), s.sums[1][:]...)
	head := append([]byte{stateVersion}, store[:]...)
	return key.Seal(head, plain, head)
}

func decodeState(b []byte, key *xaes.AEAD, store storeID) (s fileState, err error) {
	switch {
	case len(b) > 0 && b[0] != stateVersion:
		return s, ErrVersion
	case len(b) != stateSize:
		return s, corrupt("the state")
	case storeID(b[1:stateHead]) != store:
		return s, corrupt("the key file is another store's")
	}
	plain, err := key.Open(nil, b[stateHead:], b[:stateHead])
	if err != nil || len(plain) != statePlainSize || plain[16] > 1 {
		return s, corrupt("the state")
	}
	s.generation = binary.BigEndian.Uint64(plain)
	s.epoch = binary.BigEndian.Uint64(plain[8:])
	s.erasing = plain[16] == 1
	copy(s.sums[0][:], plain[17:])
	copy(s.sums[1][:], plain[17+len(sum{}):])
	return s, nil
}
