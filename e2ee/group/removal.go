package group

import (
	"crypto/ed25519"

	"golang.org/x/crypto/cryptobyte"
)

// removal is a Leave or a Remove. The signer of a Leave is its target.
type removal struct {
	signer Membership
	target Membership
	remove bool
	ban    bool
	raw    []byte
	hash   Hash
}

func marshalLeave(room RoomID, m Membership, key ed25519.PrivateKey) []byte {
	body := build(func(b *cryptobyte.Builder) {
		putHeader(b, typeLeave, room)
		b.AddBytes(m[:])
	})
	return append(body, sign(key, signLeave, body)...)
}

func marshalRemove(room RoomID, signer, target Membership, ban bool, key ed25519.PrivateKey) []byte {
	body := build(func(b *cryptobyte.Builder) {
		putHeader(b, typeRemove, room)
		b.AddBytes(signer[:])
		b.AddBytes(target[:])
		putFlag(b, ban)
	})
	return append(body, sign(key, signRemove, body)...)
}

// parseRemoval reads a Leave or Remove frame; its signature is judged where
// the signer's leaf key is known.
func parseRemoval(frame []byte, room RoomID) (*removal, error) {
	t, err := parseHeader(frame, room)
	if err != nil {
		return nil, err
	}
	r := reader{s: frame[headerSize:]}
	f := &removal{}
	switch t {
	case typeLeave:
		f.signer = Membership(r.hash())
		f.target = f.signer
	case typeRemove:
		f.remove = true
		f.signer, f.target, f.ban = Membership(r.hash()), Membership(r.hash()), r.flag()
	default:
		return nil, ErrType
	}
	r.bytes(sigSize)
	if err := r.done(); err != nil {
		return nil, err
	}
	f.raw = append(f.raw, frame...)
	f.hash = digest(labelFrame, frame)
	return f, nil
}

func (f *removal) verify(key signingKey) bool {
	l := signLeave
	if f.remove {
		l = signRemove
	}
	signed := len(f.raw) - sigSize
	return verify(key, l, f.raw[:signed], f.raw[signed:])
}
