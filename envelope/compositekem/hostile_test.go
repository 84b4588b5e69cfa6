package compositekem_test

import (
	"bytes"
	"crypto/mlkem"
	"crypto/rsa"
	"errors"
	"math/big"
	"slices"
	"testing"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/parley-e2ee/parley/envelope/compositekem"
	"github.com/parley-e2ee/parley/internal/keysource/keytest"
)

// sequence encodes numbers as a DER SEQUENCE of INTEGERs.
func sequence(numbers ...*big.Int) []byte {
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		for _, n := range numbers {
			b.AddASN1BigInt(n)
		}
	})
	return b.BytesOrPanic()
}

// element encodes contents as they are, under the tag and a minimal length.
func element(tag asn1.Tag, contents ...[]byte) []byte {
	var b cryptobyte.Builder
	b.AddASN1(tag, func(b *cryptobyte.Builder) { b.AddBytes(slices.Concat(contents...)) })
	return b.BytesOrPanic()
}

func integer(n *big.Int) []byte {
	var b cryptobyte.Builder
	b.AddASN1BigInt(n)
	return b.BytesOrPanic()
}

var (
	zero = big.NewInt(0)
	one  = big.NewInt(1)
	e    = big.NewInt(65537)
)

// oddOf returns an odd number of exactly so many bits.
func oddOf(bits uint) *big.Int {
	n := new(big.Int).Lsh(one, bits-1)
	return n.Add(n, big.NewInt(0x1234567))
}

func TestHostileEncapsulationKeys(t *testing.T) {
	mlkemPK := generate(t, compositekem.RSA2048).EncapsulationKey().Bytes()[:mlkem.EncapsulationKeySize768]
	n := keytest.RSA(t, 2048).N
	good := sequence(n, e)
	notReduced := slices.Clone(mlkemPK)
	notReduced[0], notReduced[1] = 0xff, 0xff
	longForm := slices.Concat([]byte{0x30, 0x83, 0, 1, 0x0a}, good[4:])

	for name, bad := range map[string][]byte{
		"empty":                       {},
		"no RSA half":                 mlkemPK,
		"no ML-KEM half":              good,
		"ML-KEM half cut":             slices.Concat(mlkemPK[1:], good),
		"ML-KEM half not reduced":     slices.Concat(notReduced, good),
		"e = 1":                       slices.Concat(mlkemPK, sequence(n, one)),
		"e = 3":                       slices.Concat(mlkemPK, sequence(n, big.NewInt(3))),
		"e = 0":                       slices.Concat(mlkemPK, sequence(n, zero)),
		"e = -65537":                  slices.Concat(mlkemPK, sequence(n, big.NewInt(-65537))),
		"e even":                      slices.Concat(mlkemPK, sequence(n, big.NewInt(65538))),
		"e = 65537 + 2^32":            slices.Concat(mlkemPK, sequence(n, big.NewInt(65537+1<<32))),
		"e of 2048 bits":              slices.Concat(mlkemPK, sequence(n, oddOf(2048))),
		"modulus of 1024 bits":        slices.Concat(mlkemPK, sequence(oddOf(1024), e)),
		"modulus of 2047 bits":        slices.Concat(mlkemPK, sequence(oddOf(2047), e)),
		"modulus of 2049 bits":        slices.Concat(mlkemPK, sequence(oddOf(2049), e)),
		"modulus of 2056 bits":        slices.Concat(mlkemPK, sequence(oddOf(2056), e)),
		"modulus of 8192 bits":        slices.Concat(mlkemPK, sequence(oddOf(8192), e)),
		"modulus even":                slices.Concat(mlkemPK, sequence(new(big.Int).Sub(n, one), e)),
		"modulus negative":            slices.Concat(mlkemPK, sequence(new(big.Int).Neg(n), e)),
		"modulus zero":                slices.Concat(mlkemPK, sequence(zero, e)),
		"modulus without sign byte":   slices.Concat(mlkemPK, element(asn1.SEQUENCE, element(asn1.INTEGER, n.Bytes()), integer(e))),
		"modulus with two sign bytes": slices.Concat(mlkemPK, element(asn1.SEQUENCE, element(asn1.INTEGER, []byte{0, 0}, n.Bytes()), integer(e))),
		"e not minimal":               slices.Concat(mlkemPK, element(asn1.SEQUENCE, integer(n), []byte{2, 4, 0, 1, 0, 1})),
		"modulus with a long length":  slices.Concat(mlkemPK, element(asn1.SEQUENCE, []byte{2, 0x83, 0, 1, 1, 0}, n.Bytes(), integer(e))),
		"sequence with a long length": slices.Concat(mlkemPK, longForm),
		"indefinite length":           slices.Concat(mlkemPK, []byte{0x30, 0x80}, good[4:], []byte{0, 0}),
		"trailing byte":               slices.Concat(mlkemPK, good, []byte{0}),
		"trailing byte inside":        slices.Concat(mlkemPK, element(asn1.SEQUENCE, integer(n), integer(e), []byte{0})),
		"third number":                slices.Concat(mlkemPK, sequence(n, e, one)),
		"no exponent":                 slices.Concat(mlkemPK, sequence(n)),
		"set instead of sequence":     slices.Concat(mlkemPK, element(asn1.SET, integer(n), integer(e))),
	} {
		if _, err := compositekem.NewEncapsulationKey(bad); !errors.Is(err, compositekem.ErrEncapsulationKey) {
			t.Errorf("%s: %v, want ErrEncapsulationKey", name, err)
		}
	}
	if _, err := compositekem.NewEncapsulationKey(slices.Concat(mlkemPK, good)); err != nil {
		t.Errorf("the good key: %v", err)
	}
}

