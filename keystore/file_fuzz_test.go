//go:build !js && !wasip1

package keystore_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/parley-e2ee/parley/keystore"
)

// forFuzzing is a store that is always the same: its key file, as it was made once
// with fileKey.
func forFuzzing(f *testing.F) (keys []byte, forger *keystore.Forger) {
	f.Helper()
	img, _ := madeBy(f, noErase, func(*keystore.File) {})
	return img.keys, must(keystore.NewForger(img.keys, fileKey))
}

// packKeys writes down a key file so that a fuzzer changes what matters: for each
// of the eight blocks two bytes of length, the first bit of which has the checksum
// made right, and so many of its bytes.
func packKeys(keys []byte) (packed []byte) {
	for block := range slices.Chunk(keys, keystore.BlockSize) {
		block = bytes.TrimRight(block[:len(block)-32], "\x00")
		n := len(block)
		if n > 0 {
			n |= 0x8000
		}
		packed = append(append(packed, byte(n>>8), byte(n)), block...)
	}
	return packed
}

// unpackKeys makes a key file of anything. What is behind the blocks makes it
// longer, and what is missing shorter by so many.
func unpackKeys(packed []byte) (keys []byte) {
	for range keystore.KeyFileSize / keystore.BlockSize {
		if len(packed) < 2 {
			return keys
		}
		n, right := int(packed[0]&0x7F)<<8|int(packed[1]), packed[0]&0x80 != 0
		n = min(n, len(packed)-2, keystore.BlockSize)
		block := resize(packed[2:2+n], keystore.BlockSize)
		if packed = packed[2+n:]; right {
			resum(block)
		}
		keys = append(keys, block...)
	}
	return append(keys, packed...)
}

// FuzzKeyFile looks for key files that are read as something else than they are.
func FuzzKeyFile(f *testing.F) {
	keys, forger := forFuzzing(f)
	f.Add(packKeys(keys))
	f.Fuzz(func(t *testing.T, packed []byte) {
		keys := unpackKeys(packed)
		slots, untidy, err := keystore.ReadKeyFile(keys)
		if err != nil {
			if !errors.Is(err, keystore.ErrCorrupt) || len(keys) == keystore.KeyFileSize || len(slots) > 0 {
				t.Fatalf("%d bytes, %d slots: %v", len(keys), len(slots), err)
			}
			return
		}
		// What the slots stand for, and nothing else, is tidy.
		tidy := make([]byte, len(keys))
		for _, s := range slots {
			at := s.Place()
			if len(s.Body) > keystore.BlockSize || !wiped(tidy[at:][:2*keystore.BlockSize]) {
				t.Fatalf("slot %d of kind %d: %d bytes at %d", s.Number, s.Kind, len(s.Body), at)
			}
			copy(tidy[at:], s.Encode())
			// A slot that is read has a block that says so.
			if block := s.Encode()[:keystore.BlockSize]; !bytes.Equal(keys[at:][:keystore.BlockSize], block) &&
				!bytes.Equal(keys[at+keystore.BlockSize:][:keystore.BlockSize], block) {
				t.Fatalf("slot %d of kind %d is in neither block", s.Number, s.Kind)
			}
			again, err := keystore.UnwrapSlot(s, fileKey, forger)
			if err != nil && !errors.Is(err, keystore.ErrCorrupt) && !errors.Is(err, keystore.ErrPassphrase) {
				t.Fatal(err)
			}
			if err == nil && !bytes.Equal(again.Body, s.Body) {
				t.Fatalf("% x, encoded again % x", s.Body, again.Body)
			}
		}
		if untidy == bytes.Equal(tidy, keys) {
			t.Fatalf("%d slots, untidy %t", len(slots), untidy)
		}
		// Read again it is what it was.
		again, untidy, err := keystore.ReadKeyFile(tidy)
		if err != nil || untidy || !slices.EqualFunc(again, slots, func(a, b keystore.Slot) bool {
			return a.Kind == b.Kind && a.Number == b.Number && bytes.Equal(a.Body, b.Body)
		}) {
			t.Fatalf("%d slots, untidy %t, %v", len(again), untidy, err)
		}
	})
}

// FuzzRow looks for rows, of somebody who has the keys, that open as what no store
// would have stored.
func FuzzRow(f *testing.F) {
	_, forger := forFuzzing(f)
	f.Add(byte(0), []byte("plain\x00key"), []byte("value"))
	f.Fuzz(func(t *testing.T, class byte, text, more []byte) {
		class &= 1
		// The ID of the full key that the text says it has, or else of more.
		fullKey := more
		if len(text) >= 2 {
			if n := int(text[0])<<8 | int(text[1]); n <= len(text)-2 {
				fullKey = text[2 : 2+n]
			}
		}
		id := forger.RowID(class, fullKey)
		row := forger.Row(class, id, text)
		got, value, err := forger.OpenRow(class, id, row)
		if err != nil && !errors.Is(err, keystore.ErrCorrupt) {
			t.Fatal(err)
		}
		if err == nil {
			if !bytes.Equal(got, fullKey) || len(text) != 2+len(got)+len(value) || !bytes.HasSuffix(text, value) {
				t.Fatalf("%q opens as %q and %q", text, got, value)
			}
			name, key, _ := bytes.Cut(got, []byte{class})
			b := keystore.Bucket{Name: string(name), Erasable: class == 1}
			if b.Check() != nil || keystore.CheckKey(key) != nil || keystore.CheckValue(value) != nil {
				t.Fatalf("%q opens as a record of %v under %q", text, b, key)
			}
		}
		for what, opened := range map[string]error{
			"of the other class": second(forger.OpenRow(1-class, id, row)),
			"of another ID":      second(forger.OpenRow(class, forger.RowID(class, append([]byte("x"), fullKey...)), row)),
			"that is cut":        second(forger.OpenRow(class, id, row[:len(row)-1])),
			"of anything":        second(forger.OpenRow(class, id, more)),
			"that goes on":       second(forger.OpenRow(class, id, append(bytes.Clone(row), 0))),
		} {
			if !errors.Is(opened, keystore.ErrCorrupt) {
				t.Fatalf("a row %s: %v", what, opened)
			}
		}
		// What a store would store opens as that.
		if name, key, ok := bytes.Cut(fullKey, []byte{class}); ok && (keystore.Bucket{Name: string(name)}).Check() == nil && keystore.CheckKey(key) == nil {
			id, row := forger.SealRow(class, fullKey, more)
			got, value, err := forger.OpenRow(class, id, row)
			if err != nil || !bytes.Equal(got, fullKey) || !bytes.Equal(value, more) {
				t.Fatalf("%q, %q opens as %q, %q, %v", fullKey, more, got, value, err)
			}
		}
	})
}

func second(_, _ []byte, err error) error { return err }
