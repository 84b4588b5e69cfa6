package cobblestone_test

import (
	"bytes"
	"testing"

	"github.com/parley-e2ee/parley/envelope/cobblestone"
)

// TestAppend: the room behind dst is used, and source and dst stay as they were,
// wherever in one array they are.
func TestAppend(t *testing.T) {
	msg := fill(chunkSize + 10)
	sealed := seal(msg)
	type form struct {
		name    string
		call    func(dst, src []byte) ([]byte, error)
		src     []byte
		inverse func(out []byte) bool
	}
	open := func(dst, src []byte) ([]byte, error) {
		return cobblestone.AppendOpen(dst, testKey, testContext, src, nil)
	}
	for _, f := range []form{
		{"AppendSeal", func(dst, src []byte) ([]byte, error) {
			return cobblestone.AppendSeal(dst, testKey, testContext, src, nil)
		}, msg, func(out []byte) bool { return bytes.Equal(must(open(nil, out)), msg) }},
		{"AppendOpen", open, sealed, func(out []byte) bool { return bytes.Equal(out, msg) }},
	} {
		prefix := []byte("before")
		dst := append(make([]byte, 0, 3*chunkSize), prefix...)
		out := must(f.call(dst, f.src))
		if &out[0] != &dst[0] || !bytes.HasPrefix(out, prefix) || !f.inverse(out[len(prefix):]) {
			t.Errorf("%s: the room was not used, or wrongly", f.name)
		}
		for at := range 300 {
			memory := make([]byte, 4*chunkSize)
			src := memory[at : at+len(f.src) : at+len(f.src)]
			copy(src, f.src)
			before := bytes.Clone(memory[:100])
			out := must(f.call(memory[:100], src))
			if !bytes.Equal(src, f.src) || !bytes.Equal(out[:100], before) || !f.inverse(out[100:]) {
				t.Fatalf("%s: source at %d: an overlap changed something", f.name, at)
			}
		}
	}
}

// TestAppendOpenErrors: on an error nothing of the message is left behind dst.
func TestAppendOpenErrors(t *testing.T) {
	sealed := seal(fill(9 * chunkSize))
	for _, at := range []int{0, 30, 56, 56 + 4*stride, len(sealed) - 1} {
		for _, concurrency := range []int{1, 2, 4} {
			bad := bytes.Clone(sealed)
			bad[at] ^= 1
			memory := bytes.Repeat([]byte{'.'}, 10*chunkSize)
			opts := &cobblestone.Options{Concurrency: concurrency}
			out, err := cobblestone.AppendOpen(memory[:7], testKey, testContext, bad, opts)
			if out != nil || err == nil || string(memory[:7]) != "......." {
				t.Errorf("byte %d: %d bytes, %v", at, len(out), err)
			}
			left := bytes.Trim(memory, ".")
			if len(bytes.Trim(left, "\x00")) > 0 || at < 56 && len(left) > 0 {
				t.Errorf("byte %d: %d bytes are left", at, len(left))
			}
		}
	}
}

// TestReaderScratch: bytes of p beyond the authentic ones are not plaintext.
func TestReaderScratch(t *testing.T) {
	msg := bytes.Repeat([]byte("plaintext "), 2*chunkSize)
	sealed := seal(msg)
	sealed[56+9*stride] ^= 1
	// Which chunks were opened beyond the bad one is for the scheduler to say.
	for i := range 200 {
		opts := &cobblestone.Options{Concurrency: 1 + i%4}
		r := must(cobblestone.NewReader(bytes.NewReader(sealed), testKey, testContext, opts))
		at := must(cobblestone.NewReaderAt(bytes.NewReader(sealed), int64(len(sealed)), testKey, testContext, opts))
		good := 0
		for {
			p := make([]byte, 30*chunkSize)
			n, err := r.Read(p)
			good += n
			if bytes.Contains(p[n:], []byte("plain")) {
				t.Error("Reader: plaintext beyond the count")
			}
			if err != nil {
				break
			}
		}
		p := make([]byte, len(msg))
		n, err := at.ReadAt(p, 0)
		wantCause(t, err, cobblestone.ErrChunk)
		if good != 9*chunkSize || n != good || bytes.Contains(p[n:], []byte("plain")) {
			t.Errorf("%d and %d bytes are good, or plaintext beyond them", good, n)
		}
		// Other parts of the message may be read.
		if n, err := at.ReadAt(p[:100], 10*chunkSize); n != 100 || err != nil || !bytes.Equal(p[:100], msg[10*chunkSize:][:100]) {
			t.Errorf("after an error: %d, %v", n, err)
		}
	}
}
