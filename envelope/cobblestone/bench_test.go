package cobblestone_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"fmt"
	"io"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/parley-e2ee/parley/envelope/cobblestone"
)

const benchSize = 64 << 20

// rawGCM is the floor: AES-256-GCM over chunks of 16 KiB, in parts goroutines.
type rawGCM struct {
	aead  cipher.AEAD
	parts int
}

func newRawGCM(parts int) rawGCM {
	return rawGCM{must(cipher.NewGCM(must(aes.NewCipher(make([]byte, 32))))), parts}
}

const stride = cobblestone.ChunkSize + cobblestone.Overhead

func (g rawGCM) each(chunks int, do func(nonce []byte, i int)) {
	var group sync.WaitGroup
	for part := range g.parts {
		group.Go(func() {
			nonce := make([]byte, 12)
			for i := part * chunks / g.parts; i < (part+1)*chunks/g.parts; i++ {
				nonce[11], nonce[10] = byte(i), byte(i>>8)
				do(nonce, i)
			}
		})
	}
	group.Wait()
}

func (g rawGCM) seal(dst, msg []byte) {
	g.each(len(msg)/cobblestone.ChunkSize, func(nonce []byte, i int) {
		g.aead.Seal(dst[i*stride:i*stride], nonce, msg[i*cobblestone.ChunkSize:][:cobblestone.ChunkSize], nil)
	})
}

func (g rawGCM) open(dst, sealed []byte) {
	g.each(len(sealed)/stride, func(nonce []byte, i int) {
		must(g.aead.Open(dst[i*cobblestone.ChunkSize:][:0], nonce, sealed[i*stride:][:stride], nil))
	})
}

// onlyWriter and onlyReader hide the forms that io.Copy prefers.
type onlyWriter struct{ io.Writer }
type onlyReader struct{ io.Reader }

type benchCase struct {
	name       string
	seal, open func()
}

// cases are the forms at one concurrency, and raw GCM, with all buffers made.
func benchCases(concurrency int) []benchCase {
	key, msg := make([]byte, 32), fill(benchSize)
	opts := &cobblestone.Options{Concurrency: concurrency}
	sealed := must(cobblestone.AppendSeal(nil, key, nil, msg, opts))
	out, plain := make([]byte, 0, len(sealed)), make([]byte, benchSize)
	gcm := newRawGCM(concurrency)
	raw := make([]byte, benchSize/cobblestone.ChunkSize*stride)
	gcm.seal(raw, msg)
	block, large := make([]byte, 32<<10), make([]byte, 1<<20)

	write := func(from io.Reader, block []byte) {
		w := must(cobblestone.NewWriter(io.Discard, key, nil, opts))
		if block != nil {
			must(io.CopyBuffer(onlyWriter{w}, onlyReader{from}, block))
		} else {
			must(io.Copy(w, onlyReader{from}))
		}
		check(w.Close())
	}
	read := func(block []byte) {
		r := must(cobblestone.NewReader(onlyReader{bytes.NewReader(sealed)}, key, nil, opts))
		if block != nil {
			must(io.CopyBuffer(onlyWriter{io.Discard}, onlyReader{r}, block))
		} else {
			must(io.Copy(onlyWriter{io.Discard}, r))
		}
	}
	return []benchCase{
		{"raw", func() { gcm.seal(raw, msg) }, func() { gcm.open(plain, raw) }},
		{"append", func() { must(cobblestone.AppendSeal(out, key, nil, msg, opts)) },
			func() { must(cobblestone.AppendOpen(plain[:0], key, nil, sealed, opts)) }},
		{"copy", func() { write(bytes.NewReader(msg), nil) }, func() { read(nil) }},
		{"32KiB", func() { write(bytes.NewReader(msg), block) }, func() { read(block) }},
		{"1MiB", func() { write(bytes.NewReader(msg), large) }, func() { read(large) }},
		{"whole", func() {
			w := must(cobblestone.NewWriter(io.Discard, key, nil, opts))
			must(w.Write(msg))
			check(w.Close())
		}, func() {
			r := must(cobblestone.NewReaderAt(bytes.NewReader(sealed), int64(len(sealed)), key, nil, opts))
			must(r.ReadAt(plain, 0))
		}},
	}
}

