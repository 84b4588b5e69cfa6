package compositekem

import (
	"crypto/rsa"
	"math/big"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// publicExponent is the only one taken, as the draft, Section 6, allows.
const publicExponent = 65537

// checkRSAPublicKey implements the draft, Sections 3.3 and 6.1: a modulus of
// exactly one of the sizes. It refuses with an error of the given kind.
func checkRSAPublicKey(key *rsa.PublicKey, kind error) (ParameterSet, error) {
	if key.N == nil || key.N.Sign() <= 0 {
		return 0, refuse(kind, "RSA modulus is not positive")
	}
	if key.N.Bit(0) == 0 {
		return 0, refuse(kind, "RSA modulus is even")
	}
	if key.E != publicExponent {
		return 0, refuse(kind, "RSA public exponent is not 65537")
	}
	set, ok := parameterSetFor(func(p parameters) bool { return p.modulusBits == key.N.BitLen() })
	if !ok {
		return 0, refuse(kind, "RSA modulus has not 2048, 3072 or 4096 bits")
	}
	return set, nil
}

// checkRSANumbers is what must hold before crypto/rsa is let near the key. That
// both primes have half the size of the modulus (FIPS 186-5, Section 5.1) makes
// the check of crypto/rsa, which is that p·q is a multiple of n, mean p·q = n.
func checkRSANumbers(key *rsa.PrivateKey) error {
	set, err := checkRSAPublicKey(&key.PublicKey, ErrDecapsulationKey)
	if err != nil {
		return err
	}
	if len(key.Primes) != 2 {
		return refuse(ErrDecapsulationKey, "RSA key has not two primes")
	}
	for _, prime := range key.Primes {
		if prime == nil || prime.Sign() <= 0 || prime.BitLen() != set.ModulusBits()/2 {
			return refuse(ErrDecapsulationKey, "RSA prime of the wrong size")
		}
	}
	if key.D == nil || key.D.Sign() <= 0 {
		return refuse(ErrDecapsulationKey, "RSA private exponent is not positive")
	}
	return nil
}

func checkRSAConsistency(key *rsa.PrivateKey) error {
	if err := key.Validate(); err != nil {
		return refuse(ErrDecapsulationKey, "RSA key is inconsistent")
	}
	return nil
}

// marshalRSAPublicKey implements RSAPublicKey, RFC 8017, Section A.1.1.
func marshalRSAPublicKey(key *rsa.PublicKey) []byte {
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1BigInt(key.N)
		b.AddASN1Int64(int64(key.E))
	})
	return b.BytesOrPanic()
}

// parseRSAPublicKey takes DER only, so that marshalling gives the same bytes.
func parseRSAPublicKey(der []byte) (*rsa.PublicKey, error) {
	input := cryptobyte.String(der)
	var seq cryptobyte.String
	var e int64
	n := new(big.Int)
	if !input.ReadASN1(&seq, asn1.SEQUENCE) || !input.Empty() ||
		!seq.ReadASN1Integer(n) || !seq.ReadASN1Integer(&e) || !seq.Empty() {
		return nil, refuse(ErrEncapsulationKey, "RSA half is not a DER RSAPublicKey")
	}
	if e != publicExponent {
		return nil, refuse(ErrEncapsulationKey, "RSA public exponent is not 65537")
	}
	return &rsa.PublicKey{N: n, E: publicExponent}, nil
}

// marshalRSAPrivateKey implements RSAPrivateKey, RFC 8017, Section A.1.2, with
// version 0 and without otherPrimeInfos. The key is a checked and precomputed one.
func marshalRSAPrivateKey(key *rsa.PrivateKey) []byte {
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1Int64(0)
		b.AddASN1BigInt(key.N)
		b.AddASN1Int64(int64(key.E))
		b.AddASN1BigInt(key.D)
		b.AddASN1BigInt(key.Primes[0])
		b.AddASN1BigInt(key.Primes[1])
		b.AddASN1BigInt(key.Precomputed.Dp)
		b.AddASN1BigInt(key.Precomputed.Dq)
		b.AddASN1BigInt(key.Precomputed.Qinv)
	})
	return b.BytesOrPanic()
}

// parseRSAPrivateKey takes DER only, so that marshalling gives the same bytes.
// Of the numbers it checks only what rsa.PrivateKey cannot hold or does not look
// at: the exponent's size and the signs of the CRT values.
func parseRSAPrivateKey(der []byte) (*rsa.PrivateKey, error) {
	input := cryptobyte.String(der)
	var seq cryptobyte.String
	var version, e int64
	n, d, p, q, dp, dq, qinv := new(big.Int), new(big.Int), new(big.Int), new(big.Int), new(big.Int), new(big.Int), new(big.Int)
	if !input.ReadASN1(&seq, asn1.SEQUENCE) || !input.Empty() ||
		!seq.ReadASN1Integer(&version) || version != 0 ||
		!seq.ReadASN1Integer(n) || !seq.ReadASN1Integer(&e) || !seq.ReadASN1Integer(d) ||
		!seq.ReadASN1Integer(p) || !seq.ReadASN1Integer(q) ||
		!seq.ReadASN1Integer(dp) || !seq.ReadASN1Integer(dq) || !seq.ReadASN1Integer(qinv) || !seq.Empty() {
		return nil, refuse(ErrDecapsulationKey, "RSA half is not a DER RSAPrivateKey of version 0")
	}
	if e != publicExponent || dp.Sign() <= 0 || dq.Sign() <= 0 || qinv.Sign() <= 0 {
		return nil, refuse(ErrDecapsulationKey, "RSA key has a value out of range")
	}
	key := &rsa.PrivateKey{PublicKey: rsa.PublicKey{N: n, E: publicExponent}, D: d, Primes: []*big.Int{p, q}}
	key.Precomputed.Dp, key.Precomputed.Dq, key.Precomputed.Qinv = dp, dq, qinv
	return key, nil
}
