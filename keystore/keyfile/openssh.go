package keyfile

import (
	"bytes"
	"crypto/rsa"
	"encoding/base64"
	"math/big"
	"slices"
	"strings"

	"golang.org/x/crypto/cryptobyte"
)

const (
	sshRSA     = "ssh-rsa"     // RFC 4253, Section 6.6
	sshEd25519 = "ssh-ed25519" // RFC 8709, Section 4
)

// otherSSH are names, or beginnings of names, of public keys that are refused.
var otherSSH = []struct {
	prefix string
	err    error
}{
	{"ssh-rsa-cert-", refuse(ErrForm, "OpenSSH certificate")},
	{"ssh-ed25519-cert-", refuse(ErrForm, "OpenSSH certificate")},
	{"ssh-dss", refuse(ErrAlgorithm, "DSA")},
	{"ssh-ed448", refuse(ErrAlgorithm, "Ed448")},
	{"ecdsa-sha2-", refuse(ErrAlgorithm, "EC")},
	{"sk-ssh-ed25519", refuse(ErrAlgorithm, "Ed25519 on a security key")},
	{"sk-ecdsa-sha2-", refuse(ErrAlgorithm, "EC on a security key")},
}

// parseOpenSSH reads one line: algorithm, base64, comment, with a space between
// them, the comment optional and ignored.
func parseOpenSSH(data []byte) (*PublicKey, error) {
	line, rest := cutLine(data)
	if err := checkAfterLine(rest); err != nil {
		return nil, err
	}
	name, blob, _ := strings.Cut(string(line), " ")
	blob, _, _ = strings.Cut(blob, " ")
	if name != sshRSA && name != sshEd25519 {
		return nil, refuseSSH(name)
	}
	wire, err := decodeBase64(base64.StdEncoding, []byte(blob))
	if err != nil {
		return nil, err
	}
	return parseSSHWire(name, wire)
}

func checkAfterLine(rest []byte) error {
	rest = bytes.TrimSpace(rest)
	if len(rest) == 0 {
		return nil
	}
	if isOpenSSH(rest) {
		return refuse(ErrSeveralKeys, "several OpenSSH keys")
	}
	return refuse(ErrTrailingData, "behind the OpenSSH key")
}

func refuseSSH(name string) error {
	for _, other := range otherSSH {
		if strings.HasPrefix(name, other.prefix) {
			return other.err
		}
	}
	return refuse(ErrAlgorithm, "OpenSSH key of an unknown algorithm")
}

// isOpenSSH reports whether data begins with the name of a public key.
func isOpenSSH(data []byte) bool {
	for _, prefix := range []string{"ssh-", "ecdsa-sha2-", "sk-ssh-", "sk-ecdsa-"} {
		if bytes.HasPrefix(data, []byte(prefix)) {
			return true
		}
	}
	return false
}

// hasOpenSSHInside reports whether a key stands further on in the line, as it
// does in authorized_keys, with options, and in known_hosts.
func hasOpenSSHInside(data []byte) bool {
	return bytes.Contains(data, []byte(" AAAA")) && slices.ContainsFunc(bytes.Fields(data), isOpenSSH)
}

// parseSSHWire reads the wire form of a key whose name stands before it.
func parseSSHWire(name string, wire []byte) (*PublicKey, error) {
	input := cryptobyte.String(wire)
	inner, ok := readSSHString(&input)
	if !ok {
		return nil, errSSH
	}
	if string(inner) != name {
		return nil, refuse(ErrMalformed, "the two names in the OpenSSH key differ")
	}
	var r rsaNumbers
	var point []byte
	if name == sshRSA {
		ok = readMPInt(&input, &r.e) && readMPInt(&input, &r.n)
	} else {
		point, ok = readSSHString(&input)
	}
	switch {
	case !ok:
		return nil, errSSH
	case !input.Empty():
		return nil, refuse(ErrTrailingData, "behind the OpenSSH key")
	case name == sshRSA:
		return newRSAPublic(&r)
	}
	return newEd25519Public(point)
}

var errSSH = refuse(ErrMalformed, "broken OpenSSH key")

// readSSHString reads a string of RFC 4251, Section 5.
func readSSHString(in *cryptobyte.String) (out []byte, ok bool) {
	var n uint32
	ok = in.ReadUint32(&n) && in.ReadBytes(&out, int(n)) // which refuses what overflows an int
	return out, ok
}

// readMPInt reads a positive mpint of RFC 4251, Section 5, which has a leading
// zero only where it needs one.
func readMPInt(in *cryptobyte.String, out *[]byte) bool {
	b, ok := readSSHString(in)
	if !ok || len(b) == 0 || b[0] >= 0x80 || b[0] == 0 && (len(b) == 1 || b[1] < 0x80) {
		return false
	}
	*out = bytes.TrimPrefix(b, []byte{0})
	return true
}

// marshalOpenSSH writes a line without a comment.
func marshalOpenSSH(k *PublicKey) []byte {
	wire, name := marshalSSHWire(k)
	return []byte(name + " " + base64.StdEncoding.EncodeToString(wire) + "\n")
}

func marshalSSHWire(k *PublicKey) (wire []byte, name string) {
	var b cryptobyte.Builder
	add := func(field []byte) {
		b.AddUint32LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(field) })
	}
	if key, ok := k.key.(*rsa.PublicKey); ok {
		add([]byte(sshRSA))
		add(mpint(big.NewInt(int64(key.E))))
		add(mpint(key.N))
		return b.BytesOrPanic(), sshRSA
	}
	add([]byte(sshEd25519))
	add(k.subject)
	return b.BytesOrPanic(), sshEd25519
}

func mpint(n *big.Int) []byte {
	b := n.Bytes()
	if b[0] >= 0x80 {
		b = append([]byte{0}, b...)
	}
	return b
}