// BenchmarkLarge runs raw GCM and every form by turns, so that whatever else the
// machine does slows down all, and reports the speed of each as a multiple of raw
// GCM's on as many goroutines.
func BenchmarkLarge(b *testing.B) {
	for _, concurrency := range []int{1, 2} {
		cases := benchCases(concurrency)
		for _, kind := range []string{"seal", "open"} {
			b.Run(fmt.Sprintf("%s/%d", kind, concurrency), func(b *testing.B) {
				spent := make([]time.Duration, len(cases))
				b.SetBytes(benchSize)
				for b.Loop() {
					for i, c := range cases {
						do := c.seal
						if kind == "open" {
							do = c.open
						}
						start := time.Now()
						do()
						spent[i] += time.Since(start)
					}
				}
				for i, c := range cases {
					b.ReportMetric(float64(spent[0])/float64(spent[i]), c.name+"/raw")
				}
				b.ReportMetric(float64(b.N)*benchSize/(1<<20)/spent[0].Seconds(), "raw-MiB/s")
			})
		}
	}
}

// BenchmarkCores reports the speed of two goroutines as a multiple of one's, by
// turns and of the fastest quarter of the runs: what else the machine does is left
// out.
func BenchmarkCores(b *testing.B) {
	one, two := benchCases(1), benchCases(2)
	for i, c := range one {
		b.Run(c.name, func(b *testing.B) {
			var spent [4][]time.Duration
			for b.Loop() {
				for j, do := range []func(){c.seal, two[i].seal, c.open, two[i].open} {
					start := time.Now()
					do()
					spent[j] = append(spent[j], time.Since(start))
				}
			}
			b.ReportMetric(gain(spent[0], spent[1]), "seal-gain")
			b.ReportMetric(gain(spent[2], spent[3]), "open-gain")
		})
	}
}

func gain(one, two []time.Duration) float64 {
	slices.Sort(one)
	slices.Sort(two)
	return float64(one[len(one)/4]) / float64(two[len(two)/4])
}

// BenchmarkStream is for -cpu 1,2: the same program on one core and on two. Beside
// the mean it reports the fastest of the runs, which says most where others use the
// machine too.
func BenchmarkStream(b *testing.B) {
	for _, size := range []int{64 << 10, 256 << 10, 1 << 20, benchSize} {
		key, msg := make([]byte, 32), fill(size)
		sealed := must(cobblestone.AppendSeal(nil, key, nil, msg, nil))
		for name, do := range map[string]func(){
			"seal": func() {
				w := must(cobblestone.NewWriter(io.Discard, key, nil, nil))
				must(io.Copy(w, onlyReader{bytes.NewReader(msg)}))
				check(w.Close())
			},
			"open": func() {
				r := must(cobblestone.NewReader(onlyReader{bytes.NewReader(sealed)}, key, nil, nil))
				must(io.Copy(onlyWriter{io.Discard}, r))
			},
		} {
			b.Run(fmt.Sprintf("%s/%dKiB", name, size>>10), func(b *testing.B) {
				b.SetBytes(int64(size))
				b.ReportAllocs()
				fastest := time.Hour
				for range b.N { // b.Loop would not heed the first of -cpu
					start := time.Now()
					do()
					fastest = min(fastest, time.Since(start))
				}
				b.ReportMetric(float64(fastest.Microseconds()), "fastest-µs")
			})
		}
	}
}

func BenchmarkSmall(b *testing.B) {
	key := make([]byte, 32)
	msg := make([]byte, 1<<10)
	sealed := must(cobblestone.AppendSeal(nil, key, nil, msg, nil))
	buf := make([]byte, 0, len(sealed))
	b.Run("AppendSeal", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			must(cobblestone.AppendSeal(buf, key, nil, msg, nil))
		}
	})
	b.Run("AppendOpen", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			must(cobblestone.AppendOpen(buf, key, nil, sealed, nil))
		}
	})
}

// BenchmarkReadAt reads 4 KiB at a time, in order and here and there.
func BenchmarkReadAt(b *testing.B) {
	key, msg := make([]byte, 32), make([]byte, 8<<20)
	sealed := must(cobblestone.AppendSeal(nil, key, nil, msg, nil))
	r := must(cobblestone.NewReaderAt(bytes.NewReader(sealed), int64(len(sealed)), key, nil, nil))
	p := make([]byte, 4<<10)
	for name, step := range map[string]int64{"in order": int64(len(p)), "here and there": 1234567} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(p)))
			b.ReportAllocs()
			var off int64
			for b.Loop() {
				must(r.ReadAt(p, off))
				off = (off + step) % int64(len(msg)-len(p))
			}
		})
	}
}
