package cobblestone_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-e2ee/parley/envelope/cobblestone"
	"github.com/parley-e2ee/parley/internal/alloctest"
)

// A loiterer is a source and destination that lets others run, now and then.
type loiterer struct {
	io.Reader
	io.Writer
	draw *rand.Rand
}

func (l loiterer) Read(p []byte) (int, error)  { l.wait(); return l.Reader.Read(p) }
func (l loiterer) Write(p []byte) (int, error) { l.wait(); return l.Writer.Write(p) }

func (l loiterer) wait() {
	for range l.draw.IntN(4) * l.draw.IntN(100) {
		runtime.Gosched()
	}
}

// relaySizes are lengths at which a stream comes to be worked on by several, and
// about which slots end.
func relaySizes() (sizes []int) {
	for _, n := range []int{0, 1, 15, 16, 17, 18, 20, 24, 28, 48, 49, 50, 51, 52, 53, 80, 144} {
		for _, extra := range []int{-1, 0, 1} {
			sizes = append(sizes, max(0, n*chunkSize+extra))
		}
	}
	return sizes
}

// TestRelayOrder: chunks come out in order, whoever is faster.
func TestRelayOrder(t *testing.T) {
	draw := rand.New(rand.NewPCG(1, 2))
	for _, size := range relaySizes() {
		msg := fill(size)
		sealed := seal(msg)
		for _, concurrency := range []int{1, 2, 3, 16} {
			opts := &cobblestone.Options{Concurrency: concurrency}
			var out bytes.Buffer
			w := must(cobblestone.NewWriterWithSalt(loiterer{nil, &out, draw}, testKey, testContext, opts, testSalt))
			n, err := w.ReadFrom(loiterer{bytes.NewReader(msg), nil, draw})
			if check(w.Close()); n != int64(size) || err != nil || !bytes.Equal(out.Bytes(), sealed) {
				t.Errorf("%d bytes by %d: sealed otherwise: %d, %v", size, concurrency, n, err)
			}
			out.Reset()
			r := must(cobblestone.NewReader(loiterer{bytes.NewReader(sealed), nil, draw}, testKey, testContext, opts))
			n, err = r.WriteTo(loiterer{nil, &out, draw})
			if n != int64(size) || err != nil || !bytes.Equal(out.Bytes(), msg) {
				t.Errorf("%d bytes by %d: opened otherwise: %d, %v", size, concurrency, n, err)
			}
		}
	}
}

// TestRelayLate: a slot that is done before one that precedes it waits, and of two
// damaged chunks the first is named though the second was found before it.
func TestRelayLate(t *testing.T) {
	const chunks = 120
	msg := fill(chunks * chunkSize)
	sealed := seal(msg)
	for late := 20; late < 70; late += 3 {
		for _, early := range []int{late + 4, late + 9, late + 20} {
			for _, damaged := range []bool{false, true} {
				bad, want := bytes.Clone(sealed), msg
				if damaged {
					bad[cobblestone.HeaderSize+late*stride] ^= 1
					bad[cobblestone.HeaderSize+early*stride] ^= 1
					want = msg[:late*chunkSize]
				}
				r := must(cobblestone.NewReader(bytes.NewReader(bad), testKey, testContext, &cobblestone.Options{Concurrency: 2}))
				release := cobblestone.Late(r, int64(late), int64(early))
				// Where it is the caller that waits, the other may not have been read.
				timer := time.AfterFunc(10*time.Millisecond, release)
				var out bytes.Buffer
				n, err := r.WriteTo(&out)
				timer.Stop()
				var chunk *cobblestone.ChunkError
				if damaged != errors.As(err, &chunk) || damaged && chunk.Number != int64(late) || n != int64(len(want)) || !bytes.Equal(out.Bytes(), want) {
					t.Fatalf("chunks %d and %d: %d bytes, %v", late, early, out.Len(), err)
				}
			}
		}
	}
}

