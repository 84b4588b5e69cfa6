package interop_test

import (
	"crypto/ed25519"
	"crypto/mlkem"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"fmt"
	"runtime"
	"testing"

	"github.com/parley-e2ee/parley/e2ee/group"
	"github.com/parley-e2ee/parley/envelope/compositekem"
	"github.com/parley-e2ee/parley/internal/keysource/keytest"
)

// What grows with a room. The last of a room is the largest.
func roomSizes() []int {
	if testing.Short() {
		return []int{10}
	}
	return []int{10, 100, group.MaxMembers}
}

func forRooms(b *testing.B, impl string, run func(b *testing.B, n int)) {
	for _, n := range roomSizes() {
		b.Run(fmt.Sprintf("members=%d/impl=%s", n, impl), func(b *testing.B) {
			b.ReportAllocs()
			run(b, n)
		})
	}
}

// BenchmarkCommit gives everybody new secrets.
func BenchmarkCommit(b *testing.B) {
	forRooms(b, "parts", func(b *testing.B, n int) {
		keys := roomKeys(b, n-1)
		for b.Loop() {
			for _, key := range keys {
				key.Encapsulate()
			}
		}
	})
	forRooms(b, "parley", func(b *testing.B, n int) {
		r, size := roomOf(b, n), 0
		for b.Loop() {
			frame := r.commit(group.Changes{Rekey: true})
			b.StopTimer()
			size = len(frame)
			r.follow(frame)
			b.StartTimer()
		}
		if size > group.MaxFrameSize {
			b.Fatalf("a commit of %d bytes", size)
		}
		b.ReportMetric(float64(size), "frame-B")
	})
	// The first commit after a start: keys of leaves are parsed when first needed.
	forRooms(b, "parley-restored", func(b *testing.B, n int) {
		r := roomOf(b, n)
		for b.Loop() {
			b.StopTimer()
			m := r.alice.restored()
			b.StartTimer()
			check(m.Commit(group.Changes{Rekey: true}, benchNow, nil))
		}
	})
}

func roomKeys(tb testing.TB, n int) (keys []*compositekem.EncapsulationKey) {
	keytest.Use(tb)
	for range n {
		keys = append(keys, must(compositekem.GenerateKey(compositekem.RSA2048)).EncapsulationKey())
	}
	return keys
}

// BenchmarkFollow takes in a commit of somebody else.
func BenchmarkFollow(b *testing.B) {
	forRooms(b, "parts", func(b *testing.B, _ int) {
		half, other := keytest.RSA(b, 2048), must(mlkem.GenerateKey768())
		wrapped := must(rsa.EncryptOAEP(sha256.New(), rand.Reader, &half.PublicKey, randomBytes(32), nil))
		_, encapsulated := other.EncapsulationKey().Encapsulate()
		for b.Loop() {
			must(rsa.DecryptOAEP(sha256.New(), nil, half, wrapped, nil))
			must(other.Decapsulate(encapsulated))
		}
	})
	forRooms(b, "parley", func(b *testing.B, n int) {
		r := roomOf(b, n)
		for b.Loop() {
			b.StopTimer()
			frame := r.commit(group.Changes{Rekey: true})
			r.alice.follow(frame)
			b.StartTimer()
			must(r.bob.Apply(frame, benchNow))
			b.StopTimer()
			r.bob.save()
			b.StartTimer()
		}
	})
}

// BenchmarkEnter reads the log of a room from its beginning until the reader, who
// comes last, is in.
func BenchmarkEnter(b *testing.B) {
	forRooms(b, "parts", func(b *testing.B, n int) {
		const leafSize = 1700
		keytest.Use(b)
		kem := must(compositekem.GenerateKey(compositekem.RSA2048))
		_, encapsulated := kem.EncapsulationKey().Encapsulate()
		signing := ed25519.NewKeyFromSeed(randomBytes(ed25519.SeedSize))
		public, leaf := signing.Public().(ed25519.PublicKey), randomBytes(leafSize)
		sig := ed25519.Sign(signing, leaf)
		for b.Loop() {
			must(kem.Decapsulate(encapsulated))
			for range 2 * n {
				if !ed25519.Verify(public, leaf, sig) {
					b.Fatal("a signature that does not verify")
				}
			}
		}
	})
	forRooms(b, "parley", func(b *testing.B, n int) {
		r := roomOf(b, n)
		size := 0
		for _, frame := range r.log {
			size += len(frame)
		}
		b.SetBytes(int64(size))
		for b.Loop() {
			stranger := newActor(r.late.id, must(group.Enter(r.late.id, r.alice.Public().RoomID(), nil)))
			stranger.apply(r.log[:r.lateAt]...)
			b.StopTimer()
			late := newActor(r.late.id, r.late.restored())
			b.StartTimer()
			late.apply(r.log[r.lateAt:]...)
			if late.Status() != group.Active {
				b.Fatal(late.Status())
			}
		}
	})
}

// BenchmarkMemory measures no time: it tells what a member holds of the heap.
func BenchmarkMemory(b *testing.B) {
	for _, n := range roomSizes() {
		r := roomOf(b, n)
		for _, state := range []struct {
			name string
			size uint64
		}{{"live", r.live}, {"restored", r.restored}, {"committing", r.committing}} {
			b.Run(fmt.Sprintf("members=%d/state=%s", n, state.name), func(b *testing.B) {
				for b.Loop() {
				}
				b.ReportMetric(0, "ns/op")
				b.ReportMetric(float64(state.size), "B/room")
				b.ReportMetric(float64(state.size)/float64(n), "B/member")
			})
		}
	}
	// What a Message leaves behind until the next epoch.
	b.Run("held=message", func(b *testing.B) {
		const n = 1000
		m := newParleyMessenger(b)
		frames := sealed(m, n)
		before := heap()
		for _, frame := range frames {
			m.open(frame)
			m.store()
		}
		grown := heap() - before
		runtime.KeepAlive(frames)
		for b.Loop() {
		}
		b.ReportMetric(0, "ns/op")
		b.ReportMetric(float64(grown)/n, "B/msg")
	})
}
