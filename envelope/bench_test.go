package envelope_test

import (
	"bytes"
	"fmt"
	"io"
	"testing"

	"github.com/parley-e2ee/parley/envelope"
	"github.com/parley-e2ee/parley/envelope/compositekem"
	"github.com/parley-e2ee/parley/internal/keysource/keytest"
)

// The benchmarks against other libraries are in interop/.

func benchIdentities(b *testing.B) map[string]*envelope.Identity {
	keytest.Use(b)
	return map[string]*envelope.Identity{
		"rsa":       must(envelope.RSAIdentity(keytest.RSA(b, 2048))),
		"composite": must(envelope.CompositeIdentity(must(compositekem.GenerateKey(compositekem.RSA2048)))),
		"shared":    must(envelope.SharedKeyIdentity(pattern(32))),
	}
}

func BenchmarkSeal(b *testing.B) {
	skipWithoutEnvelopes(b)
	for name, id := range benchIdentities(b) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				must(envelope.Seal(pattern(1000), nil, id.Recipient()))
			}
		})
	}
}

func BenchmarkOpen(b *testing.B) {
	skipWithoutEnvelopes(b)
	for name, id := range benchIdentities(b) {
		sealed := must(envelope.Seal(pattern(1000), nil, id.Recipient()))
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				must(envelope.Open(sealed, nil, id))
			}
		})
	}
}

func BenchmarkStream(b *testing.B) {
	skipWithoutEnvelopes(b)
	id := benchIdentities(b)["shared"]
	for name, seal := range map[string]*envelope.Options{"plain": nil, "signed": {Signer: alice}} {
		msg := pattern(16 << 20)
		b.Run("seal/"+name, func(b *testing.B) {
			b.SetBytes(int64(len(msg)))
			b.ReportAllocs()
			for b.Loop() {
				w := must(envelope.NewWriter(io.Discard, seal, id.Recipient()))
				must(w.ReadFrom(bytes.NewReader(msg)))
				w.Close()
			}
		})
		sealed := must(envelope.Seal(msg, seal, id.Recipient()))
		b.Run("open/"+name, func(b *testing.B) {
			b.SetBytes(int64(len(msg)))
			b.ReportAllocs()
			for b.Loop() {
				r := must(envelope.NewReader(bytes.NewReader(sealed), nil, id))
				must(r.WriteTo(io.Discard))
			}
		})
	}
}

// BenchmarkInspect parses a header of 1000 recipients.
func BenchmarkInspect(b *testing.B) {
	skipWithoutEnvelopes(b)
	var recipients []*envelope.Recipient
	for i := range 1000 {
		key := must(envelope.SharedKeyIdentity(fmt.Appendf(nil, "%032d", i)))
		recipients = append(recipients, key.Recipient())
	}
	sealed := must(envelope.Seal(nil, nil, recipients...))
	b.SetBytes(int64(len(sealed)))
	b.ReportAllocs()
	for b.Loop() {
		must(envelope.Inspect(bytes.NewReader(sealed)))
	}
}
