package envelope

import (
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/parley-e2ee/parley/envelope/cobblestone"
)

// ErrEnvelope is behind every error that refuses an envelope: errors.Is reports it
// together with the error below that gives the reason. Errors of a source or a
// destination are returned as they are. Errors of hardware keys are wrapped in a
// [*StanzaError] or a [*NoMatchError]: if you use such keys, look there before you
// give up on an envelope.
var ErrEnvelope = errors.New("envelope: invalid envelope")

// The reasons for refusing an envelope, to be tested for with errors.Is. Errors
// contain public key IDs, but no keys, plaintext, metadata or other input.
var (
	// ErrNotEnvelope: it does not begin like an envelope. Remove text armor first,
	// with [NewArmorReader] or [Dearmor].
	ErrNotEnvelope error = &envelopeError{"envelope: not an envelope"}

	// ErrVersion: it uses a flag, a recipient type or a key derivation that this
	// version does not know.
	ErrVersion error = &envelopeError{"envelope: made by a version that is not supported"}

	// ErrMalformed: the header does not follow the format.
	ErrMalformed error = &envelopeError{"envelope: malformed header"}

	// ErrTruncated: the header is incomplete.
	ErrTruncated error = &envelopeError{"envelope: truncated header"}

	// ErrNoMatch: none of the identities is a recipient. The error is a
	// [*NoMatchError].
	ErrNoMatch error = &envelopeError{"envelope: none of the identities is a recipient"}

	// ErrStanza: the stanza for an identity, its part of the header, does not open.
	// It was changed or made wrong, or the associated data differs. For a passphrase,
	// the passphrase may be wrong or any part of the header changed: these look the
	// same, so that a forger cannot test several guesses at once. The error is a
	// [*StanzaError].
	ErrStanza error = &envelopeError{"envelope: recipient's part does not open"}

	// ErrHeader: the header was changed. See [ErrStanza] for passphrases.
	ErrHeader error = &envelopeError{"envelope: changed header"}

	// ErrPayload: what follows the header was changed, cut or extended. It wraps an
	// error of package cobblestone: with errors.As, a *cobblestone.ChunkError says
	// where.
	ErrPayload error = &envelopeError{"envelope: changed payload"}

	// ErrUnsigned: not signed, although [OpenOptions.Senders] is set.
	ErrUnsigned error = &envelopeError{"envelope: not signed"}

	// ErrSignature: the signature does not verify, or the envelope was cut or
	// extended at its end.
	ErrSignature error = &envelopeError{"envelope: invalid signature, or cut or extended at the end"}

	// ErrSender: signed, but not by any of [OpenOptions.Senders]. The error is a
	// [*SenderError].
	ErrSender error = &envelopeError{"envelope: signed by somebody else"}

	// ErrArmor: not the text form of an envelope, or changed.
	ErrArmor error = &envelopeError{"envelope: malformed text armor"}

	// ErrLimit: larger than a limit of this package allows, or a passphrase stanza
	// with parameters that are out of range. Sealing returns it too.
	ErrLimit error = &envelopeError{"envelope: outside the limits"}
)

// Errors in how this package is used, and of keys.
var (
	// ErrKey: a key that cannot be used: nil, or of the wrong type, size or encoding;
	// or an empty passphrase. The text says what it is instead.
	ErrKey = errors.New("envelope: invalid key")

	// ErrNoRecipients: sealing without recipients, or opening without identities.
	ErrNoRecipients = errors.New("envelope: no recipients to seal to")

	// ErrDuplicate: the same recipient twice.
	ErrDuplicate = errors.New("envelope: recipient given twice")

	// ErrMixed: RSA recipients together with post-quantum ones. The envelope would be
	// no stronger than RSA: see [Options.AllowMixed].
	ErrMixed = errors.New("envelope: RSA recipients beside post-quantum ones")

	// ErrPassphraseAlone: a passphrase together with other recipients.
	ErrPassphraseAlone = errors.New("envelope: a passphrase has to be the only recipient")

	// ErrNotRecipient: a key ID to remove that no recipient has or shows.
	ErrNotRecipient = errors.New("envelope: no recipient shows the key ID")

	// ErrSigned: a signed envelope given to [Rewrap].
	ErrSigned = errors.New("envelope: the recipients of a signed envelope cannot be changed")

	// ErrSigner: the signer failed, is not an Ed25519 key, or made a signature that
	// its public key does not verify.
	ErrSigner = errors.New("envelope: signer failed")

	// ErrOpaque: the key has no encoding: it is in hardware, or is a shared key or a
	// passphrase.
	ErrOpaque = errors.New("envelope: key has no encoding")

	// ErrClosed: a write to a [Writer] after its Close.
	ErrClosed = errors.New("envelope: write to a closed writer")

	// ErrOffset: a negative offset given to [ReaderAt.ReadAt].
	ErrOffset = errors.New("envelope: negative offset")

	// ErrFIPS: not available in FIPS 140-3 mode: Argon2id under GODEBUG=fips140=on,
	// and everything under fips140=only, where Go refuses AES-GCM with nonces that it
	// did not choose.
	ErrFIPS = errors.New("envelope: not available in FIPS 140-3 mode")
)

