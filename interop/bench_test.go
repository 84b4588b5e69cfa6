package interop_test

import (
	"encoding/base64"
	"testing"
	"time"

	fernetgo "github.com/fernet/fernet-go"

	"github.com/parley-e2ee/parley/envelope/fernet"
)

var benchSizes = []struct {
	name string
	n    int
}{{"64B", 64}, {"1KiB", 1 << 10}, {"64KiB", 64 << 10}, {"1MiB", 1 << 20}, {"16MiB", 16 << 20}}

// benchAge is what every implementation holds a token's age to.
const benchAge = 24 * time.Hour

// work is a message and a token of it, and their key in each implementation.
type work struct {
	key    fernet.Key
	theirs *fernetgo.Key
	msg    []byte
	text   []byte
	raw    []byte
}

func newWork(n int) work {
	key := fernet.GenerateKey()
	w := work{key: key, theirs: must(fernetgo.DecodeKey(key.Reveal())), msg: make([]byte, n)}
	for i := range w.msg {
		w.msg[i] = byte(i * 7)
	}
	w.text = must(key.Encrypt(w.msg))
	w.raw = must(base64.URLEncoding.DecodeString(string(w.text)))
	return w
}

// implementations, in the order of the table; the first is what the others are
// compared with. The three plain ones do the same: text to new memory and back.
// parley-append uses a buffer again, parley-raw does and has no text at all.
var implementations = []struct {
	name             string
	encrypt, decrypt func(*testing.B, work)
}{
	{"fernet-go", encryptFernetGo, decryptFernetGo},
	{"python", encryptPython, decryptPython},
	{"parley", encryptParley, decryptParley},
	{"parley-append", encryptAppend, decryptAppend},
	{"parley-raw", encryptRaw, decryptRaw},
}

func BenchmarkFernet(b *testing.B) {
	for _, size := range benchSizes {
		w := newWork(size.n)
		for _, impl := range implementations {
			b.Run("op=encrypt/size="+size.name+"/impl="+impl.name, func(b *testing.B) {
				b.SetBytes(int64(size.n))
				impl.encrypt(b, w)
			})
		}
		for _, impl := range implementations {
			b.Run("op=decrypt/size="+size.name+"/impl="+impl.name, func(b *testing.B) {
				b.SetBytes(int64(size.n))
				impl.decrypt(b, w)
			})
		}
	}
}

// repeat times call, which is known to give n bytes.
func repeat(b *testing.B, n int, call func() ([]byte, error)) {
	b.ReportAllocs()
	for b.Loop() {
		if out, err := call(); err != nil || len(out) != n {
			b.Fatalf("%d bytes, want %d, error %v", len(out), n, err)
		}
	}
}

func encryptFernetGo(b *testing.B, w work) {
	repeat(b, len(w.text), func() ([]byte, error) { return fernetgo.EncryptAndSign(w.msg, w.theirs) })
}

func decryptFernetGo(b *testing.B, w work) {
	keys := []*fernetgo.Key{w.theirs}
	repeat(b, len(w.msg), func() ([]byte, error) { return fernetgo.VerifyAndDecrypt(w.text, benchAge, keys), nil })
}

func encryptParley(b *testing.B, w work) {
	repeat(b, len(w.text), func() ([]byte, error) { return w.key.Encrypt(w.msg) })
}

func decryptParley(b *testing.B, w work) {
	repeat(b, len(w.msg), func() ([]byte, error) { return w.key.Decrypt(w.text, fernet.MaxAge(benchAge)) })
}

func encryptAppend(b *testing.B, w work) {
	dst := make([]byte, 0, len(w.text))
	repeat(b, len(w.text), func() ([]byte, error) { return w.key.AppendEncrypt(dst, w.msg, time.Now()) })
}

func decryptAppend(b *testing.B, w work) {
	dst := make([]byte, 0, len(w.text))
	repeat(b, len(w.msg), func() ([]byte, error) {
		return w.key.AppendDecrypt(dst, w.text, time.Now(), fernet.MaxAge(benchAge))
	})
}

func encryptRaw(b *testing.B, w work) {
	dst := make([]byte, 0, len(w.raw))
	repeat(b, len(w.raw), func() ([]byte, error) { return w.key.AppendSeal(dst, w.msg, time.Now()) })
}

func decryptRaw(b *testing.B, w work) {
	dst := make([]byte, 0, len(w.raw))
	repeat(b, len(w.msg), func() ([]byte, error) {
		return w.key.AppendOpen(dst, w.raw, time.Now(), fernet.MaxAge(benchAge))
	})
}

func encryptPython(b *testing.B, w work) { benchPython(b, w, "encrypt", w.msg, len(w.text)) }
func decryptPython(b *testing.B, w work) { benchPython(b, w, "decrypt", w.text, len(w.msg)) }

// benchPython has the helper do b.N calls and takes its word for how long they took,
// so that the way to it is left out.
func benchPython(b *testing.B, w work, op string, data []byte, want int) {
	p := python.get(b)
	a := args{"op": op, "key": w.key.Reveal(), "data": data, "ttl": int64(benchAge / time.Second)}
	if got := ask[int](b, p, "fernet_benchmark_prepare", a); got != want {
		b.Fatalf("Python makes %d bytes, want %d", got, want)
	}
	b.ResetTimer()
	ns := float64(ask[int64](b, p, "fernet_benchmark", args{"n": b.N}))
	b.StopTimer()
	b.ReportMetric(ns/float64(b.N), "ns/op")
	b.ReportMetric(float64(len(w.msg))*float64(b.N)*1e3/ns, "MB/s")
}
