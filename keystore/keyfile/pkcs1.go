package keyfile

import (
	"crypto/rsa"
	"math/big"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// readSequence reads what is one DER SEQUENCE and nothing else. All DER here is
// read by cryptobyte, which takes none but the shortest lengths, integers and
// object identifiers, so that what was read marshals to the same bytes.
func readSequence(der []byte) (cryptobyte.String, error) {
	input := cryptobyte.String(der)
	var seq cryptobyte.String
	if !input.ReadASN1(&seq, asn1.SEQUENCE) {
		return nil, refuse(ErrMalformed, "not a DER SEQUENCE")
	}
	if !input.Empty() {
		return nil, refuse(ErrTrailingData, "behind the DER SEQUENCE")
	}
	return seq, nil
}

// readUnsigned reads INTEGERs of zero and above, without leading zeros.
func readUnsigned(in *cryptobyte.String, out ...*[]byte) bool {
	for _, n := range out {
		if !in.ReadASN1Integer(n) {
			return false
		}
	}
	return true
}

// parsePKCS1Public reads RSAPublicKey, RFC 8017, Appendix A.1.1.
func parsePKCS1Public(der []byte) (*PublicKey, error) {
	seq, err := readSequence(der)
	if err != nil {
		return nil, err
	}
	var r rsaNumbers
	if !readUnsigned(&seq, &r.n, &r.e) || !seq.Empty() {
		return nil, refuse(ErrMalformed, "not an RSAPublicKey")
	}
	return newRSAPublic(&r)
}

// parsePKCS1Private reads RSAPrivateKey, RFC 8017, Appendix A.1.2, of version 0:
// two primes.
func parsePKCS1Private(der []byte) (*PrivateKey, error) {
	seq, err := readSequence(der)
	if err != nil {
		return nil, err
	}
	var version int64
	if !seq.ReadASN1Integer(&version) {
		return nil, refuse(ErrMalformed, "not an RSAPrivateKey")
	}
	if version == 1 {
		return nil, errMultiPrime
	}
	var r rsaNumbers
	if version != 0 || !readUnsigned(&seq, &r.n, &r.e, &r.d, &r.p, &r.q, &r.dp, &r.dq, &r.qinv) || !seq.Empty() {
		return nil, refuse(ErrMalformed, "not an RSAPrivateKey")
	}
	return newRSAPrivate(&r)
}

func marshalPKCS1Public(key *rsa.PublicKey) []byte {
	return marshalIntegers(key.N, big.NewInt(int64(key.E)))
}

func marshalPKCS1Private(key *rsa.PrivateKey) []byte {
	crt := &key.Precomputed
	return marshalIntegers(new(big.Int), key.N, big.NewInt(int64(key.E)), key.D,
		key.Primes[0], key.Primes[1], crt.Dp, crt.Dq, crt.Qinv)
}

func marshalIntegers(all ...*big.Int) []byte {
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		for _, n := range all {
			b.AddASN1BigInt(n)
		}
	})
	return b.BytesOrPanic()
}
