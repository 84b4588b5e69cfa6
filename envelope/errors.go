package envelope

import (
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"strconv"
)

// ErrEnvelope is behind every error that refuses an envelope: errors.Is reports
// it beside the error below that says why. Errors of a source or a destination are
// handed on as they are. What an identity's hardware said is behind a
// [*StanzaError] or a [*NoMatchError]: whoever has such keys looks there before an
// envelope is given up.
var ErrEnvelope = errors.New("envelope: invalid envelope")

// Why an envelope is refused, to be tested for with errors.Is. No error carries
// keys, plaintext, metadata or other bytes of the input but public key IDs.
var (
	// ErrNotEnvelope: it does not begin as an envelope does. Text armor is to be
	// taken off first, by [NewArmorReader] or [Dearmor].
	ErrNotEnvelope error = &envelopeError{"envelope: not an envelope"}

	// ErrVersion: a flag, a type of recipient or a key derivation that this
	// version does not know.
	ErrVersion error = &envelopeError{"envelope: made by a version that is not supported"}

	// ErrMalformed: the header is not as the format has it.
	ErrMalformed error = &envelopeError{"envelope: malformed header"}

	// ErrTruncated: the header is not whole.
	ErrTruncated error = &envelopeError{"envelope: truncated header"}

	// ErrNoMatch: none of the identities is a recipient. The error is a
	// [*NoMatchError].
	ErrNoMatch error = &envelopeError{"envelope: none of the identities is a recipient"}

	// ErrStanza: the part that is for an identity does not open with it: it was
	// changed or made wrong, or the associated data is another; or, for a
	// passphrase, that is another. The error is a [*StanzaError].
	ErrStanza error = &envelopeError{"envelope: recipient's part does not open"}

	// ErrHeader: the header was changed.
	ErrHeader error = &envelopeError{"envelope: changed header"}

	// ErrPayload: what follows the header was changed, cut or extended. errors.As
	// finds errors of package cobblestone behind it, which say where.
	ErrPayload error = &envelopeError{"envelope: changed payload"}

	// ErrUnsigned: not signed, where [OpenOptions.Senders] expects somebody.
	ErrUnsigned error = &envelopeError{"envelope: not signed"}

	// ErrSignature: the signature does not verify, or the envelope was cut or
	// extended at its end.
	ErrSignature error = &envelopeError{"envelope: invalid signature, or cut or extended at the end"}

	// ErrSender: signed, but by none of [OpenOptions.Senders]. The error is a
	// [*SenderError].
	ErrSender error = &envelopeError{"envelope: signed by somebody else"}

	// ErrArmor: not the text form of an envelope, or changed.
	ErrArmor error = &envelopeError{"envelope: malformed text armor"}

	// ErrLimit: larger than a limit of this package, or parameters of a passphrase
	// outside of them. Sealing has it too.
	ErrLimit error = &envelopeError{"envelope: outside the limits"}
)

// Why something cannot be sealed or opened at all.
var (
	// ErrKey: a key that cannot be used: of the wrong type, size or encoding, or
	// none. An empty passphrase is one.
	ErrKey = errors.New("envelope: invalid key")

	// ErrNoRecipients: sealing without recipients, or opening without identities.
	ErrNoRecipients = errors.New("envelope: no recipients to seal to, or no identity to open with")

	// ErrDuplicate: the same recipient twice.
	ErrDuplicate = errors.New("envelope: recipient given twice")

	// ErrMixed: RSA recipients beside post-quantum ones. The envelope would be as
	// weak as RSA alone: see [Options.AllowMixed].
	ErrMixed = errors.New("envelope: RSA recipients beside post-quantum ones")

	// ErrPassphraseAlone: a passphrase beside other recipients.
	ErrPassphraseAlone = errors.New("envelope: a passphrase has to be the only recipient")

	// ErrNotRecipient: a key ID to be removed that no recipient shows.
	ErrNotRecipient = errors.New("envelope: no recipient shows the key ID")

	// ErrSigned: a signed envelope given to [Rewrap].
	ErrSigned = errors.New("envelope: the recipients of a signed envelope cannot be changed")

	// ErrSigner: the signer failed, or signed with something else than its public
	// key's Ed25519.
	ErrSigner = errors.New("envelope: signer failed")

	// ErrOpaque: a key that is not in memory, or is none of a pair, is asked for
	// its encoding.
	ErrOpaque = errors.New("envelope: key has no encoding")

	// ErrClosed: a write to a [Writer] after its Close.
	ErrClosed = errors.New("envelope: write to a closed writer")

	// ErrOffset: a negative offset given to [ReaderAt.ReadAt].
	ErrOffset = errors.New("envelope: negative offset")

	// ErrFIPS: not allowed under FIPS 140-3: Argon2id where that mode is on, and
	// under GODEBUG=fips140=only everything, since Go then refuses AES-GCM with
	// nonces that are not its own.
	ErrFIPS = errors.New("envelope: not available in FIPS 140-3 mode")
)

