package envelope_test

import (
	"bytes"
	"crypto/ed25519"
	"io"
	"slices"
	"testing"

	"github.com/parley-e2ee/parley/envelope"
)

// Mallory is a recipient beside Bob of what Alice signs. She has the file key, and
// makes by the text of the specification whatever she likes.
var (
	malloryKey, bobKey, carolKey = keyNumber('m'), keyNumber('b'), keyNumber('c')
	secretPlan                   = message(3*chunk + 100)
	otherPlan                    = message(3*chunk + 101)[1:]
)

func heldBy(key []byte) *envelope.Identity { return must(envelope.SharedKeyIdentity(key)) }

// intercepted is what Mallory got, in parts, with the file key, and the signer and
// signature that are in its trailer.
func intercepted(signer ed25519.PrivateKey, msg []byte) (f *forgery, signature []byte) {
	seal := &envelope.Options{Metadata: []byte("plan.txt"), AssociatedData: []byte("account 7")}
	if signer != nil {
		seal.Signer = signer
	}
	sealed := must(envelope.Seal(msg, seal, recipientsOf(heldBy(malloryKey), heldBy(bobKey))...))
	f = takeApart(sealed, seal.AssociatedData).openShared(malloryKey)
	if signer != nil {
		_, _, key := f.keys()
		signature = must(gcmOf(key).Open(nil, make([]byte, 12), f.trailer, nil))
	}
	return f, signature
}

// remade is f after a change of what C covers: all but the file key is new.
func (f *forgery) remade(msg []byte, to ...[]byte) *forgery {
	return f.address(to...).authenticate().sealPayload(msg)
}

// An attack changes what Mallory has. signature is Alice's, of what was intercepted.
type attack struct {
	name   string
	do     func(f *forgery, signature []byte)
	victim []byte // of Bob where it is nil
	want   error
}

// resigned keeps Alice's signature, under the trailer key that is right now.
func resigned(change func(f *forgery)) func(f *forgery, signature []byte) {
	return func(f *forgery, signature []byte) {
		change(f)
		f.sealTrailer(signature)
	}
}