func numbers(key *rsa.PrivateKey) []*big.Int {
	return []*big.Int{zero, key.N, e, key.D, key.Primes[0], key.Primes[1], key.Precomputed.Dp, key.Precomputed.Dq, key.Precomputed.Qinv}
}

func TestHostileDecapsulationKeys(t *testing.T) {
	seed := make([]byte, mlkem.SeedSize)
	key, other := keytest.RSA(t, 2048), keytest.RSA(t, 2048)
	good := numbers(key)
	with := func(at int, n *big.Int) []byte {
		changed := slices.Clone(good)
		changed[at] = n
		return slices.Concat(seed, sequence(changed...))
	}
	plus := func(n, m *big.Int) *big.Int { return new(big.Int).Add(n, m) }
	minus := func(n, m *big.Int) *big.Int { return new(big.Int).Sub(n, m) }
	p, q := key.Primes[0], key.Primes[1]
	cases := map[string][]byte{
		"empty":                   {},
		"seed only":               seed,
		"seed cut":                slices.Concat(seed[1:], sequence(good...)),
		"version 1":               with(0, one),
		"version -1":              with(0, big.NewInt(-1)),
		"another modulus":         with(1, other.N),
		"modulus even":            with(1, minus(key.N, one)),
		"e = 3":                   with(2, big.NewInt(3)),
		"e = 65539":               with(2, big.NewInt(65539)),
		"e = 65537 + 2^32":        with(2, big.NewInt(65537+1<<32)),
		"another d":               with(3, other.D),
		"d + 2":                   with(3, plus(key.D, big.NewInt(2))),
		"d = 0":                   with(3, zero),
		"d = 1":                   with(3, one),
		"d of twice the size":     with(3, new(big.Int).Mul(key.D, key.N)),
		"d negative":              with(3, new(big.Int).Neg(key.D)),
		"another p":               with(4, other.Primes[0]),
		"p + 2":                   with(4, plus(p, big.NewInt(2))),
		"p = n":                   with(4, key.N),
		"p = 1":                   with(4, one),
		"p = 0":                   with(4, zero),
		"p negative":              with(4, new(big.Int).Neg(p)),
		"another q":               with(5, other.Primes[1]),
		"q = p":                   with(5, p),
		"dp + p - 1":              with(6, plus(key.Precomputed.Dp, minus(p, one))),
		"dp = 0":                  with(6, zero),
		"dp negative":             with(6, new(big.Int).Neg(key.Precomputed.Dp)),
		"dq + 2":                  with(7, plus(key.Precomputed.Dq, big.NewInt(2))),
		"dq negative":             with(7, new(big.Int).Neg(key.Precomputed.Dq)),
		"qinv + p":                with(8, plus(key.Precomputed.Qinv, p)),
		"qinv = 0":                with(8, zero),
		"qinv negative":           with(8, new(big.Int).Neg(key.Precomputed.Qinv)),
		"primes swapped":          slices.Concat(seed, sequence(zero, key.N, e, key.D, q, p, good[6], good[7], good[8])),
		"no CRT values":           slices.Concat(seed, sequence(good[:6]...)),
		"a third prime":           slices.Concat(seed, element(asn1.SEQUENCE, integer(one), sequence(good...)[4+3:], sequence())),
		"trailing byte":           slices.Concat(seed, sequence(good...), []byte{0}),
		"tenth number":            slices.Concat(seed, sequence(append(slices.Clone(good), one)...)),
		"d not minimal":           slices.Concat(seed, element(asn1.SEQUENCE, sequence(good[:3]...)[4:], element(asn1.INTEGER, []byte{0, 0}, key.D.Bytes()), sequence(good[4:]...)[4:])),
		"all numbers of 1 MB":     slices.Concat(seed, sequence(zero, oddOf(1<<23), e, oddOf(1<<23), oddOf(1<<23), oddOf(1<<23), one, one, one)),
		"CRT values of 1 MB":      slices.Concat(seed, sequence(zero, key.N, e, key.D, p, q, oddOf(1<<23), oddOf(1<<23), oddOf(1<<23))),
		"modulus of 2056 bits":    with(1, oddOf(2056)),
		"p·q is a multiple of n":  slices.Concat(seed, sequence(multipleOfModulus(t)...)),
		"primes of unequal sizes": slices.Concat(seed, sequence(unequalPrimes(t)...)),
	}
	for name, bad := range cases {
		if _, err := compositekem.NewDecapsulationKey(bad); !errors.Is(err, compositekem.ErrDecapsulationKey) {
			t.Errorf("%s: %v, want ErrDecapsulationKey", name, err)
		}
	}
	if _, err := compositekem.NewDecapsulationKey(slices.Concat(seed, sequence(good...))); err != nil {
		t.Errorf("the good key: %v", err)
	}
}

