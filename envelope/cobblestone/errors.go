package cobblestone

import (
	"errors"
	"strconv"
)

// ErrMessage is behind every error that refuses a message: errors.Is reports it
// for [ErrCommitment], [ErrChunk], [ErrTruncated] and [ErrSize]. Errors of the
// source or the destination are handed on as they are.
var ErrMessage = errors.New("cobblestone: invalid message")

// The reasons for which a message is refused. None carries bytes of a key, a
// context or a message.
var (
	// ErrCommitment: made with another key, context or suite, or its first 56
	// bytes were changed. No chunk has been looked at.
	ErrCommitment error = &messageError{"cobblestone: wrong key or context, or changed header"}

	// ErrChunk: a chunk does not authenticate. The error is a [*ChunkError].
	ErrChunk error = &messageError{"cobblestone: changed or cut message"}

	// ErrTruncated: the length is one that no message has: there is no whole
	// header or no last chunk. Known lengths are refused before any work.
	ErrTruncated error = &messageError{"cobblestone: truncated message"}

	// ErrSize: longer than [MaxMessageSize] or, for the Append forms, than a
	// slice can be; or, from [SealedSize], a negative length.
	ErrSize error = &messageError{"cobblestone: message too large"}
)

var (
	// ErrKey reports a key that is not of [Suite.KeySize] bytes.
	ErrKey = errors.New("cobblestone: invalid key size")

	// ErrSuite reports an [Options] with a suite that is not of this package.
	ErrSuite = errors.New("cobblestone: unknown suite")

	// ErrClosed reports a write to a [Writer] after its Close.
	ErrClosed = errors.New("cobblestone: write to a closed writer")

	// ErrOffset reports a negative offset given to [ReaderAt.ReadAt].
	ErrOffset = errors.New("cobblestone: negative offset")

	// ErrFIPS reports that the program runs under GODEBUG=fips140=only, in which
	// Go refuses AES-GCM with nonces that are not its own.
	ErrFIPS = errors.New("cobblestone: counter nonces are not available under fips140=only")
)

// A ChunkError says which chunk of a message does not authenticate: its bytes
// were changed, it is out of its place, or the message was cut or extended
// there. errors.Is reports it as [ErrChunk] and [ErrMessage].
type ChunkError struct {
	// Number counts the chunks of the message from 0.
	Number int64
}

// Error names the chunk.
func (e *ChunkError) Error() string {
	return ErrChunk.Error() + ": chunk " + strconv.FormatInt(e.Number, 10) + " does not authenticate"
}

// Unwrap returns [ErrChunk].
func (e *ChunkError) Unwrap() error { return ErrChunk }

type messageError struct{ text string }

func (e *messageError) Error() string { return e.text }
func (e *messageError) Unwrap() error { return ErrMessage }

// errUnwound is what a panic or runtime.Goexit of source or destination leaves.
var errUnwound = errors.New("cobblestone: source or destination did not return")
