package envelope_test

import (
	"bytes"
	"crypto/ed25519"
	"io"
	"sync"
	"testing"

	"github.com/parley-e2ee/parley/envelope"
)

// TestHandedOut: what is known of an envelope is the same from everybody, and is
// handed out as a copy.
func TestHandedOut(t *testing.T) {
	skipWithoutEnvelopes(t)
	seal := &envelope.Options{Signer: alice, Metadata: []byte("plan.txt")}
	sealed := must(envelope.Seal(message(100), seal, sharedMember().Recipient()))
	source := bytes.Clone(sealed)
	m := must(envelope.OpenMessage(source, nil, sharedMember()))
	at := must(envelope.NewReaderAt(bytes.NewReader(sealed), int64(len(sealed)), nil, sharedMember()))
	r := must(envelope.NewReader(bytes.NewReader(sealed), nil, sharedMember()))
	info := must(envelope.Inspect(bytes.NewReader(sealed)))
	clear(source)
	must(r.Read(make([]byte, 100)))
	if r.Sender() != nil {
		t.Error("Reader names a sender before the end")
	}
	must(io.ReadAll(r))
	for range 2 {
		for name, got := range map[string]envelope.Message{
			"Open":     *m,
			"Reader":   {Metadata: r.Metadata(), ID: r.ID(), Sender: r.Sender()},
			"ReaderAt": {Metadata: at.Metadata(), ID: at.ID(), Sender: at.Sender()},
			"Inspect":  {Metadata: info.Metadata, ID: info.ID, Sender: fromAlice[0]},
		} {
			if string(got.Metadata) != "plan.txt" || got.ID != envelope.ID(takeApart(sealed, nil).id) || !got.Sender.Equal(fromAlice[0]) {
				t.Errorf("%s: %q, %v, %x", name, got.Metadata, got.ID, got.Sender)
			}
		}
		clear(r.Metadata())
		clear(r.Sender())
		clear(at.Metadata())
		clear(at.Sender())
	}
	if at.Size() != 100 || !bytes.Equal(m.Plaintext, message(100)) {
		t.Error("another plaintext")
	}
}

// TestEmptyIsNotNil: the empty plaintext is one, and not nil.
func TestEmptyIsNotNil(t *testing.T) {
	skipWithoutEnvelopes(t)
	sealed := must(envelope.Seal(nil, nil, sharedMember().Recipient()))
	if got, err := envelope.Open(sealed, nil, sharedMember()); got == nil || len(got) > 0 || err != nil {
		t.Errorf("%v, %v", got, err)
	}
}

// TestOptionsAreNotKept: what the caller changes after a call changes nothing.
func TestOptionsAreNotKept(t *testing.T) {
	skipWithoutEnvelopes(t)
	metadata, associated := []byte("plan.txt"), []byte("account 7")
	signer := bytes.Clone(alice)
	seal := &envelope.Options{Signer: ed25519.PrivateKey(signer), Metadata: metadata, AssociatedData: associated, HideRecipients: true}
	to := recipientsOf(sharedMember(), sharedNumber(1))
	var out bytes.Buffer
	w := must(envelope.NewWriter(&out, seal, to...))
	if info := must(envelope.Inspect(bytes.NewReader(out.Bytes()))); info.HeaderSize != int64(out.Len()) {
		t.Errorf("the header is of %d bytes, and %d are written", info.HeaderSize, out.Len())
	}
	clear(metadata)
	clear(associated)
	clear(to)
	clear(signer)
	*seal = envelope.Options{}
	must(w.Write(message(10)))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	from := []ed25519.PublicKey{bytes.Clone(fromAlice[0])}
	open := &envelope.OpenOptions{AssociatedData: []byte("account 7"), Senders: from}
	r := must(envelope.NewReader(&out, open, sharedNumber(1)))
	clear(open.AssociatedData)
	open.Senders = nil
	clear(from[0])
	clear(from)
	got, err := io.ReadAll(r)
	if err != nil || !bytes.Equal(got, message(10)) || string(r.Metadata()) != "plan.txt" || !r.Sender().Equal(fromAlice[0]) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

// TestInputsStay: no call writes to what it is given.
func TestInputsStay(t *testing.T) {
	skipWithoutEnvelopes(t)
	msg := message(2*chunk + 9)
	seal, open := variant{true, true, true, true}.options()
	sealed := must(envelope.Seal(msg, seal, sharedMember().Recipient()))
	backup := bytes.Clone(sealed)
	for _, way := range allWays {
		must(way.open(sealed, open, sharedMember()))
	}
	w := must(envelope.NewWriter(io.Discard, seal, sharedMember().Recipient()))
	must(w.Write(msg))
	if !bytes.Equal(sealed, backup) || !bytes.Equal(msg, message(2*chunk+9)) || string(seal.Metadata) != "plan.txt" {
		t.Error("an input changed")
	}
}

// TestFresh: ID, file key, salts and with them everything else is new each time.
func TestFresh(t *testing.T) {
	skipWithoutEnvelopes(t)
	seen := map[string]bool{}
	for range 20 {
		f := takeApart(must(envelope.Seal(nil, nil, sharedMember().Recipient())), nil).openShared(sharedSecret)
		s := f.stanzas[0]
		for _, fresh := range [][]byte{f.id, f.fileKey, s[36:68], s[68:], f.mac, f.payload[:24]} {
			if seen[string(fresh)] {
				t.Fatal("something came twice")
			}
			seen[string(fresh)] = true
		}
		words := takeApart(must(envelope.Seal(nil, nil, passphraseMember().Recipient())), nil).stanzas[0]
		if seen[string(words[14:46])] {
			t.Fatal("the salt of a passphrase came twice")
		}
		seen[string(words[14:46])] = true
	}
}

// TestConcurrent: recipients, identities and a ReaderAt are for many goroutines.
func TestConcurrent(t *testing.T) {
	skipWithoutEnvelopes(t)
	msg := message(3*chunk + 1)
	sealed := must(envelope.Seal(msg, &envelope.Options{Signer: alice, AllowMixed: true}, recipientsOf(circle()...)...))
	at := must(envelope.NewReaderAt(bytes.NewReader(sealed), int64(len(sealed)), nil, sharedMember()))
	var all sync.WaitGroup
	for _, id := range circle() {
		all.Go(func() {
			if got, err := envelope.Open(sealed, nil, id); err != nil || !bytes.Equal(got, msg) {
				t.Errorf("Open: %v", err)
			}
			if got := must(io.ReadAll(io.NewSectionReader(at, 0, at.Size()))); !bytes.Equal(got, msg) {
				t.Error("ReaderAt: another plaintext")
			}
			must(envelope.Seal(msg, nil, id.Recipient()))
			_ = id.Recipient().String() + at.ID().String()
		})
	}
	all.Wait()
}
