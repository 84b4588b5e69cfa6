package envelope_test

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/parley-e2ee/parley/envelope"
	"github.com/parley-e2ee/parley/keystore/keyfile"
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func Example() {
	// Bob, once: the public key is for senders, the private key for a key file.
	identity := must(envelope.GenerateIdentity())
	public := must(identity.Recipient().SPKI())

	// The sender.
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

// Keys in PEM files, as OpenSSL and others write them too, are read by package
// keyfile.
func Example_keyFiles() {
	folder := must(os.MkdirTemp("", "keys"))
	defer os.RemoveAll(folder)
	privatePath, publicPath := filepath.Join(folder, "bob.pem"), filepath.Join(folder, "bob.pub.pem")
	passphrase := []byte("correct horse battery staple")

	// Bob, once.
	key := must(keyfile.GenerateComposite(keyfile.DefaultBits))
	errPrivate := keyfile.WriteFile(privatePath, must(key.MarshalEncrypted(keyfile.PKCS8PEM, passphrase, nil)))
	errPublic := keyfile.WriteFile(publicPath, must(key.Public().Marshal(keyfile.SPKIPEM)))
	if err := errors.Join(errPrivate, errPublic); err != nil {
		fmt.Println(err)
		return
	}

	// The sender, who has Bob's public key. Compare its fingerprint with Bob's.
	public := must(keyfile.ReadFile(publicPath, nil))
	spki := must(public.Marshal(keyfile.SPKIDER))
	bob := must(envelope.ParseRecipient(spki))
	sealed := must(envelope.Seal([]byte("Attack at dawn."), nil, bob))

	// Bob.
	private := must(keyfile.ReadFile(privatePath, passphrase))
	pkcs8 := must(private.Marshal(keyfile.PKCS8DER))
	identity := must(envelope.ParseIdentity(pkcs8))
	plaintext, err := envelope.Open(sealed, nil, identity)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s\n", plaintext)

	// A PEM file is not what ParseRecipient wants.
	_, err = envelope.ParseRecipient(must(os.ReadFile(publicPath)))
	fmt.Println(err)
	// Output:
	// Attack at dawn.
	// envelope: invalid key: a public key in PEM (package keyfile reads it), where an RSA or composite public key as DER SubjectPublicKeyInfo is wanted
}

// The receiver lists the accepted senders, and supplies the associated data.
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
	n, err := io.Copy(io.Discard, r) // check the error before using the plaintext
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

// Bob is added as a recipient. RewrapOptions.Remove removes recipients.
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
