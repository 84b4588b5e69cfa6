package group_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"github.com/parley-e2ee/parley/envelope/fernet"
)

// message follows a Message, in the second implementation of
// spec_reader_test.go.
func (r *specRoom) message(seq uint64, s *specBytes, frame []byte, out *specFrame) {
	r.t.Helper()
	epoch, m, sender, generation := s.num(8), s.take(32), uint8(s.num(1)), s.num(8)
	previous, count, seen, end := s.take(32), s.num(8), s.take(32), s.take(32)
	header := s.before()
	token := s.vec(3)
	l := r.seats[sender]
	switch {
	case epoch != r.epoch:
		out.Verdict = "ErrEpoch"
		return
	case generation <= l.generation:
		out.Verdict = "ErrReplay"
		return
	}
	r.sound("sign message", l.signing, s.before(), s.take(64))
	s.end()
	wantEnd := r.last
	if l.since == r.epoch {
		wantEnd = make([]byte, 32)
	}
	if !bytes.Equal(m, r.transcript) || !bytes.Equal(previous, l.previous) || count != r.count ||
		!bytes.Equal(seen, r.seen) || !bytes.Equal(end, wantEnd) {
		r.t.Fatal("a Message of another history")
	}
	hash := specH("frame", frame)
	r.count, r.seen = r.count+1, specH("seen", r.seen, hash)
	msg := &specMessage{Epoch: epoch, Sender: sender, Generation: generation, SeenAfter: r.seen}
	for l.generation+1 < generation {
		l.chain, l.generation = specHMAC(l.chain, []byte{2}), l.generation+1
	}
	msg.Ratchet, msg.MessageKey = l.chain, specHMAC(l.chain, []byte{1})
	l.chain, l.generation, l.previous, l.at = specHMAC(l.chain, []byte{2}), generation, hash, seq
	msg.FernetKey = specKDF(msg.MessageKey, "fernet", header)
	r.open(msg, token)
	out.Message = msg
}

// open decrypts a token with the Fernet package and by hand.
func (r *specRoom) open(msg *specMessage, token []byte) {
	r.t.Helper()
	key, err := fernet.NewKey(msg.FernetKey)
	must(r.t, err)
	plain, err := key.AppendOpen(nil, token, time.Time{})
	must(r.t, err)
	body, tag := token[:len(token)-32], token[len(token)-32:]
	if token[0] != 0x80 || !bytes.Equal(tag, specHMAC(msg.FernetKey[:16], body)) {
		r.t.Fatal("the token's HMAC is not of the first half of the key")
	}
	block, err := aes.NewCipher(msg.FernetKey[16:])
	must(r.t, err)
	byHand := bytes.Clone(body[25:])
	cipher.NewCBCDecrypter(block, body[9:25]).CryptBlocks(byHand, byHand)
	if !bytes.Equal(byHand[:len(byHand)-int(byHand[len(byHand)-1])], plain) {
		r.t.Fatal("the token's AES-CBC is not under the second half of the key")
	}
	msg.Plaintext, msg.SentAt = plain, binary.BigEndian.Uint64(token[1:9])
	s := specOpen(r.t, plain)
	list := specOpen(r.t, s.vec(3))
	if len(plain) != specPadme(len(s.before())) || !bytes.Equal(s.b, make([]byte, len(s.b))) {
		r.t.Fatal("the padding is not Padmé's")
	}
	for len(list.b) > 0 {
		msg.Texts = append(msg.Texts, specApp{list.take(16), list.take(1)[0], string(list.vec(3))})
	}
}

// specPadme is Padmé, written from its definition: n is rounded up so that the
// last E − S bits are zero.
func specPadme(n int) int {
	if n <= 64 {
		return 64
	}
	e := 0
	for 1<<(e+1) <= n {
		e++
	}
	s := 0
	for 1<<(s+1) <= e {
		s++
	}
	step := 1 << (e - (s + 1))
	return (n + step - 1) / step * step
}

func specDigits(authenticator []byte) string {
	d := append(specKDF(authenticator, "digits", []byte{1}), specKDF(authenticator, "digits", []byte{2})...)
	var groups []string
	for i := range 12 {
		v := binary.BigEndian.Uint64(append(make([]byte, 3), d[5*i:5*i+5]...))
		groups = append(groups, fmt.Sprintf("%05d", v%100000))
	}
	return strings.Join(groups, " ")
}
