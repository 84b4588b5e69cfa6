package cobblestone_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/fips140"
	"crypto/hmac"
	"crypto/sha512"
	"errors"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/parley-e2ee/parley/envelope/cobblestone"
	"github.com/parley-e2ee/parley/internal/leaktest"
)

// TestMain has the tests run under GODEBUG=fips140=only too, as in a program that
// lifts it for this package; those for the rule itself start another process.
func TestMain(m *testing.M) {
	if inFIPSOnly() {
		leaktest.Main(m)
	}
	fips140.WithoutEnforcement(func() { leaktest.Main(m) })
}

const chunkSize = cobblestone.ChunkSize

var (
	testKey     = bytes.Repeat([]byte("a key of 8 "), 3)[:32]
	testContext = []byte("a context")
	testSalt    = [24]byte{1, 2, 3}

	// edges are the lengths at which something changes.
	edges = []int{
		0, 1, 15, 16, 17, chunkSize - 17, chunkSize - 16, chunkSize - 1, chunkSize, chunkSize + 1,
		2*chunkSize - 1, 2 * chunkSize, 2*chunkSize + 1, 3*chunkSize + 5, 5 * chunkSize, 8*chunkSize - 1, 9*chunkSize + 9,
	}
)

// must is for calls that fail only where the package is broken.
func must[T any](v T, err error) T {
	check(err)
	return v
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func keyFor(suite cobblestone.Suite) []byte { return testKey[:suite.KeySize()] }

// fill returns n bytes that repeat at no distance that matters.
func fill(n int) []byte {
	msg := make([]byte, n)
	rand.NewChaCha8([32]byte{byte(n)}).Read(msg)
	return msg
}

func seal(msg []byte) []byte {
	return must(cobblestone.SealWithSalt(testKey, testContext, msg, nil, testSalt))
}

// The functions below are a second implementation, written from the specification
// alone.

// reference seals msg.
func reference(suite cobblestone.Suite, key, salt, context, msg []byte) []byte {
	aead, nonce, commitment := referenceSchedule(suite, key, salt, context)
	out := append(bytes.Clone(salt), commitment...)
	for number := 0; ; number++ {
		chunk := msg[:min(chunkSize, len(msg))]
		msg = msg[len(chunk):]
		out = append(out, referenceChunk(aead, nonce, uint64(number), chunk)...)
		if len(chunk) < chunkSize {
			return out
		}
	}
}

// referenceChunk seals one chunk of any length under any number.
func referenceChunk(aead cipher.AEAD, baseNonce []byte, number uint64, chunk []byte) []byte {
	nonce := bytes.Clone(baseNonce)
	for i := len(nonce) - 1; number > 0; i-- {
		nonce[i] ^= byte(number)
		number >>= 8
	}
	return aead.Seal(nil, nonce, chunk, nil)
}

func referenceSchedule(suite cobblestone.Suite, key, salt, context []byte) (aead cipher.AEAD, nonce, commitment []byte) {
	name := map[cobblestone.Suite]string{
		cobblestone.Cobblestone256: "AEAD_AES_256_GCM", cobblestone.Cobblestone128: "AEAD_AES_128_GCM",
	}[suite]
	info := "c2sp.org/chunked-encryption@v1+" + name + "\x00" + string(salt) + string(context)
	// HKDF-Expand, RFC 5869, Section 2.3.
	var okm, t []byte
	for i := byte(1); len(okm) < 128; i++ {
		mac := hmac.New(sha512.New, key)
		mac.Write(t)
		mac.Write([]byte(info))
		mac.Write([]byte{i})
		t = mac.Sum(nil)
		okm = append(okm, t...)
	}
	n := len(key)
	return must(cipher.NewGCM(must(aes.NewCipher(okm[:n])))), okm[n : n+12], okm[n+12 : n+12+32]
}

// The ways to open a message.

type opener struct {
	name string
	// open returns what was released and the error.
	open func(key, context, sealed []byte, opts *cobblestone.Options) ([]byte, error)
}

func openers() []opener {
	stream := func(read func(r *cobblestone.Reader) ([]byte, error)) func(key, context, sealed []byte, opts *cobblestone.Options) ([]byte, error) {
		return func(key, context, sealed []byte, opts *cobblestone.Options) ([]byte, error) {
			r, err := cobblestone.NewReader(bytes.NewReader(sealed), key, context, opts)
			if err != nil {
				return nil, err
			}
			msg, err := read(r)
			// The error sticks.
			want := err
			if want == nil {
				want = io.EOF
			}
			for range 3 {
				if n, again := r.Read(make([]byte, 10)); n != 0 || again != want {
					panic("a Reader does not stick to its end")
				}
			}
			return msg, err
		}
	}
	readIn := func(sizes ...int) func(r *cobblestone.Reader) ([]byte, error) {
		return func(r *cobblestone.Reader) (msg []byte, err error) {
			for i := 0; ; i++ {
				p := make([]byte, sizes[i%len(sizes)])
				n, err := r.Read(p)
				msg = append(msg, p[:n]...)
				if err == io.EOF {
					return msg, nil
				} else if err != nil {
					return msg, err
				}
			}
		}
	}
	return []opener{
		{"AppendOpen", func(key, context, sealed []byte, opts *cobblestone.Options) ([]byte, error) {
			return cobblestone.AppendOpen(nil, key, context, sealed, opts)
		}},
		{"Reader", stream(func(r *cobblestone.Reader) ([]byte, error) { return io.ReadAll(r) })},
		{"Reader, small", stream(readIn(1000, 1, 77, 4096))},
		{"Reader, odd", stream(readIn(chunkSize-1, 3*chunkSize+1, 1, 20*chunkSize))},
		{"Reader, large", stream(readIn(100 * chunkSize))},
		{"Reader.WriteTo", stream(func(r *cobblestone.Reader) ([]byte, error) {
			var out bytes.Buffer
			_, err := r.WriteTo(&out)
			return out.Bytes(), err
		})},
		{"ReaderAt", openAt(1000 * chunkSize)}, {"ReaderAt, odd", openAt(chunkSize - 1)}, {"ReaderAt, large", openAt(3*chunkSize + 2)},
	}
}

// openAt reads size bytes at a time through random access.
func openAt(size int) func(key, context, sealed []byte, opts *cobblestone.Options) ([]byte, error) {
	return func(key, context, sealed []byte, opts *cobblestone.Options) (msg []byte, err error) {
		r, err := cobblestone.NewReaderAt(bytes.NewReader(sealed), int64(len(sealed)), key, context, opts)
		if err != nil {
			return nil, err
		}
		for {
			p := make([]byte, min(size, len(sealed)+1))
			n, err := r.ReadAt(p, int64(len(msg)))
			msg = append(msg, p[:n]...)
			if err == io.EOF {
				return msg, nil
			} else if err != nil {
				return msg, err
			}
		}
	}
}

var causes = []error{
	cobblestone.ErrCommitment, cobblestone.ErrChunk, cobblestone.ErrTruncated, cobblestone.ErrSize,
}

// isCause reports whether err is cause, ErrMessage, and no other cause.
func isCause(err, cause error) bool {
	for _, c := range causes {
		if errors.Is(err, c) != (c == cause) {
			return false
		}
	}
	return errors.Is(err, cobblestone.ErrMessage)
}

func wantCause(t *testing.T, err, cause error) {
	t.Helper()
	if !isCause(err, cause) {
		t.Errorf("error %v, want %v", err, cause)
	}
}

// every is 1, or n under -short: the step of loops over many like cases.
func every(n int) int {
	if testing.Short() {
		return n
	}
	return 1
}