// A RecipientError says which recipient cannot be sealed to, and why.
type RecipientError struct {
	// Index counts the recipients that were given, from 0.
	Index int
	// Err is one of [ErrKey] and [ErrDuplicate], or what the key said.
	Err error
}

// Error names the recipient by its number.
func (e *RecipientError) Error() string {
	return "envelope: recipient " + strconv.Itoa(e.Index) + ": " + e.Err.Error()
}

// Unwrap returns Err.
func (e *RecipientError) Unwrap() error { return e.Err }

// A StanzaError says which part of the header should have opened and did not.
// errors.Is reports it as [ErrStanza] and [ErrEnvelope].
type StanzaError struct {
	// Index counts the stanzas of the envelope from 0.
	Index int
	// Stanza is the one that does not open.
	Stanza Stanza
	// Err is what the key's hardware said, if it said anything.
	Err error
}

// Error says what the reason may be.
func (e *StanzaError) Error() string {
	text := ErrStanza.Error() + ": " + e.Stanza.String() + ": the associated data is another, or it was changed"
	if e.Stanza.Type == Passphrase {
		text = ErrStanza.Error() + ": wrong passphrase, other associated data, or changed"
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns [ErrStanza] and Err.
func (e *StanzaError) Unwrap() []error { return []error{ErrStanza, e.Err} }

// A SenderError says who signed an envelope that was expected from others.
// errors.Is reports it as [ErrSender] and [ErrEnvelope].
type SenderError struct {
	// Sender is the Ed25519 key, of 32 bytes, whose signature is valid.
	Sender ed25519.PublicKey
}

// Error names the key, in hexadecimal.
func (e *SenderError) Error() string {
	return ErrSender.Error() + ": " + hex.EncodeToString(e.Sender)
}

// Unwrap returns [ErrSender].
func (e *SenderError) Unwrap() error { return ErrSender }

// A Reason says why an envelope's stanza is none for the identities.
type Reason uint8

const (
	// ReasonType: there is no identity of the stanza's type.
	ReasonType Reason = iota + 1
	// ReasonOtherKey: it has the key ID of somebody else.
	ReasonOtherKey
	// ReasonHidden: it names no key, and opens with none of the identities: it is
	// for somebody else, was changed, or the associated data is another.
	ReasonHidden
)

// String returns the reason in words.
func (r Reason) String() string {
	switch r {
	case ReasonType:
		return "no identity of this type"
	case ReasonOtherKey:
		return "for another key"
	case ReasonHidden:
		return "hidden, and opens with no identity: another key, or other associated data"
	}
	return "unknown reason"
}

// A NoMatchError says of each stanza why it is none for the identities.
// errors.Is reports it as [ErrNoMatch] and [ErrEnvelope].
type NoMatchError struct {
	// Stanzas are all of the envelope's; Reasons are as many.
	Stanzas []Stanza
	Reasons []Reason
	// Err is what the last key's hardware said, if it said anything.
	Err error
}

// Error says how many recipients there are and, if there is one, the reason.
func (e *NoMatchError) Error() string {
	text := ErrNoMatch.Error() + ", of which there are " + strconv.Itoa(len(e.Stanzas))
	if len(e.Stanzas) == 1 && len(e.Reasons) == 1 {
		text = ErrNoMatch.Error() + ": " + e.Stanzas[0].String() + ": " + e.Reasons[0].String()
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns [ErrNoMatch] and Err.
func (e *NoMatchError) Unwrap() []error { return []error{ErrNoMatch, e.Err} }

type envelopeError struct{ text string }

func (e *envelopeError) Error() string { return e.text }
func (e *envelopeError) Unwrap() error { return ErrEnvelope }

// A detail is an error that says more than the one it stands for.
type detail struct {
	is   error
	text string
}

func (e *detail) Error() string { return e.is.Error() + ": " + e.text }
func (e *detail) Unwrap() error { return e.is }

// A payloadError is an error of package cobblestone.
type payloadError struct{ err error }

func (e *payloadError) Error() string   { return ErrPayload.Error() + ": " + e.err.Error() }
func (e *payloadError) Unwrap() []error { return []error{ErrPayload, e.err} }
