package envelope

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"slices"

	"golang.org/x/crypto/cryptobyte"
	der "golang.org/x/crypto/cryptobyte/asn1"
)

const (
	wantedRecipient = "an RSA or composite public key as DER SubjectPublicKeyInfo"
	wantedIdentity  = "an RSA or composite private key as DER PKCS#8, not encrypted"
)

// mistaken says what was given where a key was wanted: by what it looks like, and
// nothing of what is in it, which may be secret.
func mistaken(b []byte, wanted string) error {
	what, half := lookOf(b), " public key"
	if wanted == wantedIdentity {
		half = " private key"
	}
	if what == "an RSA"+half || what == "a composite"+half {
		return &detail{ErrKey, what + " that is malformed or not allowed"}
	}
	return &detail{ErrKey, what + ", where " + wanted + " is wanted"}
}

// These are read by package keyfile, which returns what is wanted.
const readByKeyfile = " (package keyfile reads it)"

func lookOf(b []byte) string {
	text := bytes.TrimSpace(b)
	begins := func(with string) bool { return bytes.HasPrefix(text, []byte(with)) }
	switch {
	case len(b) == 0:
		return "nothing"
	case bytes.Contains(b, []byte("-----BEGIN ")):
		return pemLook(b)
	case begins("ssh-"), begins("ecdsa-sha2-"), begins("sk-"):
		return sshLook(text)
	case begins("---- BEGIN SSH2 PUBLIC KEY"):
		return "an SSH public key"
	case begins("{"):
		return "a JWK" + readByKeyfile
	case begins("MI"):
		return "base64, which has to be decoded first"
	case len(b) == 32 || len(b) == 64:
		return "a raw key, as those of Ed25519 are"
	}
	return derLook(b)
}

// pemLook goes by the first label.
func pemLook(b []byte) string {
	_, rest, _ := bytes.Cut(b, []byte("-----BEGIN "))
	label, rest, _ := bytes.Cut(rest, []byte("-----"))
	switch {
	case string(label) == "PRIVATE KEY":
		return "a private key in PEM" + readByKeyfile
	case string(label) == "ENCRYPTED PRIVATE KEY":
		return "an encrypted private key in PEM" + readByKeyfile
	case string(label) == "PUBLIC KEY", string(label) == "RSA PUBLIC KEY":
		return "a public key in PEM" + readByKeyfile
	case string(label) == "RSA PRIVATE KEY" && !bytes.Contains(rest, []byte("ENCRYPTED")):
		return "an RSA private key in PEM" + readByKeyfile
	case string(label) == "EC PRIVATE KEY":
		return "an EC private key in PEM"
	case string(label) == "OPENSSH PRIVATE KEY":
		return "an OpenSSH private key"
	case bytes.HasSuffix(label, []byte("PRIVATE KEY")):
		return "a private key in PEM"
	case bytes.HasSuffix(label, []byte("CERTIFICATE")):
		return "a certificate in PEM"
	case bytes.HasSuffix(label, []byte("CERTIFICATE REQUEST")):
		return "a certificate request in PEM"
	case string(label) == "PARLEY ENVELOPE":
		return "an envelope as text"
	}
	return "PEM of another kind"
}

func sshLook(text []byte) string {
	algorithm, _, _ := bytes.Cut(text, []byte(" "))
	switch {
	case bytes.Contains(algorithm, []byte("-cert-")):
		return "an SSH certificate"
	case string(algorithm) == "ssh-rsa":
		return "an RSA public key in SSH's form" + readByKeyfile
	case string(algorithm) == "ssh-ed25519":
		return "an Ed25519 public key in SSH's form"
	}
	return "an SSH public key"
}

// keyKinds are the algorithms that keys are for.
var keyKinds = []struct {
	oid  asn1.ObjectIdentifier
	name string
}{
	{asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 1}, "an RSA"},
	{asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 10}, "an RSA-PSS"},
	{asn1.ObjectIdentifier{1, 2, 840, 10045, 2, 1}, "an EC"},
	{asn1.ObjectIdentifier{1, 2, 840, 10040, 4, 1}, "a DSA"},
	{asn1.ObjectIdentifier{1, 3, 101, 110}, "an X25519"},
	{asn1.ObjectIdentifier{1, 3, 101, 111}, "an X448"},
	{asn1.ObjectIdentifier{1, 3, 101, 112}, "an Ed25519"},
	{asn1.ObjectIdentifier{1, 3, 101, 113}, "an Ed448"},
	{asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 6, 55}, "a composite"},
	{asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 6, 56}, "a composite"},
	{asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 6, 57}, "a composite"},
	{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 4, 1}, "an ML-KEM"},
	{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 4, 2}, "an ML-KEM"},
	{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 4, 3}, "an ML-KEM"},
}

// oneSequence reports whether b is one DER SEQUENCE and nothing more.
func oneSequence(b []byte) bool {
	rest := cryptobyte.String(b)
	return rest.SkipASN1(der.SEQUENCE) && rest.Empty()
}

// derLook goes by the first elements of the outermost SEQUENCE.
func derLook(b []byte) string {
	rest := cryptobyte.String(b)
	var all cryptobyte.String
	switch {
	case !rest.ReadASN1(&all, der.SEQUENCE):
		return "something that is neither DER nor text"
	case !rest.Empty():
		return "DER with bytes behind it"
	}
	var tags []der.Tag
	var first cryptobyte.String // SEQUENCE, which names the algorithm of a key
	for len(tags) < 4 && len(all) > 0 {
		var one cryptobyte.String
		var tag der.Tag
		if !all.ReadAnyASN1(&one, &tag) {
			return "DER of another kind"
		}
		if tag == der.SEQUENCE && first == nil {
			first = one
		}
		tags = append(tags, tag)
	}
	is := func(shape ...der.Tag) bool { return len(tags) >= len(shape) && slices.Equal(tags[:len(shape)], shape) }
	switch {
	case is(der.SEQUENCE, der.BIT_STRING):
		return keyLook(first, "public")
	case is(der.INTEGER, der.SEQUENCE, der.OCTET_STRING):
		return keyLook(first, "private")
	case is(der.SEQUENCE, der.OCTET_STRING):
		return "an encrypted private key" + readByKeyfile
	case is(der.SEQUENCE, der.SEQUENCE, der.BIT_STRING):
		if _, err := x509.ParseCertificateRequest(b); err == nil {
			return "a certificate request"
		}
		return "a certificate"
	case is(der.INTEGER, der.OCTET_STRING):
		return "an EC private key"
	case is(der.INTEGER, der.INTEGER, der.INTEGER):
		return "an RSA private key as PKCS#1" + readByKeyfile
	case is(der.INTEGER, der.INTEGER):
		return "an RSA public key as PKCS#1" + readByKeyfile
	}
	return "DER of another kind"
}

func keyLook(algorithm cryptobyte.String, half string) string {
	var oid asn1.ObjectIdentifier
	if !algorithm.ReadASN1ObjectIdentifier(&oid) {
		return "DER of another kind"
	}
	for _, kind := range keyKinds {
		if kind.oid.Equal(oid) {
			return kind.name + " " + half + " key"
		}
	}
	return "a " + half + " key of an unknown kind"
}
