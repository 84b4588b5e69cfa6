package compositekem

import (
	"fmt"
	"io"
	"log/slog"
)

// redacted is what a private key says of itself. The methods below are those of
// the value, so that the pointer has them too.
const redacted = "compositekem.DecapsulationKey(REDACTED)"

var (
	_ fmt.Formatter  = DecapsulationKey{}
	_ slog.LogValuer = DecapsulationKey{}
)

// String does not return the key.
func (DecapsulationKey) String() string { return redacted }

// GoString does not return the key.
func (DecapsulationKey) GoString() string { return redacted }

// Format does not print the key, whatever the verb.
func (DecapsulationKey) Format(f fmt.State, _ rune) { io.WriteString(f, redacted) }

// LogValue does not log the key.
func (DecapsulationKey) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText refuses with [ErrSecret], and encoding/json and encoding/xml with it.
func (DecapsulationKey) MarshalText() ([]byte, error) { return nil, ErrSecret }

// MarshalBinary refuses with [ErrSecret], and encoding/gob with it.
func (DecapsulationKey) MarshalBinary() ([]byte, error) { return nil, ErrSecret }
