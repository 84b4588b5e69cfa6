package interop_test

import (
	"crypto/rsa"
	"math/big"
	"testing"

	"github.com/parley-e2ee/parley/internal/keysource/keytest"
	"github.com/parley-e2ee/parley/keystore/keyfile"
)

// shortNumbers are keys of which one number has fewer bytes than is usual, which
// writers pad and trim differently and chance brings up once in 256 keys.
var shortNumbers = []struct {
	name  string
	short func(*rsa.PrivateKey) bool
}{
	{"d", func(k *rsa.PrivateKey) bool { return k.D.BitLen() <= k.N.BitLen()-8 }},
	{"dp", func(k *rsa.PrivateKey) bool { return k.Precomputed.Dp.BitLen() <= k.Primes[0].BitLen()-8 }},
	{"dq", func(k *rsa.PrivateKey) bool { return k.Precomputed.Dq.BitLen() <= k.Primes[1].BitLen()-8 }},
	{"qi", func(k *rsa.PrivateKey) bool { return k.Precomputed.Qinv.BitLen() <= k.Primes[0].BitLen()-8 }},
}

func TestShortNumbers(t *testing.T) {
	r := newRandom(t)
	primes := poolPrimes(t)
	for _, c := range shortNumbers {
		key := must(keyfile.NewPrivateKey(findKey(t, r, primes, c.short)))
		t.Run(c.name, func(t *testing.T) {
			eachParty(t, []string{kindRSA}, func(t *testing.T, p *party, ops keyOps, kind string) {
				checkOurForms(t, p, ops, kind, key)
			})
		})
	}
}

func poolPrimes(t *testing.T) []*big.Int {
	t.Helper()
	var all []*big.Int
	seen := map[string]bool{}
	for {
		key := keytest.RSA(t, 2048)
		if seen[key.N.String()] {
			return all
		}
		seen[key.N.String()] = true
		all = append(all, key.Primes...)
	}
}

// findKey draws two primes and an exponent until the key is as wanted.
func findKey(t *testing.T, r random, primes []*big.Int, wanted func(*rsa.PrivateKey) bool) *rsa.PrivateKey {
	t.Helper()
	one := big.NewInt(1)
	for range 100_000 {
		p, q, e := pick(r, primes...), pick(r, primes...), 65537+2*r.Int64N(1<<20)
		p1, q1 := new(big.Int).Sub(p, one), new(big.Int).Sub(q, one)
		lambda := new(big.Int).Mul(p1, q1)
		lambda.Div(lambda, new(big.Int).GCD(nil, nil, p1, q1))
		d := new(big.Int).ModInverse(big.NewInt(e), lambda)
		n := new(big.Int).Mul(p, q)
		if p.Cmp(q) == 0 || d == nil || n.BitLen() != 2048 {
			continue
		}
		key := &rsa.PrivateKey{PublicKey: rsa.PublicKey{N: n, E: int(e)}, D: d, Primes: []*big.Int{p, q}}
		key.Precomputed.Dp = new(big.Int).Mod(d, p1)
		key.Precomputed.Dq = new(big.Int).Mod(d, q1)
		key.Precomputed.Qinv = new(big.Int).ModInverse(q, p)
		if wanted(key) {
			key.Precomputed = rsa.PrecomputedValues{}
			key.Precompute()
			return key
		}
	}
	t.Fatal("no such key found")
	return nil
}
