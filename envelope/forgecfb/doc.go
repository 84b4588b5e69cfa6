// Package forgecfb reads the AES-CFB that clients made with Forge (node-forge)
// wrote, so that it can be moved to Fernet. It does nothing else, and it never
// writes CFB.
//
// It is for whoever holds such ciphertexts and their keys and wants to be rid of
// them. Most programs need one call, once a ciphertext:
//
//	token, err := forgecfb.Upgrade(fernetKey, key, iv, ciphertext)
//
// The format is CFB-128 of NIST SP 800-38A, section 6.3, with a key of 16 or 32
// bytes, an IV of 16, and a last block that may be short: a ciphertext has the
// length of its plaintext, down to none. [OpenUnauthenticated] gives the
// plaintext itself.
//
// # What CFB does not protect
//
// CFB authenticates nothing, and no check of this package can make up for that.
// Every key, IV and ciphertext of the right lengths opens; the wrong key gives
// noise instead of an error. Whoever can change a ciphertext changes the
// plaintext, without a key:
//
//   - a bit flipped in the ciphertext is the same bit flipped in the plaintext,
//     at the price of noise in the block that follows; in the last block there is
//     no price;
//   - bytes can be cut off the end without a trace, and whole blocks off the
//     front by taking the block before as the IV;
//   - blocks can be moved, and put in from other ciphertexts of the same key, at
//     the price of a block of noise at each seam.
//
// So a plaintext from here is unverified input, as if from a stranger: parse it
// with care, and take no decision on it that a change by a stranger would spoil.
// Nor tell a stranger whether a plaintext made sense: those answers are an oracle
// that decrypts.
//
// # What an upgrade vouches for
//
// A token from [Upgrade] is authentic from then on: it proves that the message is
// the one that Upgrade saw. What happened to the ciphertext before is beyond it,
// and a token of a forged ciphertext is as valid as any. Upgrade where the
// ciphertext has been out of reach of others, compare with what else is known of
// the message, and delete the ciphertext then. The Fernet key must be a new one,
// not made of the AES key's bytes.
//
// # What Forge clients did
//
// Text that went through forge.util.encodeUtf8 is UTF-8. Where a client left that
// out, Latin-1 came through as such; of other characters only the low byte is in
// its place, and the rest spoilt the bytes before it. Forge takes an IV of more than 16 bytes and uses the first 16;
// this package refuses it, so that two values that were swapped are noticed. Pass
// iv[:16] where a client is known to have done so.
//
// Under GODEBUG=fips140=only CFB is not to be had and every call is [ErrFIPS].
// Every function may be called from several goroutines at once.
package forgecfb
