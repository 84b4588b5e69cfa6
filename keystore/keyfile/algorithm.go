package keyfile

import (
	encasn1 "encoding/asn1"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/parley-e2ee/parley/envelope/compositekem"
)

// An algorithm is what an AlgorithmIdentifier of SPKI and PKCS#8 stands for.
type algorithm struct {
	kind Kind
	oid  encasn1.ObjectIdentifier
	// set is that of a composite key.
	set compositekem.ParameterSet
}

var (
	algorithmRSA     = algorithm{kind: RSA, oid: encasn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 1}} // RFC 8017, Appendix A
	algorithmEd25519 = algorithm{kind: Ed25519, oid: encasn1.ObjectIdentifier{1, 3, 101, 112}}         // RFC 8410, Section 3
)

func algorithmComposite(set compositekem.ParameterSet) algorithm {
	return algorithm{kind: Composite, oid: set.OID(), set: set}
}

var algorithms = []algorithm{
	algorithmRSA, algorithmEd25519,
	algorithmComposite(compositekem.RSA2048), algorithmComposite(compositekem.RSA3072), algorithmComposite(compositekem.RSA4096),
}

// otherAlgorithms are those whose keys are refused by name.
var otherAlgorithms = map[string]string{
	"1.2.840.113549.1.1.7":    "RSAES-OAEP, an RSA key for that use only",
	"1.2.840.113549.1.1.10":   "RSASSA-PSS, an RSA key for that use only",
	"1.2.840.113549.1.3.1":    "DH",
	"1.2.840.10040.4.1":       "DSA",
	"1.2.840.10045.2.1":       "EC",
	"1.2.840.10046.2.1":       "DH",
	"1.3.101.110":             "X25519",
	"1.3.101.111":             "X448",
	"1.3.101.113":             "Ed448",
	"2.16.840.1.101.3.4.3.17": "ML-DSA-44",
	"2.16.840.1.101.3.4.3.18": "ML-DSA-65",
	"2.16.840.1.101.3.4.3.19": "ML-DSA-87",
	"2.16.840.1.101.3.4.4.1":  "ML-KEM-512 alone",
	"2.16.840.1.101.3.4.4.2":  "ML-KEM-768 alone",
	"2.16.840.1.101.3.4.4.3":  "ML-KEM-1024 alone",
}

// nameOf returns the name that names has for oid, or its dotted form.
func nameOf(oid encasn1.ObjectIdentifier, names map[string]string) string {
	dotted := oid.String()
	if name, ok := names[dotted]; ok {
		return name
	}
	if len(dotted) > 64 {
		return "a long object identifier"
	}
	return "object identifier " + dotted
}

// readAlgorithm reads the AlgorithmIdentifier of a key. For RSA the parameters
// are NULL (RFC 8017, Appendix A.1) or, as some makers have it, absent; for the
// others they are absent.
func readAlgorithm(in *cryptobyte.String) (algorithm, error) {
	oid, parameters, ok := readIdentifier(in)
	if !ok {
		return algorithm{}, refuse(ErrMalformed, "broken AlgorithmIdentifier")
	}
	for _, a := range algorithms {
		if !a.oid.Equal(oid) {
			continue
		}
		if !parameters.Empty() && !(a.kind == RSA && isNULL(parameters)) {
			return algorithm{}, refuse(ErrMalformed, "parameters that the algorithm does not have")
		}
		return a, nil
	}
	return algorithm{}, refuse(ErrAlgorithm, nameOf(oid, otherAlgorithms))
}

// readIdentifier reads an AlgorithmIdentifier, RFC 5280, Section 4.1.1.2.
func readIdentifier(in *cryptobyte.String) (oid encasn1.ObjectIdentifier, parameters cryptobyte.String, ok bool) {
	var seq cryptobyte.String
	ok = in.ReadASN1(&seq, asn1.SEQUENCE) && seq.ReadASN1ObjectIdentifier(&oid)
	return oid, seq, ok
}

func isNULL(der cryptobyte.String) bool {
	var null cryptobyte.String
	return der.ReadASN1(&null, asn1.NULL) && null.Empty() && der.Empty()
}

// addAlgorithm writes what readAlgorithm reads, for RSA with the NULL.
func addAlgorithm(b *cryptobyte.Builder, a algorithm) {
	addIdentifier(b, a.oid, func(b *cryptobyte.Builder) {
		if a.kind == RSA {
			addNULL(b)
		}
	})
}

func addIdentifier(b *cryptobyte.Builder, oid encasn1.ObjectIdentifier, parameters cryptobyte.BuilderContinuation) {
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1ObjectIdentifier(oid)
		parameters(b)
	})
}

func addNULL(b *cryptobyte.Builder) { b.AddASN1(asn1.NULL, func(*cryptobyte.Builder) {}) }
