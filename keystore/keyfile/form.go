package keyfile

// A Form is a way to write a key down. [Parse] recognises them all.
type Form uint8

const (
	// PKCS8PEM is a private key of any kind, RFC 5958 under a PEM label
	// "PRIVATE KEY" (RFC 7468), or "ENCRYPTED PRIVATE KEY".
	PKCS8PEM Form = iota + 1
	// PKCS8DER is the same without the PEM.
	PKCS8DER
	// PKCS1PEM is an RSA key, private or public, RFC 8017 Appendix A.1 under a PEM
	// label "RSA PRIVATE KEY" or "RSA PUBLIC KEY".
	PKCS1PEM
	// PKCS1DER is the same without the PEM.
	PKCS1DER
	// SPKIPEM is a public key of any kind, the SubjectPublicKeyInfo of RFC 5280
	// under a PEM label "PUBLIC KEY".
	SPKIPEM
	// SPKIDER is the same without the PEM.
	SPKIDER
	// JWK is an RSA or Ed25519 key, private or public: RFC 7517, 7518 and 8037.
	JWK
	// OpenSSH is an RSA or Ed25519 public key as a line of text: RFC 4253,
	// Section 6.6, and RFC 8709.
	OpenSSH
)

var formNames = [...]string{
	PKCS8PEM: "PKCS#8 PEM", PKCS8DER: "PKCS#8 DER", PKCS1PEM: "PKCS#1 PEM", PKCS1DER: "PKCS#1 DER",
	SPKIPEM: "SPKI PEM", SPKIDER: "SPKI DER", JWK: "JWK", OpenSSH: "OpenSSH",
}

// String returns the name of the form.
func (f Form) String() string {
	if f == 0 || int(f) >= len(formNames) {
		return "unknown form"
	}
	return formNames[f]
}
