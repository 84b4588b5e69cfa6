package envelope

import (
	"fmt"
	"io"
	"log/slog"
)

const redaction = "REDACTED"

// redacted is embedded in what holds a secret, so that no printer, logger or
// encoder shows it.
type redacted struct{}

// String returns "REDACTED".
func (redacted) String() string { return redaction }

// GoString returns "REDACTED".
func (redacted) GoString() string { return redaction }

// Format writes "REDACTED", whatever the verb.
func (redacted) Format(s fmt.State, _ rune) { io.WriteString(s, redaction) }

// LogValue returns "REDACTED".
func (redacted) LogValue() slog.Value { return slog.StringValue(redaction) }

// MarshalText fails, and encoding/json and encoding/xml with it.
func (redacted) MarshalText() ([]byte, error) { return nil, errMarshal }

// MarshalBinary fails, and encoding/gob with it.
func (redacted) MarshalBinary() ([]byte, error) { return nil, errMarshal }
