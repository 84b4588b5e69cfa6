// Package redact has what a type embeds that holds a secret.
package redact

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
)

const redaction = "REDACTED"

// ErrMarshal is what encoding/json and its like get for what holds a secret.
var ErrMarshal = errors.New("parley: what holds a secret is not marshalled")

// A Secret, embedded, keeps printers, loggers and encoders from showing the type
// around it. Packages embed it under a name of their own that is not exported.
type Secret struct{}

// String returns "REDACTED".
func (Secret) String() string { return redaction }

// GoString returns "REDACTED".
func (Secret) GoString() string { return redaction }

// Format writes "REDACTED", whatever the verb.
func (Secret) Format(s fmt.State, _ rune) { io.WriteString(s, redaction) }

// LogValue returns "REDACTED".
func (Secret) LogValue() slog.Value { return slog.StringValue(redaction) }

// MarshalText fails, and encoding/json and encoding/xml with it.
func (Secret) MarshalText() ([]byte, error) { return nil, ErrMarshal }

// MarshalBinary fails, and encoding/gob with it.
func (Secret) MarshalBinary() ([]byte, error) { return nil, ErrMarshal }