// crtNumbers makes the nine numbers of a private key out of a modulus and two
// factors, nil if d is not below the modulus.
func crtNumbers(n, p, q *big.Int) []*big.Int {
	pm, qm := new(big.Int).Sub(p, one), new(big.Int).Sub(q, one)
	lcm := new(big.Int).Mul(pm, qm)
	lcm.Div(lcm, new(big.Int).GCD(nil, nil, pm, qm))
	d, qinv := new(big.Int).ModInverse(e, lcm), new(big.Int).ModInverse(q, p)
	if d == nil || qinv == nil || d.Cmp(n) >= 0 {
		return nil
	}
	return []*big.Int{zero, n, e, d, p, q, new(big.Int).Mod(d, pm), new(big.Int).Mod(d, qm), qinv}
}

// multipleOfModulus returns a key with factors 3p and q of the modulus p·q,
// which rsa.PrivateKey.Validate takes for valid.
func multipleOfModulus(t *testing.T) []*big.Int {
	for range 32 {
		key := keytest.RSA(t, 2048)
		found := crtNumbers(key.N, new(big.Int).Mul(key.Primes[0], big.NewInt(3)), key.Primes[1])
		if found == nil {
			continue
		}
		k := &rsa.PrivateKey{PublicKey: rsa.PublicKey{N: found[1], E: 65537}, D: found[3], Primes: found[4:6]}
		k.Precomputed.Dp, k.Precomputed.Dq, k.Precomputed.Qinv = found[6], found[7], found[8]
		if err := k.Validate(); err != nil {
			t.Logf("crypto/rsa refuses it as well: %v", err)
		}
		return found
	}
	t.Fatal("no such key")
	return nil
}

// unequalPrimes returns a consistent key of 2048 bits with primes of 1026 and
// 1023 bits.
func unequalPrimes(t *testing.T) []*big.Int {
	p, q := oddOf(1026), oddOf(1023)
	for range 10000 {
		q.Add(q, big.NewInt(2))
		if n := new(big.Int).Mul(p, q); n.BitLen() == 2048 && q.ProbablyPrime(0) {
			break
		}
	}
	for range 10000 {
		p.Add(p, big.NewInt(2))
		if p.ProbablyPrime(0) {
			break
		}
	}
	found := crtNumbers(new(big.Int).Mul(p, q), p, q)
	if found == nil || found[1].BitLen() != 2048 {
		t.Fatal("no such key")
	}
	return found
}

