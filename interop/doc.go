// Package interop holds the library to what others make of the same formats: its
// tests exchange tokens, keys and ciphertexts with Python's cryptography, the
// OpenSSL CLI, node-forge, Node's WebCrypto, npm's fernet and OpenSSH, and its
// benchmarks measure Fernet, envelopes and rooms beside other implementations.
//
// It is a module of its own that nothing imports. See README.md for how to run it.
package interop
