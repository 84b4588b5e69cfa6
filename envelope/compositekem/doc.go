// Package compositekem implements Composite ML-KEM of ML-KEM-768 and RSA-OAEP,
// a key encapsulation mechanism that stays secure while either of the two does:
// id-MLKEM768-RSA2048-SHA3-256 and its siblings for RSA-3072 and RSA-4096, as
// defined in draft-ietf-lamps-pq-composite-kem-17 ("the draft"; the sections
// cited here have the same numbers and rules in -12 and -20).
//
// It is for programs that have to agree on a 32-byte secret with the holder of
// a public key, today with what RSA guarantees and tomorrow against a quantum
// computer, in a format that other implementations of the draft read. It is
// shaped like [crypto/mlkem]. Those who want to encrypt messages rather than
// agree on keys want a format on top of it.
//
// The holder of the key calls [GenerateKey], publishes the bytes of
// [DecapsulationKey.EncapsulationKey], and gets the secret by
// [DecapsulationKey.Decapsulate]. Everyone else calls [NewEncapsulationKey] on
// those bytes and [EncapsulationKey.Encapsulate].
//
// # Keeping keys
//
// A decapsulation key is kept as PKCS#8 ([MarshalPKCS8PrivateKey]) or in the raw
// form of [DecapsulationKey.Bytes]; both are secret and neither is encrypted. A
// [DecapsulationKey] never shows itself to fmt, log/slog or encoding/json. Either
// half, or both, can stay in an HSM or a KMS: [NewOpaqueDecapsulationKey]. The
// halves of a key must be made for it, and used nowhere else (the draft, Section
// 9.3): an RSA key that also does something else is not a half.
//
// Buffers with shared secrets are overwritten after use. Go cannot promise more:
// the runtime may have copied them, and the parsed RSA and ML-KEM keys stay in
// memory until they are collected.
//
// # What a failure says
//
// [DecapsulationKey.Decapsulate] refuses explicitly whatever the RSA half
// refuses, with [ErrDecapsulate] and never a reason. The ML-KEM half does not
// refuse: FIPS 203 has it answer a damaged ciphertext with a secret that nobody
// else knows. So a nil error does not say that the ciphertext is intact; that is
// for the first use of the secret, under an authenticated cipher, to find out.
//
// # Compatibility
//
// Encodings are canonical: a key that parses marshals to the same bytes, and
// everything else is refused. The public exponent is always 65537, the modulus
// has exactly the bits of its name, and PKCS#8 has neither attributes nor the
// optional public key. Keys, ciphertexts and shared keys keep their meaning in
// later versions of this package; should the RFC differ from the draft, it will
// get names of its own.
//
// All algorithms are approved ones of FIPS 140-3, and the package works under
// GODEBUG=fips140=only.
package compositekem
