package cobblestone_test

import (
	"bytes"
	"compress/zlib"
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/parley-e2ee/parley/envelope/cobblestone"
)

const minVectors = 35

type hexBytes []byte

func (h *hexBytes) UnmarshalText(text []byte) (err error) {
	*h, err = hex.DecodeString(string(text))
	return err
}

type vector struct {
	ID      int      `json:"tcId"`
	Comment string   `json:"comment"`
	Key     hexBytes `json:"key"`
	Context hexBytes `json:"ctx"`
	// CT is the zlib stream of the sealed message.
	CT        hexBytes `json:"ct"`
	BaseNonce hexBytes `json:"baseNonce"`
	MsgLength int      `json:"msgLength"`
	MsgSHA512 hexBytes `json:"msgSha512"`
	Result    string   `json:"result"`
	Flags     []string `json:"flags"`
}

func (v vector) has(flag string) bool { return slices.Contains(v.Flags, flag) }

// loadVectors fails below a minimum count, lest an empty file pass for a success.
func loadVectors(tb testing.TB) []vector {
	tb.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", "testdata", "vectors", "cobblestone-128.json"))
	if err != nil {
		tb.Fatal(err)
	}
	var file struct {
		TestGroups []struct {
			AEAD, SHA string
			Tests     []vector
		}
	}
	if err := json.Unmarshal(data, &file); err != nil {
		tb.Fatal(err)
	}
	var all []vector
	for _, group := range file.TestGroups {
		if group.AEAD != "AEAD_AES_128_GCM" || group.SHA != "SHA-512" {
			tb.Fatalf("vectors for %s with %s", group.AEAD, group.SHA)
		}
		all = append(all, group.Tests...)
	}
	if len(all) < minVectors {
		tb.Fatalf("%d vectors, want at least %d", len(all), minVectors)
	}
	for i := range all {
		all[i].CT = must(io.ReadAll(must(zlib.NewReader(bytes.NewReader(all[i].CT)))))
	}
	return all
}

// cause is the error that a vector must lead to: the layer that refuses it.
func (v vector) cause(known bool) error {
	switch {
	case v.has("InvalidKeySize"):
		return cobblestone.ErrKey
	case len(v.CT) < cobblestone.HeaderSize:
		return cobblestone.ErrTruncated
	case v.has("HeaderFailure"):
		return cobblestone.ErrCommitment
	}
	rest := (len(v.CT) - cobblestone.HeaderSize) % stride
	if rest < cobblestone.Overhead && (known || rest == 0 || v.MsgLength == (len(v.CT)-cobblestone.HeaderSize)/stride*chunkSize) {
		return cobblestone.ErrTruncated
	}
	return cobblestone.ErrChunk
}

func TestVectors(t *testing.T) {
	for _, v := range loadVectors(t) {
		t.Run(strconv.Itoa(v.ID), func(t *testing.T) {
			t.Log(v.Comment, v.Flags)
			for _, o := range openers() {
				for _, concurrency := range []int{1, 2, 3} {
					opts := &cobblestone.Options{Suite: cobblestone.Cobblestone128, Concurrency: concurrency}
					msg, err := o.open(v.Key, v.Context, v.CT, opts)
					v.check(t, o.name, msg, err)
				}
			}
		})
	}
}

func (v vector) check(t *testing.T, form string, msg []byte, err error) {
	t.Helper()
	sum := sha512.Sum512(msg)
	whole := len(msg) == v.MsgLength && bytes.Equal(sum[:], v.MsgSHA512)
	if v.Result == "valid" {
		if err != nil || !whole {
			t.Errorf("%s: %d bytes, error %v", form, len(msg), err)
		}
		return
	}
	stream := form != "AppendOpen" && form[:min(8, len(form))] != "ReaderAt"
	if cause := v.cause(!stream); !errors.Is(err, cause) {
		t.Errorf("%s: error %v, want %v", form, err, cause)
	}
	switch {
	case stream && v.has("PartialPlaintext"):
		if !whole {
			t.Errorf("%s: released %d bytes, not the authentic beginning", form, len(msg))
		}
	case form == "AppendOpen" || !v.has("PartialPlaintext"):
		if len(msg) > 0 {
			t.Errorf("%s: released %d bytes", form, len(msg))
		}
	}
}

// TestVectorsLastChunk: opening through random access authenticates the last
// chunk, which succeeds where the vector says so.
func TestVectorsLastChunk(t *testing.T) {
	for _, v := range loadVectors(t) {
		opts := &cobblestone.Options{Suite: cobblestone.Cobblestone128}
		r, err := cobblestone.NewReaderAt(bytes.NewReader(v.CT), int64(len(v.CT)), v.Key, v.Context, opts)
		if want := v.Result == "valid" || v.has("ValidFinalChunk"); (err == nil) != want {
			t.Errorf("%d %s: error %v", v.ID, v.Comment, err)
		}
		if v.Result == "valid" && r.Size() != int64(v.MsgLength) {
			t.Errorf("%d %s: size %d", v.ID, v.Comment, r.Size())
		}
	}
}

// TestVectorsSeal seals the valid ones again, with the salt that they have.
func TestVectorsSeal(t *testing.T) {
	sealed := 0
	for _, v := range loadVectors(t) {
		if v.BaseNonce != nil && len(v.CT) >= cobblestone.HeaderSize {
			nonce, commitment, err := cobblestone.Derived(cobblestone.Cobblestone128, v.Key, v.CT[:24], v.Context)
			if err != nil || !bytes.Equal(nonce, v.BaseNonce) || !bytes.Equal(commitment, v.CT[24:56]) {
				t.Errorf("%d: base nonce %x, error %v", v.ID, nonce, err)
			}
		}
		if v.Result != "valid" {
			continue
		}
		sealed++
		opts := &cobblestone.Options{Suite: cobblestone.Cobblestone128}
		msg := must(cobblestone.AppendOpen(nil, v.Key, v.Context, v.CT, opts))
		if got := must(cobblestone.SealWithSalt(v.Key, v.Context, msg, opts, [24]byte(v.CT))); !bytes.Equal(got, v.CT) {
			t.Errorf("%d %s: sealed otherwise", v.ID, v.Comment)
		}
		var out bytes.Buffer
		w := must(cobblestone.NewWriterWithSalt(&out, v.Key, v.Context, opts, [24]byte(v.CT)))
		writeIn(w, msg, 1, 5000, 3*chunkSize, 200*chunkSize+1, 7)
		check(w.Close())
		if !bytes.Equal(out.Bytes(), v.CT) {
			t.Errorf("%d %s: written otherwise", v.ID, v.Comment)
		}
	}
	if sealed != 10 {
		t.Errorf("%d valid vectors", sealed)
	}
}

// writeIn writes msg in pieces of the given sizes by turns.
func writeIn(w io.Writer, msg []byte, sizes ...int) {
	for i := 0; len(msg) > 0; i++ {
		n := min(sizes[i%len(sizes)], len(msg))
		must(w.Write(msg[:n]))
		msg = msg[n:]
	}
}
