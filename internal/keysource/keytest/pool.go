package keytest

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
)

// pool hands out the keys of one file of testdata/keys in turn.
type pool struct {
	file string
	size int
	next atomic.Uint64
	load func() ([]func() (*rsa.PrivateKey, error), error)
}

var pools = map[int]*pool{
	2048: newPool("rsa2048.pem", 32),
	3072: newPool("rsa3072.pem", 6),
	4096: newPool("rsa4096.pem", 4),
}

func newPool(file string, size int) *pool {
	p := &pool{file: file, size: size}
	p.load = sync.OnceValues(p.read)
	return p
}

func (p *pool) take() (*rsa.PrivateKey, error) {
	keys, err := p.load()
	if err != nil {
		return nil, err
	}
	turn := (p.next.Add(1) - 1) % uint64(len(keys))
	key, err := keys[turn]()
	if err != nil {
		return nil, err
	}
	return clone(key), nil
}

// read splits the file; each key is parsed when its first turn comes.
func (p *pool) read() ([]func() (*rsa.PrivateKey, error), error) {
	dir, err := directory()
	if err != nil {
		return nil, err
	}
	rest, err := os.ReadFile(filepath.Join(dir, p.file))
	if err != nil {
		return nil, err
	}
	var keys []func() (*rsa.PrivateKey, error)
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		keys = append(keys, sync.OnceValues(func() (*rsa.PrivateKey, error) { return parse(block.Bytes) }))
	}
	if len(keys) != p.size {
		return nil, fmt.Errorf("keytest: %s holds %d keys, want %d", p.file, len(keys), p.size)
	}
	return keys, nil
}

func parse(der []byte) (*rsa.PrivateKey, error) {
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, err
	}
	key, ok := parsed.(*rsa.PrivateKey)
	if !ok {
		return nil, errors.New("keytest: not an RSA key")
	}
	return key, nil
}

// clone copies the numbers, so that a test that wipes or corrupts its key
// leaves the pool as it was. What is shared in Precomputed is unexported and
// never written.
func clone(key *rsa.PrivateKey) *rsa.PrivateKey {
	c := *key
	c.N = new(big.Int).Set(key.N)
	c.D = new(big.Int).Set(key.D)
	c.Primes = slices.Clone(key.Primes)
	for i, prime := range c.Primes {
		c.Primes[i] = new(big.Int).Set(prime)
	}
	c.Precomputed.Dp = new(big.Int).Set(key.Precomputed.Dp)
	c.Precomputed.Dq = new(big.Int).Set(key.Precomputed.Dq)
	c.Precomputed.Qinv = new(big.Int).Set(key.Precomputed.Qinv)
	return &c
}

// directory finds the module's testdata/keys: from this source file, whatever
// module the test is in, or, where -trimpath hides the source's place, from
// the working directory upwards.
func directory() (string, error) {
	if _, file, _, ok := runtime.Caller(0); ok && filepath.IsAbs(file) {
		dir := filepath.Join(filepath.Dir(file), "..", "..", "..", "testdata", "keys")
		if isPool(dir) {
			return dir, nil
		}
	}
	at, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		dir := filepath.Join(at, "testdata", "keys")
		if isPool(dir) {
			return dir, nil
		}
		parent := filepath.Dir(at)
		if parent == at {
			return "", errors.New("keytest: testdata/keys not found")
		}
		at = parent
	}
}

func isPool(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "rsa2048.pem"))
	return err == nil
}
