package envelope_test

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/parley-e2ee/parley/envelope"
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func Example() {
	// Bob, once: the public key is for everybody, the private one for a key file.
	identity := must(envelope.GenerateIdentity())
	public := must(identity.Recipient().SPKI())

	// Who writes to Bob.
	bob := must(envelope.ParseRecipient(public))
	sealed := must(envelope.Seal([]byte("Attack at dawn."), nil, bob))

	// Bob.
	plaintext, err := envelope.Open(sealed, nil, identity)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s\n", plaintext)
	// Output: Attack at dawn.
}

// Whoever opens says from whom the envelope may be, and what it has to be bound to.
func Example_signed() {
	identity := must(envelope.SharedKeyIdentity(bytes.Repeat([]byte{7}, envelope.SharedKeySize)))
	alicePublic, alice, _ := ed25519.GenerateKey(nil)

	sealed := must(envelope.Seal([]byte("Attack at dawn."), &envelope.Options{
		Signer:         alice,
		Metadata:       []byte("plan.txt"),
		AssociatedData: []byte("archive 7"),
	}, identity.Recipient()))

	from := &envelope.OpenOptions{Senders: []ed25519.PublicKey{alicePublic}, AssociatedData: []byte("archive 7")}
	m := must(envelope.OpenMessage(sealed, from, identity))
	fmt.Printf("%s: %s\n", m.Metadata, m.Plaintext)

	// Metadata is not encrypted.
	fmt.Println(bytes.Contains(sealed, []byte("Attack")))

	unsigned := must(envelope.Seal([]byte("Retreat."), &envelope.Options{AssociatedData: []byte("archive 7")}, identity.Recipient()))
	_, err := envelope.Open(unsigned, from, identity)
	fmt.Println(errors.Is(err, envelope.ErrUnsigned))
	// Output:
	// plan.txt: Attack at dawn.
	// false
	// true
}

func ExampleNewWriter() {
	identity := must(envelope.GenerateIdentity())
	var stored bytes.Buffer // a file, an upload

	w := must(envelope.NewWriter(&stored, nil, identity.Recipient()))
	must(io.Copy(w, strings.NewReader(strings.Repeat("parley", 1000))))
	if err := w.Close(); err != nil { // without it the envelope has no end
		fmt.Println(err)
		return
	}

	r := must(envelope.NewReader(&stored, nil, identity))
	n, err := io.Copy(io.Discard, r) // not to be acted on before the error is known
	fmt.Printf("%d bytes, %v\n", n, err)
	// Output: 6000 bytes, <nil>
}

func ExampleNewReaderAt() {
	identity := must(envelope.GenerateIdentity())
	var table strings.Builder
	for i := range 100_000 {
		fmt.Fprintf(&table, "row %6d\n", i)
	}
	sealed := must(envelope.Seal([]byte(table.String()), nil, identity.Recipient()))

	r := must(envelope.NewReaderAt(bytes.NewReader(sealed), int64(len(sealed)), nil, identity))
	seeker := io.NewSectionReader(r, 0, r.Size())
	must(seeker.Seek(70_000*11, io.SeekStart))
	row := make([]byte, 10)
	must(io.ReadFull(seeker, row))
	fmt.Println(strings.Join(strings.Fields(string(row)), " "))
	// Output: row 70000
}

// Bob is added. With RewrapOptions.Remove somebody would go.
func ExampleRewrap() {
	alice, bob := must(envelope.GenerateIdentity()), must(envelope.GenerateIdentity())
	sealed := must(envelope.Seal([]byte("Attack at dawn."), nil, alice.Recipient()))

	var rewrapped bytes.Buffer
	if err := envelope.Rewrap(&rewrapped, bytes.NewReader(sealed), nil, alice, bob.Recipient()); err != nil {
		fmt.Println(err)
		return
	}
	info := must(envelope.Inspect(bytes.NewReader(rewrapped.Bytes())))
	plaintext := must(envelope.Open(rewrapped.Bytes(), nil, bob))
	fmt.Printf("%d recipients: %s\n", len(info.Recipients), plaintext)
	// Output: 2 recipients: Attack at dawn.
}

func ExampleNewArmorWriter() {
	w := envelope.NewArmorWriter(os.Stdout)
	w.Write([]byte("an envelope, which a Writer would write here"))
	w.Close()
	// Output:
	// -----BEGIN PARLEY ENVELOPE-----
	// YW4gZW52ZWxvcGUsIHdoaWNoIGEgV3JpdGVyIHdvdWxkIHdyaXRlIGhlcmU=
	// -----END PARLEY ENVELOPE-----
}
