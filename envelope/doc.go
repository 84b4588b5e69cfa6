// Package envelope encrypts bytes of any size to one or many keys: files, backups,
// uploads, messages that are stored and forwarded. An envelope can be opened as a
// stream or at random, can be signed, can be looked at without a key, and can be
// given other recipients without being encrypted anew. The format is
// spec/envelope-v1.md.
//
// Most programs need two calls:
//
//	sealed, err := envelope.Seal(plaintext, nil, bob)   // bob is a *Recipient
//	opened, err := envelope.Open(sealed, nil, identity) // identity is bob's *Identity
//
// [NewWriter] and [NewReader] do the same for streams of any length in a few MiB
// of memory, and [NewReaderAt] opens parts of a stored envelope. [GenerateIdentity]
// makes the key pair that is best for most: ML-KEM-768 and RSA-2048, secure while
// either of them is. RSA keys that exist already, shared keys and passphrases can be
// recipients too.
//
//	identity, err := envelope.GenerateIdentity()
//	spki, err := identity.Recipient().SPKI()  // public: give it to those who seal
//	bob, err := envelope.ParseRecipient(spki) // there
//	pkcs8, err := identity.MarshalPKCS8()     // secret: keep it, see package keyfile
//	identity, err = envelope.ParseIdentity(pkcs8)
//
// Keys in PEM and other forms, encrypted ones too, are for package keyfile, whose
// public and private keys marshal to SPKIDER and PKCS8DER, which these functions
// parse. Whoever receives an SPKI must know whose it is: an envelope is private to the
// keys that it is sealed to, whoever they belong to.
//
// # What is protected
//
// Nobody but the recipients can read an envelope. Nobody but them can change
// anything of it unnoticed: not plaintext, metadata or the list of recipients, nor
// the associated data that the caller gives on both sides.
//
// Without a signature that says nothing of who made it. Anybody who has the public
// keys can seal an envelope, and each recipient can make another with the same
// recipients and other content. With [Options.Signer] nobody can, not even a
// recipient: the signature covers content, metadata, associated data and
// recipients, so it cannot be taken to other recipients either. Whoever opens
// lists the accepted senders in [OpenOptions.Senders]; without a list, which nil is
// too, a signature by anybody will do, and so will none.
//
// To outsiders an envelope shows what [Inspect] shows, and its length: metadata,
// how many recipients there are and of which types, their key IDs unless
// [Options.HideRecipients], whether it is signed but not by whom. Nothing is padded
// or compressed.
//
// All who open an envelope read the same: it is infeasible to make one that opens
// as two. An old envelope can be put in the place of a new one; associated data
// that has a version in it prevents that. Whoever gets a recipient's private key
// reads all envelopes to it, old ones too: for conversations use package e2ee.
//
// An envelope is as strong as its weakest recipient. So RSA keys, which a quantum
// computer would break, are refused beside post-quantum ones unless
// [Options.AllowMixed], and a passphrase has to be alone.
//
// # Released before it is verified
//
// [Open], [OpenMessage] and [NewReaderAt] give nothing that is not verified to the
// end. A [Reader] gives out what it has opened before it has seen the end: act on
// it only after [io.EOF]. To read just as many bytes as are expected, by
// [io.ReadFull], is not to see the end: read on, or use [io.ReadAll] or [io.Copy].
//
// # Cost
//
// Sealing takes a public-key operation for each recipient, opening a private-key
// operation: the stanza is found by key ID. Where recipients are hidden it is one
// for each stanza of the identity's type up to the right one, at most
// [MaxRecipients].
//
// A header takes 293 bytes for a recipient of RSA-2048 and 1429 for a composite
// one. It is in memory while it is made or opened, up to three times while it is
// made: [MaxHeader] is the largest. Beside it a [Writer] and a [Reader] hold up to
// 1 MiB of the payload, with Concurrency 1 64 KiB, and their ReadFrom and WriteTo
// as much again; [NewReaderAt] takes 64 KiB to verify a signature. Goroutines that
// a call starts have ended when it returns, and nothing is left behind by what is
// dropped.
//
// # Keys in memory
//
// Keys of envelopes are overwritten after use, as far as they are in memory of
// this package. Go cannot promise more: the runtime and the cipher packages may
// have copies. An [Identity] keeps its key for as long as it lives.
//
// # Compatibility
//
// What one version seals, later ones open. Everything works under
// GODEBUG=fips140=on, with PBKDF2 in the place of Argon2id; under fips140=only
// all that seals or opens answers with [ErrFIPS].
//
// Functions may be called from several goroutines at once.
package envelope
