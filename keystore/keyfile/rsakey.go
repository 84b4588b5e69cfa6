package keyfile

import (
	"crypto/rsa"
	"math/big"
	"slices"
)

var errMultiPrime = refuse(ErrAlgorithm, "RSA with other than two primes")

func newRSAPublic(numbers *rsaNumbers) (*PublicKey, error) {
	key, err := numbers.public()
	if err != nil {
		return nil, err
	}
	return publicOfRSA(key), nil
}

func newRSAPrivate(numbers *rsaNumbers) (*PrivateKey, error) {
	key, err := numbers.private()
	if err != nil {
		return nil, err
	}
	return newPrivateKey(publicOfRSA(&key.PublicKey), key), nil
}

// publicOfRSA copies the struct, so as not to keep a private key around it.
func publicOfRSA(key *rsa.PublicKey) *PublicKey {
	own := &rsa.PublicKey{N: key.N, E: key.E}
	return newPublicKey(algorithmRSA, own.N.BitLen(), own, marshalPKCS1Public(own))
}

// numbersOf takes apart a key of unknown origin. What is missing or not positive
// becomes 0, which the checks refuse.
func numbersOf(key *rsa.PrivateKey) (*rsaNumbers, error) {
	if len(key.Primes) != 2 {
		return nil, errMultiPrime
	}
	r := publicNumbersOf(&key.PublicKey)
	r.d, r.p, r.q = unsigned(key.D), unsigned(key.Primes[0]), unsigned(key.Primes[1])
	if crt := &key.Precomputed; crt.Dp != nil || crt.Dq != nil || crt.Qinv != nil {
		r.dp, r.dq, r.qinv = unsigned(crt.Dp), unsigned(crt.Dq), unsigned(crt.Qinv)
	}
	return r, nil
}

func publicNumbersOf(key *rsa.PublicKey) *rsaNumbers {
	return &rsaNumbers{n: unsigned(key.N), e: unsigned(big.NewInt(int64(key.E)))}
}

func unsigned(x *big.Int) []byte {
	if x == nil || x.Sign() <= 0 {
		return []byte{}
	}
	return x.Bytes()
}

// cloneRSA copies the numbers; what crypto/rsa has precomputed beyond them is
// never written, and shared.
func cloneRSA(key *rsa.PrivateKey) *rsa.PrivateKey {
	c := *key
	c.N, c.D = cloneInt(key.N), cloneInt(key.D)
	c.Primes = slices.Clone(key.Primes)
	for i, prime := range c.Primes {
		c.Primes[i] = cloneInt(prime)
	}
	crt := &c.Precomputed
	crt.Dp, crt.Dq, crt.Qinv = cloneInt(crt.Dp), cloneInt(crt.Dq), cloneInt(crt.Qinv)
	return &c
}

func cloneInt(x *big.Int) *big.Int { return new(big.Int).Set(x) }
