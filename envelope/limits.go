package envelope

import "github.com/parley-e2ee/parley/envelope/cobblestone"

// Limits, and sizes in bytes. Sealing and opening refuse what exceeds a limit before
// they allocate memory for it.
const (
	// MaxRecipients is the largest number of recipients of an envelope.
	MaxRecipients = 4096

	// MaxMetadata is the size of the longest metadata.
	MaxMetadata = 1<<16 - 1

	// MaxPlaintext is the size of the longest plaintext, 4 PiB less a byte.
	MaxPlaintext = cobblestone.MaxMessageSize

	// MaxHeader is the size of the largest header: MaxRecipients stanzas of the
	// largest kind, and MaxMetadata. It is kept in memory while it is read.
	MaxHeader = startSize + MaxMetadata + lengthSize + maxStanzas + macSize

	// MinModulus and MaxModulus are the limits of RSA keys, in bits.
	MinModulus = 2048
	MaxModulus = 8192

	// SharedKeySize is the size of a shared key.
	SharedKeySize = 32
)

// Sizes of the parts that spec/envelope-v1.md describes.
const (
	idSize      = 32
	fileKeySize = 32
	keyIDSize   = 32
	macSize     = 32
	saltSize    = 32
	tagSize     = 16
	wrappedSize = fileKeySize + tagSize
	lengthSize  = 3 // of the stanzas' length
	trailerSize = 32 + 64 + tagSize

	// startSize is the size of magic, flags, ID and the metadata's length.
	startSize = len(magic) + 1 + idSize + 2

	// stanzaOverhead is what precedes the body of a stanza with a key ID.
	stanzaOverhead = 1 + 1 + keyIDSize + 2

	maxComposite = 1088 + 512 + wrappedSize
	maxStanzas   = MaxRecipients * (stanzaOverhead + maxComposite)
)
