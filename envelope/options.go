package envelope

import (
	"crypto"
	"crypto/ed25519"
	"encoding/hex"
	"runtime"
	"slices"
)

// An ID identifies an envelope. It is random and public, and stays the same when the
// recipients are changed.
type ID [idSize]byte

// String returns the ID in lower-case hexadecimal, 64 characters.
func (id ID) String() string { return hex.EncodeToString(id[:]) }

// Options are the choices when sealing. A nil *Options means the zero Options. They
// print as REDACTED, since the signer may be a key in memory; but an Options in an
// unexported field of another struct does print its contents.
type Options struct {
	redacted

	// AssociatedData is bound to the envelope but not contained in it: a file name,
	// an account, a protocol's state. Opening requires the same value.
	AssociatedData []byte

	// Metadata is contained in the envelope without encryption, at most
	// [MaxMetadata] bytes: anyone can read it, but changes are noticed.
	Metadata []byte

	// Signer signs the envelope: an [ed25519.PrivateKey], or another
	// [crypto.Signer] of Ed25519, such as one in hardware.
	Signer crypto.Signer

	// HideRecipients leaves out the key IDs. Opening then tries the recipients one
	// after the other, each with a private-key operation. The number and types of
	// the recipients stay visible.
	HideRecipients bool

	// AllowMixed allows RSA recipients together with post-quantum ones.
	AllowMixed bool

	// Concurrency is the largest number of goroutines, including the caller's, that
	// work on one call. 0 and below mean GOMAXPROCS; 1 takes the least memory.
	Concurrency int
}

// OpenOptions are the choices when opening an envelope. A nil *OpenOptions means the
// zero OpenOptions.
type OpenOptions struct {
	// AssociatedData is that of [Options].
	AssociatedData []byte

	// Senders are the Ed25519 public keys of the accepted senders; one that is not
	// 32 bytes long is [ErrKey]. If Senders is nil, anyone may have made the envelope
	// and it need not be signed; a signature must still be valid. An empty slice that
	// is not nil accepts no one. Beware of a slice declared with var: it is nil until
	// something is appended.
	Senders []ed25519.PublicKey

	// MaxTrials limits how many hidden recipients are tried, each with a private-key
	// operation, before opening fails with [ErrLimit]. 0 and below mean
	// [MaxRecipients]. Choose a low limit for servers that open envelopes of
	// strangers, and for hardware keys that count failures.
	MaxTrials int

	// Concurrency is the largest number of goroutines, including the caller's, that
	// work on one call. 0 and below mean GOMAXPROCS; 1 takes the least memory.
	Concurrency int
}

func (o *Options) orDefault() Options {
	var set Options
	if o != nil {
		set = *o
	}
	set.Concurrency = concurrency(set.Concurrency)
	return set
}

// check refuses what cannot be sealed.
func (o *Options) check(recipients []*Recipient) error {
	if len(o.Metadata) > MaxMetadata {
		return &detail{ErrLimit, "metadata"}
	}
	return checkRecipients(recipients, nil, o.AllowMixed)
}

func (o *OpenOptions) orDefault() OpenOptions {
	var set OpenOptions
	if o != nil {
		set = *o
	}
	set.Concurrency = concurrency(set.Concurrency)
	if set.MaxTrials < 1 {
		set.MaxTrials = MaxRecipients
	}
	if set.Senders = slices.Clone(set.Senders); set.Senders != nil {
		for i, sender := range set.Senders {
			set.Senders[i] = slices.Clone(sender)
		}
	}
	return set
}

func concurrency(n int) int {
	if n < 1 {
		return runtime.GOMAXPROCS(0)
	}
	return n
}