// TestRelayDamage: what precedes a damaged chunk is written, nothing else is, and
// the error sticks, however slow the destination.
func TestRelayDamage(t *testing.T) {
	msg := fill(120*chunkSize + 7)
	sealed := seal(msg)
	draw := rand.New(rand.NewPCG(3, 4))
	for chunk := 0; chunk < 121; chunk += every(8) {
		bad := bytes.Clone(sealed)
		bad[min(cobblestone.HeaderSize+chunk*stride+chunk*99, len(bad)-1)] ^= 1
		for _, concurrency := range []int{2, 4} {
			var out bytes.Buffer
			r := must(cobblestone.NewReader(bytes.NewReader(bad), testKey, testContext, &cobblestone.Options{Concurrency: concurrency}))
			n, err := r.WriteTo(loiterer{nil, &out, draw})
			var found *cobblestone.ChunkError
			if !errors.As(err, &found) || found.Number != int64(chunk) || n != int64(chunk*chunkSize) || !bytes.Equal(out.Bytes(), msg[:n]) {
				t.Errorf("chunk %d by %d: %d bytes, %v", chunk, concurrency, n, err)
			}
			if again, err2 := r.WriteTo(&out); again != 0 || err2 != err {
				t.Errorf("chunk %d by %d: then %d, %v", chunk, concurrency, again, err2)
			}
		}
	}
}

// TestRelayBroken: a source or destination that panics or exits in the middle of a
// stream leaves no goroutine, and nothing that passes for the whole.
func TestRelayBroken(t *testing.T) {
	msg := plaintext(130*chunkSize + 9)
	sealed := seal(msg)
	for calls := range 50 {
		for _, concurrency := range []int{2, 4} {
			opts := &cobblestone.Options{Concurrency: concurrency}
			synctest.Test(t, func(t *testing.T) {
				for _, atSource := range []bool{true, false} {
					b := &breaker{calls: calls, exit: calls%2 > 0, in: bytes.NewReader(msg)}
					var out bytes.Buffer
					var src, dst = io.Reader(b), io.Writer(&out)
					if !atSource {
						src, dst = bytes.NewReader(msg), b
					}
					w := must(cobblestone.NewWriter(dst, testKey, nil, opts))
					survive(func() { must(w.ReadFrom(src)) })
					noHelpers(t)
					if b.calls >= 0 {
						continue // it came through
					}
					if err := w.Close(); err == nil {
						got, err := cobblestone.AppendOpen(nil, testKey, nil, out.Bytes(), opts)
						if !atSource || err != nil || !bytes.HasPrefix(msg, got) {
							t.Errorf("ReadFrom, call %d: Close says that the message is whole: %v", calls, err)
						}
					} else if err := w.Close(); err == nil {
						t.Errorf("ReadFrom, call %d: a second Close says that the message is whole", calls)
					}
					if leaks(out.Bytes()) || leaks(b.out.Bytes()) {
						t.Errorf("ReadFrom, call %d: plaintext comes out", calls)
					}
				}
				for _, atSource := range []bool{true, false} {
					b := &breaker{calls: calls, exit: calls%2 > 0, in: bytes.NewReader(sealed)}
					var out bytes.Buffer
					var src, dst = io.Reader(bytes.NewReader(sealed)), io.Writer(b)
					if atSource {
						b.calls++ // for the header
						src, dst = b, &out
					}
					r := must(cobblestone.NewReader(src, testKey, testContext, opts))
					survive(func() { must(r.WriteTo(dst)) })
					noHelpers(t)
					if b.calls >= 0 {
						continue
					}
					got := slices.Concat(out.Bytes(), b.out.Bytes())
					rest, err := io.ReadAll(r)
					if whole := bytes.Equal(append(got, rest...), msg); !bytes.HasPrefix(msg, got) || (err == nil) && !whole {
						t.Errorf("WriteTo, call %d: %d and %d bytes, %v", calls, len(got), len(rest), err)
					}
				}
			})
		}
	}
}

// TestRelayWaits: a call whose destination fails waits for the goroutines that it
// has started, even where they are slow. It fails before the slow chunk is waited for.
func TestRelayWaits(t *testing.T) {
	sealed := seal(fill(130 * chunkSize))
	for late := 25; late < 80; late++ {
		for _, dst := range []io.Writer{&failAfter{20 * chunkSize, errDisk}, &breaker{calls: 9}, &breaker{calls: 9, exit: true}} {
			synctest.Test(t, func(t *testing.T) {
				r := must(cobblestone.NewReader(bytes.NewReader(sealed), testKey, testContext, &cobblestone.Options{Concurrency: 2}))
				release := cobblestone.Late(r, int64(late), -1)
				ended := false
				go func() {
					survive(func() { must(r.WriteTo(dst)) })
					ended = true
				}()
				synctest.Wait()
				if n := helpers(); ended && n > 0 {
					t.Errorf("chunk %d: %d goroutines are left", late, n)
				}
				release()
				noHelpers(t)
			})
		}
	}
}

