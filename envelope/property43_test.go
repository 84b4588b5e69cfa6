package envelope_test

import (
	"crypto"
	"crypto/ed25519"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/parley-e2ee/parley/envelope"
)

// recorder is a signer that remembers what it was asked to sign.
type recorder struct {
	ed25519.PrivateKey
	texts []string
}

func (r *recorder) Sign(random io.Reader, text []byte, opts crypto.SignerOpts) ([]byte, error) {
	r.texts = append(r.texts, string(text))
	return r.PrivateKey.Sign(random, text, opts)
}

// TestProperty43_EnvelopeSignaturesAreOfOneType holds that what is signed for an
// envelope can be nothing else: it begins with a label that no other format has, and
// none of the others' is the beginning of it.
func TestProperty43_EnvelopeSignaturesAreOfOneType(t *testing.T) {
	skipWithoutEnvelopes(t)
	_, private, _ := ed25519.GenerateKey(nil)
	signer := &recorder{PrivateKey: private}
	id := must(envelope.SharedKeyIdentity(pattern(32)))
	must(envelope.Seal(nil, &envelope.Options{Signer: signer}, id.Recipient()))
	const label = "parley-envelope/v1 signature\x00"
	if len(signer.texts) != 1 || !strings.HasPrefix(signer.texts[0], label) || len(signer.texts[0]) != len(label)+4*32 {
		t.Fatalf("signed %q", signer.texts)
	}
	specs, err := filepath.Glob("../spec/*.md")
	if err != nil {
		t.Fatal(err)
	}
	others := 0
	for _, spec := range specs {
		text, err := os.ReadFile(spec)
		if err != nil {
			t.Fatal(err)
		}
		for _, other := range regexp.MustCompile(`"(parley[ -][^"]*)"`).FindAllStringSubmatch(string(text), -1) {
			if other[1]+"\x00" == label || other[1] == "parley-envelope/v1" {
				continue // the magic is never signed first
			}
			others++
			if strings.HasPrefix(label, other[1]) && other[1] != "parley-envelope/v1 " || strings.HasPrefix(other[1], strings.TrimSuffix(label, "\x00")) {
				t.Errorf("%s: %q and %q can be taken for each other", spec, other[1], label)
			}
		}
	}
	if others < 8 {
		t.Errorf("found only %d labels", others)
	}
}
