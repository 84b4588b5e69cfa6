package keyfile

import (
	"fmt"
	"io"
	"log/slog"
)

// redacted is what a private key says of itself. The methods below are those of
// the value, so that the pointer has them too.
const redacted = "keyfile.PrivateKey(REDACTED)"

var (
	_ fmt.Formatter  = PrivateKey{}
	_ slog.LogValuer = PrivateKey{}
)

// String does not return the key.
func (PrivateKey) String() string { return redacted }

// GoString does not return the key.
func (PrivateKey) GoString() string { return redacted }

// Format does not print the key, whatever the verb.
func (PrivateKey) Format(f fmt.State, _ rune) { io.WriteString(f, redacted) }

// LogValue does not log the key.
func (PrivateKey) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText refuses with [ErrSecret], and encoding/json and encoding/xml with
// it: a key that was stored as "REDACTED" would be lost.
func (PrivateKey) MarshalText() ([]byte, error) { return nil, ErrSecret }

// MarshalBinary refuses with [ErrSecret], and encoding/gob with it.
func (PrivateKey) MarshalBinary() ([]byte, error) { return nil, ErrSecret }
