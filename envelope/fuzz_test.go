package envelope_test

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/parley-e2ee/parley/envelope"
	"github.com/parley-e2ee/parley/internal/alloctest"
)

// fuzzRSA is the same key in every run: the corpus has envelopes for it.
var fuzzRSA = sync.OnceValue(func() *envelope.Identity {
	block, _ := pem.Decode(must(os.ReadFile("../testdata/keys/rsa2048.pem")))
	return must(envelope.RSAIdentity(must(x509.ParsePKCS8PrivateKey(block.Bytes)).(*rsa.PrivateKey)))
})

var fuzzAssociated = []byte("account 7")

// FuzzParse: any bytes are a header in one way only, or none; and cost no more
// memory than they are long.
func FuzzParse(f *testing.F) {
	f.Fuzz(func(t *testing.T, b []byte) {
		var encoded []byte
		var err error
		took := allocatedOnce(func() { _, err = envelope.Inspect(bytes.NewReader(b)) })
		if limit := uint64(64<<10 + 16*len(b)); took > limit {
			t.Errorf("%d bytes take %d", len(b), took)
		}
		encoded, err2 := envelope.Remarshal(b)
		_, err3 := envelope.Inspect(byByte(b))
		if verdict(err) != verdict(err2) || verdict(err) != verdict(err3) {
			t.Errorf("%v, %v and %v", err, err2, err3)
		}
		if err != nil {
			if !slices.Contains(sentinels, verdict(err)) {
				t.Errorf("error %v", err)
			}
			return
		}
		if !bytes.HasPrefix(b, encoded) {
			t.Error("another encoding of what was parsed")
		}
		holdInspected(t, b, encoded)
	})
}

// allocatedOnce is what a call takes, which others that run may add to: it is tried
// again before it is believed.
func allocatedOnce(call func()) (n uint64) {
	if n = alloctest.Once(call); n > 64<<10 {
		n = alloctest.Bytes(call)
	}
	return n
}

// holdInspected holds Inspect to the walk of the tests' own.
func holdInspected(t *testing.T, b, header []byte) {
	t.Helper()
	info := must(envelope.Inspect(bytes.NewReader(b)))
	own := takeApart(append(bytes.Clone(header), make([]byte, 112)...), nil)
	if info.HeaderSize != int64(len(header)) || !bytes.Equal(info.Metadata, own.metadata) || !bytes.Equal(info.ID[:], own.id) ||
		info.Signed != (own.flags == 1) || len(info.Recipients) != len(own.stanzas) {
		t.Errorf("Inspect says %+v", info)
	}
	for i, s := range own.stanzas {
		var id envelope.KeyID
		copy(id[:], s[2:2+int(s[1])])
		if info.Recipients[i] != (envelope.Stanza{Type: envelope.StanzaType(s[0]), KeyID: id}) {
			t.Errorf("recipient %d is %v", i, info.Recipients[i])
		}
	}
}

// repaired is b with a good MAC, where its shared key has the file key, so that
// changed headers get further.
func repaired(b []byte) []byte {
	header, err := envelope.Remarshal(b)
	if err != nil || header[19] == 1 && len(b) < len(header)+112 {
		return b
	}
	f := takeApart(b, fuzzAssociated)
	for _, s := range f.stanzas {
		if key, ok := openSharedBody(sharedSecret, f.c(), s); ok {
			f.fileKey = key
			return f.authenticate().bytes()
		}
	}
	return b
}

// FuzzOpen: any bytes end in a typed error, or in a plaintext, and that in the same
// in every way.
func FuzzOpen(f *testing.F) {
	skipWithoutEnvelopes(f)
	f.Fuzz(func(t *testing.T, sealed []byte, repair bool) {
		if repair {
			sealed = repaired(sealed)
		}
		backup := bytes.Clone(sealed)
		opts := &envelope.OpenOptions{AssociatedData: fuzzAssociated, Concurrency: 1}
		ids := []*envelope.Identity{sharedMember(), fuzzRSA()}
		msg, err := envelope.Open(sealed, opts, ids...)
		if err != nil && (msg != nil || !slices.Contains(sentinels, verdict(err))) {
			t.Errorf("%d bytes, %v", len(msg), err)
		}
		for _, way := range allWays[1:] {
			got, err2 := way.open(sealed, opts, ids...)
			if !agree(err, err2) || err == nil && !bytes.Equal(got, msg) {
				t.Errorf("Open: %d bytes, %v; %s: %d bytes, %v", len(msg), err, way.name, len(got), err2)
			}
		}
		if !bytes.Equal(sealed, backup) {
			t.Error("the envelope changed")
		}
	})
}

// agree reports whether two ways say the same: of a signed envelope that is damaged
// one finds the payload wrong and the other the signature.
func agree(a, b error) bool {
	end := []error{envelope.ErrPayload, envelope.ErrSignature}
	return verdict(a) == verdict(b) || slices.Contains(end, verdict(a)) && slices.Contains(end, verdict(b))
}

// FuzzArmor: what is taken for armor is what Armor writes, but for the line ends; and
// everything can be armored.
func FuzzArmor(f *testing.F) {
	f.Fuzz(func(t *testing.T, text []byte, split uint8) {
		sealed, err := envelope.Dearmor(text)
		for _, src := range []io.Reader{byByte(text), iotest.HalfReader(bytes.NewReader(text)), iotest.DataErrReader(bytes.NewReader(text))} {
			got, err2 := readIn(envelope.NewArmorReader(src), int(split)+1)
			if (err == nil) != (err2 == nil) || verdict(err) != verdict(err2) || err == nil && !bytes.Equal(got, sealed) {
				t.Errorf("Dearmor: %d bytes, %v; NewArmorReader: %d bytes, %v", len(sealed), err, len(got), err2)
			}
		}
		if len(text) > 0 {
			if back, err := envelope.Dearmor(envelope.Armor(text)); err != nil || !bytes.Equal(back, text) {
				t.Errorf("armored and back: %v", err)
			}
		}
		if err != nil {
			if sealed != nil || !errors.Is(err, envelope.ErrArmor) {
				t.Errorf("%d bytes, %v", len(sealed), err)
			}
			return
		}
		if len(sealed) == 0 {
			t.Error("armor of nothing")
		}
		plain := bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n"))
		plain = append(bytes.TrimSuffix(plain, []byte("\n")), '\n')
		if !bytes.Equal(envelope.Armor(sealed), plain) {
			t.Error("not what Armor writes")
		}
		if ends := bytes.Count(text, []byte("\r\n")); ends > 0 && bytes.Count(text, []byte("\n")) != ends {
			t.Error("mixed line ends")
		}
	})
}

// readIn reads all, n bytes at a time.
func readIn(r io.Reader, n int) (all []byte, err error) {
	for {
		p := make([]byte, n)
		m, err := r.Read(p)
		all = append(all, p[:m]...)
		if err == io.EOF {
			return all, nil
		} else if err != nil {
			return all, err
		}
	}
}

// TestFuzzCorpus: the seeds are there.
func TestFuzzCorpus(t *testing.T) {
	for target, least := range map[string]int{"FuzzParse": 20, "FuzzOpen": 16, "FuzzArmor": 12} {
		seeds, err := os.ReadDir(filepath.Join("testdata", "fuzz", target))
		if err != nil || len(seeds) < least {
			t.Errorf("%s: %d seeds, want at least %d; %v", target, len(seeds), least, err)
		}
	}
}
