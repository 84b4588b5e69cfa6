//go:build !js && !wasip1

package keystore

import (
	"bytes"

	bolt "go.etcd.io/bbolt"

	"github.com/parley-e2ee/parley/internal/xaes"
)

// A Slot is one of a key file.
type Slot struct {
	Kind   byte
	Number uint64
	Body   []byte
}

// Encode returns both blocks.
func (s Slot) Encode() []byte { return (&slot{s.Kind, s.Number, s.Body}).encode() }

// Place is where it belongs.
func (s Slot) Place() int64 { return (&slot{s.Kind, s.Number, s.Body}).place() }

// ReadKeyFile returns the slots that Open would find, and whether there is
// anything else.
func ReadKeyFile(b []byte) (slots []Slot, untidy bool, err error) {
	found, untidy, err := readKeyFile(bytes.NewReader(b))
	for _, s := range found {
		slots = append(slots, Slot{s.kind, s.number, s.body})
	}
	return slots, untidy, err
}

// UnwrapSlot does with a slot of either kind what Open does, and returns it
// encoded anew. Without a forger no data key can open.
func UnwrapSlot(s Slot, unlock Unlock, f *Forger) (again Slot, err error) {
	if s.Kind == dataKind {
		_, err := openDataKey(f.s.master, f.s.store, &slot{s.Kind, s.Number, s.Body})
		return s, err
	}
	w, err := decodeWrapping(s.Body)
	if err != nil {
		return s, err
	}
	_, err = unlock.unwrap(w)
	return Slot{s.Kind, s.Number, w.encode()}, err
}

// A State is what a state has in it.
type State struct {
	Generation, Epoch uint64
	Erasing           byte
	Sums              [2][32]byte
}

// A Forger has the keys of a store, and makes with them what the store itself
// never does: so that of all the checks of Open a test fails just one.
type Forger struct {
	s    *file
	data map[uint64]*sealer // by epoch
}

// NewForger takes the keys from a key file.
func NewForger(keys []byte, unlock Unlock) (*Forger, error) {
	slots, _, err := readKeyFile(bytes.NewReader(keys))
	if err != nil {
		return nil, err
	}
	f := &Forger{s: newFile(nil), data: make(map[uint64]*sealer)}
	for _, s := range slots {
		if s.kind != masterKind {
			continue
		}
		w, err := decodeWrapping(s.body)
		if err != nil {
			return nil, err
		}
		master, err := unlock.unwrap(w)
		if err != nil {
			return nil, err
		}
		f.s.setMaster(w.store, master)
	}
	for _, s := range slots {
		if s.kind != dataKind {
			continue
		}
		if f.data[s.number], err = openDataKey(f.s.master, f.s.store, s); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// DataSlot makes a new data key.
func (f *Forger) DataSlot(epoch uint64) Slot {
	s, sealer := newDataKey(f.s.master, f.s.store, epoch)
	f.data[epoch] = sealer
	return Slot{s.kind, s.number, s.body}
}

// sealer returns that of a class, with the data key that there is.
func (f *Forger) sealer(class byte) *sealer {
	if class == classKept {
		return f.s.kept
	}
	for _, s := range f.data {
		return s
	}
	return nil
}

// RowID is where the record with that full key belongs.
func (f *Forger) RowID(class byte, fullKey []byte) []byte {
	id := f.sealer(class).id(fullKey)
	return id[:]
}

// Row seals anything as the row with that ID.
func (f *Forger) Row(class byte, id, text []byte) []byte {
	s := f.sealer(class)
	return s.rows.Seal(nil, text, s.additional(rowID(id)))
}

// OpenRow opens a row as a store does.
func (f *Forger) OpenRow(class byte, id, row []byte) (fullKey, value []byte, err error) {
	return f.sealer(class).open(rowID(id), row)
}

// SealRow seals a record as a store does.
func (f *Forger) SealRow(class byte, fullKey, value []byte) (id, row []byte) {
	r := f.sealer(class).seal(fullKey, value)
	return r.id[:], *r.held.Load()
}

// State opens the state of a database.
func (f *Forger) State(tx *bolt.Tx) (State, error) {
	s, err := decodeState(tx.Bucket(bucketState).Get(keyState), f.s.sealKey, f.s.store)
	state := State{Generation: s.generation, Epoch: s.epoch, Sums: [2][32]byte{s.sums[0], s.sums[1]}}
	if s.erasing {
		state.Erasing = 1
	}
	return state, err
}

// PutState seals a state into the database.
func (f *Forger) PutState(tx *bolt.Tx, state State) error {
	s := fileState{generation: state.Generation, epoch: state.Epoch, sums: [2]sum{state.Sums[0], state.Sums[1]}}
	b := s.encode(f.s.sealKey, f.s.store)
	if state.Erasing != 0 {
		head := b[:stateHead:stateHead]
		plain, err := f.s.sealKey.Open(nil, b[stateHead:], head)
		if err != nil {
			return err
		}
		plain[16] = state.Erasing
		b = f.s.sealKey.Seal(head, plain, head)
	}
	return tx.Bucket(bucketState).Put(keyState, b)
}

// Recount makes the state's sums those of the rows.
func (f *Forger) Recount(tx *bolt.Tx) error {
	state, err := f.State(tx)
	if err != nil {
		return err
	}
	var sums [2]sum
	for class := range byte(2) {
		err := tx.Bucket(rowsOf(class)).ForEach(func(id, row []byte) error {
			if len(id) == len(rowID{}) && len(row) >= xaes.Overhead {
				f.s.sums.toggle(&sums[class], class, rowID(id), row)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	state.Sums = [2][32]byte{sums[0], sums[1]}
	return f.PutState(tx, state)
}

// Syncs is whether the database waits for the disk as section 9 says.
func (f *File) Syncs() bool {
	db := f.s.db
	return !db.NoSync && !db.NoGrowSync && !db.NoFreelistSync
}

// Master is the master key and the store's ID.
func (f *Forger) Master() (key [32]byte, store [16]byte) { return *f.s.master, f.s.store }

// Wrap makes the body of a slot for the master key that only its parameters make
// wrong: they stand beside a key, which has none.
func (f *Forger) Wrap(key Unlock, params []byte) []byte {
	w := &wrapping{store: f.s.store, kind: byKey}
	copy(w.params[:], params)
	w.check = derive(key.s().bytes, w.store, "check")
	wrap := derive(key.s().bytes, w.store, "wrap")
	xaes.New(&wrap).Seal(w.sealed[:0], f.s.master[:], w.head())
	return w.encode()
}
