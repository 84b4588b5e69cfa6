package fernet

import "errors"

// ErrToken is behind every error that refuses a token: errors.Is reports it for
// [ErrMalformed], [ErrVersion], [ErrMAC], [ErrExpired], [ErrClockSkew] and
// [ErrPadding].
var ErrToken = errors.New("fernet: invalid token")

// The reasons for which a token is refused, in the order in which they are
// looked for. The token is authentic where the reason is ErrExpired,
// ErrClockSkew or ErrPadding. The texts of ErrMAC and ErrPadding are the same,
// so that a message which reaches a stranger does not tell them apart.
var (
	// ErrMalformed: not canonical base64url text, or of a length that no token has.
	ErrMalformed error = &tokenError{"fernet: malformed token"}

	// ErrVersion: the first byte is not 0x80.
	ErrVersion error = &tokenError{"fernet: unknown token version"}

	// ErrMAC: made with another key, or changed since.
	ErrMAC error = &tokenError{"fernet: invalid token"}

	// ErrExpired: older than [MaxAge] allows.
	ErrExpired error = &tokenError{"fernet: token expired"}

	// ErrClockSkew: dated further in the future than [MaxSkew] allows.
	ErrClockSkew error = &tokenError{"fernet: token from the future"}

	// ErrPadding: authentic, but what it holds is not a padded message. Only the
	// holder of a key can make such a token.
	ErrPadding error = &tokenError{"fernet: invalid token"}
)

var (
	// ErrKey reports a key that is not 32 bytes or not in canonical text form, a
	// zero [Key] put to use, or a [Keyring] without keys.
	ErrKey = errors.New("fernet: invalid key")

	// ErrTime reports a time before 1970, which no token can carry, or the time of
	// an authentic token so far in the future that no [time.Time] can hold it.
	ErrTime = errors.New("fernet: time out of range")

	// ErrSize reports a message whose token would be longer than a slice can be.
	ErrSize = errors.New("fernet: message too large")
)

// errMarshal is what encoding/json and its like get for a Key or a Keyring.
var errMarshal = errors.New("fernet: a key is not marshalled; Reveal exports it")

type tokenError struct{ text string }

func (e *tokenError) Error() string { return e.text }
func (e *tokenError) Unwrap() error { return ErrToken }
