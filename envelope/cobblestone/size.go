package cobblestone

// Sizes in bytes.
const (
	// ChunkSize is the size of every chunk but the last, which is shorter.
	ChunkSize = 16 << 10

	// Overhead is what each chunk gains when it is sealed: the AEAD's tag.
	Overhead = 16

	// HeaderSize is the size of what precedes the first chunk: salt and
	// commitment.
	HeaderSize = saltSize + commitmentSize

	// MaxMessageSize is the size of the longest message: one byte less than
	// 4 PiB, 2³⁸ chunks of which the last is shorter.
	MaxMessageSize = maxChunks*ChunkSize - 1
)

const (
	saltSize       = 24
	commitmentSize = 32
	nonceSize      = 12
	sealedChunk    = ChunkSize + Overhead

	// maxChunks is from "Message chunking" of the specification.
	maxChunks = 1 << 38

	maxSealedSize = HeaderSize + MaxMessageSize + maxChunks*Overhead
)

// SealedSize returns the size of a message of n bytes once sealed, which is
// n + 56 + 16·(n/16384 + 1). It refuses a negative n and one above
// [MaxMessageSize] with [ErrSize].
func SealedSize(n int64) (int64, error) {
	if n < 0 || n > MaxMessageSize {
		return 0, ErrSize
	}
	return sealedSize(n), nil
}

func sealedSize(n int64) int64 { return HeaderSize + n + (n/ChunkSize+1)*Overhead }

// OpenedSize returns the size of the message in n sealed bytes. It refuses with
// [ErrTruncated] a length that no message has, and with [ErrSize] one that is
// too long. The length alone proves nothing: see [ReaderAt.Size].
func OpenedSize(n int64) (int64, error) {
	if n > maxSealedSize {
		return 0, ErrSize
	}
	if n < HeaderSize || (n-HeaderSize)%sealedChunk < Overhead {
		return 0, ErrTruncated
	}
	n -= HeaderSize
	return n - (n/sealedChunk+1)*Overhead, nil
}
