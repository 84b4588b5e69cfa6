package e2ee_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/parley-e2ee/parley/e2ee"
	"github.com/parley-e2ee/parley/envelope"
	"github.com/parley-e2ee/parley/keystore"
	"github.com/parley-e2ee/parley/transport"
)

// TestExportRefuses is what Export returns errors for.
func TestExportRefuses(t *testing.T) {
	relay := transport.NewMemory(nil)
	alice := newPerson(t, "alice", relay, relay)
	if _, err := alice.Export(t.Context(), nil); !errors.Is(err, envelope.ErrKey) {
		t.Errorf("no passphrase: %v, want envelope.ErrKey", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := alice.Export(ctx, []byte(passphrase)); !errors.Is(err, context.Canceled) {
		t.Errorf("ended context: %v", err)
	}
	must(t, alice.Close())
	if _, err := alice.Export(t.Context(), []byte(passphrase)); !errors.Is(err, e2ee.ErrClosed) {
		t.Errorf("closed client: %v, want ErrClosed", err)
	}
}

// sealedAs is content in an envelope to the passphrase, with that metadata.
func sealedAs(t testing.TB, metadata string, content []byte) []byte {
	t.Helper()
	key, err := envelope.PassphraseIdentity([]byte(passphrase))
	must(t, err)
	out, err := envelope.Seal(content, &envelope.Options{Metadata: []byte(metadata)}, key.Recipient())
	must(t, err)
	return out
}

// contents is all that a store holds.
func contents(t testing.TB, store keystore.Store) (n int) {
	t.Helper()
	must(t, store.View(t.Context(), func(tx keystore.Tx) error {
		for _, b := range buckets {
			for _, err := range tx.Scan(b, nil) {
				must(t, err)
				n++
			}
		}
		return nil
	}))
	return n
}

var buckets = []keystore.Bucket{
	{Name: "identity"}, {Name: "pins"}, {Name: "rooms"}, {Name: "room.public"},
	{Name: "room.secret", Erasable: true}, {Name: "outbox", Erasable: true}, {Name: "events", Erasable: true},
}

// TestImportRefuses goes through what is no export, or not to this passphrase.
func TestImportRefuses(t *testing.T) {
	relay := transport.NewMemory(nil)
	good := exportOf(t, newPerson(t, "alice", relay, relay))
	raw := openedExport(t, good)
	info, err := envelope.Inspect(bytes.NewReader(good))
	must(t, err)
	flip := func(at int, bits byte) []byte {
		out := bytes.Clone(good)
		out[at] ^= bits
		return out
	}
	shared, err := envelope.SharedKeyIdentity(bytes.Repeat([]byte{7}, envelope.SharedKeySize))
	must(t, err)
	toKey := func(metadata string) []byte { // stretches no passphrase
		out, err := envelope.Seal(raw, &envelope.Options{Metadata: []byte(metadata)}, shared.Recipient())
		must(t, err)
		return out
	}
	const words = "kept to myself"
	for _, c := range []struct {
		name       string
		exported   []byte
		passphrase string
		want       error
	}{
		{"wrong passphrase", good, words, e2ee.ErrPassphrase},
		{"no passphrase", good, "", e2ee.ErrPassphrase},
		{"nothing", nil, words, e2ee.ErrExport},
		{"no envelope", []byte(words), words, e2ee.ErrExport},
		{"armored", envelope.Armor(good), passphrase, e2ee.ErrExport},
		{"cut off in the header", good[:info.HeaderSize-1], passphrase, e2ee.ErrExport},
		{"cut off", good[:len(good)-1], passphrase, e2ee.ErrExport},
		{"left over", append(bytes.Clone(good), 0), passphrase, e2ee.ErrExport},
		{"too long", append(bytes.Clone(good), make([]byte, e2ee.MaxExport)...), words, e2ee.ErrExport},
		{"changed magic", flip(0, 1), passphrase, e2ee.ErrExport},
		{"unknown flag", flip(len("parley-envelope/v1\n"), 0x80), passphrase, e2ee.ErrExportVersion},
		{"changed payload", flip(int(info.HeaderSize)+40, 1), passphrase, e2ee.ErrExport},
		{"changed key", flip(int(info.HeaderSize)-33, 1), passphrase, e2ee.ErrPassphrase},
		{"another envelope", sealedAs(t, "", raw), passphrase, e2ee.ErrExport},
		{"another envelope's kind", toKey("parley exports"), passphrase, e2ee.ErrExport},
		{"to a key", toKey("parley export v1"), passphrase, e2ee.ErrExport},
		{"newer kind", toKey("parley export v2"), passphrase, e2ee.ErrExportVersion},
		{"newer content", sealedAs(t, "parley export v1", append([]byte{2}, raw[1:]...)), passphrase, e2ee.ErrExportVersion},
		{"garbled content", sealedAs(t, "parley export v1", raw[:len(raw)-1]), passphrase, e2ee.ErrExport},
		{"no content", sealedAs(t, "parley export v1", nil), passphrase, e2ee.ErrExport},
	} {
		store := newStore()
		id, err := e2ee.Import(t.Context(), store, c.exported, []byte(c.passphrase))
		if !errors.Is(err, c.want) || id.String() != "e2ee.Identity()" {
			t.Errorf("%s: %v, %v, want %v", c.name, id, err, c.want)
		}
		for _, other := range []error{e2ee.ErrExport, e2ee.ErrExportVersion, e2ee.ErrPassphrase} {
			if other != c.want && errors.Is(err, other) {
				t.Errorf("%s: is %v too", c.name, other)
			}
		}
		if err != nil && (strings.Contains(err.Error(), words) || strings.Contains(err.Error(), passphrase)) {
			t.Errorf("%s: the error repeats what it was given", c.name)
		}
		if n := contents(t, store); n != 0 {
			t.Errorf("%s: %d records are written", c.name, n)
		}
		if c.name == "cut off" {
			_, err := e2ee.Import(t.Context(), store, good, []byte(passphrase))
			must(t, err)
		}
	}
}

// TestImportChangedHeader flips a bit in each part of the header: whether it
// was the passphrase that was wrong is the envelope's to say.
func TestImportChangedHeader(t *testing.T) {
	good := readExportVector(t).Export
	info, err := envelope.Inspect(bytes.NewReader(good))
	must(t, err)
	step := 29
	if testing.Short() {
		step = 61
	}
	for at := 0; at < int(info.HeaderSize); at += step {
		changed := bytes.Clone(good)
		changed[at] ^= 1
		store := newStore()
		_, err := e2ee.Import(t.Context(), store, changed, []byte(passphrase))
		if !errors.Is(err, e2ee.ErrExport) && !errors.Is(err, e2ee.ErrPassphrase) && !errors.Is(err, e2ee.ErrExportVersion) {
			t.Errorf("byte %d: %v", at, err)
		}
		if n := contents(t, store); n != 0 {
			t.Errorf("byte %d: %d records are written", at, n)
		}
	}
}

// TestImportIntoUsedStore holds that nobody's records are written over.
func TestImportIntoUsedStore(t *testing.T) {
	relay := transport.NewMemory(nil)
	alice, bob := newPerson(t, "alice", relay, relay), newPerson(t, "bob", relay, relay)
	good := exportOf(t, alice)
	if _, err := e2ee.Import(t.Context(), bob.store, good, []byte(passphrase)); !errors.Is(err, keystore.ErrLocked) {
		t.Errorf("into an open store: %v, want ErrLocked", err)
	}
	must(t, bob.Close())
	stores := []*keystore.Memory{bob.store}
	for i, b := range buckets {
		if testing.Short() && i%3 > 0 { // each takes a stretched passphrase
			continue
		}
		store := keystore.NewMemory()
		must(t, store.Update(t.Context(), func(tx keystore.WriteTx) error { return tx.Store(b, []byte("key"), []byte("value")) }))
		stores = append(stores, store)
	}
	for _, store := range stores {
		before := contents(t, store)
		if _, err := e2ee.Import(t.Context(), store, good, []byte(passphrase)); !errors.Is(err, e2ee.ErrStoreUsed) {
			t.Errorf("%v, want ErrStoreUsed", err)
		}
		if n := contents(t, store); n != before {
			t.Errorf("%d records, where there were %d", n, before)
		}
	}
	bob.open()
	if bob.Name() != "bob" {
		t.Errorf("bob is %s", bob.Name())
	}
}

// brittle fails the nth write.
type brittle struct {
	keystore.Store
	left int
}

type brittleTx struct {
	keystore.WriteTx
	left *int
}

var errBrittle = errors.New("disk is full")

func (b *brittle) Update(ctx context.Context, fn func(keystore.WriteTx) error) error {
	return b.Store.Update(ctx, func(tx keystore.WriteTx) error { return fn(brittleTx{tx, &b.left}) })
}

func (b brittleTx) Store(bucket keystore.Bucket, key, value []byte) error {
	if *b.left--; *b.left < 0 {
		return errBrittle
	}
	return b.WriteTx.Store(bucket, key, value)
}

// TestImportIsAllOrNothing fails one write or another.
func TestImportIsAllOrNothing(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		p := newPair(t)
		p.verify(t)
		good := exportOf(t, p.alice)
		step := 2
		if testing.Short() {
			step = 5
		}
		for n := 0; ; n += step {
			store := &brittle{newStore(), n}
			_, err := e2ee.Import(t.Context(), store, good, []byte(passphrase))
			if err == nil {
				if n < 8 {
					t.Errorf("%d writes for an identity, a pin and two rooms", n)
				}
				break
			}
			if !errors.Is(err, errBrittle) {
				t.Fatal(err)
			}
			if n := contents(t, store.Store); n != 0 {
				t.Fatalf("%d records are left", n)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := e2ee.Import(ctx, newStore(), good, []byte(passphrase)); !errors.Is(err, context.Canceled) {
			t.Errorf("ended context: %v", err)
		}
	})
}
