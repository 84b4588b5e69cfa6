// Package fernet makes and opens Fernet tokens: small sealed messages that one
// shared key encrypts, dates and authenticates.
//
// It is for programs that exchange tokens with Python's cryptography package or
// any other implementation of https://github.com/fernet/spec, and for those who
// want one sound symmetric recipe without choices to make. For data that does
// not fit in memory (see package cobblestone), or for readers with public keys, a
// token is the wrong tool.
//
// Most programs need three calls:
//
//	key := fernet.GenerateKey()
//	token, err := key.Encrypt(message)
//	message, err := key.Decrypt(token, fernet.MaxAge(time.Hour))
//
// # Names
//
// Encrypt and Decrypt work on the text form, base64url with padding. AppendSeal
// and AppendOpen work on the raw bytes of the same token, for carriers that are
// binary anyway. The forms whose name ends in At take the time as a parameter;
// the Append forms do too, and add their result to a buffer of the caller's.
// A [Keyring] holds several keys, so that old tokens outlive a change of key.
//
// # Keys
//
// A [Key] is 32 random bytes. Whoever has it can read and forge every token.
// A Key prints as REDACTED and refuses to be marshalled; [Key.Reveal] alone
// gives the secret out, for a secret manager or a file that only its owner can
// read, and [ParseKey] takes it back. A password is not a key: stretch it first.
// Go can promise neither that a key leaves no copy in memory nor that one is
// wiped when it is dropped.
//
// # What a token protects
//
// The message cannot be read or changed without the key. Its length, to 16
// bytes, and the second of its making are visible to all. Nothing stops a token
// from being presented twice, or elsewhere than meant: what must be bound to a
// place or a use belongs in the message. The authentication depends on the first
// half of the key alone, so two keys that share it accept each other's tokens
// and then read nonsense or report [ErrPadding]; generated keys never do.
// AES in pure Go, as on js/wasm, does not run in constant time; amd64, arm64,
// ppc64x and s390x do it in hardware.
//
// # Compatibility
//
// Every token made here is accepted by Python's cryptography, and every token in
// canonical form that it accepts is accepted here, with the same rules on age.
// Where it is lenient this package is strict: white space, line breaks, the
// standard base64 alphabet, bytes after the padding and non-zero trailing bits
// are refused, so a token has exactly one text form.
//
// Every function may be called from several goroutines at once. A call on a token
// of 256 KiB or more may start a goroutine of its own where there is more than
// one processor; it has ended when the call returns.
package fernet
