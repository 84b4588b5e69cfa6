package keytest_test

import (
	"sync"
	"testing"

	"github.com/parley-e2ee/parley/internal/keysource"
	"github.com/parley-e2ee/parley/internal/keysource/keytest"
)

func TestMain(m *testing.M) {
	keytest.UsePool()
	m.Run()
}

func TestPool(t *testing.T) {
	for bits, size := range map[int]int{2048: 32, 3072: 6, 4096: 4} {
		seen := map[string]int{}
		for range 2 * size {
			key, err := keysource.RSA(bits)
			if err != nil {
				t.Fatal(err)
			}
			if key.N.BitLen() != bits || key.E != 65537 || len(key.Primes) != 2 {
				t.Fatalf("RSA-%d: modulus of %d bits, exponent %d, %d primes", bits, key.N.BitLen(), key.E, len(key.Primes))
			}
			if seen[key.N.String()] == 0 {
				if err := key.Validate(); err != nil {
					t.Fatal(err)
				}
			}
			seen[key.N.String()]++
		}
		if len(seen) != size {
			t.Errorf("RSA-%d: %d different keys, want %d", bits, len(seen), size)
		}
		for _, n := range seen {
			if n != 2 {
				t.Errorf("RSA-%d: a key came %d times in two rounds", bits, n)
			}
		}
	}
}

func TestPoolHasNoOtherSizes(t *testing.T) {
	if _, err := keysource.RSA(2056); err == nil {
		t.Error("a 2056-bit key out of the pool")
	}
}

func TestPoolSurvivesItsUsers(t *testing.T) {
	const bits, size = 4096, 4
	for range size {
		key := keytest.RSA(t, bits)
		key.N.SetInt64(0)
		key.D.SetInt64(0)
		key.Primes[0].SetInt64(0)
		key.Primes[1] = nil
		key.Precomputed.Dp.SetInt64(0)
		key.Precomputed.Dq.SetInt64(0)
		key.Precomputed.Qinv.SetInt64(0)
	}
	for range size {
		if err := keytest.RSA(t, bits).Validate(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestPoolIsSafeForConcurrentUse(t *testing.T) {
	const size = 32
	var (
		mu   sync.Mutex
		seen = map[string]int{}
		wg   sync.WaitGroup
	)
	for range size {
		wg.Go(func() {
			key, err := keysource.RSA(2048)
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			seen[key.N.String()]++
		})
	}
	wg.Wait()
	if len(seen) != size {
		t.Errorf("%d different keys in one round, want %d", len(seen), size)
	}
}
