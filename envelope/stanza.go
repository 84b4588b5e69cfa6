package envelope

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"strings"

	"github.com/parley-e2ee/parley/internal/stretch"
)

// A StanzaType says how a stanza encrypts the key of the envelope.
type StanzaType uint8

const (
	// RSAOAEP uses RSA-OAEP with SHA-256. It does not resist quantum computers.
	RSAOAEP StanzaType = iota + 1
	// MLKEM768RSA uses Composite ML-KEM: ML-KEM-768 and RSA together, secure as
	// long as either of them is.
	MLKEM768RSA
	// SharedKey uses a key of 32 bytes that sender and receiver share.
	SharedKey
	// Passphrase uses a passphrase.
	Passphrase
)

var stanzaNames = [...]string{RSAOAEP: "rsa-oaep-sha256", MLKEM768RSA: "mlkem768-rsa", SharedKey: "shared-key", Passphrase: "passphrase"}

func (t StanzaType) known() bool { return t >= RSAOAEP && int(t) < len(stanzaNames) }

// String returns the name of the type in the specification.
func (t StanzaType) String() string {
	if !t.known() {
		return "unknown"
	}
	return stanzaNames[t]
}

// A KeyID identifies a key. For a public key it is the SHA-256 of its DER
// SubjectPublicKeyInfo, like keyfile's Fingerprint; for a shared key it is derived
// from that. It is public, and comparable with ==.
type KeyID [keyIDSize]byte

// String returns the ID in lower-case hexadecimal, 64 characters.
func (id KeyID) String() string { return hex.EncodeToString(id[:]) }

// ParseKeyID parses the result of [KeyID.String], or the form with colons of
// keyfile's Fingerprint. The error is [ErrKey].
func ParseKeyID(text string) (id KeyID, err error) {
	if len(text) == 3*keyIDSize-1 {
		for i := 2; i < len(text); i += 3 {
			if text[i] != ':' {
				return id, &detail{ErrKey, "not a key ID"}
			}
		}
		text = strings.ReplaceAll(text, ":", "")
	}
	b, err := hex.DecodeString(text)
	if err != nil || len(b) != keyIDSize {
		return id, &detail{ErrKey, "not a key ID"}
	}
	return KeyID(b), nil
}

// A Stanza is the public side of one recipient's part of the header, which holds the
// key of the envelope encrypted to that recipient.
type Stanza struct {
	Type StanzaType
	// KeyID is zero for passphrases and hidden recipients.
	KeyID KeyID
}

// Hidden reports whether the sender left out the key ID.
func (s Stanza) Hidden() bool { return s.KeyID == KeyID{} && s.Type != Passphrase }

// String returns the type and the key ID.
func (s Stanza) String() string {
	switch {
	case s.Type == Passphrase:
		return s.Type.String()
	case s.Hidden():
		return s.Type.String() + " hidden"
	}
	return s.Type.String() + " " + s.KeyID.String()
}

// A stanza is one of a header's, in whose memory it stays.
type stanza struct {
	typ     StanzaType
	id      []byte // of 0 or 32 bytes
	body    []byte
	encoded []byte // all of it
}

func (s *stanza) public() (p Stanza) {
	p.Type = s.typ
	copy(p.KeyID[:], s.id)
	return p
}

// appendStanzaStart encodes what precedes a body of the size.
func appendStanzaStart(dst []byte, t StanzaType, id []byte, bodySize int) []byte {
	dst = append(dst, byte(t), byte(len(id)))
	dst = append(dst, id...)
	return binary.BigEndian.AppendUint16(dst, uint16(bodySize))
}

// parseStanza parses the stanza at the beginning of b, which is not empty: checks
// 4 to 6.
func parseStanza(b []byte) (s stanza, rest []byte, err error) {
	if s.typ = StanzaType(b[0]); !s.typ.known() {
		return s, nil, ErrVersion
	}
	if len(b) < 2 {
		return s, nil, ErrMalformed
	}
	idSize := int(b[1])
	if idSize != 0 && (idSize != keyIDSize || s.typ == Passphrase) || len(b) < 2+idSize+2 {
		return s, nil, ErrMalformed
	}
	s.id = b[2 : 2+idSize]
	if idSize > 0 && KeyID(s.id) == (KeyID{}) {
		return s, nil, ErrMalformed // it would look hidden
	}
	size := int(binary.BigEndian.Uint16(b[2+idSize:]))
	rest = b[2+idSize+2:]
	if size > len(rest) || !s.typ.bodySize(size) {
		return s, nil, ErrMalformed
	}
	s.body, rest = rest[:size], rest[size:]
	s.encoded = b[:len(b)-len(rest)]
	if s.typ == Passphrase {
		_, err = parseStretch(s.body)
	}
	return s, rest, err
}

// bodySize reports whether a body of the type can be of n bytes.
func (t StanzaType) bodySize(n int) bool {
	switch t {
	case RSAOAEP:
		return n >= MinModulus/8 && n <= MaxModulus/8
	case MLKEM768RSA:
		return compositeBody(n)
	case SharedKey:
		return n == saltSize+wrappedSize
	}
	return n == stretch.Size+wrappedSize
}

// parseStanzas parses all stanzas: checks 4 to 7.
func parseStanzas(b []byte) (all []stanza, err error) {
	for len(b) > 0 {
		var s stanza
		if s, b, err = parseStanza(b); err != nil {
			return nil, err
		}
		if len(all) == MaxRecipients {
			return nil, ErrLimit
		}
		if len(all) > 0 && !follows(&s, &all[len(all)-1]) {
			return nil, &detail{ErrMalformed, "recipients out of order or twice"}
		}
		if all == nil {
			all = make([]stanza, 0, min(1+len(b)/len(s.encoded), MaxRecipients)) // most are alike
		}
		all = append(all, s)
	}
	if len(all) > 1 && all[len(all)-1].typ == Passphrase {
		return nil, &detail{ErrMalformed, "a passphrase beside other recipients"}
	}
	return all, nil
}

// follows reports whether b may stand behind a.
func follows(b, a *stanza) bool {
	sameKey := a.typ == b.typ && len(a.id) > 0 && bytes.Equal(a.id, b.id)
	return !sameKey && bytes.Compare(a.encoded, b.encoded) < 0
}
