package envelope

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"reflect"
	"slices"

	"github.com/parley-e2ee/parley/internal/edwards"
)

// A signer makes the trailers of signed envelopes.
type signer struct {
	public ed25519.PublicKey
	sign   func(text []byte) ([]byte, error)
}

func newSigner(key crypto.Signer) (*signer, error) {
	if pointer, ok := key.(*ed25519.PrivateKey); ok && pointer != nil {
		key = *pointer
	}
	private, inMemory := key.(ed25519.PrivateKey)
	if isNil(key) || inMemory && len(private) != ed25519.PrivateKeySize {
		return nil, &detail{ErrSigner, "not an Ed25519 key"}
	}
	if inMemory {
		key = slices.Clone(private)
	}
	public, ok := key.Public().(ed25519.PublicKey)
	if !ok || !edwards.Sound(public) {
		return nil, &detail{ErrSigner, "not an Ed25519 key"}
	}
	return &signer{slices.Clone(public), func(text []byte) ([]byte, error) {
		return key.Sign(rand.Reader, text, crypto.Hash(0))
	}}, nil
}

// appendTrailer signs and appends the trailer. What the signer returns is
// verified: a faulty signature could give away its key.
func (s *signer) appendTrailer(dst []byte, e *sealing, p *digest) ([]byte, error) {
	text := signedText(s.public, &e.c, &e.s, p)
	signature, err := s.sign(text)
	if err != nil {
		return nil, &signerError{err}
	}
	if len(signature) != ed25519.SignatureSize || !ed25519.Verify(s.public, text, signature) {
		return nil, &detail{ErrSigner, "signature does not verify"}
	}
	return appendWrap(dst, e.keys.trailer[:], append(slices.Clone(s.public), signature...)), nil
}

// signedText is what a signature is over (section 5).
func signedText(public []byte, c, s, p *digest) []byte {
	return slices.Concat([]byte(labelSignature), public, c[:], s[:], p[:])
}

// verifyTrailer returns who signed: checks 13 and 14.
func verifyTrailer(trailer []byte, k *keys, c, s, p *digest, senders []ed25519.PublicKey) (ed25519.PublicKey, error) {
	opened, ok := unwrap(k.trailer[:], trailer)
	if !ok {
		return nil, ErrSignature
	}
	public, signature := ed25519.PublicKey(opened[:ed25519.PublicKeySize]), opened[ed25519.PublicKeySize:]
	if !edwards.Sound(public) || !ed25519.Verify(public, signedText(public, c, s, p), signature) {
		return nil, ErrSignature
	}
	known := func(sender ed25519.PublicKey) bool { return sender.Equal(public) }
	if senders != nil && !slices.ContainsFunc(senders, known) {
		return nil, &SenderError{slices.Clone(public)}
	}
	return slices.Clone(public), nil
}

// isNil reports whether there is nothing in an interface, or a nil pointer, whose
// methods panic.
func isNil(key any) bool {
	v := reflect.ValueOf(key)
	return !v.IsValid() || v.Kind() == reflect.Pointer && v.IsNil()
}

func digestOf(b []byte) digest { return sha256.Sum256(b) }

// A signerError is what a signer said.
type signerError struct{ err error }

func (e *signerError) Error() string   { return ErrSigner.Error() + ": " + e.err.Error() }
func (e *signerError) Unwrap() []error { return []error{ErrSigner, e.err} }
