// Package envelope encrypts data of any size to one or many keys: files, backups,
// uploads, messages that are stored and forwarded. An envelope can be opened as a
// stream or at random positions, can be signed, can be inspected without a key, and
// can be given other recipients without encrypting it again. The format is
// spec/envelope-v1.md.
//
// Most programs need two calls:
//
//	sealed, err := envelope.Seal(plaintext, nil, bob)   // bob is a *Recipient
//	opened, err := envelope.Open(sealed, nil, identity) // identity is bob's *Identity
//
// [NewWriter] and [NewReader] do the same for streams of any length in a few MiB
// of memory, and [NewReaderAt] opens parts of a stored envelope. [GenerateIdentity]
// makes the kind of key pair that suits most uses: ML-KEM-768 combined with
// RSA-2048, secure as long as either of them is. Existing RSA keys, shared keys and
// passphrases can be recipients too.
//
//	identity, err := envelope.GenerateIdentity()
//	spki, err := identity.Recipient().SPKI()  // public: give it to senders
//	bob, err := envelope.ParseRecipient(spki) // what a sender does with it
//	pkcs8, err := identity.MarshalPKCS8()     // secret: store it, see package keyfile
//	identity, err = envelope.ParseIdentity(pkcs8)
//
// Package keyfile reads and writes keys in PEM and other forms, encrypted or not.
// Its public and private keys marshal to SPKIDER and PKCS8DER, which
// [ParseRecipient] and [ParseIdentity] parse. Make sure that a public key belongs to
// the person you mean: an envelope is private to the keys it is sealed to, whoever
// holds them.
//
// # What is protected
//
// Only the recipients can read an envelope. Only they can change any part of it
// without being noticed: the plaintext, the metadata, the list of recipients, or the
// associated data that sender and receiver both supply.
//
// An unsigned envelope does not show who made it. Anyone who has the public keys can
// seal one, and every recipient can make another one with the same recipients and
// different content. [Options.Signer] prevents this, even for recipients: the
// signature covers content, metadata, associated data and recipients, so a signed
// envelope cannot be redirected to other recipients either. The receiver lists the
// accepted senders in [OpenOptions.Senders]. Without a list, which is what nil
// means, any valid signature is accepted, and so is none.
//
// Outsiders see what [Inspect] shows, and the length: the metadata, the number and
// types of the recipients, their key IDs unless [Options.HideRecipients] is set, and
// whether the envelope is signed, but not by whom. Nothing is padded or compressed.
//
// All recipients of an envelope read the same plaintext: making one that opens in
// two ways is infeasible. An attacker can replace a new envelope by an old one;
// associated data that includes a version prevents that. A stolen private key opens
// all envelopes ever sealed to it: for conversations use package e2ee.
//
// An envelope is as strong as its weakest recipient. Therefore RSA keys, which a
// quantum computer would break, are refused together with post-quantum ones unless
// [Options.AllowMixed] is set, and a passphrase must be the only recipient. A
// passphrase can be guessed offline by anyone with a copy of the envelope. Beyond
// that, offering forged envelopes to a program that opens them with a passphrase
// tests one guess per envelope.
//
// # Released before it is verified
//
// [Open], [OpenMessage] and [NewReaderAt] return nothing before all of it is
// verified, signature included. A [Reader] releases plaintext before it has seen the
// end: act on it only after [io.EOF]. Reading exactly the expected number of bytes
// with [io.ReadFull] does not reach the end: read on, or use [io.ReadAll] or
// [io.Copy].
//
// # Cost
//
// The header of an envelope has one part for each recipient, its stanza, which holds
// the envelope's key encrypted to that recipient. Sealing takes one public-key
// operation per recipient. Opening takes one private-key operation, since the right
// stanza is found by key ID; if recipients are hidden, it takes one for each stanza
// of the identity's type until one opens, at most [MaxRecipients].
//
// A stanza takes 293 bytes of the header for RSA-2048 and 1429 for a composite key.
// Headers are kept in memory while they are made or read, up to three times while
// they are made; [MaxHeader] is the size of the largest. In addition, a [Writer] and
// a [Reader] hold up to 1 MiB of the payload, or 64 KiB with Concurrency 1, and their
// ReadFrom and WriteTo as much again; [NewReaderAt] takes 64 KiB to verify a
// signature. Goroutines that a call starts end before it returns, so a Writer or
// Reader that is dropped leaves nothing behind.
//
// # Keys in memory
//
// This package overwrites the keys of envelopes after use. Go cannot promise more:
// the runtime and the cipher packages may have copies. An [Identity] keeps its key
// for as long as it lives.
//
// # Compatibility
//
// Later versions open what this version seals. Everything works under
// GODEBUG=fips140=on, with PBKDF2 instead of Argon2id. Under fips140=only sealing
// and opening fail with [ErrFIPS].
//
// All functions may be called from several goroutines at once.
package envelope