// A RecipientError says which recipient cannot be sealed to, and why.
type RecipientError struct {
	// Index is that of the recipient in the list, from 0.
	Index int
	// Err is [ErrKey], [ErrDuplicate], or an error of the key itself.
	Err error
}

// Error names the recipient by its number.
func (e *RecipientError) Error() string {
	return prefix + "recipient " + strconv.Itoa(e.Index) + ": " + strings.TrimPrefix(e.Err.Error(), prefix)
}

// Unwrap returns Err.
func (e *RecipientError) Unwrap() error { return e.Err }

// A StanzaError says which stanza was for one of the identities, but did not open.
// errors.Is reports it as [ErrStanza] and [ErrEnvelope].
type StanzaError struct {
	// Index is that of the stanza in the envelope, from 0.
	Index int
	// Stanza is the one that does not open.
	Stanza Stanza
	// Err is the error of a hardware key, or nil.
	Err error
}

// Error gives the possible reasons.
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

// A SenderError says who signed an envelope, where others were expected.
// errors.Is reports it as [ErrSender] and [ErrEnvelope].
type SenderError struct {
	// Sender is the Ed25519 public key of the valid signature.
	Sender ed25519.PublicKey
}

// Error names the key by its fingerprint, in the form of package keyfile: the
// SHA-256 of its DER SubjectPublicKeyInfo, in hexadecimal with colons.
func (e *SenderError) Error() string {
	spki, err := x509.MarshalPKIXPublicKey(e.Sender)
	if err != nil {
		return ErrSender.Error()
	}
	sum := fmt.Sprintf("% x", sha256.Sum256(spki))
	return ErrSender.Error() + ": " + strings.ReplaceAll(sum, " ", ":")
}

// Unwrap returns [ErrSender].
func (e *SenderError) Unwrap() error { return ErrSender }

// A Reason says why a stanza is not for any of the identities.
type Reason uint8

const (
	// ReasonType: no identity has the stanza's type.
	ReasonType Reason = iota + 1
	// ReasonOtherKey: it has the key ID of another key.
	ReasonOtherKey
	// ReasonHidden: it hides its key ID, and no identity opens it: it is for another
	// key, was changed, or the associated data differs.
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

// A NoMatchError says for each stanza why it is not for any of the identities.
// errors.Is reports it as [ErrNoMatch] and [ErrEnvelope].
type NoMatchError struct {
	// Stanzas are all of the envelope; Reasons has one entry for each.
	Stanzas []Stanza
	Reasons []Reason
	// Err is the last error of a hardware key, or nil.
	Err error
}

// Error gives the number of recipients and, if there is just one, the reason.
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

// errNoIdentity is ErrNoRecipients in the words of those who open.
var errNoIdentity error = noIdentityError{}

type noIdentityError struct{}

func (noIdentityError) Error() string { return prefix + "no identity to open with" }
func (noIdentityError) Unwrap() error { return ErrNoRecipients }

// prefix begins the text of every error of this package, once.
const prefix = "envelope: "

// A payloadError is an error of package cobblestone that refuses the payload.
type payloadError struct{ err error }

func (e *payloadError) Error() string {
	var chunk *cobblestone.ChunkError
	text := strings.TrimPrefix(e.err.Error(), cobblestonePrefix)
	switch {
	case errors.As(e.err, &chunk):
		text = "chunk " + strconv.FormatInt(chunk.Number, 10) + " does not authenticate"
	case errors.Is(e.err, cobblestone.ErrCommitment):
		text = "its beginning does not authenticate"
	case errors.Is(e.err, cobblestone.ErrTruncated):
		text = "truncated"
	}
	return ErrPayload.Error() + ": " + text
}

func (e *payloadError) Unwrap() []error { return []error{ErrPayload, e.err} }

const cobblestonePrefix = "cobblestone: "

// An innerError is any other error of package cobblestone. It is comparable, since
// errors stick.
type innerError struct{ err error }

func (e innerError) Error() string {
	return prefix + strings.TrimPrefix(e.err.Error(), cobblestonePrefix)
}
func (e innerError) Unwrap() error { return e.err }
