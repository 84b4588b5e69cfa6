// Package parley is the root of a library for end-to-end encrypted rooms and
// envelopes. It exports nothing; import the package that does the work:
//
//   - e2ee: rooms, for applications (start here)
//   - envelope: bytes and streams of any size to any number of keys
//   - envelope/fernet: Fernet tokens, compatible with Python's cryptography
//   - envelope/forgecfb: moves Forge's AES-CFB to Fernet
//   - envelope/cobblestone: chunked encryption of streams and files under one key
//   - envelope/compositekem: RSA and ML-KEM in one key encapsulation mechanism
//   - keystore/keyfile: RSA, composite and Ed25519 keys as files
//   - keystore: encrypted, crash-safe storage for keys and room state
//   - transport: what a relay has to implement
//
// README.md shows ten lines of code, spec/ the wire formats and SECURITY.md
// what is promised and which test holds it.
package parley
