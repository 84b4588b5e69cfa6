package interop_test

import (
	"crypto/ed25519"
	"crypto/rsa"
	"io"
	"testing"

	"github.com/parley-e2ee/parley/envelope"
	"github.com/parley-e2ee/parley/envelope/cobblestone"
	"github.com/parley-e2ee/parley/envelope/compositekem"
)

// Ours take the cores that they get: Concurrency is left at its default.

// newCobblestone is what an envelope has inside, under a key that is there.
func newCobblestone() stream {
	key := randomBytes(32)
	return stream{
		func(dst io.Writer, src source) error {
			w, err := cobblestone.NewWriter(dst, key, nil, nil)
			return closing(w, err, src.reader())
		},
		func(dst io.Writer, src source) error {
			r, err := cobblestone.NewReader(src.reader(), key, nil, nil)
			return copying(dst, r, err)
		},
	}
}

func newEnvelope() stream { return envelopeStream(nil, nil) }

// newSignedEnvelope is opened by somebody who expects the sender.
func newSignedEnvelope() stream {
	signer := ed25519.NewKeyFromSeed(randomBytes(ed25519.SeedSize))
	return envelopeStream(&envelope.Options{Signer: signer},
		&envelope.OpenOptions{Senders: []ed25519.PublicKey{signer.Public().(ed25519.PublicKey)}})
}

func envelopeStream(opts *envelope.Options, openOpts *envelope.OpenOptions) stream {
	identity := must(envelope.SharedKeyIdentity(randomBytes(envelope.SharedKeySize)))
	return stream{
		func(dst io.Writer, src source) error {
			w, err := envelope.NewWriter(dst, opts, identity.Recipient())
			return closing(w, err, src.reader())
		},
		func(dst io.Writer, src source) error {
			r, err := envelope.NewReader(src.reader(), openOpts, identity)
			return copying(dst, r, err)
		},
	}
}

func newEnvelopeRSA(keys []*rsa.PublicKey) func([]byte) ([]byte, error) {
	var recipients []*envelope.Recipient
	for _, key := range keys {
		recipients = append(recipients, must(envelope.RSARecipient(key)))
	}
	return sealEnvelope(recipients)
}

func sealEnvelope(recipients []*envelope.Recipient) func([]byte) ([]byte, error) {
	return func(msg []byte) ([]byte, error) { return envelope.Seal(msg, nil, recipients...) }
}

func openEnvelopeRSA(owner *rsa.PrivateKey) func([]byte) ([]byte, error) {
	identity := must(envelope.RSAIdentity(owner))
	return func(sealed []byte) ([]byte, error) { return envelope.Open(sealed, nil, identity) }
}

func newEnvelopeComposite(tb testing.TB, n int) func([]byte) ([]byte, error) {
	var recipients []*envelope.Recipient
	for _, key := range newCompositeKeys(tb, n) {
		whole := must(compositekem.NewEncapsulationKey(append(key.mlkem.Bytes(), key.rsaDER...)))
		recipients = append(recipients, must(envelope.CompositeRecipient(whole)))
	}
	return sealEnvelope(recipients)
}
