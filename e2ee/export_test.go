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

// SigningKey lets a test forge what only the identity can sign.
func (id Identity) SigningKey() ed25519.PrivateKey { return id.secret().signing }