var attacks = []attack{
	{"other content", func(f *forgery, _ []byte) { f.sealPayload(otherPlan) }, nil, envelope.ErrSignature},
	{"the same content, sealed again", func(f *forgery, _ []byte) { f.sealPayload(secretPlan) }, nil, envelope.ErrSignature},
	{"less content", func(f *forgery, _ []byte) { f.sealPayload(secretPlan[:chunk]) }, nil, envelope.ErrSignature},
	{"no content", func(f *forgery, _ []byte) { f.sealPayload(nil) }, nil, envelope.ErrSignature},
	{"chunks swapped and sealed again", func(f *forgery, _ []byte) {
		f.sealPayload(slices.Concat(secretPlan[chunk:2*chunk], secretPlan[:chunk], secretPlan[2*chunk:]))
	}, nil, envelope.ErrSignature},
	{"other metadata", resigned(func(f *forgery) {
		f.metadata = []byte("joke.txt")
		f.remade(secretPlan, malloryKey, bobKey)
	}), nil, envelope.ErrSignature},
	{"other metadata, trailer as it was", func(f *forgery, _ []byte) {
		f.metadata = []byte("joke.txt")
		f.remade(secretPlan, malloryKey, bobKey)
	}, nil, envelope.ErrSignature},
	{"metadata moved to the associated data", resigned(func(f *forgery) {
		f.metadata, f.associated = nil, []byte("plan.txtaccount 7")
		f.remade(secretPlan, malloryKey, bobKey)
	}), nil, envelope.ErrSignature},
	{"other associated data", resigned(func(f *forgery) {
		f.associated = []byte("account 8")
		f.remade(secretPlan, malloryKey, bobKey)
	}), nil, envelope.ErrSignature},
	{"other ID", resigned(func(f *forgery) {
		f.id = message(32)
		f.remade(secretPlan, malloryKey, bobKey)
	}), nil, envelope.ErrSignature},
	{"Carol added", resigned(func(f *forgery) {
		f.stanzas = append(f.stanzas, sharedStanza(carolKey, f.c(), f.fileKey))
		f.sort().authenticate()
	}), carolKey, envelope.ErrSignature},
	{"Carol added, for Bob", resigned(func(f *forgery) {
		f.stanzas = append(f.stanzas, sharedStanza(carolKey, f.c(), f.fileKey))
		f.sort().authenticate()
	}), nil, envelope.ErrSignature},
	{"a stanza that nobody opens added", resigned(func(f *forgery) {
		f.stanzas = append(f.stanzas, encodeStanza(3, nil, body(80)))
		f.sort().authenticate()
	}), nil, envelope.ErrSignature},
	{"Bob's stanza made again", resigned(func(f *forgery) { f.address(malloryKey, bobKey).authenticate() }), nil, envelope.ErrSignature},
	{"Mallory left out", resigned(func(f *forgery) {
		f.stanzas = slices.DeleteFunc(f.stanzas, func(s []byte) bool { return bytes.Equal(s[2:34], sharedKeyID(malloryKey)) })
		f.authenticate()
	}), nil, envelope.ErrSignature},
	{"to Carol alone", resigned(func(f *forgery) { f.address(carolKey).authenticate() }), carolKey, envelope.ErrSignature},
	{"to Carol alone, with a new file key", resigned(func(f *forgery) {
		f.fileKey = body(32)
		f.remade(secretPlan, carolKey)
	}), carolKey, envelope.ErrSignature},
	{"signature stripped", func(f *forgery, _ []byte) {
		f.flags, f.trailer = 0, nil
		f.remade(secretPlan, malloryKey, bobKey)
	}, nil, envelope.ErrUnsigned},
	{"signature stripped, all else as it was", func(f *forgery, _ []byte) { f.flags, f.trailer = 0, nil }, nil, envelope.ErrStanza},
	{"trailer left out", func(f *forgery, _ []byte) { f.trailer = nil }, nil, envelope.ErrSignature},
	{"trailer as a part of the payload", func(f *forgery, signature []byte) {
		f.sealPayload(append(slices.Clone(secretPlan), f.trailer...))
	}, nil, envelope.ErrSignature},
	{"signed by Mallory", func(f *forgery, _ []byte) { f.sealPayload(otherPlan).sign(mallory) }, nil, envelope.ErrSender},
	{"all as it was, signed by Mallory", func(f *forgery, _ []byte) { f.sign(mallory) }, nil, envelope.ErrSender},
	{"Alice's name on Mallory's signature", func(f *forgery, _ []byte) {
		text := slices.Concat([]byte("parley-envelope/v1 signature\x00"), publicOf(alice), f.c(), f.s(), digestAll(f.payload))
		f.sealTrailer(append(slices.Clone(publicOf(alice)), ed25519.Sign(mallory, text)...))
	}, nil, envelope.ErrSignature},
	{"Mallory's name on Alice's signature", func(f *forgery, signature []byte) {
		f.sealTrailer(append(slices.Clone(publicOf(mallory)), signature[32:]...))
	}, nil, envelope.ErrSignature},
	{"Alice's trailer of another envelope", func(f *forgery, _ []byte) {
		f.trailer = must1(intercepted(alice, secretPlan)).trailer
	}, nil, envelope.ErrSignature},
	{"Alice's signature of another envelope", func(f *forgery, _ []byte) {
		_, signature := intercepted(alice, secretPlan)
		f.sealTrailer(signature)
	}, nil, envelope.ErrSignature},
}

func must1(f *forgery, _ []byte) *forgery { return f }

// TestInsider: nothing but what Alice has sealed is from Alice.
func TestInsider(t *testing.T) {
	skipWithoutEnvelopes(t)
	for _, a := range attacks {
		f, signature := intercepted(alice, secretPlan)
		a.do(f, signature)
		victim := bobKey
		if a.victim != nil {
			victim = a.victim
		}
		opts := &envelope.OpenOptions{AssociatedData: f.associated, Senders: fromAlice}
		if m, err := envelope.OpenMessage(f.bytes(), opts, heldBy(victim)); m != nil || verdict(err) != a.want {
			t.Errorf("%s: Open: %v, want %v", a.name, err, a.want)
		}
		if r, err := envelope.NewReaderAt(bytes.NewReader(f.bytes()), int64(len(f.bytes())), opts, heldBy(victim)); r != nil || verdict(err) != a.want {
			t.Errorf("%s: ReaderAt: %v, want %v", a.name, err, a.want)
		}
		streamInsider(t, a, f, opts, victim)
	}
}

