package interop_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"testing"

	"maunium.net/go/mautrix/crypto/goolm/session"

	"github.com/parley-e2ee/parley/e2ee/group"
	"github.com/parley-e2ee/parley/envelope/fernet"
)

const roomMessageSize = 256

// messenger is a sender and a reader who share keys.
type messenger struct {
	seal   func() []byte              // the next message, as it travels
	settle func(sealed []byte)        // what the sender does when that is on its way; may be nil
	open   func(sealed []byte)        // in the order of seal
	store  func()                     // makes what the reader then holds fit for its disk; may be nil
	fresh  func() (open func([]byte)) // a reader who is where open was when the messenger was made
}

// messengers, in the order of the table; the first is what the others are compared
// with.
var messengers = []struct {
	name string
	new  func(tb testing.TB) messenger
}{
	{"parts", newPartsMessenger},
	{"goolm", newGoolm},
	{"parley", newParleyMessenger},
}

func newParleyMessenger(tb testing.TB) messenger {
	r := newRoom(tb, 2)
	queue := []group.AppMessage{{ID: group.MessageID(randomBytes(16)), Text: benchMessage(roomMessageSize)}}
	return messenger{
		seal: func() []byte {
			must(r.alice.Seal(queue, benchNow))
			return r.alice.Unechoed()[0]
		},
		settle: func(sealed []byte) { r.alice.apply(sealed) },
		open:   func(sealed []byte) { wantMessages(received(must(r.bob.Apply(sealed, benchNow))), 1) },
		store:  func() { r.bob.Changes() },
	}
}

// received counts the messages among events.
func received(events []group.Event) (n int) {
	for _, ev := range events {
		if m, ok := ev.(group.Received); ok && len(m.Text) == roomMessageSize {
			n++
		}
	}
	return n
}

func wantMessages(got, want int) {
	if got != want {
		panic("not the messages that were sent")
	}
}

// newGoolm is Megolm as mautrix has it in Go. Its reader stores itself pickled.
func newGoolm(testing.TB) messenger {
	msg, out := benchMessage(roomMessageSize), must(session.NewMegolmOutboundSession())
	start := []byte(out.Key())
	opener := func(in *session.MegolmInboundSession) func([]byte) {
		return func(sealed []byte) {
			text, _, err := in.Decrypt(sealed)
			check(err)
			wantText(text, msg)
		}
	}
	in, pickle := must(session.NewMegolmInboundSession(start)), randomBytes(32)
	return messenger{
		seal:  func() []byte { return must(out.Encrypt(msg)) },
		open:  opener(in),
		store: func() { must(in.Pickle(pickle)) },
		fresh: func() func([]byte) { return opener(must(session.NewMegolmInboundSession(start))) },
	}
}

func wantText(got, want []byte) {
	if !bytes.Equal(got, want) {
		panic("not the message that was sent")
	}
}

// parts is what a Message cannot do without: a signature over the frame, a Fernet
// token, and a ratchet, which is two HMACs and the derivation of the token's key.
// The key that is used is another one, which is there from the start.
type parts struct {
	signing   ed25519.PrivateKey
	public    ed25519.PublicKey
	token     fernet.Key
	plaintext []byte
	header    []byte
}

// Sizes of a Message frame beside its token: what is in front, and the signature.
const (
	messageHeaderSize = 192
	messageSigSize    = ed25519.SignatureSize
)

// newParts is for frames of the size of the one that Parley made.
func newParts(frame []byte) parts {
	const fernetOverhead = 1 + 8 + 16 + 1 + 32 // version, time, IV, the least padding, HMAC
	plaintext := len(frame) - messageHeaderSize - messageSigSize - fernetOverhead
	signing := ed25519.NewKeyFromSeed(randomBytes(ed25519.SeedSize))
	return parts{
		signing, signing.Public().(ed25519.PublicKey), fernet.GenerateKey(),
		benchMessage(plaintext), randomBytes(messageHeaderSize),
	}
}

func (p *parts) size() int {
	return messageHeaderSize + fernet.SealedSize(len(p.plaintext)) + messageSigSize
}

// step takes a chain one message further.
func (p *parts) step(chain []byte) {
	key := benchHMAC(chain, 1)
	copy(chain, benchHMAC(chain, 2))
	must(hkdf.Expand(sha256.New, key, string(p.header), sha256.Size))
}

func benchHMAC(key []byte, b byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte{b})
	return h.Sum(nil)
}

func (p *parts) seal(chain []byte) []byte {
	p.step(chain)
	frame := append(make([]byte, 0, p.size()), p.header...)
	frame = must(p.token.AppendSeal(frame, p.plaintext, benchNow))
	return append(frame, ed25519.Sign(p.signing, frame)...)
}

func (p *parts) open(chain, frame []byte) {
	p.step(chain)
	signed := len(frame) - messageSigSize
	if !ed25519.Verify(p.public, frame[:signed], frame[signed:]) {
		panic("a signature that does not verify")
	}
	text := must(p.token.AppendOpen(nil, frame[messageHeaderSize:signed], benchNow))
	wantText(text, p.plaintext)
}

func newPartsMessenger(tb testing.TB) messenger {
	parley := newParleyMessenger(tb)
	frame := parley.seal()
	parley.settle(frame)
	parley.open(frame)
	p := newParts(frame)
	if len(p.seal(randomBytes(32))) != len(frame) {
		tb.Fatal("the parts make another frame than Parley")
	}
	start := randomBytes(32)
	opener := func() func([]byte) {
		chain := bytes.Clone(start)
		return func(sealed []byte) { p.open(chain, sealed) }
	}
	chain := bytes.Clone(start)
	return messenger{
		seal:  func() []byte { return p.seal(chain) },
		open:  opener(),
		fresh: opener,
	}
}
