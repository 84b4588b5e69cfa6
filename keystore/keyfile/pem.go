package keyfile

import (
	"bytes"
	"encoding/base64"
	"encoding/pem"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

const (
	pemBegin = "-----BEGIN "
	pemEnd   = "-----END "
	pemDash  = "-----"
)

// The labels of RFC 7468, Sections 10, 11 and 13, and those of PKCS#1.
const (
	labelPKCS8        = "PRIVATE KEY"
	labelEncrypted    = "ENCRYPTED PRIVATE KEY"
	labelSPKI         = "PUBLIC KEY"
	labelPKCS1Private = "RSA PRIVATE KEY"
	labelPKCS1Public  = "RSA PUBLIC KEY"
)

// pemLabels are those that are read, and what has to be under them.
var pemLabels = map[string]structure{
	labelPKCS8: pkcs8Plain, labelEncrypted: pkcs8Encrypted, labelSPKI: spki,
	labelPKCS1Private: pkcs1Private, labelPKCS1Public: pkcs1Public,
}

// otherLabels are those that are refused by name.
var otherLabels = map[string]error{
	"OPENSSH PRIVATE KEY":     refuse(ErrForm, "OpenSSH private key; ssh-keygen -p -m PKCS8 converts RSA ones"),
	"EC PRIVATE KEY":          refuse(ErrAlgorithm, "EC"),
	"EC PARAMETERS":           refuse(ErrAlgorithm, "EC"),
	"DSA PRIVATE KEY":         refuse(ErrAlgorithm, "DSA"),
	"DSA PARAMETERS":          refuse(ErrAlgorithm, "DSA"),
	"DH PARAMETERS":           refuse(ErrAlgorithm, "DH"),
	"CERTIFICATE":             refuse(ErrForm, "certificate"),
	"X509 CERTIFICATE":        refuse(ErrForm, "certificate"),
	"TRUSTED CERTIFICATE":     refuse(ErrForm, "certificate"),
	"CERTIFICATE REQUEST":     refuse(ErrForm, "certificate request"),
	"NEW CERTIFICATE REQUEST": refuse(ErrForm, "certificate request"),
	"X509 CRL":                refuse(ErrForm, "certificate revocation list"),
	"PKCS7":                   refuse(ErrForm, "PKCS#7"),
	"CMS":                     refuse(ErrForm, "CMS"),
	"PGP PRIVATE KEY BLOCK":   refuse(ErrForm, "OpenPGP key"),
	"PGP PUBLIC KEY BLOCK":    refuse(ErrForm, "OpenPGP key"),
}

func parsePEM(data, passphrase []byte) (Key, error) {
	label, body, err := cutPEM(data)
	if err != nil {
		return nil, err
	}
	want, ok := pemLabels[label]
	if !ok {
		if err, ok := otherLabels[label]; ok {
			return nil, err
		}
		return nil, refuse(ErrForm, "PEM label of no known key")
	}
	der, err := decodePEMBody(body)
	if err != nil {
		return nil, err
	}
	defer wipe(der)
	got, err := structureOf(der)
	if err != nil {
		return nil, err
	}
	if got != want {
		return nil, refuse(ErrForm, "the PEM label names another form than the one inside")
	}
	return parseStructure(got, der, passphrase)
}

// cutPEM finds the one block. Unlike [pem.Decode] it looks over nothing: of a
// BEGIN or an END there is one, at the start of a line, and behind the block
// there is white space only.
func cutPEM(data []byte) (label string, body []byte, err error) {
	text, _, _ := bytes.Cut(data, []byte(pemBegin))
	if n := len(text); n > 0 && text[n-1] != '\n' {
		return "", nil, refuse(ErrMalformed, "PEM BEGIN is not at the start of a line")
	}
	if holdsKey(text) {
		return "", nil, refuse(ErrSeveralKeys, "a key in another form before the PEM block")
	}
	begin, rest := cutLine(data[len(text):])
	label, ok := labelOf(begin, pemBegin)
	at := bytes.Index(rest, []byte(pemEnd))
	switch {
	case !ok || bytes.Contains(text, []byte(pemEnd)):
		return "", nil, refuse(ErrMalformed, "broken PEM BEGIN line")
	case at < 0:
		return "", nil, refuse(ErrMalformed, "PEM block without an END")
	}
	end, after := cutLine(rest[at:])
	if endLabel, ok := labelOf(end, pemEnd); !ok || endLabel != label || at > 0 && rest[at-1] != '\n' {
		return "", nil, refuse(ErrMalformed, "PEM END line does not fit the BEGIN line")
	}
	return label, rest[:at], checkAfterPEM(after)
}

// holdsKey reports whether the text before a block is, or begins with, a key that
// other programs would read.
func holdsKey(text []byte) bool {
	for line := range bytes.Lines(text) {
		if isOpenSSH(line) {
			return true
		}
	}
	rest := cryptobyte.String(text)
	var der cryptobyte.String
	if rest.ReadASN1Element(&der, asn1.SEQUENCE) {
		_, err := structureOf(der)
		return err == nil
	}
	return bytes.HasPrefix(bytes.TrimLeft(text, jsonSpace), []byte("{"))
}

func checkAfterPEM(after []byte) error {
	if bytes.Contains(after, []byte(pemBegin)) {
		return refuse(ErrSeveralKeys, "several PEM blocks")
	}
	if len(bytes.TrimSpace(after)) > 0 {
		return refuse(ErrTrailingData, "behind the PEM block")
	}
	return nil
}

// cutLine returns the first line without its end, and what follows.
func cutLine(data []byte) (line, rest []byte) {
	line, rest, _ = bytes.Cut(data, []byte("\n"))
	return trimLine(line), rest
}

// trimLine takes the white space off the end that editors and CRLF leave there.
func trimLine(line []byte) []byte { return bytes.TrimRight(line, " \t\r") }

func labelOf(line []byte, prefix string) (string, bool) {
	line, ok := bytes.CutSuffix(line, []byte(pemDash))
	if !ok || len(line) < len(prefix) {
		return "", false
	}
	return string(line[len(prefix):]), true
}

// decodePEMBody decodes padded base64 in lines of any length, RFC 7468.
func decodePEMBody(body []byte) ([]byte, error) {
	if bytes.Contains(body, []byte("DEK-Info:")) || bytes.Contains(body, []byte("Proc-Type:")) {
		return nil, refuse(ErrEncryption, "legacy PEM encryption (DEK-Info); openssl pkcs8 -topk8 converts it")
	}
	if bytes.Contains(body, []byte(":")) {
		return nil, refuse(ErrMalformed, "PEM headers")
	}
	joined := make([]byte, 0, len(body))
	defer func() { wipe(joined) }()
	for line := range bytes.SplitSeq(body, []byte("\n")) {
		joined = append(joined, trimLine(line)...)
	}
	return decodeBase64(base64.StdEncoding, joined)
}

// decodeBase64 takes the one text that the encoding has for the bytes. Go's
// decoders would skip line ends even when they are strict.
func decodeBase64(encoding *base64.Encoding, text []byte) ([]byte, error) {
	if bytes.ContainsAny(text, "\r\n") {
		return nil, refuse(ErrMalformed, "white space in base64")
	}
	out := make([]byte, encoding.DecodedLen(len(text)))
	n, err := encoding.Strict().Decode(out, text)
	if err != nil {
		wipe(out)
		return nil, refuse(ErrMalformed, "not base64 in canonical form")
	}
	return out[:n], nil
}

func encodePEM(label string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: label, Bytes: der})
}

// secretPEM wipes the DER that it encodes.
func secretPEM(label string, der []byte) []byte {
	defer wipe(der)
	return encodePEM(label, der)
}
