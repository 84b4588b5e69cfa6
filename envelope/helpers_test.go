package envelope_test

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/parley-e2ee/parley/envelope"
	"github.com/parley-e2ee/parley/envelope/compositekem"
	"github.com/parley-e2ee/parley/internal/keysource"
	"github.com/parley-e2ee/parley/internal/keysource/keytest"
	"github.com/parley-e2ee/parley/internal/leaktest"
)

func TestMain(m *testing.M) {
	keytest.UsePool()
	envelope.WriteCheapPassphrases()
	leaktest.Main(m)
}

// chunk is the size of a chunk of plaintext.
const chunk = 16 << 10

var (
	sharedSecret = message(32)
	password     = []byte("correct horse battery staple")

	alice     = ed25519.NewKeyFromSeed(bytes.Repeat([]byte("alice..."), 4))
	mallory   = ed25519.NewKeyFromSeed(bytes.Repeat([]byte("mallory."), 4))
	fromAlice = []ed25519.PublicKey{publicOf(alice)}
)

func publicOf(key ed25519.PrivateKey) ed25519.PublicKey { return key.Public().(ed25519.PublicKey) }

// A member of the cast holds a key of one kind.
type member struct {
	name string
	*envelope.Identity
}

// cast has a member of every kind of key, the same each time.
var cast = sync.OnceValue(func() (all []member) {
	for _, bits := range []int{2048, 3072, 4096} {
		all = append(all, member{"RSA", must(envelope.RSAIdentity(must(keysource.RSA(bits))))})
	}
	for _, set := range []compositekem.ParameterSet{compositekem.RSA2048, compositekem.RSA3072, compositekem.RSA4096} {
		all = append(all, member{"composite", must(envelope.CompositeIdentity(must(compositekem.GenerateKey(set))))})
	}
	all = append(all, member{"shared key", must(envelope.SharedKeyIdentity(sharedSecret))})
	return append(all, member{"passphrase", must(envelope.PassphraseIdentity(password))})
})

// Some of the cast.
func rsaMember() *envelope.Identity        { return cast()[0].Identity }
func compositeMember() *envelope.Identity  { return cast()[3].Identity }
func sharedMember() *envelope.Identity     { return cast()[6].Identity }
func passphraseMember() *envelope.Identity { return cast()[7].Identity }

// sharedNumber is the holder of another shared key.
func sharedNumber(n byte) *envelope.Identity {
	return must(envelope.SharedKeyIdentity(keyNumber(n)))
}

func keyNumber(n byte) []byte { return bytes.Repeat([]byte{n}, envelope.SharedKeySize) }

// recipientsOf are those for whom the identities open.
func recipientsOf(ids ...*envelope.Identity) (all []*envelope.Recipient) {
	for _, id := range ids {
		all = append(all, id.Recipient())
	}
	return all
}

// message returns n bytes that repeat at no distance that matters.
func message(n int) []byte {
	msg := make([]byte, n)
	rand.NewChaCha8([32]byte{byte(n), byte(n >> 8)}).Read(msg)
	return msg
}

// A way of opening returns what was released, and the error.
type way struct {
	name string
	open func(sealed []byte, opts *envelope.OpenOptions, ids ...*envelope.Identity) ([]byte, error)
}

func stream(source func([]byte) io.Reader, read func(*envelope.Reader) ([]byte, error)) func([]byte, *envelope.OpenOptions, ...*envelope.Identity) ([]byte, error) {
	return func(sealed []byte, opts *envelope.OpenOptions, ids ...*envelope.Identity) ([]byte, error) {
		r, err := envelope.NewReader(source(sealed), opts, ids...)
		if err != nil {
			return nil, err
		}
		msg, err := read(r)
		want := err
		if err == nil {
			want = io.EOF
		}
		if n, again := r.Read(make([]byte, 1)); n != 0 || again != want {
			panic("a Reader does not stick to its end")
		}
		if n, again := r.WriteTo(io.Discard); n != 0 || again != err {
			panic("WriteTo of a Reader at its end is not what that was")
		}
		return msg, err
	}
}

func plainSource(b []byte) io.Reader { return bytes.NewReader(b) }
func byByte(b []byte) io.Reader      { return iotest.OneByteReader(bytes.NewReader(b)) }
func withEOF(b []byte) io.Reader     { return iotest.DataErrReader(bytes.NewReader(b)) }

func readAll(r *envelope.Reader) ([]byte, error) { return io.ReadAll(r) }

func writeTo(r *envelope.Reader) ([]byte, error) {
	var all bytes.Buffer
	n, err := r.WriteTo(&all)
	if n != int64(all.Len()) {
		panic("WriteTo counts wrong")
	}
	return all.Bytes(), err
}

// readOdd mixes calls of many sizes, and ends with a WriteTo.
func readOdd(r *envelope.Reader) (all []byte, err error) {
	for _, size := range []int{0, 1, 7, 1000, chunk - 1, 1, 2*chunk + 1} {
		p := make([]byte, size)
		n, err := r.Read(p)
		if all = append(all, p[:n]...); err == io.EOF {
			return all, nil
		} else if err != nil {
			return all, err
		}
	}
	rest, err := writeTo(r)
	return append(all, rest...), err
}

func openAtRandom(sealed []byte, opts *envelope.OpenOptions, ids ...*envelope.Identity) ([]byte, error) {
	r, err := envelope.NewReaderAt(bytes.NewReader(sealed), int64(len(sealed)), opts, ids...)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.NewSectionReader(r, 0, r.Size()))
}

// ways are the main ones; allWays have every kind of source and call.
var (
	ways = []way{
		{"Open", envelope.Open},
		{"Reader", stream(plainSource, readAll)},
		{"ReaderAt", openAtRandom},
	}
	allWays = append(slices.Clone(ways),
		way{"Reader, WriteTo", stream(plainSource, writeTo)},
		way{"Reader, odd calls", stream(plainSource, readOdd)},
		way{"Reader, by the byte", stream(byByte, readOdd)},
		way{"Reader, data with io.EOF", stream(withEOF, readAll)},
		way{"Reader, data with io.EOF, WriteTo", stream(withEOF, writeTo)})
)

// sentinels are all that stand behind a refusal.
var sentinels = []error{
	envelope.ErrNotEnvelope, envelope.ErrVersion, envelope.ErrMalformed, envelope.ErrTruncated, envelope.ErrNoMatch,
	envelope.ErrStanza, envelope.ErrHeader, envelope.ErrPayload, envelope.ErrUnsigned, envelope.ErrSignature,
	envelope.ErrSender, envelope.ErrArmor, envelope.ErrLimit,
}

// verdict is the one sentinel that err stands for, or err where it is none or not
// only one.
func verdict(err error) error {
	var found []error
	for _, s := range sentinels {
		if errors.Is(err, s) {
			found = append(found, s)
		}
	}
	if len(found) != 1 || !errors.Is(err, envelope.ErrEnvelope) {
		return err
	}
	return found[0]
}

// refused fails the test unless err stands for exactly one of the wanted.
func refused(t *testing.T, what string, err error, want ...error) {
	t.Helper()
	if !slices.Contains(want, verdict(err)) {
		t.Errorf("%s: error %v, want %v", what, err, want)
	}
}
