package keyfile

import (
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/base64"
	"math/big"
	"slices"
)

// parseJWK reads a JSON Web Key, RFC 7517, of an RSA (RFC 7518, Section 6.3) or
// an Ed25519 key (RFC 8037, Section 2). Members that say nothing about the key's
// numbers are ignored, as RFC 7517, Section 4, has it.
func parseJWK(data []byte) (Key, error) {
	m, err := readJSON(data)
	if err != nil {
		return nil, err
	}
	if m.has("keys") && !m.has("kty") {
		return nil, refuse(ErrSeveralKeys, "JWK Set")
	}
	kty, err := m.text("kty")
	if err != nil {
		return nil, err
	}
	switch kty {
	case "RSA":
		return parseRSAJWK(m)
	case "OKP":
		return parseOKPJWK(m)
	case "EC", "oct", "AKP":
		return nil, refuse(ErrAlgorithm, "JWK of type "+kty)
	}
	return nil, refuse(ErrAlgorithm, "JWK of an unknown type")
}

func parseRSAJWK(m members) (Key, error) {
	// The algorithms for keys of rsaEncryption, RFC 7518, Sections 3.1 and 4.1.
	err := m.checkAlg("RS256", "RS384", "RS512", "RSA1_5", "RSA-OAEP", "RSA-OAEP-256", "RSA-OAEP-384", "RSA-OAEP-512")
	if err != nil {
		return nil, err
	}
	var r rsaNumbers
	if err := m.integers([]integerMember{{"n", &r.n}, {"e", &r.e}}); err != nil {
		return nil, err
	}
	if m.has("oth") {
		return nil, errMultiPrime
	}
	private := []integerMember{{"d", &r.d}, {"p", &r.p}, {"q", &r.q}, {"dp", &r.dp}, {"dq", &r.dq}, {"qi", &r.qinv}}
	if !slices.ContainsFunc(private, func(i integerMember) bool { return m.has(i.name) }) {
		return orNil(newRSAPublic(&r))
	}
	defer r.wipe()
	if err := m.integers(private); err != nil {
		return nil, err
	}
	return orNil(newRSAPrivate(&r))
}

func parseOKPJWK(m members) (Key, error) {
	crv, err := m.text("crv")
	switch {
	case err != nil:
		return nil, err
	case crv == "X25519" || crv == "X448" || crv == "Ed448":
		return nil, refuse(ErrAlgorithm, crv)
	case crv != "Ed25519":
		return nil, refuse(ErrAlgorithm, "JWK of an unknown curve")
	}
	if err := m.checkAlg("EdDSA", "Ed25519"); err != nil {
		return nil, err
	}
	x, err := m.bytes("x")
	if err != nil {
		return nil, err
	}
	if !m.has("d") {
		return orNil(newEd25519Public(x))
	}
	d, err := m.bytes("d")
	if err != nil {
		return nil, err
	}
	defer wipe(d)
	key, err := newEd25519FromSeed(d)
	if err != nil {
		return nil, err
	}
	return orNil(key, key.public.match(x))
}

// checkAlg holds "alg", which is optional, to the algorithms that the key is for.
func (m members) checkAlg(allowed ...string) error {
	if !m.has("alg") {
		return nil
	}
	alg, err := m.text("alg")
	if err != nil {
		return err
	}
	if slices.Contains(allowed, alg) {
		return nil
	}
	if alg == "PS256" || alg == "PS384" || alg == "PS512" {
		return refuse(ErrAlgorithm, "RSASSA-PSS ("+alg+"), an RSA key for that use only")
	}
	return refuse(ErrAlgorithm, "JWK whose alg is not one for its type")
}

type integerMember struct {
	name string
	out  *[]byte
}

// integers decodes members that are all required.
func (m members) integers(all []integerMember) error {
	for _, i := range all {
		b, err := m.bytes(i.name)
		if err != nil {
			return err
		}
		if len(b) == 0 || b[0] == 0 { // Base64urlUInt, RFC 7518, Section 2
			return refuse(ErrMalformed, "JWK integer is empty or has leading zeros")
		}
		*i.out = b
	}
	return nil
}

// bytes decodes base64url without padding.
func (m members) bytes(name string) ([]byte, error) {
	text, err := m.text(name)
	if err != nil {
		return nil, err
	}
	return decodeBase64(base64.RawURLEncoding, []byte(text))
}

// marshalPublicJWK writes the members that a thumbprint is made of, in its order:
// RFC 7638, Section 3.
func marshalPublicJWK(k *PublicKey) []byte {
	if key, ok := k.key.(*rsa.PublicKey); ok {
		return marshalJWK("e", integer(big.NewInt(int64(key.E))), "kty", "RSA", "n", integer(key.N))
	}
	return marshalJWK("crv", "Ed25519", "kty", "OKP", "x", base64URL(k.subject))
}

// marshalPrivateJWK does likewise, the private members in their places.
func marshalPrivateJWK(k *PrivateKey) []byte {
	if key, ok := k.private().(*rsa.PrivateKey); ok {
		crt := &key.Precomputed
		return marshalJWK("d", integer(key.D), "dp", integer(crt.Dp), "dq", integer(crt.Dq),
			"e", integer(big.NewInt(int64(key.E))), "kty", "RSA", "n", integer(key.N),
			"p", integer(key.Primes[0]), "q", integer(key.Primes[1]), "qi", integer(crt.Qinv))
	}
	seed := k.private().(ed25519.PrivateKey)[:ed25519.SeedSize]
	return marshalJWK("crv", "Ed25519", "d", base64URL(seed), "kty", "OKP", "x", base64URL(k.public.subject))
}

// marshalJWK writes pairs of a name and a text, which need no escapes.
func marshalJWK(pairs ...string) []byte {
	out := []byte("{")
	for i := 0; i < len(pairs); i += 2 {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, `"`+pairs[i]+`":"`+pairs[i+1]+`"`...)
	}
	return append(out, '}')
}

func integer(n *big.Int) string { return base64URL(n.Bytes()) }
func base64URL(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