// streamInsider: a Reader says it at the end, and names no sender before.
func streamInsider(t *testing.T, a attack, f *forgery, opts *envelope.OpenOptions, victim []byte) {
	t.Helper()
	want := []error{a.want, envelope.ErrPayload}
	r, err := envelope.NewReader(bytes.NewReader(f.bytes()), opts, heldBy(victim))
	if err != nil {
		refused(t, a.name+": NewReader", err, want...)
		return
	}
	if _, err = io.ReadAll(r); r.Sender() != nil {
		t.Errorf("%s: Reader names a sender", a.name)
	}
	if a.name != "trailer left out" {
		want = want[:1]
	}
	refused(t, a.name+": Reader", err, want...)
}

// TestReplay: the whole of it, as it was, is Alice's for ever; and as Alice's alone.
func TestReplay(t *testing.T) {
	skipWithoutEnvelopes(t)
	f, _ := intercepted(alice, secretPlan)
	opts := &envelope.OpenOptions{AssociatedData: f.associated, Senders: fromAlice}
	for _, way := range ways {
		if got, err := way.open(f.bytes(), opts, heldBy(bobKey)); err != nil || !bytes.Equal(got, secretPlan) {
			t.Errorf("%s: %v", way.name, err)
		}
	}
	for name, senders := range map[string][]ed25519.PublicKey{
		"nobody": {}, "Mallory": {publicOf(mallory)}, "keys of nobody": {make([]byte, 32), bytes.Repeat([]byte{0xff}, 32)},
	} {
		opts.Senders = senders
		refusedByAll(t, name, f.bytes(), secretPlan, opts, heldBy(bobKey), envelope.ErrSender)
	}
}

// TestInsiderOfUnsigned is the control: with an envelope that is not signed Mallory
// can do all of it, and where anybody may sign, sign as herself.
func TestInsiderOfUnsigned(t *testing.T) {
	skipWithoutEnvelopes(t)
	for _, signed := range []bool{false, true} {
		f, _ := intercepted(nil, secretPlan)
		f.metadata, f.associated = []byte("joke.txt"), []byte("account 8")
		if signed {
			f.flags = 1
		}
		f.remade(otherPlan, bobKey, carolKey)
		if signed {
			f.sign(mallory)
		}
		opts := &envelope.OpenOptions{AssociatedData: []byte("account 8")}
		for _, key := range [][]byte{bobKey, carolKey} {
			m, err := envelope.OpenMessage(f.bytes(), opts, heldBy(key))
			if err != nil || !bytes.Equal(m.Plaintext, otherPlan) || string(m.Metadata) != "joke.txt" || signed != m.Sender.Equal(publicOf(mallory)) {
				t.Errorf("the forging code is wrong: %v", err)
			}
			for _, way := range ways {
				if got, err := way.open(f.bytes(), opts, heldBy(key)); err != nil || !bytes.Equal(got, otherPlan) {
					t.Errorf("%s: %v", way.name, err)
				}
			}
		}
		refusedByAll(t, "Mallory, who left herself out", f.bytes(), nil, opts, heldBy(malloryKey), envelope.ErrNoMatch)
	}
}

// TestPartition: whoever seals cannot have two recipients open with different file
// keys, whichever key the MAC and the payload are made with.
func TestPartition(t *testing.T) {
	skipWithoutEnvelopes(t)
	keys := [][]byte{body(32), message(34)[2:]}
	for i, key := range keys {
		f := newForgery()
		f.stanzas = [][]byte{sharedStanza(bobKey, f.c(), keys[0]), sharedStanza(carolKey, f.c(), keys[1])}
		f.fileKey = key
		f.sort().authenticate().sealPayload(message(7))
		for j, who := range [][]byte{bobKey, carolKey} {
			got, err := envelope.Open(f.bytes(), nil, heldBy(who))
			if i == j && (err != nil || !bytes.Equal(got, message(7))) {
				t.Errorf("who has the file key: %v", err)
			} else if i != j {
				refusedByAll(t, "who has another", f.bytes(), nil, nil, heldBy(who), envelope.ErrHeader)
			}
		}
	}
	// Two payloads, one behind the other, are none.
	f := newForgery()
	f.address(bobKey).authenticate().sealPayload(message(7))
	f.payload = append(f.payload, must1(f.clone().sealPayload(message(8)), nil).payload...)
	refusedByAll(t, "two payloads", f.bytes(), nil, nil, heldBy(bobKey), envelope.ErrPayload)
}
