// Package cobblestone encrypts messages of any length under a shared key, in
// chunks that are sealed and opened as a stream or at random: C2SP
// chunked-encryption@v1 (https://c2sp.org/chunked-encryption, "the
// specification") with HKDF-Expand-SHA-512, as Cobblestone-256 or -128.
//
// It is for files, uploads and streams whose two ends have a key that is used
// for this alone. Those who hold public keys, or a password, want a format on top
// that brings them such a key.
//
// Most programs need two calls, [NewWriter] and [NewReader]; [AppendSeal] and
// [AppendOpen] are for messages in memory, and [NewReaderAt] is for reading parts
// of a stored one.
//
// # Layout
//
// A sealed message is salt (24 bytes), commitment (32 bytes) and the chunks.
// Each chunk but the last is of 16384 bytes, the last is shorter and may be
// empty, and each gains a tag of 16 bytes; so byte i of the message is byte
// i mod 16384 of chunk k = i div 16384, which begins at 56 + k·16400. A message
// of n bytes takes n + 56 + 16·(n div 16384 + 1), see [SealedSize]. It has at
// most 2³⁸ chunks: [MaxMessageSize], 4 PiB less a byte.
//
//	key ‖ base nonce ‖ commitment = HKDF-Expand(input key,
//	    "c2sp.org/chunked-encryption@v1+" ‖ aead ‖ 0x00 ‖ salt ‖ context)
//
// A chunk is sealed under key with the nonce base nonce XOR chunk number
// (big-endian) and no additional data.
//
// # Keys, salt and context
//
// The input key is exactly as long as the AEAD's: 32 bytes, or 16 for
// [Cobblestone128]. It must be secret and uniformly random: from crypto/rand or a
// key derivation function, never a password. One key serves any realistic number
// of messages, since each gets a random salt and with it keys of its own.
//
// The context binds a message to what it is for: a file name, a record's ID, a
// hash of the header in front of it. It is not stored; both ends have to know it,
// and with another one the message does not open. It need not be secret. The
// commitment makes it infeasible to find one sealed message that opens under two
// keys, two contexts or both suites.
//
// # What is protected
//
// Nobody without the key can read a message or change it unnoticed: not a bit, not
// the order of its chunks, not its length, since a message ends with the only
// chunk that is short. A stream that stops between two chunks is [ErrTruncated];
// one that stops elsewhere, or goes on, ends in a [*ChunkError] or [ErrTruncated].
// The length itself is visible, and nothing stops a whole message from being
// replaced by an older one under the same key and context.
//
// A [Reader] releases chunks as they are authenticated, so a caller has an
// authentic beginning before it knows that the rest is: act on what was read only
// after [io.EOF] where a part may not stand for the whole. [AppendOpen] releases
// all or nothing. [NewReaderAt] authenticates the length at once and each chunk
// when it is read.
//
// # Cost
//
// A [Writer] and a [Reader] hold up to 1 MiB, with one goroutine 64 KiB; their
// ReadFrom and WriteTo take as much again while they run; for a [ReaderAt] see
// there. Buffers begin with one chunk and grow with the message. Where a call has
// four chunks or more to do it may start goroutines, at most [Options.Concurrency]
// less one, which have ended when it returns; so nothing is left behind by a
// Reader or Writer that is dropped. Source and destination are used on the
// caller's goroutine alone. Small reads and writes are done by the caller alone:
// give them large buffers, or [io.Copy], where speed matters: that reads, works and
// writes at the same time, once it has done 240 KiB. What they buffered of the
// message is wiped at the end or error; Go cannot promise that nothing else is left
// in memory.
//
// # Compatibility
//
// What this package seals, other implementations of the two suites open, and the
// reverse; the published vectors for Cobblestone-128 are part of its tests. All
// algorithms are approved ones of FIPS 140-3 and it works under
// GODEBUG=fips140=on. Under fips140=only Go refuses GCM with counter nonces, and
// every call answers with [ErrFIPS].
package cobblestone