func TestHostileWrappings(t *testing.T) {
	dk := generate(t, compositekem.RSA2048)
	ek := dk.EncapsulationKey().Bytes()
	sk := encoded(t, dk)
	oid := func(last byte) []byte { return []byte{6, 8, 0x2b, 6, 1, 5, 5, 7, 6, last} }
	algorithm := element(asn1.SEQUENCE, oid(55))
	version, null := []byte{2, 1, 0}, []byte{5, 0}
	bits := func(unused byte, b []byte) []byte { return element(asn1.BIT_STRING, []byte{unused}, b) }
	octets := func(b []byte) []byte { return element(asn1.OCTET_STRING, b) }
	public := func(parts ...[]byte) []byte { return element(asn1.SEQUENCE, parts...) }
	attributes := element(asn1.Tag(0).ContextSpecific().Constructed())
	publicKey := element(asn1.Tag(1).ContextSpecific(), []byte{0}, ek)

	if !bytes.Equal(public(algorithm, bits(0, ek)), compositekem.MarshalPKIXPublicKey(dk.EncapsulationKey())) ||
		!bytes.Equal(public(version, algorithm, octets(sk)), pkcs8(t, dk)) {
		t.Fatal("the good keys are not what the package makes")
	}
	for _, test := range []struct {
		name                  string
		kind, public, private error
		spki, pkcs8           []byte
	}{
		{name: "RSA-3072's OID", spki: public(element(asn1.SEQUENCE, oid(56)), bits(0, ek)),
			pkcs8: public(version, element(asn1.SEQUENCE, oid(56)), octets(sk))},
		{name: "an unknown OID", kind: compositekem.ErrAlgorithm, spki: public(element(asn1.SEQUENCE, oid(58)), bits(0, ek)),
			pkcs8: public(version, element(asn1.SEQUENCE, oid(58)), octets(sk))},
		{name: "RSA's OID", kind: compositekem.ErrAlgorithm,
			spki:  public(element(asn1.SEQUENCE, []byte{6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1}, null), bits(0, ek)),
			pkcs8: public(version, element(asn1.SEQUENCE, []byte{6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1}, null), octets(sk))},
		{name: "an OID that is not minimal", spki: public(element(asn1.SEQUENCE, []byte{6, 9, 0x2b, 6, 1, 5, 5, 7, 6, 0x80, 55}), bits(0, ek)),
			pkcs8: public(version, element(asn1.SEQUENCE, []byte{6, 9, 0x2b, 6, 1, 5, 5, 7, 6, 0x80, 55}), octets(sk))},
		{name: "NULL parameters", spki: public(element(asn1.SEQUENCE, oid(55), null), bits(0, ek)),
			pkcs8: public(version, element(asn1.SEQUENCE, oid(55), null), octets(sk))},
		{name: "no algorithm", spki: public(element(asn1.SEQUENCE), bits(0, ek)),
			pkcs8: public(version, element(asn1.SEQUENCE), octets(sk))},
		{name: "a trailing byte", spki: append(public(algorithm, bits(0, ek)), 0),
			pkcs8: append(public(version, algorithm, octets(sk)), 0)},
		{name: "a trailing element", spki: public(algorithm, bits(0, ek), null),
			pkcs8: public(version, algorithm, octets(sk), null)},
		{name: "a wrapped key", spki: public(algorithm, bits(0, octets(ek))),
			pkcs8: public(version, algorithm, octets(octets(sk)))},
		{name: "the wrong string type", spki: public(algorithm, octets(ek)),
			pkcs8: public(version, algorithm, bits(0, sk))},
		{name: "unused bits, version 1", spki: public(algorithm, bits(1, ek)),
			pkcs8: public([]byte{2, 1, 1}, algorithm, octets(sk))},
		{name: "no bit count, version not minimal", spki: public(algorithm, element(asn1.BIT_STRING)),
			pkcs8: public([]byte{2, 2, 0, 0}, algorithm, octets(sk))},
		{name: "no key", spki: public(algorithm), pkcs8: public(version, algorithm)},
		{name: "an empty key, attributes", spki: public(algorithm, bits(0, nil)),
			pkcs8: public(version, algorithm, octets(sk), attributes)},
		{name: "nothing, a public key", spki: nil, pkcs8: public([]byte{2, 1, 1}, algorithm, octets(sk), publicKey)},
		{name: "a public key in version 0", spki: []byte{0x30, 0}, pkcs8: public(version, algorithm, octets(sk), publicKey)},
		{name: "the other kind of key", spki: pkcs8(t, dk), pkcs8: public(algorithm, bits(0, ek))},
	} {
		wantPublic, wantPrivate := compositekem.ErrEncapsulationKey, compositekem.ErrDecapsulationKey
		if test.kind != nil {
			wantPublic, wantPrivate = test.kind, test.kind
		}
		if _, err := compositekem.ParsePKIXPublicKey(test.spki); !errors.Is(err, wantPublic) {
			t.Errorf("SPKI with %s: %v, want %v", test.name, err, wantPublic)
		}
		if _, err := compositekem.ParsePKCS8PrivateKey(test.pkcs8); !errors.Is(err, wantPrivate) {
			t.Errorf("PKCS#8 with %s: %v, want %v", test.name, err, wantPrivate)
		}
	}
}
