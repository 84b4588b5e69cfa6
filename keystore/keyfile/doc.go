// Package keyfile makes RSA, composite and Ed25519 keys, and reads and writes
// them in the forms that other programs use: PKCS#8, encrypted or not, PKCS#1,
// SPKI, PEM and DER, JWK and OpenSSH public keys.
//
// It is for programs that exchange key files with OpenSSL, Python's cryptography,
// browsers, Forge or OpenSSH, and want of a file either a sound key or an error
// that says what is wrong with it. [crypto/x509] reads no encrypted keys, and
// takes small moduli, exponents of 1 and trailing bytes.
//
// Most programs need two calls:
//
//	data, err := private.MarshalEncrypted(keyfile.PKCS8PEM, passphrase, nil)  // then WriteFile
//	private, err := keyfile.ParsePrivate(data, passphrase)
//
// [ReadFile] returns a [Key], which is a *[PrivateKey] or a *[PublicKey].
// [GenerateRSA], [GenerateComposite] and [GenerateEd25519] make keys; [Parse]
// recognises the form of what it is given; RSA, Composite and Ed25519 give out
// the key for use with [crypto/rsa], package compositekem and [crypto/ed25519].
//
// # What is checked
//
// An RSA modulus is odd and has 2048 to 8192 bits; the public exponent is odd, at
// least 65537 and below 2³¹. Of a private key the modulus is the product of two
// factors of one size (give or take a bit) that are not close to each other, d and
// the CRT values are right, and the key opens what its public key seals. That the
// factors are primes follows for any key that was not contrived to look so; whoever
// contrives one knows it, and it may pass one time and fail the next. A
// composite key has an RSA half of 2048, 3072 or 4096 bits with the exponent
// 65537. An Ed25519 public key is any 32 bytes: whether they are a point shows
// when a signature is verified. A public key that stands beside a private one
// matches it.
//
// An encoding is the one that its form has: DER, base64 without loose bits, JSON
// without duplicate names, one key and nothing behind it. A PEM label fits what is
// under it. Taken although not the rule, because some makers write it so: text
// before a PEM block, where it is not itself a key; CRLF, lines of any length, and
// white space at their ends; the
// RSA algorithm and the pseudorandom functions of PBKDF2 without their NULL
// parameters; HMAC-SHA-1, which is the default, in full. Attributes in PKCS#8 and
// members of a JWK that have nothing to do with the key's numbers are left out;
// "alg" must be one for the type, and not an algorithm of RSASSA-PSS. Of an RSA
// JWK that is private all of d, p, q, dp, dq and qi are required: RFC 7518 would
// let d stand alone.
//
// Every refusal is [ErrKey] and one of the errors listed with it.
//
// # Encrypted keys
//
// Keys are encrypted as PKCS#8 with PBES2 (RFC 8018): written with PBKDF2 (HMAC
// with SHA-256, 600,000 iterations) and AES-256 in CBC mode; read with PBKDF2 or
// scrypt (RFC 7914), AES of 128, 192 or 256 bits, and HMAC with SHA-1, SHA-256,
// SHA-384 or SHA-512. A file cannot ask for more than 10,000,000 iterations, 256 MiB, or
// 64 times the work of OpenSSL's scrypt: some seconds on a 64-bit processor, half
// a minute at the most on slower ones.
//
// PBES2 hides a key and does not authenticate it. A damaged file and a wrong
// passphrase look the same, [ErrPassphrase]; and who can write to the file can put
// another key there. What can be guessed is no passphrase: the iterations slow
// guessing down, and do no more.
//
// # Keeping keys
//
// A [PrivateKey] shows nothing of itself to fmt, log/slog and the encoders. What
// Marshal returns is the key in the open, and so is what RSA and Ed25519 return:
// an [rsa.PrivateKey] prints itself. [WriteFile] makes files that only the owner
// can read, whole or not at all, and overwrites none; [ReplaceFile] does.
//
// What is decrypted or decoded on the way is overwritten after use. Go cannot
// promise more: encoders and the runtime may have copied it, a JWK and a
// passphrase pass through strings, and the numbers of a key stay in memory until
// they are collected.
//
// # FIPS 140-3
//
// All that is written is made of approved algorithms. Under GODEBUG=fips140=only,
// scrypt, HMAC-SHA-1 and salts below 16 bytes are refused with [ErrEncryption],
// and private RSA keys of unusual sizes with [ErrKeySize].
//
// # Compatibility
//
// What a version of this package writes, all later ones read, unless it has been
// found to be unsafe. An encoding that is
// not encrypted is canonical: what parses as DER in the normal form marshals to
// the same bytes. Later versions may read more forms; they do not change what is
// written in a form.
//
// Every function may be called from several goroutines at once.
package keyfile