// TestRelayErrors: an error of the source comes with all that it gave, one of the
// destination with what that took, and both counts are exact.
func TestRelayErrors(t *testing.T) {
	opts := &cobblestone.Options{Concurrency: 2}
	for _, size := range relaySizes() {
		msg := fill(size)
		for cause, broken := range map[error]io.Reader{
			errDisk: failing{errDisk}, io.ErrUnexpectedEOF: failing{io.ErrUnexpectedEOF}, io.ErrNoProgress: emptyReader{},
		} {
			var out bytes.Buffer
			w := must(cobblestone.NewWriterWithSalt(&out, testKey, testContext, opts, testSalt))
			n, err := w.ReadFrom(io.MultiReader(bytes.NewReader(msg), broken))
			if check(w.Close()); n != int64(size) || err != cause || !bytes.Equal(out.Bytes(), seal(msg)) {
				t.Errorf("ReadFrom, %d bytes: %d, %v", size, n, err)
			}
			cut := out.Bytes()[:out.Len()-1]
			whole := (len(cut) - cobblestone.HeaderSize) / stride * chunkSize
			r := must(cobblestone.NewReader(io.MultiReader(bytes.NewReader(cut), broken), testKey, testContext, opts))
			if n, err := r.WriteTo(io.Discard); n != int64(whole) || err != cause {
				t.Errorf("WriteTo, %d bytes: %d, %v", size, n, err)
			}
			if n, err := r.WriteTo(io.Discard); n != 0 || err != cause {
				t.Errorf("WriteTo, %d bytes: the error does not stick: %d, %v", size, n, err)
			}
		}
		sealed := seal(fill(160 * chunkSize))
		for cause, want := range map[error]error{errDisk: errDisk, nil: io.ErrShortWrite, io.EOF: io.ErrClosedPipe} {
			r := must(cobblestone.NewReader(bytes.NewReader(sealed), testKey, testContext, opts))
			if n, err := r.WriteTo(&failAfter{size, cause}); n != int64(size) || err != want {
				t.Errorf("WriteTo, room for %d bytes: %d, %v", size, n, err)
			}
			if n, err := r.Read(make([]byte, 1)); n != 0 || err != want {
				t.Errorf("WriteTo, room for %d bytes: the error does not stick: %d, %v", size, n, err)
			}
		}
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// TestReadAhead: from a source that fills every read, and then waits, WriteTo holds
// back no more than documented.
func TestReadAhead(t *testing.T) {
	msg := fill(130 * chunkSize)
	sealed := seal(msg)
	for size := stride; size < len(sealed); size += every(5) * stride {
		synctest.Test(t, func(t *testing.T) {
			in, feed := io.Pipe()
			var out bytes.Buffer
			done := make(chan error)
			go func() {
				r, err := cobblestone.NewReader(in, testKey, testContext, &cobblestone.Options{Concurrency: 2})
				check(err)
				_, err = r.WriteTo(&out)
				done <- err
			}()
			must(feed.Write(sealed[:cobblestone.HeaderSize+size]))
			synctest.Wait()
			if held := size/stride*chunkSize - out.Len(); held > 512<<10 || size <= 15*stride && held > 0 {
				t.Errorf("holds back %d bytes of %d", held, size)
			}
			must(feed.Write(sealed[cobblestone.HeaderSize+size:]))
			check(feed.Close())
			if err := <-done; err != nil || !bytes.Equal(out.Bytes(), msg) {
				t.Errorf("%d bytes, %v", out.Len(), err)
			}
		})
	}
}

// A census counts the helpers that there are when it is used.
type census struct {
	io.Reader
	io.Writer
	most int
}

func (c *census) Read(p []byte) (int, error)  { c.count(); return c.Reader.Read(p) }
func (c *census) Write(p []byte) (int, error) { c.count(); return c.Writer.Write(p) }

func (c *census) count() { c.most = max(c.most, helpers()) }

// TestHelpers: as many goroutines work as Options say, and none that is started for
// a short message.
func TestHelpers(t *testing.T) {
	for _, concurrency := range []int{1, 2, 3, 16} {
		for _, size := range []int{60 * chunkSize, 10 * chunkSize, 20*chunkSize - 1} {
			want := 0
			if size == 60*chunkSize {
				want = min(concurrency-1, 4)
			}
			opts := &cobblestone.Options{Concurrency: concurrency}
			sealed := must(cobblestone.AppendSeal(nil, testKey, nil, fill(size), opts))
			for name, call := range map[string]func(c *census){
				"ReadFrom": func(c *census) {
					c.Reader = bytes.NewReader(make([]byte, size))
					w := must(cobblestone.NewWriter(io.Discard, testKey, nil, opts))
					must(w.ReadFrom(c))
				},
				"WriteTo": func(c *census) {
					c.Reader = bytes.NewReader(sealed)
					must(must(cobblestone.NewReader(c, testKey, nil, opts)).WriteTo(io.Discard))
				},
			} {
				c := &census{}
				for range 10 {
					for helpers() > 0 { // one that has said that it ends is still there for an instant
						time.Sleep(time.Millisecond)
					}
					call(c)
				}
				// How many are needed at a time is for the scheduler to say.
				if c.most > want || c.most == 0 && want > 0 {
					t.Errorf("%s of %d bytes by %d: %d helpers", name, size, concurrency, c.most)
				}
			}
		}
	}
}

// TestRelayMemory: a call takes no more than documented, however long it is.
func TestRelayMemory(t *testing.T) {
	if underRace {
		t.Skip("the race detector allocates on its own account")
	}
	msg := make([]byte, 1000*chunkSize)
	sealed := must(cobblestone.AppendSeal(nil, testKey, nil, msg, nil))
	opts := &cobblestone.Options{Concurrency: 100}
	for name, call := range map[string]func(){
		"ReadFrom": func() {
			must(must(cobblestone.NewWriter(io.Discard, testKey, nil, opts)).ReadFrom(onlyReader{bytes.NewReader(msg)}))
		},
		"WriteTo": func() {
			must(must(cobblestone.NewReader(bytes.NewReader(sealed), testKey, nil, opts)).WriteTo(onlyWriter{io.Discard}))
		},
	} {
		if got := alloctest.Bytes(call); got > 2<<20 {
			t.Errorf("%s takes %d bytes", name, got)
		}
	}
}

// TestRelayLastChunks: the longest message is opened to its end by several, and what
// has a chunk more is refused.
func TestRelayLastChunks(t *testing.T) {
	const last int64 = 1<<38 - 1
	aead, nonce, commitment := referenceSchedule(0, testKey, testSalt[:], nil)
	for chunks := 20; chunks < 60; chunks++ {
		msg := fill(chunks*chunkSize + 5)
		sealed := slices.Concat(testSalt[:], commitment)
		for i := range chunks {
			sealed = append(sealed, referenceChunk(aead, nonce, uint64(last)-uint64(chunks-i), msg[i*chunkSize:][:chunkSize])...)
		}
		for extra, end := range [][]byte{
			referenceChunk(aead, nonce, uint64(last), msg[chunks*chunkSize:]),
			slices.Concat(referenceChunk(aead, nonce, uint64(last), msg[:chunkSize]), referenceChunk(aead, nonce, uint64(last)+1, nil), make([]byte, 9*stride)),
		} {
			r := must(cobblestone.NewReader(bytes.NewReader(slices.Concat(sealed, end)), testKey, nil, &cobblestone.Options{Concurrency: 2}))
			w := must(cobblestone.NewWriter(nil, testKey, nil, nil))
			cobblestone.SkipTo(last-int64(chunks), w, r)
			var out bytes.Buffer
			_, err := r.WriteTo(&out)
			if extra == 0 && (err != nil || !bytes.Equal(out.Bytes(), msg)) || extra > 0 && (!isCause(err, cobblestone.ErrSize) || out.Len() != chunks*chunkSize) {
				t.Errorf("%s: %d bytes, %v", fmt.Sprint(chunks, "+", extra), out.Len(), err)
			}
		}
	}
}
