package envelope_test

import (
	"bytes"
	"crypto/ed25519"
	"io"
	"testing"

	"github.com/parley-e2ee/parley/envelope"
)

func TestSealAndOpen(t *testing.T) {
	id, err := envelope.GenerateIdentity()
	if err != nil {
		t.Fatal(err)
	}
	_, sk, _ := ed25519.GenerateKey(nil)
	shared, _ := envelope.SharedKeyIdentity(make([]byte, 32))
	for _, n := range []int{0, 1, 16384, 100000} {
		for _, signer := range []bool{false, true} {
			o := &envelope.Options{AssociatedData: []byte("ad"), Metadata: []byte("meta")}
			if signer {
				o.Signer = sk
			}
			msg := bytes.Repeat([]byte{7}, n)
			sealed, err := envelope.Seal(msg, o, id.Recipient(), shared.Recipient())
			if err != nil {
				t.Fatal(err)
			}
			if size, _ := envelope.SealedSize(int64(n), o, id.Recipient(), shared.Recipient()); size != int64(len(sealed)) {
				t.Fatal(size, len(sealed))
			}
			for _, who := range []*envelope.Identity{id, shared} {
				oo := &envelope.OpenOptions{AssociatedData: []byte("ad")}
				got, err := envelope.Open(sealed, oo, who)
				if err != nil || !bytes.Equal(got, msg) {
					t.Fatal(err)
				}
				r, err := envelope.NewReader(bytes.NewReader(sealed), oo, who)
				if err != nil {
					t.Fatal(err)
				}
				got, err = io.ReadAll(r)
				if err != nil || !bytes.Equal(got, msg) {
					t.Fatal(err)
				}
				ra, err := envelope.NewReaderAt(bytes.NewReader(sealed), int64(len(sealed)), oo, who)
				if err != nil {
					t.Fatal(err)
				}
				got, err = io.ReadAll(io.NewSectionReader(ra, 0, ra.Size()))
				if err != nil || !bytes.Equal(got, msg) {
					t.Fatal(err)
				}
			}
			back, err := envelope.Dearmor(envelope.Armor(sealed))
			if err != nil || !bytes.Equal(back, sealed) {
				t.Fatal(err)
			}
		}
	}
}
