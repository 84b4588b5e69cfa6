package keystore

import (
	"fmt"
	"io"
	"log/slog"
)

const redacted = "keystore: REDACTED"

// Format prints nothing of the record, whatever the verb (but %p, which fmt
// asks nobody about). It implements fmt.Formatter.
func (Record) Format(s fmt.State, _ rune) { io.WriteString(s, redacted) }

// String shows nothing of the record.
func (Record) String() string { return redacted }

// LogValue logs nothing of the record. It implements slog.LogValuer.
func (Record) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText gives nothing of the record, to encoding/json either. It
// implements encoding.TextMarshaler.
func (Record) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// Format prints nothing of the store, whatever the verb. It implements
// fmt.Formatter.
func (Memory) Format(s fmt.State, _ rune) { io.WriteString(s, redacted) }

// LogValue logs nothing of the store. It implements slog.LogValuer.
func (Memory) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText gives nothing of the store, to encoding/json either. It
// implements encoding.TextMarshaler.
func (Memory) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// String shows nothing of the store.
func (Memory) String() string { return redacted }

// Format prints nothing of what a transaction sees.
func (tx[V]) Format(s fmt.State, _ rune) { io.WriteString(s, redacted) }
