package keyfile

import (
	"crypto/fips140"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/subtle"
	"math/big"
)

// Sizes of an RSA modulus in bits.
const (
	// DefaultBits is what 0 stands for when a key is generated.
	DefaultBits = 2048
	// MinBits and MaxBits are the smallest and the largest that are read.
	MinBits = 2048
	MaxBits = 8192
)

// Public exponents are odd, at least minExponent (FIPS 186-5, Appendix A.1.1) and
// below 2³¹, which is what crypto/rsa takes on every platform.
const (
	minExponent     = 65537
	maxExponentBits = 31
)

// rsaNumbers are those of an RSA key, big-endian and unsigned. Of a public key n
// and e alone are set; dp, dq and qinv are nil where they are to be computed.
type rsaNumbers struct {
	n, e, d, p, q, dp, dq, qinv []byte
}

// wipe overwrites the private ones.
func (r *rsaNumbers) wipe() {
	for _, secret := range [][]byte{r.d, r.p, r.q, r.dp, r.dq, r.qinv} {
		wipe(secret)
	}
}

// public checks n and e.
func (r *rsaNumbers) public() (*rsa.PublicKey, error) {
	n, e := new(big.Int).SetBytes(r.n), new(big.Int).SetBytes(r.e)
	switch {
	case n.BitLen() < MinBits:
		return nil, refuse(ErrKeySize, "RSA modulus below 2048 bits")
	case n.BitLen() > MaxBits:
		return nil, refuse(ErrKeySize, "RSA modulus above 8192 bits")
	case n.Bit(0) == 0:
		return nil, refuse(ErrModulus, "even")
	case e.BitLen() > maxExponentBits:
		return nil, refuse(ErrExponent, "public exponent not below 2^31")
	case e.Bit(0) == 0:
		return nil, refuse(ErrExponent, "even public exponent")
	case e.Int64() < minExponent:
		return nil, refuse(ErrExponent, "public exponent below 65537")
	}
	return &rsa.PublicKey{N: n, E: int(e.Int64())}, nil
}

// private checks all numbers, and that the key works.
func (r *rsaNumbers) private() (*rsa.PrivateKey, error) {
	public, err := r.public()
	if err != nil {
		return nil, err
	}
	key := &rsa.PrivateKey{
		PublicKey: *public,
		D:         new(big.Int).SetBytes(r.d),
		Primes:    []*big.Int{new(big.Int).SetBytes(r.p), new(big.Int).SetBytes(r.q)},
	}
	if err := checkFactors(key); err != nil {
		return nil, err
	}
	if r.dp != nil {
		key.Precomputed.Dp = new(big.Int).SetBytes(r.dp)
		key.Precomputed.Dq = new(big.Int).SetBytes(r.dq)
		key.Precomputed.Qinv = new(big.Int).SetBytes(r.qinv)
	}
	// Validate has d and the CRT values in their ranges, e·dp = 1 mod p-1,
	// dp = d mod p-1, the same for q, and qinv·q = 1 mod p.
	key.Precompute()
	if key.Validate() != nil {
		return nil, refuse(ErrMismatch, "RSA private exponent or CRT values are not those of the modulus and the public exponent")
	}
	if err := checkPair(key); err != nil {
		return nil, err
	}
	return key, nil
}

// checkFactors checks what crypto/rsa does not, or not under a name of its own.
func checkFactors(key *rsa.PrivateKey) error {
	p, q, half := key.Primes[0], key.Primes[1], key.N.BitLen()/2
	difference := new(big.Int).Sub(p, q)
	switch {
	case new(big.Int).Mul(p, q).Cmp(key.N) != 0:
		return refuse(ErrModulus, "not the product of the two primes")
	case p.BitLen()-q.BitLen() < -1 || p.BitLen()-q.BitLen() > 1:
		return refuse(ErrModulus, "factors of different sizes")
	case difference.BitLen() <= half-100: // FIPS 186-5, Section 5.1
		return refuse(ErrModulus, "factors too close to each other")
	case key.D.BitLen() <= half: // likewise
		return refuse(ErrExponent, "private exponent too small")
	case fips140.Enforced() && (key.N.BitLen()%2 != 0 || p.BitLen() != q.BitLen()):
		return refuse(ErrKeySize, "RSA modulus or factors not of a size for FIPS 140-only mode")
	}
	return nil
}

// checkPair opens with the private key what the public key seals: where a
// "prime" is composite, the equations above can hold and the key not work.
func checkPair(key *rsa.PrivateKey) error {
	var sent [32]byte
	rand.Read(sent[:])
	sealed, err := rsa.EncryptOAEP(sha256.New(), rand.Reader, &key.PublicKey, sent[:], nil)
	if err != nil {
		return refuse(ErrMismatch, "RSA public key does not encrypt")
	}
	got, err := rsa.DecryptOAEP(sha256.New(), rand.Reader, key, sealed, nil)
	if err != nil || subtle.ConstantTimeCompare(got, sent[:]) != 1 {
		return refuse(ErrMismatch, "RSA private key does not decrypt what the public key encrypts")
	}
	return nil
}
