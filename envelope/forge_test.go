package envelope_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/binary"
	"slices"

	"golang.org/x/crypto/argon2"

	"github.com/parley-e2ee/parley/envelope/cobblestone"
	"github.com/parley-e2ee/parley/envelope/compositekem"
)

// What follows makes and changes envelopes by the text of the specification,
// without the package: for attackers who hold keys, and for headers that no writer
// makes.

// A forgery is an envelope in parts, of any shape.
type forgery struct {
	flags        byte
	id, metadata []byte
	associated   []byte
	stanzas      [][]byte
	fileKey      []byte
	mac          []byte // what the envelope had
	payload      []byte
	trailer      []byte // empty where not signed
}

// takeApart walks over an envelope that is well-formed.
func takeApart(e, associated []byte) *forgery {
	f := &forgery{associated: associated}
	e = bytes.Clone(e[len("parley-envelope/v1\n"):])
	cut := func(n int) (part []byte) {
		part, e = e[:n:n], e[n:]
		return part
	}
	f.flags = cut(1)[0]
	f.id = cut(32)
	f.metadata = cut(int(binary.BigEndian.Uint16(cut(2))))
	size := cut(3)
	left := int(size[0])<<16 | int(size[1])<<8 | int(size[2])
	for left > 0 {
		body := 2 + int(e[1])
		s := cut(body + 2 + int(binary.BigEndian.Uint16(e[body:])))
		f.stanzas = append(f.stanzas, s)
		left -= len(s)
	}
	f.mac = cut(32)
	f.payload = e
	if f.flags&1 == 1 {
		f.payload = cut(len(e) - 112)
		f.trailer = e
	}
	return f
}

// newForgery is one of nothing but an ID and a file key, for an empty payload.
func newForgery() *forgery {
	f := &forgery{id: message(32), fileKey: message(40)[8:]}
	return f
}

func (f *forgery) clone() *forgery {
	c := *f
	c.stanzas = slices.Clone(f.stanzas)
	return &c
}

func (f *forgery) start() []byte {
	b := append([]byte("parley-envelope/v1\n"), f.flags)
	b = append(b, f.id...)
	b = binary.BigEndian.AppendUint16(b, uint16(len(f.metadata)))
	return append(b, f.metadata...)
}

func (f *forgery) block() []byte {
	all := bytes.Join(f.stanzas, nil)
	n := len(all)
	return append([]byte{byte(n >> 16), byte(n >> 8), byte(n)}, all...)
}

func digestAll(parts ...[]byte) []byte {
	d := sha256.Sum256(bytes.Join(parts, nil))
	return d[:]
}

func (f *forgery) c() []byte { return digestAll(f.start(), f.associated) }
func (f *forgery) s() []byte { return digestAll(f.block()) }

// expand256 is HKDF-Expand with SHA-256, RFC 5869, section 2.3.
func expand256(secret []byte, info string, size int) (okm []byte) {
	var t []byte
	for i := byte(1); len(okm) < size; i++ {
		m := hmac.New(sha256.New, secret)
		m.Write(t)
		m.Write([]byte(info))
		m.Write([]byte{i})
		t = m.Sum(nil)
		okm = append(okm, t...)
	}
	return okm[:size]
}

func (f *forgery) keys() (payload, mac, trailer []byte) {
	k := expand256(f.fileKey, "parley-envelope/v1 keys\x00"+string(f.c()), 96)
	return k[:32], k[32:64], k[64:]
}

// authenticate makes the MAC.
func (f *forgery) authenticate() *forgery {
	_, key, _ := f.keys()
	m := hmac.New(sha256.New, key)
	m.Write(f.c())
	m.Write(f.s())
	f.mac = m.Sum(nil)
	return f
}

// sealPayload makes the payload.
func (f *forgery) sealPayload(plaintext []byte) *forgery {
	key, _, _ := f.keys()
	f.payload = must(cobblestone.AppendSeal(nil, key, f.c(), plaintext, nil))
	return f
}

// sign makes the trailer.
func (f *forgery) sign(key ed25519.PrivateKey) *forgery {
	text := slices.Concat([]byte("parley-envelope/v1 signature\x00"), publicOf(key), f.c(), f.s(), digestAll(f.payload))
	return f.sealTrailer(append(slices.Clone(publicOf(key)), ed25519.Sign(key, text)...))
}

func (f *forgery) sealTrailer(signerAndSignature []byte) *forgery {
	_, _, key := f.keys()
	f.trailer = wrapUnder(key, signerAndSignature)
	return f
}

