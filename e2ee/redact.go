package e2ee

import (
	"fmt"
	"io"
	"log/slog"
)

// Format prints the name and no key, whatever the verb. It implements
// fmt.Formatter.
func (id Identity) Format(f fmt.State, _ rune) { io.WriteString(f, id.String()) }

// String gives the name and no key.
func (id Identity) String() string {
	if id.secret == nil {
		return "e2ee.Identity()"
	}
	return "e2ee.Identity(" + id.Name() + ")"
}

// LogValue is String.
func (id Identity) LogValue() slog.Value { return slog.StringValue(id.String()) }

// MarshalText is String: an Identity is stored by its client alone.
func (id Identity) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// Format prints the client's name alone, whatever the verb. It implements
// fmt.Formatter.
func (c *Client) Format(f fmt.State, _ rune) { io.WriteString(f, c.String()) }

// String names the client.
func (c *Client) String() string { return "e2ee.Client(" + c.Name() + ")" }

// LogValue is String.
func (c *Client) LogValue() slog.Value { return slog.StringValue(c.String()) }

// MarshalText is String.
func (c *Client) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// Format prints the room's ID alone, whatever the verb. It implements
// fmt.Formatter.
func (r *Room) Format(f fmt.State, _ rune) { io.WriteString(f, r.String()) }

// String names the room by its ID.
func (r *Room) String() string { return "e2ee.Room(" + r.id.String() + ")" }

// LogValue is String.
func (r *Room) LogValue() slog.Value { return slog.StringValue(r.String()) }

// MarshalText is String.
func (r *Room) MarshalText() ([]byte, error) { return []byte(r.String()), nil }
