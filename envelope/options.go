package envelope

import (
	"crypto"
	"crypto/ed25519"
	"encoding/hex"
	"runtime"
	"slices"
)

// An ID names an envelope. It is random and public, and stays when the recipients
// are changed.
type ID [idSize]byte

// String returns the ID in lower-case hexadecimal, 64 characters.
func (id ID) String() string { return hex.EncodeToString(id[:]) }

// Options are what can be chosen when something is sealed. A nil *Options stands
// for the zero Options. They are not kept. They print as REDACTED, since a signer
// may be a key in memory; but fmt looks into what is in an unexported field, and
// shows that of it.
type Options struct {
	redacted

	// AssociatedData is what the envelope is bound to without carrying it: a file
	// name, an account, a protocol's state. Whoever opens has to give the same.
	AssociatedData []byte

	// Metadata is carried in the open, of at most [MaxMetadata] bytes: anybody can
	// read it, and nobody can change it unnoticed.
	Metadata []byte

	// Signer signs the envelope: an [ed25519.PrivateKey], or another
	// [crypto.Signer] of Ed25519, such as one in hardware.
	Signer crypto.Signer

	// HideRecipients leaves out the key IDs. Whoever opens tries every recipient,
	// at the cost of a private-key operation each. How many there are and of what
	// type, stays visible.
	HideRecipients bool

	// AllowMixed allows RSA recipients beside post-quantum ones.
	AllowMixed bool

	// Concurrency is how many goroutines, the caller's included, may work on one
	// call. 0 and below stand for GOMAXPROCS; 1 takes the least memory.
	Concurrency int
}

// OpenOptions are what can be chosen when an envelope is opened. A nil
// *OpenOptions stands for the zero OpenOptions. They are not kept.
type OpenOptions struct {
	// AssociatedData is what the envelope was bound to.
	AssociatedData []byte

	// Senders are the Ed25519 keys of those from whom the envelope may be, 32
	// bytes each. Where it is nil, it may be from anybody and need not be signed; a
	// signature that is there is verified all the same. An empty slice that is not
	// nil accepts nobody; but one that was declared by var and appended to is nil
	// while nothing was appended.
	Senders []ed25519.PublicKey

	// MaxTrials bounds the recipients without a key ID that are tried, each at the
	// cost of a private-key operation: [ErrLimit] beyond. 0 and below stand for
	// [MaxRecipients]. Servers that open what strangers send want a low one, and
	// users of hardware keys that count failures.
	MaxTrials int

	// Concurrency is how many goroutines, the caller's included, may work on one
	// call. 0 and below stand for GOMAXPROCS; 1 takes the least memory.
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
