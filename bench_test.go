package parley_test

import (
	"crypto/ed25519"
	"crypto/mlkem"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/argon2"

	"github.com/parley-e2ee/parley/e2ee"
	"github.com/parley-e2ee/parley/e2ee/group"
	"github.com/parley-e2ee/parley/envelope/compositekem"
	"github.com/parley-e2ee/parley/envelope/fernet"
	"github.com/parley-e2ee/parley/internal/keysource/keytest"
	"github.com/parley-e2ee/parley/keystore"
	"github.com/parley-e2ee/parley/transport"
)

// The benchmarks that README.md quotes. Each stands beside the standard
// library's operations that it cannot do without, so that one run gives a
// ratio: go test -run '^$' -bench . -benchmem

// BenchmarkKeyGeneration makes real keys; the others take theirs from a pool.
func BenchmarkKeyGeneration(b *testing.B) {
	b.Run("parts=RSA-2048", func(b *testing.B) {
		for b.Loop() {
			if _, err := rsa.GenerateKey(rand.Reader, 2048); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("parts=ML-KEM-768", func(b *testing.B) {
		for b.Loop() {
			if _, err := mlkem.GenerateKey768(); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("composite/set=RSA-2048", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := compositekem.GenerateKey(compositekem.RSA2048); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("fernet", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			fernet.GenerateKey()
		}
	})
}

func BenchmarkFernet(b *testing.B) {
	key, now := fernet.GenerateKey(), time.Now()
	for _, size := range []int{64, 1 << 10, 64 << 10, 1 << 20} {
		msg := make([]byte, size)
		token, err := key.EncryptAt(msg, now)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprintf("encrypt/size=%d", size), func(b *testing.B) {
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				_, _ = key.EncryptAt(msg, now)
			}
		})
		b.Run(fmt.Sprintf("decrypt/size=%d", size), func(b *testing.B) {
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := key.DecryptAt(token, now); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkComposite(b *testing.B) {
	keytest.Use(b)
	dk, err := compositekem.GenerateKey(compositekem.RSA2048)
	if err != nil {
		b.Fatal(err)
	}
	ek := dk.EncapsulationKey()
	_, ct := ek.Encapsulate()
	rsaKey := keytest.RSA(b, 2048)
	pq, err := mlkem.GenerateKey768()
	if err != nil {
		b.Fatal(err)
	}
	oaep, err := rsa.EncryptOAEP(sha256.New(), rand.Reader, &rsaKey.PublicKey, make([]byte, 32), nil)
	if err != nil {
		b.Fatal(err)
	}
	_, pqCT := pq.EncapsulationKey().Encapsulate()
	b.Run("encapsulate", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			ek.Encapsulate()
		}
	})
	b.Run("encapsulate/parts=OAEP+ML-KEM", func(b *testing.B) {
		for b.Loop() {
			_, _ = rsa.EncryptOAEP(sha256.New(), rand.Reader, &rsaKey.PublicKey, make([]byte, 32), nil)
			pq.EncapsulationKey().Encapsulate()
		}
	})
	b.Run("decapsulate", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := dk.Decapsulate(ct); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("decapsulate/parts=OAEP+ML-KEM", func(b *testing.B) {
		for b.Loop() {
			_, _ = rsa.DecryptOAEP(sha256.New(), nil, rsaKey, oaep, nil)
			_, _ = pq.Decapsulate(pqCT)
		}
	})
}

// BenchmarkRoom sends 256 bytes through relay and store and waits until the
// other side's application has them: two signatures' work, one made and two
// verified (sender and receiver read the log).
func BenchmarkRoom(b *testing.B) {
	keytest.Use(b)
	relay := transport.NewMemory(nil)
	alice, bob := benchClient(b, "alice", relay), benchClient(b, "bob", relay)
	a, err := alice.Create(b.Context(), "bench", &e2ee.RoomOptions{Admission: e2ee.Open})
	if err != nil {
		b.Fatal(err)
	}
	r, err := bob.Join(b.Context(), "bench", nil)
	if err != nil {
		b.Fatal(err)
	}
	text := make([]byte, 256)
	b.Run("send+receive/size=256", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			id, err := a.Send(b.Context(), text)
			if err != nil {
				b.Fatal(err)
			}
			for ev, err := range r.Events(b.Context()) {
				if err != nil {
					b.Fatal(err)
				}
				if m, ok := ev.(e2ee.Message); ok && m.ID == id {
					break
				}
			}
		}
	})
	_, key, _ := ed25519.GenerateKey(nil)
	sig := ed25519.Sign(key, text)
	b.Run("send+receive/parts=Ed25519", func(b *testing.B) {
		for b.Loop() {
			ed25519.Sign(key, text)
			ed25519.Verify(key.Public().(ed25519.PublicKey), text, sig)
			ed25519.Verify(key.Public().(ed25519.PublicKey), text, sig)
		}
	})
}

func benchClient(b *testing.B, name string, relay *transport.Memory) *e2ee.Client {
	c, err := e2ee.NewClient(b.Context(), e2ee.Config{
		Name: name, Store: keystore.NewMemory(), Relay: relay, Directory: relay, RekeyMessages: 1 << 40,
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = c.Close() })
	return c
}

// BenchmarkMembership measures what grows with the room: making a commit that
// gives N members new keys, taking one in, and reading a log to join.
func BenchmarkMembership(b *testing.B) {
	keytest.Use(b)
	for _, n := range []int{2, 10, 100} {
		if testing.Short() && n > 10 {
			continue
		}
		log, admin, now := grownRoom(b, n)
		room := admin.Public().RoomID()
		b.Run(fmt.Sprintf("rekey/members=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := admin.Commit(group.Changes{Rekey: true}, now, nil); err != nil {
					b.Fatal(err)
				}
				b.StopTimer()
				apply(b, admin, now, admin.Unechoed()...)
				b.StartTimer()
			}
		})
		b.Run(fmt.Sprintf("rekey/members=%d/parts=%d encapsulations", n, n-1), func(b *testing.B) {
			dk, err := compositekem.GenerateKey(compositekem.RSA2048)
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				for range n - 1 {
					dk.EncapsulationKey().Encapsulate()
				}
			}
		})
		b.Run(fmt.Sprintf("join/members=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				m, err := group.Enter(benchIdentity(b, "newcomer"), room, nil)
				if err != nil {
					b.Fatal(err)
				}
				apply(b, m, now, log...)
				if err := m.Join(now.Add(time.Hour)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func benchIdentity(b *testing.B, name string) group.Identity {
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		b.Fatal(err)
	}
	id, err := group.NewIdentity(name, key)
	if err != nil {
		b.Fatal(err)
	}
	return id
}

func apply(b *testing.B, m *group.Member, now time.Time, frames ...[]byte) {
	for _, f := range frames {
		if _, err := m.Apply(f, now); err != nil {
			b.Fatal(err)
		}
	}
}

// grownRoom is the log of a room of n members, and its admin.
func grownRoom(b *testing.B, n int) (log [][]byte, admin *group.Member, now time.Time) {
	now = time.Now()
	admin, err := group.Create(benchIdentity(b, "admin"), "bench", group.Open)
	if err != nil {
		b.Fatal(err)
	}
	log = admin.Unechoed()
	apply(b, admin, now, log...)
	for i := 1; i < n; i++ {
		m, err := group.Enter(benchIdentity(b, fmt.Sprint("member ", i)), admin.Public().RoomID(), nil)
		if err != nil {
			b.Fatal(err)
		}
		apply(b, m, now, log...)
		if err := m.Join(now.Add(time.Hour)); err != nil {
			b.Fatal(err)
		}
		apply(b, admin, now, m.Unechoed()...)
		log = append(log, m.Unechoed()...)
		if i%group.MaxAdds == 0 || i == n-1 {
			if err := admin.Commit(group.Changes{}, now, nil); err != nil {
				b.Fatal(err)
			}
			frames := admin.Unechoed()
			apply(b, admin, now, frames...)
			log = append(log, frames...)
		}
	}
	if got := len(admin.Public().Roster()); got != n {
		b.Fatalf("the room has %d members, not %d", got, n)
	}
	return log, admin, now
}

// BenchmarkStoredSend sends with a store on the disk, from one goroutine and from
// many, in one room and each in a room of its own. A send costs a commit of the
// store, which those that come together share.
func BenchmarkStoredSend(b *testing.B) {
	keytest.Use(b)
	for _, n := range []struct{ rooms, senders int }{{1, 1}, {1, 16}, {16, 16}, {1, 256}} {
		b.Run(fmt.Sprintf("rooms=%d/senders=%d", n.rooms, n.senders), func(b *testing.B) { storedSend(b, n.rooms, n.senders) })
	}
}

func storedSend(b *testing.B, rooms, senders int) {
	store, err := keystore.Create(filepath.Join(b.TempDir(), "store"), keystore.Key([32]byte{1}), nil)
	if err != nil {
		b.Fatal(err)
	}
	relay := transport.NewMemory(nil)
	c, err := e2ee.NewClient(b.Context(), e2ee.Config{Name: "alice", Store: store, Relay: relay, Directory: relay, RekeyMessages: 1 << 40})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = c.Close(); _ = store.Close() })
	all := make([]*e2ee.Room, rooms)
	for i := range all {
		if all[i], err = c.Create(b.Context(), fmt.Sprint("room ", i), nil); err != nil {
			b.Fatal(err)
		}
	}
	text := make([]byte, 256)
	begun := store.Generation()
	b.ResetTimer()
	var wg sync.WaitGroup
	next := make(chan struct{})
	for i := range senders {
		wg.Go(func() {
			for range next {
				if _, err := all[i%rooms].Send(b.Context(), text); err != nil {
					b.Error(err)
				}
			}
		})
	}
	for range b.N {
		next <- struct{}{}
	}
	close(next)
	wg.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "sends/s")
	b.ReportMetric(float64(store.Generation()-begun)/float64(b.N), "commits/op")
}

// BenchmarkReopen opens a store with many rooms, beside the derivation of a key
// from a passphrase, and a client on it; memory is what an idle room takes, its
// goroutines included.
func BenchmarkReopen(b *testing.B) {
	keytest.Use(b)
	rooms := 1000
	if testing.Short() {
		rooms = 10
	}
	path, unlock := filepath.Join(b.TempDir(), "store"), keystore.Key([32]byte{1})
	store, err := keystore.Create(path, unlock, nil)
	if err != nil {
		b.Fatal(err)
	}
	relay := transport.NewMemory(nil)
	config := e2ee.Config{Name: "alice", Store: store, Relay: relay, Directory: relay}
	c, err := e2ee.NewClient(b.Context(), config)
	if err != nil {
		b.Fatal(err)
	}
	for i := range rooms {
		if _, err := c.Create(b.Context(), fmt.Sprint("room ", i), &e2ee.RoomOptions{Unlisted: true}); err != nil {
			b.Fatal(err)
		}
	}
	if err := errors.Join(c.Close(), store.Close()); err != nil {
		b.Fatal(err)
	}
	b.Run("parts=Argon2id", func(b *testing.B) {
		for b.Loop() {
			argon2.IDKey([]byte("passphrase"), make([]byte, 16), 3, 64<<10, 4, 32)
		}
	})
	for _, client := range []bool{false, true} {
		b.Run(fmt.Sprintf("rooms=%d/client=%v", rooms, client), func(b *testing.B) {
			var memory uint64
			for b.Loop() {
				before := heap()
				store, err := keystore.Open(path, unlock, nil)
				if err != nil {
					b.Fatal(err)
				}
				if client {
					config.Store = store
					c, err := e2ee.NewClient(b.Context(), config)
					if err != nil {
						b.Fatal(err)
					}
					memory = heap() - before
					_ = c.Close()
				}
				store.Close()
			}
			if client {
				b.ReportMetric(float64(memory)/float64(rooms), "B/room")
			}
		})
	}
	info, err := os.Stat(path)
	if err != nil {
		b.Fatal(err)
	}
	b.Logf("%d bytes a room on the disk", info.Size()/int64(rooms))
}

// heap is what lives in memory, and the stacks.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc + m.StackInuse
}
