package fernet_test

import (
	"bytes"
	"encoding/base64"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/leanovate/gopter/gen"
	"github.com/leanovate/gopter/prop"

	"github.com/parley-e2ee/parley/envelope/fernet"
	"github.com/parley-e2ee/parley/internal/proptest"
)

// onProcessors runs test with one processor, where nothing helps, and with two.
func onProcessors(t *testing.T, test func(t *testing.T)) {
	for n, name := range map[int]string{1: "alone", 2: "with a helper"} {
		t.Run(name, func(t *testing.T) {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(n))
			test(t)
		})
	}
}

// longSizes are around what ends a piece, and what starts a helper.
func longSizes() (sizes []int) {
	for _, near := range []int{fernet.PieceSize, fernet.DecodedPiece, 3 * fernet.PieceSize, fernet.ParallelSize, fernet.ParallelSize + 2*fernet.DecodedPiece} {
		step := 4
		if testing.Short() {
			step = 24
		}
		for d := -100; d <= 20; d += step {
			sizes = append(sizes, near+d)
		}
	}
	return sizes
}

// TestLongTokens holds tokens of several pieces against the second
// implementation.
func TestLongTokens(t *testing.T) {
	key := fernet.GenerateKey()
	ring := must(fernet.NewKeyring(fernet.GenerateKey(), key))
	onProcessors(t, func(t *testing.T) {
		for _, n := range longSizes() {
			msg, prefix := fill(n), []byte("before")
			raw := must(fernet.SealWith(key, msg, [16]byte{1}, 7))
			if !bytes.Equal(raw, forge(key, 0x80, 7, [16]byte{1}, pad(msg))) {
				t.Fatalf("%d bytes: the raw token is wrong", n)
			}
			text := must(fernet.EncryptWith(key, msg, [16]byte{1}, 7))
			if !bytes.Equal(text, toText(raw)) {
				t.Fatalf("%d bytes: the text is wrong", n)
			}
			want := append(prefix, msg...)
			for name, got := range map[string][]byte{
				"AppendOpen":    must(key.AppendOpen(prefix, raw, specTime)),
				"AppendDecrypt": must(key.AppendDecrypt(prefix, text, specTime)),
				"Keyring":       must(ring.AppendDecrypt(prefix, text, specTime)),
				"Rotate":        must(ring.AppendDecrypt(prefix, must(ring.Rotate(text)), specTime)),
			} {
				if !bytes.Equal(got, want) {
					t.Fatalf("%d bytes: %s changed the message", n, name)
				}
			}
		}
	})
}

// TestLongTokensRefused spoils a long token everywhere that matters.
func TestLongTokensRefused(t *testing.T) {
	key := fernet.GenerateKey()
	raw := must(fernet.SealWith(key, fill(fernet.ParallelSize+1000), [16]byte{}, 0))
	memory := make([]byte, 0, 2*len(raw))
	onProcessors(t, func(t *testing.T) {
		for _, at := range []int{0, 9, 25, fernet.DecodedPiece - 1, fernet.DecodedPiece, len(raw) / 2, len(raw) - 33, len(raw) - 1} {
			spoilt := bytes.Clone(raw)
			spoilt[at] ^= 1
			cause := fernet.ErrMAC
			if at == 0 {
				cause = fernet.ErrVersion
			}
			msg, err := key.AppendDecrypt(memory, toText(spoilt), specTime)
			wantRefused(t, msg, err, cause)
			text := toText(raw)
			text[at/3*4] = '\n'
			msg, err = key.AppendDecrypt(memory, text, specTime)
			wantRefused(t, msg, err, fernet.ErrMalformed)
			if !bytes.Equal(memory[:cap(memory)], make([]byte, cap(memory))) {
				t.Fatalf("change at %d: something is left in dst", at)
			}
		}
		bad := forge(key, 0x80, 0, [16]byte{}, make([]byte, fernet.ParallelSize))
		msg, err := key.AppendDecrypt(memory, toText(bad), specTime)
		wantRefused(t, msg, err, fernet.ErrPadding)
	})
}

// TestLongTokensTogether uses one key from many goroutines, for the race
// detector.
func TestLongTokensTogether(t *testing.T) {
	key := fernet.GenerateKey()
	msg := fill(fernet.ParallelSize)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 10 {
				if !bytes.Equal(must(key.Decrypt(must(key.Encrypt(msg)))), msg) {
					t.Error("the message changed")
				}
			}
		})
	}
	wg.Wait()
}

// TestBubbles: a key that has worked inside a synctest bubble works outside, and
// in another.
func TestBubbles(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
	key := fernet.GenerateKey()
	msg := fill(fernet.ParallelSize)
	use := func(t *testing.T) {
		raw := must(fernet.SealWith(key, msg, [16]byte{}, 0))
		if !bytes.Equal(must(key.Decrypt(toText(raw))), msg) {
			t.Error("the message changed")
		}
	}
	synctest.Test(t, use)
	use(t)
	synctest.Test(t, use)

	// And at the same time.
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for range 20 {
				use(t)
			}
		})
	}
	for range 20 {
		synctest.Test(t, use)
	}
	wg.Wait()
}

// TestLongAllocations: a helper costs no allocation.
func TestLongAllocations(t *testing.T) {
	if underRace {
		t.Skip("the race detector allocates on its own account")
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
	for _, f := range appendForms(fernet.GenerateKey()) {
		src, _ := f.input(fill(fernet.ParallelSize))
		dst := make([]byte, 0, fernet.EncryptedSize(fernet.ParallelSize))
		calls := func() {
			for range 100 {
				must(f.call(dst, src))
			}
		}
		calls()
		// The runtime may make a few goroutines for the first time.
		if got := testing.AllocsPerRun(1, calls); got > 20 {
			t.Errorf("%s: %v allocations in 100 calls", f.name, got)
		}
	}
}

func TestPropertyText(t *testing.T) {
	properties := proptest.New(t, 2000, 100)
	properties.Property("text is base64url, and nothing else is taken", prop.ForAll(
		func(raw []byte, at uint, b byte) bool {
			text := []byte(base64.RawURLEncoding.EncodeToString(raw))
			if len(text) > 0 {
				text[at%uint(len(text))] = b
			}
			want, err := base64.RawURLEncoding.Strict().DecodeString(string(text))
			got := make([]byte, len(raw))
			ok := fernet.Decode(got, text)
			canonical := err == nil && len(want) == len(raw)
			return ok == canonical && (!ok || bytes.Equal(got, want))
		},
		genBytes(100), gen.UInt(), gen.UInt8(),
	))
	properties.Property("encoding in place, the source at the end, is encoding", prop.ForAll(
		func(raw []byte) bool {
			want := toText(raw)
			text := append(make([]byte, len(want)-len(raw)), raw...)
			fernet.Encode(text, text[len(want)-len(raw):])
			return bytes.Equal(text, want)
		},
		genBytes(100),
	))
	properties.TestingRun(t)
}