func (f *forgery) bytes() []byte {
	return slices.Concat(f.start(), f.block(), f.mac, f.payload, f.trailer)
}

// sort puts the stanzas in order.
func (f *forgery) sort() *forgery {
	slices.SortFunc(f.stanzas, bytes.Compare)
	return f
}

// address replaces the stanzas by ones for shared keys.
func (f *forgery) address(sharedKeys ...[]byte) *forgery {
	f.stanzas = nil
	for _, key := range sharedKeys {
		f.stanzas = append(f.stanzas, sharedStanza(key, f.c(), f.fileKey))
	}
	return f.sort()
}

func encodeStanza(t byte, id, body []byte) []byte {
	b := append([]byte{t, byte(len(id))}, id...)
	return append(binary.BigEndian.AppendUint16(b, uint16(len(body))), body...)
}

func wrapUnder(key, plaintext []byte) []byte {
	return gcmOf(key).Seal(nil, make([]byte, 12), plaintext, nil)
}

func sharedKeyID(key []byte) []byte {
	return expand256(key, "parley-envelope/v1 shared-key ID\x00", 32)
}

func sharedBody(key, c, fileKey []byte) []byte {
	salt := make([]byte, 32)
	rand.Read(salt)
	info := "parley-envelope/v1 shared-key\x00" + string(c) + string(sharedKeyID(key)) + string(salt)
	return append(salt, wrapUnder(expand256(key, info, 32), fileKey)...)
}

func sharedStanza(key, c, fileKey []byte) []byte {
	return encodeStanza(3, sharedKeyID(key), sharedBody(key, c, fileKey))
}

// openShared gets the file key as the holder of a shared key does.
func (f *forgery) openShared(key []byte) *forgery {
	for _, s := range f.stanzas {
		if fileKey, ok := openSharedBody(key, f.c(), s); ok {
			f.fileKey = fileKey
			return f
		}
	}
	panic("no stanza for the shared key")
}

func openSharedBody(key, c, stanza []byte) (fileKey []byte, ok bool) {
	if stanza[0] != 3 {
		return nil, false
	}
	body := stanza[len(stanza)-80:]
	info := "parley-envelope/v1 shared-key\x00" + string(c) + string(sharedKeyID(key)) + string(body[:32])
	fileKey, err := gcmOf(expand256(key, info, 32)).Open(nil, make([]byte, 12), body[32:], nil)
	return fileKey, err == nil
}

func rsaBody(key *rsa.PublicKey, c, secret []byte) []byte {
	label := "parley-envelope/v1 rsa-oaep-sha256\x00" + string(c)
	return must(rsa.EncryptOAEP(sha256.New(), rand.Reader, key, secret, []byte(label)))
}

func compositeBody(key *compositekem.EncapsulationKey, c, fileKey []byte) []byte {
	secret, ciphertext := key.Encapsulate()
	info := "parley-envelope/v1 mlkem768-rsa\x00" + string(c) + string(digestAll(compositekem.MarshalPKIXPublicKey(key))) + string(ciphertext)
	return append(ciphertext, wrapUnder(expand256(secret, info, 32), fileKey)...)
}

// stretchBody is the body for a passphrase.
func stretchBody(passphrase, c, fileKey []byte, kdf byte, time, memory uint32, parallelism byte) []byte {
	body := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32([]byte{kdf}, time), memory)
	salt := message(33)[1:]
	body = append(append(body, parallelism), salt...)
	return append(body, wrapUnder(stretchKey(passphrase, c, body), fileKey)...)
}

// stretchKey is the key that wraps the file key behind the encapsulation.
func stretchKey(passphrase, c, encapsulation []byte) []byte {
	time, memory := binary.BigEndian.Uint32(encapsulation[1:]), binary.BigEndian.Uint32(encapsulation[5:])
	salt := encapsulation[10:]
	secret := make([]byte, 32) // of no KDF that there is
	switch encapsulation[0] {
	case 1:
		secret = argon2.IDKey(passphrase, salt, time, memory, encapsulation[9], 32)
	case 2:
		secret = must(pbkdf2.Key(sha256.New, string(passphrase), salt, int(time), 32))
	}
	return expand256(secret, "parley-envelope/v1 passphrase\x00"+string(c)+string(encapsulation), 32)
}

func blockCipher(key []byte) cipher.Block { return must(aes.NewCipher(key)) }

func gcmOf(key []byte) cipher.AEAD { return must(cipher.NewGCM(blockCipher(key))) }
