package e2ee

import "crypto/ed25519"

// What tests see of the inside.
var (
	MarshalEvent = marshalEvent
	ParseEvent   = parseEvent
	MarshalLink  = marshalLink
	SafetyNumber = safetyNumber
	EventTypes   = eventTypes
	Reasons      = reasons
)

// RewriteExport parses what the envelope of an export holds, and writes it again.
func RewriteExport(raw []byte) ([]byte, error) {
	x, err := parseExport(raw)
	if err != nil {
		return nil, err
	}
	return x.marshal(), nil
}

// SigningKey lets a test forge what only the identity can sign.
func (id Identity) SigningKey() ed25519.PrivateKey { return id.secret().signing }
