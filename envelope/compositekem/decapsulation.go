package compositekem

import (
	"crypto"
	"crypto/mlkem"
	"crypto/rand"
	"crypto/rsa"
	_ "crypto/sha256" // crypto.SHA256, which oaep names
	"fmt"

	"github.com/parley-e2ee/parley/internal/keysource"
)

// A DecapsulationKey is a composite private key. It must be kept secret, and
// shows nothing of itself to fmt, log/slog and the encoders. It is safe for
// concurrent use, one of opaque halves as far as these are. [GenerateKey],
// [NewDecapsulationKey], [ParsePKCS8PrivateKey] and [NewOpaqueDecapsulationKey]
// make one; the zero value is not usable.
type DecapsulationKey struct {
	ek *EncapsulationKey
	// private is a function because fmt, which prints unexported fields at any
	// depth, prints the address of a function only.
	private func() halves
}

type halves struct {
	mlkem crypto.Decapsulator
	rsa   crypto.Decrypter
	// encode is nil where the halves are opaque.
	encode func() []byte
}

var _ crypto.Decapsulator = (*DecapsulationKey)(nil)

// GenerateKey makes a new key, both halves of it fresh as the draft demands. It
// takes the time that finding an RSA key takes: tens of milliseconds to seconds.
// An unknown set is refused with [ErrParameterSet].
//
// It implements KeyGen of the draft, Section 3.1.
func GenerateKey(set ParameterSet) (*DecapsulationKey, error) {
	if set.ModulusBits() == 0 {
		return nil, ErrParameterSet
	}
	mlkemKey, err := mlkem.GenerateKey768()
	if err != nil {
		return nil, fmt.Errorf("compositekem: generating the ML-KEM half: %w", err)
	}
	rsaKey, err := keysource.RSA(set.ModulusBits())
	if err != nil {
		return nil, fmt.Errorf("compositekem: generating the RSA half: %w", err)
	}
	return newDecapsulationKey(mlkemKey, rsaKey)
}

// NewDecapsulationKey parses the encoding that [DecapsulationKey.Bytes] returns:
// the ML-KEM seed, 64 bytes, then the DER RSAPrivateKey. The parameter set
// follows from the modulus. Anything but the canonical encoding of a consistent
// key is refused with [ErrDecapsulationKey]; that the RSA factors are primes is
// taken on trust, as [crypto/x509] does.
//
// It implements DeserializePrivateKey of the draft, Section 4.2.
func NewDecapsulationKey(decapsulationKey []byte) (*DecapsulationKey, error) {
	if len(decapsulationKey) < mlkemSeedSize {
		return nil, refuse(ErrDecapsulationKey, "too short")
	}
	rsaKey, err := parseRSAPrivateKey(decapsulationKey[mlkemSeedSize:])
	if err != nil {
		return nil, err
	}
	mlkemKey, err := mlkem.NewDecapsulationKey768(decapsulationKey[:mlkemSeedSize])
	if err != nil {
		return nil, refuse(ErrDecapsulationKey, "ML-KEM half is not valid")
	}
	return newDecapsulationKey(mlkemKey, rsaKey)
}

// newDecapsulationKey takes over both keys, of which it trusts the first.
func newDecapsulationKey(mlkemKey *mlkem.DecapsulationKey768, rsaKey *rsa.PrivateKey) (*DecapsulationKey, error) {
	if err := checkRSANumbers(rsaKey); err != nil {
		return nil, err
	}
	rsaKey.Precompute()
	if err := checkRSAConsistency(rsaKey); err != nil {
		return nil, err
	}
	ek, err := newEncapsulationKey(mlkemKey.EncapsulationKey().Bytes(), &rsa.PublicKey{N: rsaKey.N, E: rsaKey.E})
	if err != nil {
		return nil, err
	}
	// Implements SerializePrivateKey of the draft, Section 4.2.
	encode := func() []byte { return append(mlkemKey.Bytes(), marshalRSAPrivateKey(rsaKey)...) }
	h := halves{mlkem: mlkemKey, rsa: rsaKey, encode: encode}
	return &DecapsulationKey{ek: ek, private: func() halves { return h }}, nil
}

// ParameterSet returns the algorithm that the key is for.
func (dk *DecapsulationKey) ParameterSet() ParameterSet {
	if dk.ek == nil {
		return 0 // the zero value
	}
	return dk.ek.set
}

// EncapsulationKey returns the public key.
func (dk *DecapsulationKey) EncapsulationKey() *EncapsulationKey { return dk.ek }

// Encapsulator returns the public key, like [DecapsulationKey.EncapsulationKey].
//
// It implements [crypto.Decapsulator].
func (dk *DecapsulationKey) Encapsulator() crypto.Encapsulator { return dk.ek }

// Bytes returns the encoded private key, which must be kept secret: the ML-KEM
// seed, 64 bytes, then the DER RSAPrivateKey, about 1190, 1765 or 2350 bytes. A
// key of opaque halves has none: [ErrOpaque].
func (dk *DecapsulationKey) Bytes() ([]byte, error) {
	h := dk.private()
	if h.encode == nil {
		return nil, ErrOpaque
	}
	return h.encode(), nil
}

// oaep implements the draft, Section 6.1; MGF1 takes its hash from Hash.
var oaep = rsa.OAEPOptions{Hash: crypto.SHA256}

// Decapsulate returns the shared key of 32 bytes that ciphertext carries, which
// must be kept secret. Every failure is [ErrDecapsulate] and nothing more: both
// halves are put to work before either answer is looked at, so that nobody
// learns which of them refused.
//
// A nil error does not vouch for the ciphertext: damage to its first 1088 bytes,
// which the ML-KEM half rejects implicitly, leads to a shared key that nobody
// else has.
//
// It implements Decaps of the draft, Sections 3.3 and 3.5.
func (dk *DecapsulationKey) Decapsulate(ciphertext []byte) (sharedKey []byte, err error) {
	// An RSA ciphertext shorter than the modulus, which crypto/rsa would take,
	// falls here too.
	if len(ciphertext) != dk.ek.set.CiphertextSize() {
		return nil, ErrDecapsulate
	}
	mlkemCT, tradCT := ciphertext[:mlkemCiphertextSize:mlkemCiphertextSize], ciphertext[mlkemCiphertextSize:]
	h, options := dk.private(), oaep

	mlkemSS, mlkemErr := h.mlkem.Decapsulate(mlkemCT)
	defer clear(mlkemSS)
	tradSS, tradErr := h.rsa.Decrypt(rand.Reader, tradCT, &options)
	defer clear(tradSS)

	if mlkemErr != nil || tradErr != nil || len(mlkemSS) != mlkemSSSize || len(tradSS) != tradSSSize {
		return nil, ErrDecapsulate
	}
	return dk.ek.combine(mlkemSS, tradSS, tradCT), nil
}
